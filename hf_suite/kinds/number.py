"""Number: a row of a classification is answered by a number on the label's own scale. Knows no labels."""

import math
import re
from collections.abc import Mapping
from typing import Any

from hf_suite.errors import ConfigError, ScoreError
from hf_suite.kinds.base import Evidence
from hf_suite.metrics.base import RowId
from hf_suite.spec import TaskSpec


class Number:
    """The answer is a float."""

    def check(self, spec: TaskSpec) -> None:
        """There are no labels. Raises ConfigError."""
        if spec.labels is not None:
            raise ConfigError(f"{spec.name}.labels", "a number has no labels", "take the key out, or set target: label")

    def fits(self) -> bool:
        """Nothing."""
        return False

    def gains(self) -> bool:
        """Nothing."""
        return False

    def fit(
        self, evidence: Mapping[RowId, Evidence], references: Mapping[RowId, Any], spec: TaskSpec
    ) -> dict[str, float]:
        """Nothing."""
        return {}

    def calibration(
        self,
        evidence: Mapping[RowId, Evidence],
        references: Mapping[RowId, Any],
        fitted: Mapping[str, float],
        spec: TaskSpec,
    ) -> dict[str, float]:
        """Nothing: a number says not how sure it is."""
        return {}

    def decide(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> float:
        """The number that was found."""
        return float(evidence["value"])

    def unreadable(self, spec: TaskSpec) -> float:
        """The train labels' mean."""
        return spec.scale.mean if spec.scale is not None else 0.0

    def shares(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> dict[str, float]:
        """None."""
        return {}

    def confidence(self, answer: float, shares: Mapping[str, float]) -> float:
        """Not known."""
        return math.nan

    def margin(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> float | None:
        """None: numbers turn by no threshold."""
        return None

    def miss(self, answer: float, reference: float) -> float:
        """The difference."""
        return abs(answer - reference)

    def baseline(self, references: Mapping[RowId, Any], spec: TaskSpec) -> Mapping[RowId, Any]:
        """The mean."""
        return dict.fromkeys(references, math.fsum(references.values()) / len(references))

    def parse(self, text: Any, spec: TaskSpec) -> float:
        """A finite number. Raises ScoreError."""
        try:
            value = float(text)
        except (TypeError, ValueError):
            value = math.nan
        if not math.isfinite(value):
            raise ScoreError(spec.name, f"answer {text!r} is no finite number", "write a number, for instance 3.25")
        return value

    def asked(self, spec: TaskSpec) -> str:
        """Which number."""
        return "Which number is it?"

    def written(self, reference: float) -> str:
        """The number in its shortest form."""
        return f"{reference:g}"

    def read_back(self, line: str, spec: TaskSpec) -> float | None:
        """The line's first number."""
        found = re.search(r"[-+]?\d+(?:\.\d+)?", line)
        return float(found[0]) if found else None
