"""What the outputs of a classification head stand for: one label, several, or a number. Knows no tokens."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import torch
from torch.nn import functional

from hf_suite import schema
from hf_suite.adapters.base import smoothing
from hf_suite.config import RunConfig
from hf_suite.errors import ConfigError
from hf_suite.kinds import Evidence
from hf_suite.spec import TaskSpec


class Outputs(Protocol):
    """How a head is told its targets, and how its outputs are read; `labels` are theirs, in their order."""

    classes: ClassVar[bool]
    """Whether labels are learnt, which may weigh differently."""

    def __init__(self, spec: TaskSpec, config: RunConfig, labels: Sequence[str]) -> None: ...

    def settings(self) -> dict[str, Any]:
        """Keyword arguments for the model's config."""

    def target(self, label: Any) -> Any:
        """A row's label as the loss takes it."""

    def spoken(self, target: Any) -> str:
        """That, in words."""

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss summed over the rows; `logits` (rows, outputs)."""

    def evidence(self, logits: Sequence[float]) -> Evidence:
        """What a row's outputs say."""


class OneLabel:
    """One of the labels: their softmax."""

    classes: ClassVar[bool] = True
    problem_type: ClassVar[str] = "single_label_classification"

    def __init__(self, spec: TaskSpec, config: RunConfig, labels: Sequence[str]) -> None:
        self.labels, self.smoothing = labels, smoothing(config)
        train = config.train
        self.gamma = train.focal_gamma if train is not None else 0.0
        said = train.class_weights if train is not None else None
        self.weights = torch.tensor([said.get(label, 1.0) for label in labels]) if isinstance(said, dict) else None

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

    def spoken(self, target: Any) -> str:
        """The label's name."""
        return self.labels[target]

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Cross-entropy, each label's part times its weight and (1 - p)^gamma.

        Smoothed by a share e, the target is 1 - e on its label plus e / labels on each (arXiv 1512.00567, section 7).
        """
        weights = self.weights.to(logits.device) if self.weights is not None else None
        if not self.gamma:
            return functional.cross_entropy(
                logits, targets, weight=weights, reduction="sum", label_smoothing=self.smoothing
            )
        many = logits.shape[-1]
        soft = functional.one_hot(targets, many) * (1 - self.smoothing) + self.smoothing / many
        logs = logits.log_softmax(dim=-1)
        return -(soft * (1 - logs.exp()) ** self.gamma * logs * (1.0 if weights is None else weights)).sum()

    def evidence(self, logits: Sequence[float]) -> Evidence:
        """Logits by label name."""
        return {"scores": dict(zip(self.labels, logits, strict=True))}


class SeveralLabels(OneLabel):
    """Each of the labels by itself: a sigmoid each."""

    problem_type: ClassVar[str] = "multi_label_classification"

    def target(self, label: Sequence[str]) -> list[float]:  # type: ignore[override]
        """1 for each label that the row has, else 0."""
        return [float(name in label) for name in self.labels]

    def spoken(self, target: Any) -> str:
        """The names of the row's labels."""
        return ", ".join(name for name, has in zip(self.labels, target, strict=True) if has) or "none of the labels"

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Binary cross-entropy, its mean over the labels as in transformers; smoothed, 1 - e / 2 and e / 2.

        A label's weight counts where a row has it, and (1 - p)^gamma on either side.
        """
        weights = self.weights.to(logits.device) if self.weights is not None else None
        soft = targets.float() * (1 - self.smoothing) + self.smoothing / 2
        if not self.gamma:
            each = functional.binary_cross_entropy_with_logits(logits, soft, reduction="none", pos_weight=weights)
            return each.mean(dim=-1).sum()
        yes, no = functional.logsigmoid(logits), functional.logsigmoid(-logits)
        has = soft * (1 - yes.exp()) ** self.gamma * yes * (1.0 if weights is None else weights)
        lacks = (1 - soft) * (1 - no.exp()) ** self.gamma * no
        return -(has + lacks).mean(dim=-1).sum()


class Number:
    """One output, standardised by the task's scale."""

    classes: ClassVar[bool] = False

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

    def spoken(self, target: Any) -> str:
        """The number on the label's own scale."""
        return f"{target * self.sd + self.mean:g}"

    def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Squared error."""
        return functional.mse_loss(logits[:, 0], targets.float(), reduction="sum")

    def evidence(self, logits: Sequence[float]) -> Evidence:
        """The number on the label's own scale."""
        return {"value": logits[0] * self.sd + self.mean}


OUTPUTS: Mapping[str, type[Outputs]] = {"label": OneLabel, "labels": SeveralLabels, "number": Number}
"""`task.target` -> what a head's outputs stand for."""


def weights(spec: TaskSpec, said: str | Mapping[str, float], labels: Sequence[str | Sequence[str]]) -> dict[str, float]:
    """Label -> weight, as said or balanced over the train labels. Raises ConfigError for a name that is no label.

    Balanced is rows / (labels x rows of the label), as in scikit-learn; where a row may have several, the rows without
    the label / those with it. A label without rows weighs 1.
    """
    names = spec.labels or ()
    if not isinstance(said, str):
        unknown = next((label for label in said if label not in names), None)
        if unknown is not None:
            hint = schema.nearest(unknown, names)
            raise ConfigError("train.class_weights", f"no label {unknown!r}", f"{hint}there are: {', '.join(names)}")
        return {label: said.get(label, 1.0) for label in names}
    counts, rows = _counted(labels), len(labels)
    if spec.target == "labels":
        return {label: (rows - counts[label]) / counts[label] if 0 < counts[label] < rows else 1.0 for label in names}
    return {label: rows / (len(names) * counts[label]) if counts[label] else 1.0 for label in names}


def repeats(labels: Sequence[str | Sequence[str]]) -> list[float]:
    """How often an epoch reads each row so that its label has as many as the most frequent one.

    Of several labels of a row the rarest counts; a row without any is read once.
    """
    counts = _counted(labels)
    most = max(counts.values())
    own = ([label] if isinstance(label, str) else label for label in labels)
    return [max((most / counts[label] for label in found), default=1.0) for found in own]


def _counted(labels: Sequence[str | Sequence[str]]) -> Counter[str]:
    return Counter(label for found in labels for label in ([found] if isinstance(found, str) else found))
