"""HeadAdapter: classification and regression by a trained output layer over the whole text. Writes nothing."""

import logging
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from datasets import Dataset
from transformers import AutoModelForSequenceClassification, PretrainedConfig

from hf_suite.adapters.base import (
    Batch,
    Feature,
    Given,
    Settled,
    Strip,
    check_idle,
    check_no_classes,
    check_no_packing,
    check_row_fits,
    model_inputs,
    padded_inputs,
    stand_in,
)
from hf_suite.adapters.targets import OUTPUTS, repeats, weights
from hf_suite.config import RunConfig
from hf_suite.kinds import Evidence, Row
from hf_suite.metrics.base import RowId
from hf_suite.spec import TaskSpec

log = logging.getLogger(__name__)


class HeadAdapter:
    """One feature a row. The outputs' order is `config.model.labels`; evidence carries names."""

    version: ClassVar[int] = 1
    peft_task: ClassVar[str] = "SEQ_CLS"
    pipeline_tag: ClassVar[str] = "text-classification"
    task_head: ClassVar[bool] = True
    wants: ClassVar[str] = "take an encoder, or another architecture that has one"
    default_length: ClassVar[int] = 128

    def __init__(self, spec: TaskSpec, config: RunConfig, tokenizer: Any, *, shots: Sequence[Row] = ()) -> None:
        self.spec, self.tokenizer = spec, tokenizer
        self.max_length = config.max_length or self.default_length
        self.own = OUTPUTS[spec.target](spec, config, config.model.labels or spec.labels or ())
        self.dropped = tokenizer.eos_token if config.end_in_text == "drop" else None
        self.oversample = config.train is not None and config.train.oversample
        self.counts: dict[str, int] = {}
        check_row_fits(tokenizer, self.max_length, "max_length")

    @staticmethod
    def check_tokenizer(tokenizer: Any, place: str) -> None:
        """Any tokenizer will do."""

    @staticmethod
    def check_config(spec: TaskSpec, config: RunConfig) -> None:
        """No key that only writing reads, or classes where a number is asked for. Raises ConfigError."""
        check_idle(config)
        check_no_packing(config)
        if not OUTPUTS[spec.target].classes:
            check_no_classes(config, f"{spec.name} is answered by a number")

    @staticmethod
    def settle(spec: TaskSpec, config: RunConfig, given: Given) -> Settled:
        """The weight of each label, from the train rows where they are to be balanced. Raises ConfigError."""
        if config.train is None or config.train.class_weights is None or given.train is None:
            return Settled()
        found = weights(spec, config.train.class_weights, given.train["label"][:])
        said = ", ".join(f"{label} {weight:.3g}" for label, weight in found.items())
        train = config.train.model_copy(update={"class_weights": found})
        return Settled(over={"train": train}, notes=[f"train.class_weights: {said}"])

    @staticmethod
    def auto_model(config: PretrainedConfig) -> type[Any] | None:
        """The architecture's sequence classification class."""
        return AutoModelForSequenceClassification._model_mapping.get(type(config), None)

    def model_settings(self) -> dict[str, Any]:
        """Label names, or one output for a number."""
        return self.own.settings()

    def train_features(self, rows: Dataset) -> Dataset:
        """Tokens and target, and how often an epoch reads a row where rare labels are to be read more often."""
        columns, _ = self._tokens(rows)
        columns["target"] = [self.own.target(label) for label in rows["label"]]
        if self.oversample:
            columns["repeats"] = repeats(rows["label"][:])
        return Dataset.from_dict(columns)

    def shown(self, feature: Feature) -> list[Strip]:
        """The text, and its label, labels or number."""
        return [Strip("reads", feature["input_ids"]), Strip("learns", text=self.own.spoken(feature["target"]))]

    def eval_features(self, rows: Dataset) -> Dataset:
        """Tokens alone; counts the rows that were cut, and those that held the end token."""
        columns, cut = self._tokens(rows)
        self.counts["truncated"] = self.counts.get("truncated", 0) + cut
        return Dataset.from_dict(columns)

    def as_written(self, rows: Dataset, model: Any) -> dict[RowId, str]:
        """Nothing is written."""
        return {}

    def collate(self, features: Sequence[Feature], *, draw: int | None = None) -> Batch:
        """Inputs padded to the longest, and `target` where there is one."""
        batch = padded_inputs(features, self.tokenizer)
        if "target" in features[0]:
            batch["target"] = torch.tensor([feature["target"] for feature in features])
        return batch

    def count(self, batch: Batch) -> int:
        """Rows."""
        return len(batch["input_ids"])

    def loss(self, model: Any, batch: Batch) -> torch.Tensor:
        """Of the outputs, summed over the rows."""
        return self.own.loss(model(**model_inputs(batch)).logits.float(), batch["target"])

    def outputs(self, model: Any, batch: Batch) -> list[list[float]]:
        """The logits of each row, in the order of the model's outputs."""
        return model(**model_inputs(batch)).logits.float().cpu().tolist()

    def evidence(self, row: Row, features: Sequence[Feature], outputs: Sequence[list[float]]) -> Evidence:
        """Logits by label name, or the number on the label's own scale."""
        return self.own.evidence(outputs[0])

    def _texts(self, rows: Dataset) -> list[list[str]]:
        """The first texts, and the second ones where there are pairs, without end tokens where these are dropped."""
        texts = [rows[role][:] for role in ("text", "text_pair") if role in rows.column_names]
        if not self.dropped:
            return texts
        held = sum(any(self.dropped in text for text in row) for row in zip(*texts, strict=True))
        if held:
            log.info("%d of %d rows hold %s, which is dropped", held, len(rows), self.dropped)
            self.counts["end_in_text"] = self.counts.get("end_in_text", 0) + held
        return [[text.replace(self.dropped, " ") for text in column] for column in texts]

    def _tokens(self, rows: Dataset) -> tuple[dict[str, list[Any]], int]:
        """Token columns of all rows, and how many rows were longer than max_length."""
        texts = self._texts(rows)
        encoded = self.tokenizer(*texts, truncation=True, max_length=self.max_length, return_attention_mask=False)
        full = [len(line) == self.max_length for line in encoded["input_ids"]]
        candidates = [at for at, is_full in enumerate(full) if is_full]
        cut = 0
        if candidates:
            again = self.tokenizer(
                *[[text[at] for at in candidates] for text in texts], return_attention_mask=False, verbose=False
            )
            cut = sum(len(line) > self.max_length for line in again["input_ids"])
        fills = {"input_ids": stand_in(self.tokenizer), "token_type_ids": 0}
        columns = {name: [line or [fill] for line in encoded[name]] for name, fill in fills.items() if name in encoded}
        return {"row": rows["row"][:], **columns, "length": [len(line) for line in columns["input_ids"]]}, cut
