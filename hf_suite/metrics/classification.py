"""Accuracy, F1 and Matthews correlation of labels, in percent. Labels are whatever compares equal."""

from collections.abc import Sequence
from typing import Any

import numpy

from hf_suite.errors import ConfigError
from hf_suite.metrics.base import Answers, References
from hf_suite.spec import TaskSpec

Labels = Sequence[Any] | numpy.ndarray
Scores = dict[str, float | None]


def accuracy(predicted: Labels, gold: Labels) -> float | None:
    """The share of rows whose labels are equal; None without rows."""
    return _accuracy(_hits(predicted, gold).sum(axis=0))


def f1(predicted: Labels, gold: Labels, *, positive: Any) -> float:
    """2 tp / (2 tp + fp + fn) of the label `positive`; 0 where nobody has it, as in scikit-learn."""
    return _f1(_outcomes(predicted, gold, positive).sum(axis=0))


def matthews_correlation(predicted: Labels, gold: Labels) -> float:
    """Gorodkin's R_K, for two labels Matthews' phi; 0 where one side is constant, as in scikit-learn."""
    labels = numpy.unique(numpy.concatenate([numpy.asarray(predicted), numpy.asarray(gold)]))
    cells = _cells(predicted, gold, labels)
    return _matthews(numpy.bincount(cells, minlength=len(labels) ** 2))


def _hits(predicted: Labels, gold: Labels) -> numpy.ndarray:
    """(rows, 2): right, 1."""
    right = numpy.asarray(predicted) == numpy.asarray(gold)
    return numpy.stack([right, numpy.ones_like(right)], axis=1).astype(numpy.float64)


def _accuracy(sums: numpy.ndarray) -> float | None:
    right, count = sums
    return float(100.0 * right / count) if count else None


def _outcomes(predicted: Labels, gold: Labels, positive: Any) -> numpy.ndarray:
    """(rows, 3): true positive, false positive, false negative."""
    said, is_so = numpy.asarray(predicted) == positive, numpy.asarray(gold) == positive
    return numpy.stack([said & is_so, said & ~is_so, ~said & is_so], axis=1).astype(numpy.float64)


def _f1(sums: numpy.ndarray) -> float:
    hit, false, missed = sums
    return float(200.0 * hit / (2 * hit + false + missed)) if hit + false + missed else 0.0


def _cells(predicted: Labels, gold: Labels, labels: numpy.ndarray) -> numpy.ndarray:
    """(rows,): the cell of the confusion matrix (gold by predicted, flat) of each row."""
    return numpy.searchsorted(labels, gold) * len(labels) + numpy.searchsorted(labels, predicted)


def _matthews(cells: numpy.ndarray) -> float:
    """From the flat confusion matrix. Formula: Gorodkin (2004), doi:10.1016/j.compbiolchem.2004.09.006."""
    matrix = cells.reshape(2 * (round(len(cells) ** 0.5),)).astype(numpy.float64)
    golds, said, rows = matrix.sum(axis=1), matrix.sum(axis=0), matrix.sum()
    spread = (rows**2 - said @ said) * (rows**2 - golds @ golds)
    return float(100.0 * (matrix.trace() * rows - said @ golds) / numpy.sqrt(spread)) if spread > 0 else 0.0


def score_accuracy(answers: Answers, references: References, spec: TaskSpec, *, evidence: object = None) -> Scores:
    """METRICS' accuracy."""
    return {"accuracy": accuracy(*_paired(answers, references))}


def rows_accuracy(answers: Answers, references: References, spec: TaskSpec) -> numpy.ndarray:
    """(rows, 2): right, 1."""
    return _hits(*_paired(answers, references))


def total_accuracy(sums: numpy.ndarray) -> Scores:
    """The accuracy of the rows whose lines were summed."""
    return {"accuracy": _accuracy(sums)}


def score_f1(answers: Answers, references: References, spec: TaskSpec, *, evidence: object = None) -> Scores:
    """METRICS' f1: of the second of the task's two labels. Raises ConfigError where it has not two."""
    return {"f1": f1(*_paired(answers, references), positive=_positive(spec))}


def rows_f1(answers: Answers, references: References, spec: TaskSpec) -> numpy.ndarray:
    """(rows, 3): true positive, false positive, false negative."""
    return _outcomes(*_paired(answers, references), _positive(spec))


def total_f1(sums: numpy.ndarray) -> Scores:
    """The F1 of the rows whose lines were summed."""
    return {"f1": _f1(sums)}


def score_matthews(answers: Answers, references: References, spec: TaskSpec, *, evidence: object = None) -> Scores:
    """METRICS' matthews_correlation."""
    return {"matthews_correlation": matthews_correlation(*_paired(answers, references))}


def rows_matthews(answers: Answers, references: References, spec: TaskSpec) -> numpy.ndarray:
    """(rows, labels squared): 1 in the row's cell of the flat confusion matrix, labels in sorted order."""
    predicted, gold = _paired(answers, references)
    labels = numpy.unique([*(spec.labels or ()), *predicted, *gold])
    return numpy.eye(len(labels) ** 2)[_cells(predicted, gold, labels)]


def total_matthews(sums: numpy.ndarray) -> Scores:
    """The Matthews correlation of the rows whose lines were summed."""
    return {"matthews_correlation": _matthews(sums)}


def _paired(answers: Answers, references: References) -> tuple[list[Any], list[Any]]:
    return list(answers.values()), [references[row] for row in answers]


def _positive(spec: TaskSpec) -> str:
    if spec.labels is None or len(spec.labels) != 2:
        count = len(spec.labels or ())
        raise ConfigError(spec.name, f"f1 is of the second of two labels, there are {count}", "choose another metric")
    return spec.labels[1]
