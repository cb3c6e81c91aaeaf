"""Classification: a text, or a pair, gets one of the labels or a number. Says nothing of how a model finds it."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from hf_suite.errors import ConfigError, ScoreError
from hf_suite.kinds.base import Evidence, Row, best_constant, wrote
from hf_suite.kinds.calibration import expected_error, probabilities, temperature
from hf_suite.metrics.base import RowId
from hf_suite.spec import TaskSpec, normalized

_HEAT = "temperature"
UNREADABLE = ""
"""The answer where a model wrote no label."""


class Classification:
    """Evidence is `{"scores": {label name: logit}}`, or `{"value": number}` on the label's own scale.

    Scores carry their label's name, so no order of labels can be mistaken after the model. The answer is a label name
    or a number; where a model wrote neither it is UNREADABLE, which is no label and so is wrong, or for a number the
    train labels' mean.
    """

    inputs: ClassVar[frozenset[str]] = frozenset({"text"})
    optional: ClassVar[frozenset[str]] = frozenset({"text_pair", "id"})
    baseline_name: ClassVar[str] = "best constant answer"

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

    def fits(self, spec: TaskSpec, protocol: str | None) -> bool:
        """Nothing needs fitting: the highest score decides."""
        return False

    def gains(self, spec: TaskSpec, protocol: str | None) -> bool:
        """The temperature, where labels are scored."""
        return spec.target == "label" and protocol in (None, "head")

    def fit(
        self, evidence: Mapping[RowId, Evidence], references: Mapping[RowId, Any], spec: TaskSpec
    ) -> dict[str, float]:
        """The temperature that makes confidence true; nothing of no rows."""
        return {_HEAT: temperature(evidence, references, spec)} if evidence else {}

    def calibration(
        self,
        evidence: Mapping[RowId, Evidence],
        references: Mapping[RowId, Any],
        fitted: Mapping[str, float],
        spec: TaskSpec,
    ) -> dict[str, float]:
        """The expected calibration error in percent without the temperature and with it."""
        if _HEAT not in fitted:
            return {}
        golds = list(references.values())
        heats = {"calibration_error": 1.0, "calibration_error_at_temperature": fitted[_HEAT]}
        return {
            name: expected_error((probabilities(evidence[row], spec, heat) for row in references), golds)
            for name, heat in heats.items()
        }

    def decide(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> str | float:
        """The label with the highest score (the first of equals), after `merge`; or the number; or what was written."""
        if "value" in evidence:
            return evidence["value"]
        text = wrote(evidence)
        if text is not None:
            answer = self.read_back(text, spec)
            return _no_answer(spec) if answer is None else answer
        best = max(evidence["scores"], key=evidence["scores"].__getitem__)
        return spec.merge.get(best, best)

    def told(
        self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec, *, everything: bool = False
    ) -> dict[str, Any]:
        """The label and its probability, with every label's where everything is asked for; a number stands alone."""
        answer = self.decide(evidence, fitted, spec)
        if "scores" not in evidence:
            texts = {"texts": list(evidence["texts"])} if everything and "texts" in evidence else {}
            return {"prediction": answer, **texts}
        shares = probabilities(evidence, spec, fitted.get(_HEAT, 1.0))
        every = {f"probability_{label}": share for label, share in shares.items()} if everything else {}
        return {"prediction": answer, "confidence": shares[str(answer)], **every}

    def margin(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> float | None:
        """The highest score less the highest of a label that is another answer, after `merge`."""
        if "scores" not in evidence:
            return None
        answer = self.decide(evidence, fitted, spec)
        others = [score for label, score in evidence["scores"].items() if spec.merge.get(label, label) != answer]
        return max(evidence["scores"].values()) - max(others) if others else None

    def baseline(self, rows: Iterable[Row], references: Mapping[RowId, Any], spec: TaskSpec) -> Mapping[RowId, Any]:
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

    def diagnosis(
        self,
        rows: Iterable[Row],
        answers: Mapping[RowId, Any],
        references: Mapping[RowId, Any],
        evidence: Mapping[RowId, Evidence],
        spec: TaskSpec,
    ) -> dict[str, float]:
        """Of a model that wrote: `unreadable`, the rows whose text is no label (or number)."""
        texts = [text for found in evidence.values() if (text := wrote(found)) is not None]
        return {"unreadable": sum(self.read_back(text, spec) is None for text in texts)} if texts else {}

    def wording(self, spec: TaskSpec) -> str:
        """The text or both, then the labels to choose from."""
        read = "First: {text}\nSecond: {text_pair}" if "text_pair" in spec.columns else "Text: {text}"
        asked = "Which number is it?" if spec.target == "number" else f"Which is it: {_listed(self.candidates(spec))}?"
        return f"{read}\n{asked}\nAnswer:"

    def candidates(self, spec: TaskSpec) -> list[str]:
        """The labels with spaces for underscores; none for a number."""
        return [label.replace("_", " ") for label in spec.labels or ()]

    def written(self, reference: Any, spec: TaskSpec) -> str:
        """The label with spaces for underscores, or the number in its shortest form."""
        return reference.replace("_", " ") if isinstance(reference, str) else f"{reference:g}"

    def read_back(self, text: str, spec: TaskSpec) -> str | float | None:
        """The label that the first line opens with, else the only one it names, after `merge`; or its first number.

        Case and punctuation do not count, and of `not entailment` and `entailment` the longer is read.
        """
        line = next((line for line in text.splitlines() if line.strip()), "")
        if spec.target == "number":
            found = re.search(r"[-+]?\d+(?:\.\d+)?", line)
            return float(found[0]) if found else None
        names = {_words(label): label for label in (*(spec.labels or ()), *spec.merge)}
        choices = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
        pattern = re.compile(rf"(?<!\S)(?:{choices})(?!\S)")
        opening = pattern.match(_words(line))
        named = {opening[0]} if opening else set(pattern.findall(_words(line)))
        label = names[named.pop()] if len(named) == 1 else None
        return None if label is None else spec.merge.get(label, label)

    def empty_inputs(self, rows: Sequence[Row]) -> int:
        """Rows with a text, or text pair, of whitespace alone."""
        return sum(not row["text"].strip() or not row.get("text_pair", "-").strip() for row in rows)


def _no_answer(spec: TaskSpec) -> str | float:
    if spec.target == "number":
        return spec.scale.mean if spec.scale is not None else 0.0
    return UNREADABLE


def _words(text: str) -> str:
    """Its words in lower case, one space apart."""
    return re.sub(r"[\W_]+", " ", text.casefold()).strip()


def _listed(names: Sequence[str]) -> str:
    """`a, b or c`."""
    return " or ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _number(text: Any, spec: TaskSpec) -> float:
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise ScoreError(spec.name, f"answer {text!r} is no finite number", "write a number, for instance 3.25")
    return value
