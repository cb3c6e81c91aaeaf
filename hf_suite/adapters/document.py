"""DocumentAdapter: a decoder predicts every token of a document from those before it."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import torch
from datasets import Dataset
from transformers import PretrainedConfig

from hf_suite.adapters import costs, packing
from hf_suite.adapters.base import (
    Batch,
    Feature,
    Given,
    Settled,
    Strip,
    check_idle,
    check_no_classes,
    smoothing,
    stand_in,
)
from hf_suite.adapters.prompting import DecoderAdapter
from hf_suite.adapters.writing import summed_loss
from hf_suite.config import RunConfig
from hf_suite.errors import ConfigError
from hf_suite.kinds import Evidence, Row
from hf_suite.metrics.base import RowId
from hf_suite.spec import TaskSpec

_COLUMNS = ("row", "input_ids", "scored", "length")


class DocumentAdapter:
    """A feature is a window of one document: nothing is read across documents.

    Before a document stands its beginning (BOS, else EOS), so that its first token is predicted too. Trained windows
    follow each other; scored ones share `stride` tokens, and a token counts in the first window that holds it. A
    feature's `input_ids` are what is read and, one further, what is to be predicted: `length` and one more; the last
    `scored` of them are new. Blocks of one text bring their tokens along, and those before them.
    """

    version: ClassVar[int] = 1
    peft_task: ClassVar[str] = "CAUSAL_LM"
    pipeline_tag: ClassVar[str] = "text-generation"
    task_head: ClassVar[bool] = False
    wants: ClassVar[str] = "take a decoder (GPT-2, Llama, Qwen)"
    default_length: ClassVar[int] = 512

    def __init__(self, spec: TaskSpec, config: RunConfig, tokenizer: Any, *, shots: Sequence[Row] = ()) -> None:
        self.spec, self.tokenizer = spec, tokenizer
        self.max_length = config.max_length or self.default_length
        self.shared = min(config.stride, self.max_length // 2)
        self.smoothing = smoothing(config)
        self.packs = config.train is not None and config.train.pack
        self.counts: dict[str, int] = {}

    @staticmethod
    def check_tokenizer(tokenizer: Any, place: str) -> None:
        """Any tokenizer will do."""

    @staticmethod
    def check_config(spec: TaskSpec, config: RunConfig) -> None:
        """Nothing is written, and no class learnt. Raises ConfigError."""
        check_idle(config)
        check_no_classes(config, "a document is learnt token by token")
        if config.train is not None and config.train.pack and config.lora is not None and config.lora.tokens:
            finding = f"{config.lora.method} puts its vectors before a text, and a block holds several"
            raise ConfigError("train.pack", finding, "leave it out, or take lora.method=lora")

    @staticmethod
    def settle(spec: TaskSpec, config: RunConfig, given: Given) -> Settled:
        """Nothing."""
        return Settled()

    @staticmethod
    def auto_model(config: PretrainedConfig) -> type[Any] | None:
        """The architecture's class that goes on with a text; None for an encoder, which also looks ahead."""
        return DecoderAdapter.auto_model(config)

    def model_settings(self) -> dict[str, Any]:
        """None."""
        return {}

    def train_features(self, rows: Dataset) -> Dataset:
        """Windows that follow each other, every token a target; none of a document without tokens."""
        if "input_ids" not in rows.column_names:
            windows = self._features(rows, shared=0)
            if self.packs:
                return Dataset.from_list(list(packing.packed(windows, self.max_length)))
            return costs.learnt(windows, windows["scored"][:])
        return rows.select_columns([*_COLUMNS])  # as they lie on disk: a text may be larger than the memory

    def shown(self, feature: Feature) -> list[Strip]:
        """The window up to its last target; the first token of a document is read and not learnt."""
        return costs.shown(_parted(feature))

    def eval_features(self, rows: Dataset) -> Dataset:
        """Windows that share tokens, each token a target once."""
        return self._features(rows, shared=self.shared)

    def as_written(self, rows: Dataset, model: Any) -> dict[RowId, str]:
        """Nothing is written."""
        return {}

    def collate(self, features: Sequence[Feature], *, draw: int | None = None) -> Batch:
        """Windows and their targets padded on the right, where positions stay what they are.

        Of packed ones `position_ids` begin again with each, and stand in place of a mask.
        """
        pad = self.tokenizer.pad_token_id
        if "pieces" in features[0]:
            return packing.collated(features, pad)
        return costs.collated([_parted(feature) for feature in features], pad)

    def count(self, batch: Batch) -> int:
        """The tokens that are targets."""
        return int(batch["target_mask"].sum())

    def loss(self, model: Any, batch: Batch) -> torch.Tensor:
        """Cross-entropy of the targets, summed."""
        return summed_loss(costs.logits(model, batch, use_cache=False), batch, self.smoothing)

    def outputs(self, model: Any, batch: Batch) -> list[tuple[float, int]]:
        """Of each window the nats that its targets cost, and their number."""
        return costs.costs(model, batch, use_cache=False)

    def evidence(self, row: Row, features: Sequence[Feature], outputs: Sequence[tuple[float, int]]) -> Evidence:
        """The document's nats and tokens, and how much of it was read at once."""
        return {
            "nll": sum(nats for nats, _ in outputs),
            "tokens": sum(tokens for _, tokens in outputs),
            "context": self.max_length,
            "stride": self.max_length - self.shared,
        }

    def _features(self, rows: Dataset, *, shared: int) -> Dataset:
        windows = [
            {"row": row["row"], **window}
            for row in rows
            for window in _windows(*self._tokens(row), room=self.max_length, shared=shared)
        ]
        return Dataset.from_dict({name: [window[name] for window in windows] for name in _COLUMNS})

    def _tokens(self, row: Row) -> tuple[list[int], int]:
        """What is known and what is to be predicted, and how many are."""
        if "input_ids" in row:
            return row["input_ids"], row["scored"]
        ids = self.tokenizer(row["text"], add_special_tokens=False, return_attention_mask=False, verbose=False)[
            "input_ids"
        ]
        return [beginning(self.tokenizer), *ids], len(ids)


def beginning(tokenizer: Any) -> int:
    """The token that stands before a document."""
    return stand_in(tokenizer) if tokenizer.bos_token_id is None else int(tokenizer.bos_token_id)


def _parted(feature: Feature) -> dict[str, Any]:
    """A feature as batches are made of it: what is read, and what follows each token of it."""
    ids = feature["input_ids"][-feature["length"] - 1 :]
    return {**feature, "input_ids": ids[:-1], "target": ids[1:]}


def _windows(tokens: Sequence[int], scored: int, *, room: int, shared: int) -> Iterator[dict[str, Any]]:
    """Up to `room` tokens to read, and as many targets, of which the last `scored` are new."""
    if not scored:
        yield {"input_ids": [tokens[-1], tokens[-1]], "scored": 0, "length": 1}
    done = len(tokens) - scored
    while done < len(tokens):
        start = max(0, done - 1 - shared)
        end = min(len(tokens), start + room + 1)
        yield {"input_ids": tokens[start:end], "scored": end - done, "length": end - start - 1}
        done = end
