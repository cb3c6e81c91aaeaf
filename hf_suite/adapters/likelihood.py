"""LikelihoodAdapter: a decoder reads a prompt, and the label whose words it finds likeliest after it is the answer."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from datasets import Dataset
from transformers import PretrainedConfig

from hf_suite.adapters import costs
from hf_suite.adapters.base import (
    Batch,
    Feature,
    Given,
    Settled,
    Strip,
    check_idle,
    check_no_classes,
    check_row_fits,
    smoothing,
)
from hf_suite.adapters.prompting import DecoderAdapter
from hf_suite.adapters.prompts import prompts, settled
from hf_suite.adapters.writing import summed_loss, written
from hf_suite.config import RunConfig
from hf_suite.errors import ConfigError
from hf_suite.kinds import KINDS, Evidence, Row
from hf_suite.metrics.base import RowId
from hf_suite.spec import TaskSpec


class LikelihoodAdapter:
    """A row's features are its candidates: each label's words after the prompt, then each after the prompt's last line.

    `scores` of the evidence is what `config.likelihood` says: the words' summed log-likelihood; divided by their
    tokens; or less what they have after the last line alone (Brown et al. 2020, arXiv 2005.14165, section 2.4). Sums,
    tokens and what is subtracted stand beside it, so that each of the three can be had of it. No end is scored: words
    with which another label's begin are never the less likely. Training learns the right label's words.
    """

    version: ClassVar[int] = 1
    peft_task: ClassVar[str] = "CAUSAL_LM"
    pipeline_tag: ClassVar[str] = "text-generation"
    task_head: ClassVar[bool] = False
    wants: ClassVar[str] = "take a decoder (GPT-2, Llama, Qwen)"
    default_length: ClassVar[int] = 512

    def __init__(self, spec: TaskSpec, config: RunConfig, tokenizer: Any, *, shots: Sequence[Row] = ()) -> None:
        self.spec, self.tokenizer = spec, tokenizer
        self.max_length, self.decides = config.max_length or self.default_length, config.likelihood or "raw"
        self.labels, self.words = spec.labels or (), KINDS[spec.kind].candidates(spec)
        self.prompts = prompts(spec, config.prompt or KINDS[spec.kind].wording(spec), tokenizer, shots)
        self.smoothing = smoothing(config)
        self.counts: dict[str, int] = {}
        check_row_fits(tokenizer, self.max_length, "max_length")

    @staticmethod
    def check_tokenizer(tokenizer: Any, place: str) -> None:
        """Any tokenizer will do."""

    @staticmethod
    def check_config(spec: TaskSpec, config: RunConfig) -> None:
        """There must be labels, and no key that only writing reads. Raises ConfigError."""
        check_idle(config, "prompt", "shots", "likelihood")
        check_no_classes(config, "a label's words are learnt token by token")
        if spec.target != "label":
            wanted = {"number": "a number", "labels": "several labels"}[spec.target]
            finding = f"{spec.name} is answered by {wanted}, and one label's words are compared with another's"
            raise ConfigError("protocol", finding, "say protocol=generation, or protocol=head to train a head")

    @staticmethod
    def settle(spec: TaskSpec, config: RunConfig, given: Given) -> Settled:
        """Wording and which likelihood decides; prompt and words must fit the model's positions together."""
        words = KINDS[spec.kind].candidates(spec)
        longest = max(len(given.tokenizer(f" {word}", add_special_tokens=False)["input_ids"]) for word in words)
        over, notes = settled(spec, config, given, answer=longest)
        return Settled({**over, "likelihood": config.likelihood or "raw"}, notes)

    @staticmethod
    def auto_model(config: PretrainedConfig) -> type[Any] | None:
        """The architecture's class that goes on with a text; None for an encoder, which also looks ahead."""
        return DecoderAdapter.auto_model(config)

    def model_settings(self) -> dict[str, Any]:
        """None."""
        return {}

    def train_features(self, rows: Dataset) -> Dataset:
        """The prompt with the right label's words as targets."""
        asked, _ = self.prompts.fitted(rows, self.max_length)
        pairs = zip(rows["row"], asked, written(self.spec, rows), strict=True)
        return _dataset([_feature(row, ids, self.prompts.answer_ids(text, word)) for row, (text, ids), word in pairs])

    def shown(self, feature: Feature) -> list[Strip]:
        """The prompt with the right label's words, which alone are learnt."""
        return costs.shown(feature)

    def eval_features(self, rows: Dataset) -> Dataset:
        """Of each row every label's words after the prompt, then after its last line; counts prompts that were cut."""
        asked, cut = self.prompts.fitted(rows, self.max_length)
        self.counts["truncated"] = self.counts.get("truncated", 0) + cut
        line = self.prompts.last_line()
        alone = [(self.prompts.ids(line), self.prompts.answer_ids(line, word)) for word in self.words]
        found = []
        for row, (text, ids) in zip(rows["row"], asked, strict=True):
            found += [_feature(row, ids, self.prompts.answer_ids(text, word)) for word in self.words]
            found += [_feature(row, *one) for one in alone]
        return _dataset(found)

    def as_written(self, rows: Dataset, model: Any) -> dict[RowId, str]:
        """Nothing is written."""
        return {}

    def collate(self, features: Sequence[Feature], *, draw: int | None = None) -> Batch:
        """Prompts with words, padded on the right, and which of their tokens count."""
        return costs.collated(features, self.tokenizer.pad_token_id)

    def count(self, batch: Batch) -> int:
        """The words' tokens."""
        return int(batch["target_mask"].sum())

    def loss(self, model: Any, batch: Batch) -> torch.Tensor:
        """Cross-entropy of the words' tokens, summed."""
        return summed_loss(costs.logits(model, batch, use_cache=False), batch, self.smoothing)

    def outputs(self, model: Any, batch: Batch) -> list[tuple[float, int]]:
        """Of each candidate the nats that its words cost, and their tokens."""
        return costs.costs(model, batch, use_cache=False)

    def evidence(self, row: Row, features: Sequence[Feature], outputs: Sequence[tuple[float, int]]) -> Evidence:
        """By label: `scores`, which decide, `log_likelihood`, its `tokens`, and `without_text`."""
        many = len(self.labels)
        sums = {label: -nats for label, (nats, _) in zip(self.labels, outputs[:many], strict=True)}
        tokens = {label: count for label, (_, count) in zip(self.labels, outputs[:many], strict=True)}
        alone = {label: -nats for label, (nats, _) in zip(self.labels, outputs[many:], strict=True)}
        scores = {
            "raw": sums,
            "per_token": {label: value / tokens[label] for label, value in sums.items()},
            "corrected": {label: value - alone[label] for label, value in sums.items()},
        }[self.decides]
        return {"scores": scores, "log_likelihood": sums, "tokens": tokens, "without_text": alone}


def _feature(row: Any, prompted: Sequence[int], words: Sequence[int]) -> dict[str, Any]:
    ids = [*prompted, *words]
    return {"row": row, "input_ids": ids[:-1], "target": ids[1:], "scored": len(words), "length": len(ids) - 1}


def _dataset(features: Sequence[dict[str, Any]]) -> Dataset:
    return Dataset.from_dict({name: [feature[name] for feature in features] for name in costs.COLUMNS})
