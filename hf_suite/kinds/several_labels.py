"""SeveralLabels: a row of a classification is answered by all labels whose score reaches a threshold, perhaps none.

Knows no other target. One threshold for all labels, fitted for the best micro F1: one for each label overfits where a
label is rare among the rows that it is fitted on (Fan and Lin 2007; Lin and Lin 2023, doi 10.1145/3583780.3614996).
"""

import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy

from hf_suite.errors import ConfigError, ScoreError
from hf_suite.kinds import naming
from hf_suite.kinds.base import Evidence, best_constant
from hf_suite.kinds.calibration import HEAT, errors, temperature
from hf_suite.metrics.base import RowId
from hf_suite.metrics.multi_label import separator
from hf_suite.spec import TaskSpec

_THRESHOLD = "threshold"
_NONE = "none"
"""What is written for no label."""


class SeveralLabels:
    """The answer is a list of label names in the task's order."""

    def check(self, spec: TaskSpec) -> None:
        """There are labels, and none is merged into another. Raises ConfigError."""
        naming.check(spec)
        if spec.merge:
            raise ConfigError(f"{spec.name}.merge", "joins labels of which a row has one", "take the key out")

    def fits(self) -> bool:
        """The threshold."""
        return True

    def gains(self) -> bool:
        """The temperature."""
        return True

    def fit(
        self, evidence: Mapping[RowId, Evidence], references: Mapping[RowId, Any], spec: TaskSpec
    ) -> dict[str, float]:
        """The threshold on scores with the best micro F1, and the temperature of their sigmoids."""
        scores, gold = _matrices(evidence, references, spec)
        sign = numpy.where(gold, 1.0, -1.0)
        return {
            _THRESHOLD: _best_threshold(scores.ravel(), gold.ravel()),
            **temperature(lambda heat: _sigmoid(sign * scores / heat)),
        }

    def calibration(
        self,
        evidence: Mapping[RowId, Evidence],
        references: Mapping[RowId, Any],
        fitted: Mapping[str, float],
        spec: TaskSpec,
    ) -> dict[str, float]:
        """Of each label of each row, which it has or has not."""
        scores, gold = _matrices(evidence, references, spec)

        def shares(heat: float) -> list[dict[bool, float]]:
            return [{True: share, False: 1 - share} for share in _sigmoid(scores.ravel() / heat).tolist()]

        return errors(shares, gold.ravel().tolist(), fitted)

    def decide(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> list[str]:
        """The labels whose score reaches the threshold (0, a probability of one half, when none was fitted)."""
        least, scores = fitted.get(_THRESHOLD, 0.0), evidence["scores"]
        return [label for label in spec.labels or () if scores[label] >= least]

    def unreadable(self, spec: TaskSpec) -> list[str]:
        """No label, which is counted apart."""
        return []

    def shares(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> dict[str, float]:
        """Label -> probability that the row has it, each by itself."""
        heat = fitted.get(HEAT, 1.0)
        return {label: float(_sigmoid(evidence["scores"][label] / heat)) for label in spec.labels or ()}

    def confidence(self, answer: list[str], shares: Mapping[str, float]) -> float:
        """The probability of exactly these labels, were they independent of each other."""
        return math.prod(share if label in answer else 1 - share for label, share in shares.items())

    def margin(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> float | None:
        """How near the nearest score is to the threshold."""
        least = fitted.get(_THRESHOLD, 0.0)
        return min(abs(score - least) for score in evidence["scores"].values())

    def miss(self, answer: list[str], reference: list[str]) -> float:
        """The share of the labels of either that are not in both."""
        either = {*answer, *reference}
        return len(set(answer) ^ set(reference)) / len(either) if either else 0.0

    def baseline(self, references: Mapping[RowId, Any], spec: TaskSpec) -> Mapping[RowId, Any]:
        """The labels, given to every row, whose headline is best: the most frequent so many, or the commonest set."""
        counts = Counter(label for labels in references.values() for label in labels)
        order = sorted(spec.labels or (), key=lambda label: -counts[label])
        prefixes = [[label for label in spec.labels or () if label in order[:many]] for many in range(len(order) + 1)]
        commonest = Counter(tuple(labels) for labels in references.values()).most_common(1)
        return best_constant([*prefixes, *(list(labels) for labels, _ in commonest)], references, spec)

    def parse(self, text: Any, spec: TaskSpec) -> list[str]:
        """A list of labels, also as JSON, or a text with the task's separator between them. Raises ScoreError."""
        if isinstance(text, str) and text.lstrip().startswith("["):
            try:
                text = json.loads(text)
            except ValueError as error:
                raise ScoreError(spec.name, f"answer {text!r} is no list", 'write it as ["a", "b"]') from error
        if isinstance(text, str):
            text = [part for part in map(str.strip, text.split(separator(spec))) if part]
        if not isinstance(text, list):
            remedy = f"write a list, or the labels with {separator(spec)!r} between them"
            raise ScoreError(spec.name, f"answer {text!r} is no list of labels", remedy)
        found = {naming.label(part, spec) for part in text}
        return [label for label in spec.labels or () if label in found]

    def asked(self, spec: TaskSpec) -> str:
        """Which labels."""
        return f"Which of these are right: {naming.listed(spec)}? Say all, or {_NONE}."

    def written(self, reference: list[str]) -> str:
        """The labels with spaces for underscores, a semicolon between two."""
        return "; ".join(map(naming.in_words, reference)) or _NONE

    def read_back(self, line: str, spec: TaskSpec) -> list[str] | None:
        """All labels that the line names; none of them where it says so."""
        found = naming.named(line, spec)
        if not found and naming.words(line) != _NONE:
            return None
        return [label for label in spec.labels or () if label in found]


def _matrices(
    evidence: Mapping[RowId, Evidence], references: Mapping[RowId, Any], spec: TaskSpec
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Scores and whether they are right, both (rows, labels)."""
    labels = spec.labels or ()
    scores = [[evidence[row]["scores"][label] for label in labels] for row in references]
    return numpy.array(scores), numpy.array([[label in gold for label in labels] for gold in references.values()])


def _best_threshold(scores: numpy.ndarray, right: numpy.ndarray) -> float:
    """Halfway between the lowest score that is said and the next, where 2 tp / (said + right) is best."""
    order = numpy.argsort(-scores, kind="stable")
    ordered, hits = scores[order], numpy.cumsum(right[order])
    said = numpy.arange(1, len(ordered) + 1)
    last = numpy.append(ordered[1:] < ordered[:-1], True)  # equal scores are said together
    value = numpy.where(last, 2 * hits / (said + right.sum()), -1.0)
    at = int(value.argmax())
    below = ordered[at + 1] if at + 1 < len(ordered) else ordered[at]
    return float((ordered[at] + below) / 2)


def _sigmoid(values: Any) -> Any:
    return 1 / (1 + numpy.exp(-numpy.clip(values, -700, 700)))
