"""HeadAdapter: classification and regression by a trained output layer over the whole text."""

import logging
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from datasets import Dataset
from torch.nn import functional
from transformers import AutoModelForSequenceClassification, PretrainedConfig

from hf_suite.adapters.base import (
    Batch,
    Feature,
    Given,
    Settled,
    check_row_fits,
    check_writes_nothing,
    model_inputs,
    padded_inputs,
    smoothing,
    stand_in,
)
from hf_suite.config import RunConfig
from hf_suite.errors import ConfigError
from hf_suite.kinds import Evidence, Row
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

    def __init__(self, spec: TaskSpec, config: RunConfig, tokenizer: Any) -> None:
        self.spec, self.tokenizer = spec, tokenizer
        self.max_length = config.max_length or self.default_length
        self.labels = config.model.labels or spec.labels or ()
        self.dropped = tokenizer.eos_token if config.end_in_text == "drop" else None
        self.smoothing = smoothing(config)
        self.counts: dict[str, int] = {}
        if self.smoothing and spec.target == "number":
            finding = f"{spec.name} is answered by a number, whose error has no labels to spread over"
            raise ConfigError("train.label_smoothing", finding, "leave the key out")
        check_row_fits(tokenizer, self.max_length, "max_length")

    @staticmethod
    def check_tokenizer(tokenizer: Any, place: str) -> None:
        """Any tokenizer will do."""

    @staticmethod
    def check_config(spec: TaskSpec, config: RunConfig) -> None:
        """No key that only writing reads. Raises ConfigError."""
        check_writes_nothing(config)

    @staticmethod
    def settle(spec: TaskSpec, config: RunConfig, given: Given) -> Settled:
        """Nothing of its own."""
        return Settled()

    @staticmethod
    def auto_model(config: PretrainedConfig) -> type[Any] | None:
        """The architecture's sequence classification class."""
        return AutoModelForSequenceClassification._model_mapping.get(type(config), None)

    def model_settings(self) -> dict[str, Any]:
        """Label names, or one output for a number."""
        if self.spec.target == "number":
            return {"num_labels": 1, "problem_type": "regression"}
        names = dict(enumerate(self.labels))
        return {
            "num_labels": len(names),
            "id2label": names,
            "label2id": {name: at for at, name in names.items()},
            "problem_type": "single_label_classification",
        }

    def train_features(self, rows: Dataset) -> Dataset:
        """Tokens and target: the output's index, or the standardised number."""
        columns, _ = self._tokens(rows)
        columns["target"] = [self._target(label) for label in rows["label"]]
        return Dataset.from_dict(columns)

    def eval_features(self, rows: Dataset) -> Dataset:
        """Tokens alone; counts the rows that were cut, and those that held the end token."""
        columns, cut = self._tokens(rows)
        self.counts["truncated"] = self.counts.get("truncated", 0) + cut
        return Dataset.from_dict(columns)

    def collate(self, features: Sequence[Feature]) -> Batch:
        """Inputs padded to the longest, and `target` where there is one."""
        batch = padded_inputs(features, self.tokenizer)
        if "target" in features[0]:
            batch["target"] = torch.tensor([feature["target"] for feature in features])
        return batch

    def count(self, batch: Batch) -> int:
        """Rows."""
        return len(batch["input_ids"])

    def loss(self, model: Any, batch: Batch) -> torch.Tensor:
        """Cross-entropy, or squared error on standardised numbers, summed over the rows.

        Smoothed by a share e, the target is 1 - e on its label plus e / labels on each (arXiv 1512.00567, section 7).
        """
        logits = model(**model_inputs(batch)).logits.float()
        if self.spec.target == "number":
            return functional.mse_loss(logits[:, 0], batch["target"].float(), reduction="sum")
        return functional.cross_entropy(logits, batch["target"], reduction="sum", label_smoothing=self.smoothing)

    def outputs(self, model: Any, batch: Batch) -> list[list[float]]:
        """The logits of each row, in the order of the model's outputs."""
        return model(**model_inputs(batch)).logits.float().cpu().tolist()

    def evidence(self, row: Row, features: Sequence[Feature], outputs: Sequence[list[float]]) -> Evidence:
        """Logits by label name, or the number on the label's own scale."""
        if self.spec.target == "number":
            mean, deviation = self._scale()
            return {"value": outputs[0][0] * deviation + mean}
        return {"scores": dict(zip(self.labels, outputs[0], strict=True))}

    def _target(self, label: str | float) -> int | float:
        if isinstance(label, str):
            return self.labels.index(label)
        mean, deviation = self._scale()
        return (label - mean) / deviation

    def _scale(self) -> tuple[float, float]:
        scale = self.spec.scale
        return (0.0, 1.0) if scale is None else (scale.mean, scale.sd)

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
