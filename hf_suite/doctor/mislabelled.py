"""Labels that look wrong: confident learning on what a model found in rows that it had not learnt. Ranks rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy

Numbers = numpy.ndarray[Any, Any]


@dataclass(frozen=True)
class Suspect:
    """A row whose label looks wrong."""

    split: str
    row: int | str
    """Its number in the split, or its id where the task names one."""
    given: str
    likely: str
    margin: float
    """Probability of the label given, less the highest of another: -1 is surest."""


def ranked(probabilities: Numbers, given: Numbers) -> Numbers:
    """Rows, the most suspect label first: by the margin of their label, as cleanlab's normalized_margin scores them.

    `probabilities` (rows, labels) come from a model that had not learnt the row; `given` (rows,) are label numbers.
    """
    return numpy.argsort(_margins(probabilities, given), kind="stable")


def pooled(first: Numbers, second: Numbers, given: Numbers) -> Numbers:
    """Two judges' probabilities (rows, labels) as one: the product of their powers, each row's made to add up to 1.

    The exponents, from 0 to 2, are those under which the labels given (rows,) are likeliest: a judge who knows less
    weighs less, and one who is surer than right is toned down. A logarithmic opinion pool (Genest and Zidek 1986).
    """
    from scipy.optimize import minimize

    logs = numpy.log(numpy.maximum([first, second], 1e-300))

    def pool(powers: Numbers) -> Numbers:
        found = numpy.tensordot(powers, logs, axes=1)
        found = found - found.max(axis=1, keepdims=True)
        return found - numpy.log(numpy.exp(found).sum(axis=1, keepdims=True))

    def cost(powers: Numbers) -> float:
        return float(-pool(powers)[numpy.arange(len(given)), given].mean())

    return numpy.exp(pool(minimize(cost, [1.0, 1.0], bounds=[(0.0, 2.0)] * 2).x))


def wrong(probabilities: Numbers, given: Numbers) -> Numbers:
    """Rows that are confidently of another label (Northcutt, Jiang and Chuang 2021, arXiv 1911.00068).

    A label is held confidently where its probability reaches the mean that it has in rows given that label; of
    several such labels the likeliest counts. A label that no row is given is never held. As cleanlab does, a row whose
    own label is the likeliest of all is left alone.
    """
    labels = probabilities.shape[1]
    means = numpy.array(
        [
            probabilities[given == label, label].mean() if (given == label).any() else numpy.inf
            for label in range(labels)
        ]
    )
    held = numpy.where(probabilities >= means, probabilities, -1.0)
    likeliest = held.argmax(axis=1)
    confident = held.max(axis=1) >= 0
    return numpy.flatnonzero(confident & (likeliest != given) & (probabilities.argmax(axis=1) != given))


def suspects(
    places: Sequence[tuple[str, int | str]], probabilities: Numbers, given: Numbers, labels: Sequence[str]
) -> list[Suspect]:
    """The rows that confident learning names, the surest first."""
    margins = _margins(probabilities, given)
    named = set(wrong(probabilities, given).tolist())
    others = _others(probabilities, given).argmax(axis=1)
    return [
        Suspect(places[row][0], places[row][1], labels[given[row]], labels[others[row]], round(float(margins[row]), 4))
        for row in ranked(probabilities, given).tolist()
        if row in named
    ]


def _margins(probabilities: Numbers, given: Numbers) -> Numbers:
    own = probabilities[numpy.arange(len(given)), given]
    return own - _others(probabilities, given).max(axis=1)


def _others(probabilities: Numbers, given: Numbers) -> Numbers:
    """The probabilities without that of the label given."""
    others = probabilities.copy()
    others[numpy.arange(len(given)), given] = -1.0
    return others
