"""Ratings in whole stars, from 1 to 5: a kind and a metric. Knows no model; `adapter` does."""

from collections.abc import Mapping
from typing import Any

from hf_suite.kinds import Evidence
from hf_suite.kinds.classification import Classification
from hf_suite.metrics import Metric, Unit
from hf_suite.spec import TaskSpec


class Stars(Classification):
    """A model's number, rounded to a star that there is."""

    def decide(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> int:
        """The nearest whole star."""
        return min(5, max(1, round(float(super().decide(evidence, fitted, spec)))))


def score_within_one(
    answers: Mapping[Any, float], references: Mapping[Any, float], spec: TaskSpec, *, evidence: Any = None
) -> dict[str, float | None]:
    """Percent of rows whose answer is at most one star off."""
    near = sum(abs(answers[row] - references[row]) <= 1 for row in references)
    return {"within_one": 100 * near / len(references) if references else None}


KIND = Stars()
WITHIN_ONE = Metric("within_one", {"within_one": Unit("percent")}, score_within_one)
