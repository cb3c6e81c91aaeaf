"""Classification: a text, or a pair, gets one of the labels or a number. Says nothing of how a model finds it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from hf_suite.errors import ConfigError, ScoreError
from hf_suite.kinds.base import Evidence, Row, best_constant
from hf_suite.metrics.base import RowId
from hf_suite.spec import TaskSpec, normalized


class Classification:
    """Evidence is `{"scores": {label name: logit}}`, or `{"value": number}` on the label's own scale.

    Scores carry their label's name, so no order of labels can be mistaken after the model. The answer is a label name
    or a number.
    """

    inputs: ClassVar[frozenset[str]] = frozenset({"text"})
    optional: ClassVar[frozenset[str]] = frozenset({"text_pair", "id"})

    def targets(self, spec: TaskSpec) -> frozenset[str]:
        """The label."""
        return frozenset({"label"})

    def check(self, spec: TaskSpec) -> None:
        """Labels stand exactly where the target is a label. Raises ConfigError."""
        if spec.target == "number" and spec.labels is not None:
            raise ConfigError(f"{spec.name}.labels", "a number has no labels", "take the key out, or set target: label")
        if spec.target == "label" and (spec.labels is None or len(spec.labels) < 2):
            raise ConfigError(
                f"{spec.name}.labels", "fewer than two", "list the label names in the order of the data's ids"
            )
        for label, into in spec.merge.items():
            if into not in (spec.labels or ()):
                listed = ", ".join(spec.labels or ())
                raise ConfigError(
                    f"{spec.name}.merge", f"{label} goes to {into!r}, which is no label", f"labels are: {listed}"
                )

    def reference(self, row: Row, spec: TaskSpec) -> str | float | None:
        """The row's label name, or its number."""
        return row.get("label")

    def fits(self, spec: TaskSpec) -> bool:
        """Nothing needs fitting: the highest score decides."""
        return False

    def fit(
        self, evidence: Mapping[RowId, Evidence], references: Mapping[RowId, Any], spec: TaskSpec
    ) -> dict[str, float]:
        """Nothing."""
        return {}

    def decide(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> str | float:
        """The label with the highest score (the first of equals), after `merge`; or the number."""
        if "value" in evidence:
            return evidence["value"]
        best = max(evidence["scores"], key=evidence["scores"].__getitem__)
        return spec.merge.get(best, best)

    def margin(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> float | None:
        """The highest score less the highest of a label that is another answer, after `merge`."""
        if "value" in evidence:
            return None
        answer = self.decide(evidence, fitted, spec)
        others = [score for label, score in evidence["scores"].items() if spec.merge.get(label, label) != answer]
        return max(evidence["scores"].values()) - max(others) if others else None

    def baseline(self, references: Mapping[RowId, Any], spec: TaskSpec) -> Mapping[RowId, Any]:
        """The label, given to every row, whose headline is best; for numbers the mean."""
        if spec.target == "number":
            mean = math.fsum(references.values()) / len(references)
            return dict.fromkeys(references, mean)
        return best_constant(spec.labels or (), references, spec)

    def parse(self, text: Any, spec: TaskSpec) -> str | float:
        """A label by its name (case, spaces and hyphens do not count) or a finite number. Raises ScoreError."""
        if spec.target == "number":
            return _number(text, spec)
        names = {normalized(label): label for label in spec.labels or ()}
        found = names.get(normalized(text)) if isinstance(text, str) else None
        if found is None:
            raise ScoreError(spec.name, f"answer {text!r} is no label", f"write one of: {', '.join(spec.labels or ())}")
        return found

    def empty_inputs(self, rows: Sequence[Row]) -> int:
        """Rows with a text, or text pair, of whitespace alone."""
        return sum(not row["text"].strip() or not row.get("text_pair", "-").strip() for row in rows)


def _number(text: Any, spec: TaskSpec) -> float:
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise ScoreError(spec.name, f"answer {text!r} is no finite number", "write a number, for instance 3.25")
    return value
