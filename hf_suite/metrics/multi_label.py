"""F1 of several labels a row, averaged in two ways, exact matches of all labels, and mean average precision.

All in percent, as scikit-learn has them; knows nothing of one label a row. A row's labels are a list, perhaps empty.
"""

from collections.abc import Mapping
from typing import Any

import numpy

from hf_suite.errors import ConfigError
from hf_suite.metrics.base import Answers, References
from hf_suite.spec import TaskSpec

Scores = dict[str, float | None]


def separator(spec: TaskSpec) -> str:
    """What stands between the labels of a row where they are one text."""
    return spec.separator or ";"


def score_f1(answers: Answers, references: References, spec: TaskSpec, *, evidence: object = None) -> Scores:
    """METRICS' multilabel_f1. Raises ConfigError where a row has not several labels."""
    return total_f1(rows_f1(answers, references, spec).sum(axis=0))


def rows_f1(answers: Answers, references: References, spec: TaskSpec) -> numpy.ndarray:
    """(rows, 3 x labels): true positive, false positive, false negative of each label."""
    said, gold = _flags(answers, spec), _flags({row: references[row] for row in answers}, spec)
    return numpy.concatenate([said & gold, said & ~gold, ~said & gold], axis=1).astype(numpy.float64)


def total_f1(sums: numpy.ndarray) -> Scores:
    """Micro F1, of all decisions together, and macro F1, the mean over the labels.

    As in scikit-learn a label that nobody has and nobody was given counts as 0.
    """
    hit, false, missed = sums.reshape(3, -1)
    each = 2 * hit + false + missed
    micro = 200.0 * hit.sum() / each.sum() if each.sum() else 0.0
    return {
        "micro_f1": float(micro),
        "macro_f1": float((200.0 * hit / numpy.where(each, each, 1.0)).mean()),
    }


def score_subset_accuracy(
    answers: Answers, references: References, spec: TaskSpec, *, evidence: object = None
) -> Scores:
    """METRICS' subset_accuracy: the share of rows whose labels are all right."""
    return total_subset_accuracy(rows_subset_accuracy(answers, references, spec).sum(axis=0))


def rows_subset_accuracy(answers: Answers, references: References, spec: TaskSpec) -> numpy.ndarray:
    """(rows, 2): right, 1."""
    lines = [(set(answer) == set(references[row]), 1) for row, answer in answers.items()]
    return numpy.array(lines, dtype=numpy.float64).reshape(-1, 2)


def total_subset_accuracy(sums: numpy.ndarray) -> Scores:
    """The share of the rows whose lines were summed."""
    right, count = sums
    return {"subset_accuracy": float(100.0 * right / count) if count else None}


def score_map(
    answers: Answers,
    references: References,
    spec: TaskSpec,
    *,
    evidence: Mapping[Any, Mapping[str, Any]] | None = None,
) -> Scores:
    """METRICS' map: the mean over the labels that any row has of scikit-learn's average precision.

    None where the answers come without scores, or no row has a label.
    """
    if evidence is None or any("scores" not in found for found in evidence.values()):
        return {"map": None}
    gold = _flags(references, spec)
    scores = numpy.array([[evidence[row]["scores"][label] for label in spec.labels or ()] for row in references])
    found = [average_precision(scores[:, at], gold[:, at]) for at in range(gold.shape[1]) if gold[:, at].any()]
    return {"map": float(numpy.mean(found)) if found else None}


def average_precision(scores: numpy.ndarray, right: numpy.ndarray) -> float:
    """The sum over thresholds of precision times the recall that is gained there, in percent; `right` has one."""
    order = numpy.argsort(-scores, kind="stable")
    ordered, hits = scores[order], numpy.cumsum(right[order])
    last = numpy.append(ordered[1:] < ordered[:-1], True)  # equal scores are one threshold
    hits, said = hits[last], numpy.arange(1, len(ordered) + 1)[last]
    return float(100.0 * (numpy.diff(hits, prepend=0) / hits[-1] * (hits / said)).sum())


def _flags(labels: Mapping[Any, Any], spec: TaskSpec) -> numpy.ndarray:
    """(rows, labels): whether a row has a label."""
    if spec.target != "labels" or spec.labels is None:
        raise ConfigError(spec.name, "a row has not several labels", "set target: labels, or choose another metric")
    found = [[label in set(given) for label in spec.labels] for given in labels.values()]
    return numpy.array(found, dtype=bool).reshape(-1, len(spec.labels))
