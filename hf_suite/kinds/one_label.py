"""OneLabel: a row of a classification is answered by the one label with the highest score. Knows no other target."""

from collections.abc import Mapping
from typing import Any

from hf_suite.kinds import naming
from hf_suite.kinds.base import Evidence, best_constant
from hf_suite.kinds.calibration import HEAT, errors, probabilities, temperature
from hf_suite.metrics.base import RowId
from hf_suite.spec import TaskSpec

UNREADABLE = ""
"""The answer where a model wrote no label: it is none of them, and so is wrong."""


class OneLabel:
    """The answer is a label name."""

    def check(self, spec: TaskSpec) -> None:
        """There are labels. Raises ConfigError."""
        naming.check(spec)

    def fits(self) -> bool:
        """Nothing needs fitting: the highest score decides."""
        return False

    def gains(self) -> bool:
        """The temperature."""
        return True

    def fit(
        self, evidence: Mapping[RowId, Evidence], references: Mapping[RowId, Any], spec: TaskSpec
    ) -> dict[str, float]:
        """The temperature that makes confidence true."""

        def right(heat: float) -> list[float]:
            return [probabilities(evidence[row], spec, heat)[label] for row, label in references.items()]

        return temperature(right)

    def calibration(
        self,
        evidence: Mapping[RowId, Evidence],
        references: Mapping[RowId, Any],
        fitted: Mapping[str, float],
        spec: TaskSpec,
    ) -> dict[str, float]:
        """Of each row's likeliest label."""
        golds = list(references.values())
        return errors(lambda heat: [probabilities(evidence[row], spec, heat) for row in references], golds, fitted)

    def decide(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> str:
        """The label with the highest score (the first of equals), after `merge`."""
        best = max(evidence["scores"], key=evidence["scores"].__getitem__)
        return spec.merge.get(best, best)

    def unreadable(self, spec: TaskSpec) -> str:
        """No label."""
        return UNREADABLE

    def shares(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> dict[str, float]:
        """Label -> probability; they add up to 1."""
        return probabilities(evidence, spec, fitted.get(HEAT, 1.0))

    def confidence(self, answer: str, shares: Mapping[str, float]) -> float:
        """The label's probability."""
        return shares[answer]

    def margin(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> float | None:
        """The highest score less the highest of a label that is another answer, after `merge`."""
        answer = self.decide(evidence, fitted, spec)
        others = [score for label, score in evidence["scores"].items() if spec.merge.get(label, label) != answer]
        return max(evidence["scores"].values()) - max(others) if others else None

    def miss(self, answer: str, reference: str) -> float:
        """1 for another label."""
        return float(answer != reference)

    def baseline(self, references: Mapping[RowId, Any], spec: TaskSpec) -> Mapping[RowId, Any]:
        """The label, given to every row, whose headline is best."""
        return best_constant(spec.labels or (), references, spec)

    def parse(self, text: Any, spec: TaskSpec) -> str:
        """A label by its name. Raises ScoreError."""
        return naming.label(text, spec)

    def asked(self, spec: TaskSpec) -> str:
        """Which label."""
        return f"Which is it: {naming.listed(spec)}?"

    def written(self, reference: str) -> str:
        """The label with spaces for underscores."""
        return naming.in_words(reference)

    def read_back(self, line: str, spec: TaskSpec) -> str | None:
        """The label that the line opens with, else the only one it names."""
        begins = naming.opening(line, spec)
        found = [begins] if begins is not None else naming.named(line, spec)
        return found[0] if len(found) == 1 else None
