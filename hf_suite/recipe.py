"""How the weights are changed: TrainConfig, a part of RunConfig. Trains nothing."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from hf_suite.schema import Record


def _freeze(value: str) -> str:
    if value not in ("none", "embeddings", "all_but_head") and not re.fullmatch(r"first:[1-9][0-9]*", value):
        raise ValueError(f"{value!r} is none of its values; say none, embeddings, all_but_head or first:N")
    return value


class TrainConfig(Record):
    """How the weights are changed."""

    epochs: int = Field(3, ge=1)
    """Passes over the train rows."""
    max_steps: int | None = Field(None, ge=1)
    """Stop after this many optimizer steps, whatever the epochs; null means no limit."""
    min_steps: int | None = Field(None, ge=1)
    """At least this many optimizer steps, by as many epochs as that takes: few rows are else hardly learnt. Null is 100
    for rows of your own, where none of epochs, max_steps and batch_tokens is said, and no bound for others."""
    batch_size: int | None = Field(32, ge=1)
    """Features (a row of GLUE, a window of SQuAD) per optimizer step, over all processes; null beside batch_tokens."""
    batch_tokens: int | None = Field(None, ge=1)
    """In place of batch_size: padded tokens per optimizer step, over all processes. A step takes features of like
    length while their number times the longest (source and target together) is within it."""
    micro_batch_size: int | None = Field(None, ge=1)
    """Features per forward pass on one process; null takes its share of the batch, up to 16,384 padded tokens. Halved
    where memory does not hold them. The steps are the same but for rounding, and for dropout, drawn in each pass."""
    learning_rate: float | None = Field(None, gt=0)
    """Peak rate; null is 1e-3 with LoRA, what another method usually takes, and 5e-5 without any."""
    head_learning_rate: float | None = Field(None, gt=0)
    """Peak rate of the head and whatever else the checkpoint lacks; null is the same as of the rest."""
    schedule: Literal["linear", "constant", "cosine", "inverse_sqrt"] = "linear"
    """The rate after the warmup: down to 0 in a line or by half a cosine, down by the step's root, or the same."""
    warmup: float = Field(0.06, ge=0)
    """Below 1 a share of all steps, else a number of steps."""
    weight_decay: float = Field(0.01, ge=0)
    """AdamW's decay; never on norms and biases."""
    freeze: Annotated[str, AfterValidator(_freeze)] = "none"
    """Without LoRA, what stays as it is: none, embeddings, all_but_head, or first:N (embeddings and N layers)."""
    clip: float | None = Field(1.0, gt=0)
    """Largest norm of the whole gradient; null does not clip."""
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    """Share of each target that is spread evenly over all labels (of a span: over the window's tokens) in training."""
    class_weights: Literal["balanced"] | dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] | None = None
    """How much a label's rows count in the loss: label: weight (1 for the others), or balanced, which lets each label
    count as much as another; null lets each row."""
    focal_gamma: float = Field(0.0, ge=0, le=10)
    """Focal loss (arXiv 1708.02002): what has the probability p counts (1 - p)^gamma as much; 0 is cross-entropy."""
    oversample: bool = False
    """Read rows of rare labels so often in an epoch that each label has as many as the most frequent one."""
    pack: bool = False
    """Language models learn several documents in one full block of max_length tokens, none of which reads another:
    the same loss, and no padding. train.batch_size then counts blocks."""
    gradient_checkpointing: bool = False
    """Compute activations again in the backward pass rather than keep them: less memory, more time, same numbers."""
    shard: bool = False
    """Each process holds a part of weights, gradients and moments while it trains (FSDP2). Changes no result."""
    save_every: int | None = Field(None, ge=1)
    """Optimizer steps between checkpoints, beside those of the evaluations; null saves after each epoch."""
    eval_every: int | None = Field(None, ge=1)
    """Optimizer steps between evaluations on the rows that choose the weights; null evaluates after each epoch."""
    select_on: str | None = None
    """`tune` or an eval split: what scores best there is kept; null: tune if there is one, else the last epoch."""
    select_metric: str | None = None
    """The number that chooses; null takes the task's headline."""
    early_stopping: int | None = Field(None, ge=1)
    """Stop after so many evaluations in a row without a better score; null trains to the end."""

    @model_validator(mode="before")
    @classmethod
    def _by_tokens(cls, said: Any) -> Any:
        tokens = said.get("batch_tokens") if isinstance(said, Mapping) else None
        return {"batch_size": None, **said} if tokens is not None else said

    @model_validator(mode="after")
    def _consistent(self) -> "TrainConfig":
        if self.min_steps is not None and self.max_steps is not None and self.max_steps < self.min_steps:
            raise ValueError(f"min_steps={self.min_steps} beside max_steps={self.max_steps}; leave one of them out")
        if self.batch_size is not None and self.batch_tokens is not None:
            raise ValueError(
                f"batch_size={self.batch_size} beside batch_tokens={self.batch_tokens}; leave one of them out"
            )
        if self.batch_size is None and self.batch_tokens is None:
            raise ValueError("neither batch_size nor batch_tokens says how much is learnt in a step; say one of them")
        if self.min_steps is not None and self.batch_tokens is not None:
            raise ValueError(f"min_steps={self.min_steps} counts steps of batch_size; beside batch_tokens say epochs")
        return self

    def lasting(self, rows: int, *, chooses: bool) -> "TrainConfig":
        """The same with the epochs that min_steps takes; where they are more, evaluated and saved ten times in all.

        A row counts as one feature. `chooses` tells whether there are rows to evaluate on.
        """
        if self.min_steps is None or self.batch_size is None or not rows:
            return self
        each = -(-rows // self.batch_size)
        if each * self.epochs >= self.min_steps:
            return self
        epochs = -(-self.min_steps // each)
        tenth = -(-each * epochs // 10)
        over = {"save_every": self.save_every or tenth, "eval_every": self.eval_every or (tenth if chooses else None)}
        return self.model_copy(update={"epochs": epochs, **over})
