"""Pearson and Spearman correlation of numbers, in percent. Undefined (None) where one side is constant."""

import numpy

from hf_suite.errors import ScoreError
from hf_suite.metrics.base import Answers, References
from hf_suite.spec import TaskSpec

Scores = dict[str, float | None]


def pearson(predicted: numpy.ndarray, gold: numpy.ndarray) -> float | None:
    """The product-moment correlation of two vectors of the same length; None where one is constant."""
    if len(gold) == 0 or (predicted == predicted[0]).all() or (gold == gold[0]).all():
        return None
    x, y = predicted - predicted.mean(), gold - gold.mean()
    value = (x / numpy.linalg.norm(x)) @ (y / numpy.linalg.norm(y))
    return float(100.0 * numpy.clip(value, -1.0, 1.0))


def spearmanr(predicted: numpy.ndarray, gold: numpy.ndarray) -> float | None:
    """Pearson's correlation of the ranks, equal values sharing their mean; None where one is constant."""
    return pearson(_ranks(predicted), _ranks(gold))


def _ranks(values: numpy.ndarray) -> numpy.ndarray:
    _, place, counts = numpy.unique(values, return_inverse=True, return_counts=True)
    return (numpy.cumsum(counts) - (counts - 1) / 2)[place]


def score_pearson(answers: Answers, references: References, spec: TaskSpec, *, evidence: object = None) -> Scores:
    """METRICS' pearson. Raises ScoreError for an answer that is not finite."""
    return {"pearson": pearson(*_vectors(answers, references, spec))}


def rows_pearson(answers: Answers, references: References, spec: TaskSpec) -> numpy.ndarray:
    """(rows, 6): 1, x, y, xx, yy, xy, of numbers less their means over all rows, so that sums stay small."""
    predicted, gold = _vectors(answers, references, spec)
    if len(gold) == 0:
        return numpy.zeros((0, 6))
    x, y = predicted - predicted.mean(), gold - gold.mean()
    return numpy.stack([numpy.ones_like(x), x, y, x * x, y * y, x * y], axis=1)


def total_pearson(sums: numpy.ndarray) -> Scores:
    """Pearson's correlation of the rows whose lines were summed."""
    count, x, y, xx, yy, xy = sums
    x_spread, y_spread = count * xx - x * x, count * yy - y * y
    # What rounding leaves of a constant is near 1e-16 of the terms; nothing that varies comes so near.
    if x_spread <= 1e-12 * count * xx or y_spread <= 1e-12 * count * yy:
        return {"pearson": None}
    value = (count * xy - x * y) / numpy.sqrt(x_spread) / numpy.sqrt(y_spread)
    return {"pearson": float(100.0 * numpy.clip(value, -1.0, 1.0))}


def score_spearmanr(answers: Answers, references: References, spec: TaskSpec, *, evidence: object = None) -> Scores:
    """METRICS' spearmanr; ranks are among all rows, so it has no row statistics. Raises as pearson."""
    return {"spearmanr": spearmanr(*_vectors(answers, references, spec))}


def _vectors(answers: Answers, references: References, spec: TaskSpec) -> tuple[numpy.ndarray, numpy.ndarray]:
    predicted = numpy.array(list(answers.values()), dtype=numpy.float64)
    gold = numpy.array([references[row] for row in answers], dtype=numpy.float64)
    bad = [row for row, good in zip(answers, numpy.isfinite(predicted) & numpy.isfinite(gold), strict=True) if not good]
    if bad:
        named = ", ".join(str(row) for row in bad[:3])
        raise ScoreError(
            spec.name, f"{len(bad):,} rows with a number that is not finite ({named})", "mend or drop them"
        )
    return predicted, gold
