"""How far what two models found in the same rows is apart: numbers of their evidence, and scores. Runs no model."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hf_suite.errors import RunError
from hf_suite.record import Scores

OUTPUTS = 1e-4
"""How far outputs may move, as a share of the largest."""
SCORES = 0.01
"""How far a score may move, as a share of it (or in its own unit, where it is below 1)."""
TEXTS = 0.01
"""The share of rows whose label or text may be another: two that are equally likely turn at the last bit."""

ALLOWED = {"outputs": OUTPUTS, "scores": SCORES, "answers": TEXTS}


@dataclass(frozen=True)
class Parity:
    """What a run and what was exported from it answer on the same rows."""

    rows: dict[str, int]
    """Split -> rows compared."""
    largest_difference: float
    """Of any output; infinite where one model gave other outputs than the other."""
    largest_output: float
    """In absolute value; differences are small or large beside it."""
    before: Scores
    """The run's scores on these rows."""
    after: Scores
    changed: int = 0
    """Rows whose label or text is another."""

    @property
    def relative(self) -> float:
        """The largest difference as a share of the largest output."""
        return self.largest_difference / self.largest_output if self.largest_output else self.largest_difference

    def as_json(self) -> dict[str, Any]:
        """All of it, with what is allowed."""
        return {**asdict(self), "relative_difference": self.relative, "allowed": ALLOWED}

    def check(self, place: str) -> None:
        """Refuses what moved more than is allowed. Raises RunError."""
        if not self.relative <= OUTPUTS:  # nan is no proof either
            finding = f"its outputs are {self.relative:.2g} of the largest away from the run's ({OUTPUTS:g} is allowed)"
            raise RunError(place, finding, "nothing was kept; please report this")
        if self.changed > TEXTS * sum(self.rows.values()):
            finding = f"{self.changed:,} of {sum(self.rows.values()):,} rows have another answer than the run's"
            raise RunError(place, finding, "nothing was kept; please report this")
        scores = ((split, name, score) for split, found in self.before.items() for name, score in found.items())
        for split, name, before in scores:
            if _moved(before, self.after[split][name]):
                finding = f"{name} on {split} goes from {before} to {self.after[split][name]}"
                raise RunError(place, finding, "nothing was kept; please report this")


def difference(first: Any, second: Any) -> float:
    """The largest absolute difference between two pieces of evidence; infinite where one lacks what the other has.

    Lists are compared place by place as far as both reach. Spans are sorted by score, and the n-th best scores of two
    models are never further apart than their outputs, whichever spans these are.
    """
    if isinstance(first, Mapping):
        if first.keys() != second.keys():
            return float("inf")
        return max((difference(first[key], second[key]) for key in first), default=0.0)
    if isinstance(first, (list, tuple)):
        if bool(first) != bool(second):
            return float("inf")
        return max((difference(one, other) for one, other in zip(first, second, strict=False)), default=0.0)
    return abs(first - second) if isinstance(first, float) else 0.0


def said(answer: Any) -> Any:
    """The label or text of an answer, which two models should share; None of a number."""
    return answer.get("text") if isinstance(answer, Mapping) else None if isinstance(answer, float) else answer


def largest(evidence: Any) -> float:
    """The largest absolute number in a piece of evidence."""
    return max((abs(number) for number in _numbers(evidence)), default=0.0)


def _numbers(value: Any) -> Iterator[float]:
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    for part in parts:
        yield from _numbers(part)
    if isinstance(value, float):
        yield value


def _moved(before: float | None, after: float | None) -> bool:
    if before is None or after is None:
        return before is not after
    return abs(after - before) > SCORES * max(1.0, abs(before))
