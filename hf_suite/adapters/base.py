"""What an adapter is: rows -> features -> batches -> outputs -> evidence, for a kind and protocol. Trains nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy
import torch
from datasets import Dataset
from transformers import PretrainedConfig

from hf_suite.config import RunConfig
from hf_suite.errors import ConfigError, ModelError
from hf_suite.kinds import Evidence, Row
from hf_suite.metrics.base import RowId
from hf_suite.spec import TaskSpec

Feature = Mapping[str, Any]
Batch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Given:
    """What an adapter may look at to settle its own questions: a checkpoint without weights, and the train rows."""

    name: str
    """The checkpoint's name."""
    model_config: Any
    generation: Any
    """The checkpoint's GenerationConfig."""
    tokenizer: Any
    positions: int | None
    """The longest text that the model has positions for; None where it has no limit."""
    max_length: int
    """Tokens read at once: what is said, else the usual number within the positions."""
    train: Dataset | None
    """Train rows; None where nothing is trained."""
    shots: Sequence[Row] = ()
    """Train rows that stand, answered, before each question."""


@dataclass(frozen=True)
class Settled:
    """Keys of the config and their values, sentences on why, and caveats that follow."""

    over: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    caveats: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Strip:
    """Tokens that a model reads or learns to write, as `preview` shows them, or words on what it learns."""

    title: str
    """`reads`, `writes` or `learns`."""
    ids: Sequence[int] = ()
    learnt: Sequence[int] = ()
    """Places of the tokens that the loss falls on, or points to."""
    text: str = ""


class Adapter(Protocol):
    """Turns rows into what one model class reads, and what it writes into evidence.

    `spec` and `config` are resolved: labels, scale, lengths and the order of the model's outputs are settled. A feature
    knows its row: it carries `row`, and those of one row are adjacent. Every feature carries `length`, in tokens.
    """

    version: ClassVar[int]
    """Raised whenever the numbers of finetuned models could change: a cell's key counts it from 2 on."""
    peft_task: ClassVar[str]
    """PEFT's name of the task type."""
    pipeline_tag: ClassVar[str]
    """The hub's name of what such a model does."""
    task_head: ClassVar[bool]
    """Whether the model's last layer belongs to the task: trained in full, and drawn anew unless it fits the task."""
    wants: ClassVar[str]
    """What model it takes, for those who gave another."""
    default_length: ClassVar[int]
    """`max_length` where neither user nor model says otherwise."""
    counts: dict[str, int]
    """What was noticed while making eval features (truncated rows, answers that cannot be reproduced)."""

    def __init__(self, spec: TaskSpec, config: RunConfig, tokenizer: Any, *, shots: Sequence[Row] = ()) -> None: ...

    @staticmethod
    def check_tokenizer(tokenizer: Any, place: str) -> None:
        """Refuses a tokenizer that cannot serve. Raises ModelError."""

    @staticmethod
    def check_config(spec: TaskSpec, config: RunConfig) -> None:
        """Refuses keys that this way of answering has no use for, or that contradict. Raises ConfigError."""

    @staticmethod
    def settle(spec: TaskSpec, config: RunConfig, given: Given) -> Settled:
        """Answers the questions that only this adapter asks. Raises ConfigError."""

    @staticmethod
    def auto_model(config: PretrainedConfig) -> type[Any] | None:
        """The model class for an architecture's config; None where it has none for this kind."""

    def model_settings(self) -> dict[str, Any]:
        """Keyword arguments for the model's config: labels and problem type."""

    def train_features(self, rows: Dataset) -> Dataset:
        """Features with targets."""

    def shown(self, feature: Feature) -> list[Strip]:
        """A train feature for people to look at."""

    def eval_features(self, rows: Dataset) -> Dataset:
        """Features for answering; fills `counts`."""

    def as_written(self, rows: Dataset, model: Any) -> dict[RowId, str]:
        """Of an adapter that writes, each row's target as tokenizer and model can write it; nothing of others."""

    def collate(self, features: Sequence[Feature], *, draw: int | None = None) -> Batch:
        """One padded batch, on the CPU. In training `draw` is the step: chance comes from (seed, draw, row) alone."""

    def count(self, batch: Batch) -> int:
        """What a step's summed loss is divided by; known before the forward pass."""

    def loss(self, model: Any, batch: Batch) -> torch.Tensor:
        """The summed loss of a batch, a scalar in fp32."""

    def outputs(self, model: Any, batch: Batch) -> list[Any]:
        """One small thing for each feature of the batch, in its order."""

    def evidence(self, row: Row, features: Sequence[Feature], outputs: Sequence[Any]) -> Evidence:
        """What the model found in one row, as JSON."""


_ONLY = {
    "generation": ("writes no text", "generation"),
    "languages": ("writes no text", "generation"),
    "prompt": ("writes no text", "generation"),
    "max_target_length": ("writes no text", "generation"),
    "shots": ("reads no prompt", "generation"),
    "likelihood": ("compares no label words", "likelihood"),
}
"""Key of RunConfig -> why others have no use for it, and the protocol that does."""


def check_idle(config: RunConfig, *used: str) -> None:
    """Refuses keys that are for adapters that prompt or write, but for those `used`. Raises ConfigError."""
    for key, (finding, protocol) in _ONLY.items():
        if getattr(config, key) and key not in used:
            remedy = f"take it out, or say protocol={protocol}"
            raise ConfigError(key, f"protocol {config.protocol} {finding}", remedy)


def check_no_packing(config: RunConfig) -> None:
    """Refuses to pack what is no running text. Raises ConfigError."""
    if config.train is not None and config.train.pack:
        finding = f"protocol {config.protocol} reads row by row"
        raise ConfigError("train.pack", finding, "leave it out; it is for language modelling")


def check_no_classes(config: RunConfig, why: str) -> None:
    """Refuses keys that weigh classes where, for the reason given, none are learnt. Raises ConfigError."""
    train = config.train
    said = {} if train is None else {key: getattr(train, key) for key in ("class_weights", "focal_gamma", "oversample")}
    for key in (key for key, value in said.items() if value):
        raise ConfigError(f"train.{key}", f"{why}, so there are no classes to weigh", "leave the key out")


def take(features: Dataset, indices: Sequence[int]) -> list[Feature]:
    """The features at these indices, as mappings."""
    columns = features[list(indices)]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def stand_in(tokenizer: Any) -> int:
    """The token read in place of a text that has none: an empty one, to a tokenizer that adds nothing (GPT-2)."""
    return int(tokenizer.pad_token_id if tokenizer.eos_token_id is None else tokenizer.eos_token_id)


def padded(sequences: Sequence[Sequence[int]], *, fill: int, left: bool, length: int) -> torch.Tensor:
    """Sequences as one int64 tensor of shape (len(sequences), length), filled on one side."""
    out = numpy.full((len(sequences), length), fill, dtype=numpy.int64)
    for line, sequence in zip(out, sequences, strict=True):
        at = length - len(sequence) if left else 0
        line[at : at + len(sequence)] = sequence
    return torch.from_numpy(out)


def padded_inputs(features: Sequence[Feature], tokenizer: Any) -> Batch:
    """input_ids, attention_mask and, where the model reads them, token_type_ids, each (features, longest)."""
    length = max(len(feature["input_ids"]) for feature in features)
    left = tokenizer.padding_side == "left"
    ids = [feature["input_ids"] for feature in features]
    batch = {
        "input_ids": padded(ids, fill=tokenizer.pad_token_id, left=left, length=length),
        "attention_mask": padded([[1] * len(line) for line in ids], fill=0, left=left, length=length),
    }
    if "token_type_ids" in features[0]:
        types = [feature["token_type_ids"] for feature in features]
        batch["token_type_ids"] = padded(types, fill=tokenizer.pad_token_type_id, left=left, length=length)
    return batch


def model_inputs(batch: Batch) -> Batch:
    """The part of a batch that the model's forward reads."""
    return {name: batch[name] for name in ("input_ids", "attention_mask", "token_type_ids") if name in batch}


def smoothing(config: RunConfig) -> float:
    """The share of each target that is spread over all classes in training."""
    return config.train.label_smoothing if config.train is not None else 0.0


def check_row_fits(tokenizer: Any, max_length: int, place: str) -> None:
    """Refuses a length that the tokenizer's own special tokens fill. Raises ModelError."""
    special = tokenizer.num_special_tokens_to_add(pair=True)
    if max_length < special + 4:
        raise ModelError(
            place, f"max_length {max_length} leaves no room beside {special} special tokens", "raise max_length"
        )
