"""What the outputs of a classification head stand for: one label, several, or a number. Knows no tokens."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import torch
from torch.nn import functional

from hf_suite.adapters.base import smoothing
from hf_suite.config import RunConfig
from hf_suite.errors import ConfigError
from hf_suite.kinds import Evidence
from hf_suite.spec import TaskSpec


class Outputs(Protocol):
    """How a head is told its targets, and how its outputs are read; `labels` are theirs, in their order."""

    def __init__(self, spec: TaskSpec, config: RunConfig, labels: Sequence[str]) -> None: ...

    def settings(self) -> dict[str, Any]:
        """Keyword arguments for the model's config."""

    def target(self, label: Any) -> Any:
        """A row's label as the loss takes it."""

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss summed over the rows; `logits` (rows, outputs)."""

    def evidence(self, logits: Sequence[float]) -> Evidence:
        """What a row's outputs say."""


class OneLabel:
    """One of the labels: their softmax."""

    problem_type: ClassVar[str] = "single_label_classification"

    def __init__(self, spec: TaskSpec, config: RunConfig, labels: Sequence[str]) -> None:
        self.labels, self.smoothing = labels, smoothing(config)

    def settings(self) -> dict[str, Any]:
        """The labels' names."""
        names = dict(enumerate(self.labels))
        label2id = {name: at for at, name in names.items()}
        return {
            "num_labels": len(names),
            "id2label": names,
            "label2id": label2id,
            "problem_type": self.problem_type,
        }

    def target(self, label: str) -> int:
        """The output's index."""
        return self.labels.index(label)

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Cross-entropy.

        Smoothed by a share e, the target is 1 - e on its label plus e / labels on each (arXiv 1512.00567, section 7).
        """
        return functional.cross_entropy(logits, targets, reduction="sum", label_smoothing=self.smoothing)

    def evidence(self, logits: Sequence[float]) -> Evidence:
        """Logits by label name."""
        return {"scores": dict(zip(self.labels, logits, strict=True))}


class SeveralLabels(OneLabel):
    """Each of the labels by itself: a sigmoid each."""

    problem_type: ClassVar[str] = "multi_label_classification"

    def target(self, label: Sequence[str]) -> list[float]:  # type: ignore[override]
        """1 for each label that the row has, else 0."""
        return [float(name in label) for name in self.labels]

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Binary cross-entropy, its mean over the labels as in transformers; smoothed, 1 - e / 2 and e / 2."""
        soft = targets.float() * (1 - self.smoothing) + self.smoothing / 2
        each = functional.binary_cross_entropy_with_logits(logits, soft, reduction="none")
        return each.mean(dim=-1).sum()


class Number:
    """One output, standardised by the task's scale."""

    def __init__(self, spec: TaskSpec, config: RunConfig, labels: Sequence[str]) -> None:
        self.mean, self.sd = (spec.scale.mean, spec.scale.sd) if spec.scale is not None else (0.0, 1.0)
        if smoothing(config):
            finding = f"{spec.name} is answered by a number, whose error has no labels to spread over"
            raise ConfigError("train.label_smoothing", finding, "leave the key out")

    def settings(self) -> dict[str, Any]:
        """One output."""
        return {"num_labels": 1, "problem_type": "regression"}

    def target(self, label: float) -> float:
        """The standardised number."""
        return (label - self.mean) / self.sd

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Squared error."""
        return functional.mse_loss(logits[:, 0], targets.float(), reduction="sum")

    def evidence(self, logits: Sequence[float]) -> Evidence:
        """The number on the label's own scale."""
        return {"value": logits[0] * self.sd + self.mean}


OUTPUTS: Mapping[str, type[Outputs]] = {"label": OneLabel, "labels": SeveralLabels, "number": Number}
"""`task.target` -> what a head's outputs stand for."""
