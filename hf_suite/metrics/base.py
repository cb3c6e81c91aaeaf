"""What a metric is: a pure function from answers and references to named numbers, with unit and direction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy

RowId = int | str
Answers = Mapping[RowId, Any]
References = Mapping[RowId, Any]


class Unit(NamedTuple):
    """The unit of a number and which way is better (None: neither; a count, a threshold)."""

    name: str
    better: Literal["higher", "lower"] | None = "higher"


PERCENT = Unit("percent")
COUNT = Unit("count", None)
ERROR = Unit("percent", "lower")
PERPLEXITY = Unit("perplexity", "lower")
BITS = Unit("bits", "lower")
NATS = Unit("nats", "lower")


@dataclass(frozen=True)
class Metric:
    """One family of numbers.

    `score(answers, references, spec, *, evidence=None)` is the authority; answers and references are mappings by row id
    with the same keys. An undefined number is None. `rows` gives sufficient statistics, one line per row, shape
    (rows, k), float64, in the order of `answers`; `total(sum of lines) -> numbers` gives the score of any set of rows.
    They serve intervals, slices and paired tests; a metric that does not decompose has neither. `signature`, called as
    `score` is, says in one line what chose the number: version, tokenizer, how many references.
    """

    name: str
    units: Mapping[str, Unit]
    score: Callable[..., dict[str, float | None]]
    needs_evidence: bool = False
    rows: Callable[..., numpy.ndarray] | None = None
    total: Callable[..., dict[str, float | None]] | None = None
    signature: Callable[..., str] | None = None
