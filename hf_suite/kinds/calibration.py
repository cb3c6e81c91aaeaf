"""How sure a classification may say it is: probabilities from scores, softened by a temperature, and how far off."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy

from hf_suite.kinds.base import Evidence, softmax
from hf_suite.spec import TaskSpec

HEAT = "temperature"
"""The name under which it is fitted."""
LEAST = 50
"""Rows that it takes. Of confidence that is half as sure again as it may be, fits on ten rows make as often something
worse as something better; fits on 50 better it four times of five (a test draws them)."""
_COLDEST, _WARMEST = 0.1, 10.0
_BINS = 15


def probabilities(evidence: Evidence, spec: TaskSpec, temperature: float = 1.0) -> dict[str, float]:
    """Label -> probability: the softmax of scores / temperature; labels that `merge` makes one are added up."""
    found: dict[str, float] = {}
    shares = softmax([score / temperature for score in evidence["scores"].values()])
    for label, share in zip(evidence["scores"], shares, strict=True):
        name = spec.merge.get(label, label)
        found[name] = found.get(name, 0.0) + share
    return found


def temperature(right: Callable[[float], Any]) -> dict[str, float]:
    """The one, from 0.1 to 10, under which what was right is likeliest (Guo et al. 2017, arXiv 1706.04599).

    `right` gives, for a temperature, the probability of what was right in each row. Empty for fewer than LEAST rows,
    and where none is wrong: then the coldest is always the likeliest.
    """
    from scipy.optimize import minimize_scalar

    coldest = numpy.asarray(right(_COLDEST))
    if len(coldest) < LEAST or coldest.min() > 0.5:
        return {}

    def cost(logarithm: float) -> float:
        return float(-numpy.log(numpy.maximum(right(float(numpy.exp(logarithm))), 1e-300)).mean())

    bounds = (float(numpy.log(_COLDEST)), float(numpy.log(_WARMEST)))
    return {HEAT: float(numpy.exp(minimize_scalar(cost, bounds=bounds, method="bounded").x))}


def errors(
    shares: Callable[[float], Iterable[Mapping[Any, float]]], golds: Sequence[Any], fitted: Mapping[str, float]
) -> dict[str, float]:
    """`expected_error` without the temperature that was fitted and with it."""
    heats = {"calibration_error": 1.0, "calibration_error_at_temperature": fitted[HEAT]}
    return {name: expected_error(shares(heat), golds) for name, heat in heats.items()}


def expected_error(shares: Iterable[Mapping[Any, float]], golds: Sequence[Any]) -> float:
    """The expected calibration error in percent: of 15 equal bins of confidence, weighted by their rows, the mean
    distance between confidence and accuracy (Guo et al. 2017, equation 3)."""
    likeliest = [max(found.items(), key=lambda pair: pair[1]) for found in shares]
    sure = numpy.array([share for _, share in likeliest])
    right = numpy.array([label == gold for (label, _), gold in zip(likeliest, golds, strict=True)], dtype=float)
    bins = numpy.minimum(numpy.ceil(sure * _BINS), _BINS)
    apart = [abs(float((sure[bins == at] - right[bins == at]).sum())) for at in numpy.unique(bins)]
    return 100.0 * sum(apart) / len(sure)
