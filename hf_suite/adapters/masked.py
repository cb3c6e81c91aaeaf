"""MaskedAdapter: an encoder guesses tokens of a document that are hidden from it, from those on both sides."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy
import torch
from datasets import Dataset
from transformers import AutoModelForMaskedLM, PretrainedConfig

from hf_suite.adapters import costs
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
    padded,
    smoothing,
)
from hf_suite.adapters.sampling import row_key
from hf_suite.adapters.writing import summed_loss
from hf_suite.config import RunConfig
from hf_suite.errors import ModelError
from hf_suite.kinds import Evidence, Row
from hf_suite.metrics.base import RowId
from hf_suite.spec import TaskSpec

SHARE = 0.15
"""Of a window's tokens, at least one, are guessed (Devlin et al. 2019, arXiv 1810.04805, section 3.1)."""
_HIDDEN, _REPLACED = 0.8, 0.1  # shares of those that read as the mask token, and as another; the rest reads as it is


class MaskedAdapter:
    """A feature is a window of one document; windows follow each other, each between the tokenizer's special tokens.

    Which tokens are guessed is drawn by (seed, draw, row, window) in training, anew for each step, and by (row, window)
    alone in answering: a fixed mask, the same for every model of that tokenizer, seed and batch.
    """

    version: ClassVar[int] = 1
    peft_task: ClassVar[str] = "FEATURE_EXTRACTION"
    pipeline_tag: ClassVar[str] = "fill-mask"
    task_head: ClassVar[bool] = False
    wants: ClassVar[str] = "take an encoder (BERT, RoBERTa, DistilBERT)"
    default_length: ClassVar[int] = 512

    def __init__(self, spec: TaskSpec, config: RunConfig, tokenizer: Any, *, shots: Sequence[Row] = ()) -> None:
        self.spec, self.tokenizer, self.seed = spec, tokenizer, config.seed
        self.max_length = config.max_length or self.default_length
        self.before, self.after = _around(tokenizer)
        self.words = sorted(set(tokenizer.get_vocab().values()) - set(tokenizer.all_special_ids))
        self.smoothing = smoothing(config)
        self.counts: dict[str, int] = {}
        check_row_fits(tokenizer, self.max_length, "max_length")

    @staticmethod
    def check_tokenizer(tokenizer: Any, place: str) -> None:
        """It must have a mask token. Raises ModelError."""
        if tokenizer.mask_token_id is None:
            raise ModelError(place, "its tokenizer has no mask token", "take an encoder that was pretrained by masking")

    @staticmethod
    def check_config(spec: TaskSpec, config: RunConfig) -> None:
        """Nothing is written. Raises ConfigError."""
        check_idle(config)
        check_no_packing(config)
        check_no_classes(config, "a hidden token is learnt for itself")

    @staticmethod
    def settle(spec: TaskSpec, config: RunConfig, given: Given) -> Settled:
        """Nothing."""
        return Settled()

    @staticmethod
    def auto_model(config: PretrainedConfig) -> type[Any] | None:
        """The architecture's class with the layer that guesses tokens; None for an encoder-decoder."""
        if getattr(config, "is_encoder_decoder", False):
            return None
        return AutoModelForMaskedLM._model_mapping.get(type(config), None)

    def model_settings(self) -> dict[str, Any]:
        """None."""
        return {}

    def train_features(self, rows: Dataset) -> Dataset:
        """Windows, none of a document without tokens; which of them are guessed is drawn for each batch."""
        windows, special = self._features(rows), len(self.before) + len(self.after)
        return costs.learnt(windows, [length - special for length in windows["length"][:]])

    def shown(self, feature: Feature) -> list[Strip]:
        """The window, with the tokens that one draw has guessed; most of them are hidden from the model."""
        guessed = [at for at, is_guessed in enumerate(self._masked(feature, 0)[1]) if is_guessed]
        return [Strip("reads", feature["input_ids"], guessed), Strip("learns", text="the marked tokens, drawn anew")]

    def eval_features(self, rows: Dataset) -> Dataset:
        """The same windows."""
        return self._features(rows)

    def as_written(self, rows: Dataset, model: Any) -> dict[RowId, str]:
        """Nothing is written."""
        return {}

    def collate(self, features: Sequence[Feature], *, draw: int | None = None) -> Batch:
        """What is read, what stood there, and where it is guessed, each (windows, longest), padded on the right."""
        length, pad = max(feature["length"] for feature in features), self.tokenizer.pad_token_id
        drawn = [self._masked(feature, draw) for feature in features]
        ids = [feature["input_ids"] for feature in features]
        return {
            "input_ids": padded([read for read, _ in drawn], fill=pad, left=False, length=length),
            "attention_mask": padded([[1] * len(line) for line in ids], fill=0, left=False, length=length),
            "target": padded(ids, fill=pad, left=False, length=length),
            "target_mask": padded([guessed for _, guessed in drawn], fill=0, left=False, length=length),
        }

    def count(self, batch: Batch) -> int:
        """The tokens that are guessed."""
        return int(batch["target_mask"].sum())

    def loss(self, model: Any, batch: Batch) -> torch.Tensor:
        """Cross-entropy of the guessed tokens, summed."""
        return summed_loss(costs.logits(model, batch), batch, self.smoothing)

    def outputs(self, model: Any, batch: Batch) -> list[tuple[float, int]]:
        """Of each window the nats that its guessed tokens cost, and their number."""
        return costs.costs(model, batch)

    def evidence(self, row: Row, features: Sequence[Feature], outputs: Sequence[tuple[float, int]]) -> Evidence:
        """The document's nats and guessed tokens, and how much of it was read at once."""
        return {
            "nll": sum(nats for nats, _ in outputs),
            "tokens": sum(tokens for _, tokens in outputs),
            "context": self.max_length,
        }

    def _features(self, rows: Dataset) -> Dataset:
        found = [(row["row"], window, ids) for row in rows for window, ids in enumerate(self._windows(row["text"]))]
        ids = [line for _, _, line in found]
        return Dataset.from_dict(
            {
                "row": [row for row, _, _ in found],
                "window": [window for _, window, _ in found],
                "input_ids": ids,
                "length": [len(line) for line in ids],
            }
        )

    def _windows(self, text: str) -> list[list[int]]:
        room = self.max_length - len(self.before) - len(self.after)
        ids = self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return [[*self.before, *ids[at : at + room], *self.after] for at in range(0, max(1, len(ids)), room)]

    def _masked(self, feature: Feature, draw: int | None) -> tuple[list[int], list[int]]:
        """What is read in place of a window's tokens, and 1 where a token is guessed."""
        ids = list(feature["input_ids"])
        marks = [0] * len(ids)
        inside = len(ids) - len(self.before) - len(self.after)
        if not inside:
            return ids, marks
        key = row_key(feature["row"], feature["window"])
        chance = numpy.random.default_rng([key] if draw is None else [self.seed, draw, key])
        chosen = chance.permutation(inside)[: max(1, round(SHARE * inside))]
        fates, others = chance.random(len(chosen)), chance.choice(self.words, len(chosen))
        for at, fate, other in zip((chosen + len(self.before)).tolist(), fates, others.tolist(), strict=True):
            marks[at] = 1
            if fate < _HIDDEN:
                ids[at] = self.tokenizer.mask_token_id
            elif fate < _HIDDEN + _REPLACED:
                ids[at] = other
        return ids, marks


def _around(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The special tokens that a tokenizer puts before a text and after it."""
    whole, bare = tokenizer("a")["input_ids"], tokenizer("a", add_special_tokens=False)["input_ids"]
    starts = (at for at in range(len(whole)) if whole[at : at + len(bare)] == bare)
    start = next(starts, 0)
    return whole[:start], whole[start + len(bare) :]
