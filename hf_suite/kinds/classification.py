"""Classification: a text, or a pair, gets one of the labels, several or a number. Says nothing of how it is found."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from hf_suite.errors import ConfigError
from hf_suite.kinds.base import Evidence, Row, wrote
from hf_suite.kinds.calibration import HEAT
from hf_suite.kinds.number import Number
from hf_suite.kinds.one_label import OneLabel
from hf_suite.kinds.several_labels import SeveralLabels
from hf_suite.metrics.base import RowId
from hf_suite.spec import TaskSpec


class Target(Protocol):
    """What a row of a classification is answered by: `task.target`. Its methods are those of Kind."""

    def check(self, spec: TaskSpec) -> None:
        """Refuse a spec that says too little or too much. Raises ConfigError."""

    def fits(self) -> bool:
        """Whether rows are decided well only after something is fitted on tune."""

    def gains(self) -> bool:
        """Whether tune betters what is told of a row."""

    def fit(
        self, evidence: Mapping[RowId, Evidence], references: Mapping[RowId, Any], spec: TaskSpec
    ) -> dict[str, float]:
        """What is fitted, by name."""

    def calibration(
        self,
        evidence: Mapping[RowId, Evidence],
        references: Mapping[RowId, Any],
        fitted: Mapping[str, float],
        spec: TaskSpec,
    ) -> dict[str, float]:
        """How far confidence is from the truth."""

    def decide(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> Any:
        """The answer that scores, or a value, give."""

    def unreadable(self, spec: TaskSpec) -> Any:
        """The answer where a model wrote none."""

    def shares(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> dict[str, float]:
        """Label -> probability."""

    def confidence(self, answer: Any, shares: Mapping[str, float]) -> float:
        """The answer's probability."""

    def margin(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> float | None:
        """The way of the scores to another answer."""

    def miss(self, answer: Any, reference: Any) -> float:
        """How far the answer is from the reference."""

    def baseline(self, references: Mapping[RowId, Any], spec: TaskSpec) -> Mapping[RowId, Any]:
        """The best constant answer."""

    def parse(self, text: Any, spec: TaskSpec) -> Any:
        """An answer as a predictions file writes it. Raises ScoreError."""

    def asked(self, spec: TaskSpec) -> str:
        """The question that ends a prompt."""

    def written(self, reference: Any) -> str:
        """A reference as a model should write it."""

    def read_back(self, line: str, spec: TaskSpec) -> Any | None:
        """The answer in a line; None where it is none."""


TARGETS: dict[str, Target] = {"label": OneLabel(), "labels": SeveralLabels(), "number": Number()}
"""`task.target` -> what is answered."""


class Classification:
    """Evidence is `{"scores": {label name: logit}}`, or `{"value": number}` on the label's own scale.

    A prompted model's scores are log-likelihoods of the labels' words. Scores carry their label's name, so no order of
    labels can be mistaken after the model. The answer is a label name, a list of them in the task's order, or a number;
    where a model wrote none of these it is what TARGETS says.
    """

    inputs: ClassVar[frozenset[str]] = frozenset({"text"})
    optional: ClassVar[frozenset[str]] = frozenset({"text_pair", "id"})
    baseline_name: ClassVar[str] = "best constant answer"

    def targets(self, spec: TaskSpec) -> frozenset[str]:
        """The label."""
        return frozenset({"label"})

    def check(self, spec: TaskSpec) -> None:
        """Labels stand exactly where the target is one or several of them. Raises ConfigError."""
        if spec.separator is not None and spec.target != "labels":
            remedy = "take the key out, or set target: labels"
            raise ConfigError(f"{spec.name}.separator", "it stands between several labels of a row", remedy)
        TARGETS[spec.target].check(spec)
        for label, into in spec.merge.items():
            if into not in (spec.labels or ()):
                listed = ", ".join(spec.labels or ())
                raise ConfigError(
                    f"{spec.name}.merge", f"{label} goes to {into!r}, which is no label", f"labels are: {listed}"
                )

    def reference(self, row: Row, spec: TaskSpec) -> str | float | list[str] | None:
        """The row's label name, its names, or its number."""
        return row.get("label")

    def under(self, spec: TaskSpec, protocol: str | None) -> TaskSpec:
        """The task itself: an answer is the same however it was found."""
        return spec

    def fits(self, spec: TaskSpec, protocol: str | None) -> bool:
        """The threshold, where several labels are scored."""
        return TARGETS[spec.target].fits() and protocol in (None, "head")

    def gains(self, spec: TaskSpec, protocol: str | None) -> bool:
        """The temperature, where labels are scored."""
        return TARGETS[spec.target].gains() and protocol in (None, "head", "likelihood")

    def fit(
        self, evidence: Mapping[RowId, Evidence], references: Mapping[RowId, Any], spec: TaskSpec
    ) -> dict[str, float]:
        """The temperature that makes confidence true, and the threshold of several labels; nothing of no rows."""
        return TARGETS[spec.target].fit(evidence, references, spec) if evidence else {}

    def calibration(
        self,
        evidence: Mapping[RowId, Evidence],
        references: Mapping[RowId, Any],
        fitted: Mapping[str, float],
        spec: TaskSpec,
    ) -> dict[str, float]:
        """The expected calibration error in percent without the temperature and with it."""
        return TARGETS[spec.target].calibration(evidence, references, fitted, spec) if HEAT in fitted else {}

    def decide(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> Any:
        """What the scores say, after `merge`; or the number; or what was written."""
        text = wrote(evidence)
        if text is None:
            return TARGETS[spec.target].decide(evidence, fitted, spec)
        answer = self.read_back(text, spec)
        return TARGETS[spec.target].unreadable(spec) if answer is None else answer

    def told(
        self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec, *, everything: bool = False
    ) -> dict[str, Any]:
        """The answer and its probability, with every label's where everything is asked for; a number stands alone."""
        answer, target = self.decide(evidence, fitted, spec), TARGETS[spec.target]
        if "scores" not in evidence:
            texts = {"texts": list(evidence["texts"])} if everything and "texts" in evidence else {}
            return {"prediction": answer, **texts}
        shares = target.shares(evidence, fitted, spec)
        every = {f"probability_{label}": share for label, share in shares.items()} if everything else {}
        return {"prediction": answer, "confidence": target.confidence(answer, shares), **every}

    def margin(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> float | None:
        """The way of the scores to another answer, after `merge`."""
        return TARGETS[spec.target].margin(evidence, fitted, spec) if "scores" in evidence else None

    def miss(self, answer: Any, reference: Any, spec: TaskSpec) -> float:
        """1 for another label; of several the share that is not in both; for numbers the difference."""
        return TARGETS[spec.target].miss(answer, reference)

    def baseline(self, rows: Iterable[Row], references: Mapping[RowId, Any], spec: TaskSpec) -> Mapping[RowId, Any]:
        """The label, or the labels, given to every row, whose headline is best; for numbers the mean."""
        return TARGETS[spec.target].baseline(references, spec)

    def parse(self, text: Any, spec: TaskSpec) -> Any:
        """A label by its name (case, spaces and hyphens do not count), several, or a number. Raises ScoreError."""
        return TARGETS[spec.target].parse(text, spec)

    def diagnosis(
        self,
        rows: Iterable[Row],
        answers: Mapping[RowId, Any],
        references: Mapping[RowId, Any],
        evidence: Mapping[RowId, Evidence],
        spec: TaskSpec,
    ) -> dict[str, float]:
        """`absent_labels` that no row has; of a model that wrote `unreadable`, the rows whose text is no answer."""
        texts = [text for found in evidence.values() if (text := wrote(found)) is not None]
        unreadable = {"unreadable": sum(self.read_back(text, spec) is None for text in texts)} if texts else {}
        there = {label for gold in references.values() for label in (gold if isinstance(gold, list) else [gold])}
        absent = len(set(spec.labels or ()) - there)
        return {**unreadable, **({"absent_labels": absent} if absent else {})}

    def wording(self, spec: TaskSpec) -> str:
        """The text or both, then the labels to choose from."""
        read = "First: {text}\nSecond: {text_pair}" if "text_pair" in spec.columns else "Text: {text}"
        return f"{read}\n{TARGETS[spec.target].asked(spec)}\nAnswer:"

    def candidates(self, spec: TaskSpec) -> list[str]:
        """The labels with spaces for underscores; none for a number."""
        return [label.replace("_", " ") for label in spec.labels or ()]

    def written(self, reference: Any, spec: TaskSpec) -> str:
        """The labels with spaces for underscores, or the number in its shortest form."""
        return TARGETS[spec.target].written(reference)

    def read_back(self, text: str, spec: TaskSpec) -> Any | None:
        """What the first line that says something answers."""
        line = next((line for line in text.splitlines() if line.strip()), "")
        return TARGETS[spec.target].read_back(line, spec)

    def empty_inputs(self, rows: Sequence[Row]) -> int:
        """Rows with a text, or text pair, of whitespace alone."""
        return sum(not row["text"].strip() or not row.get("text_pair", "-").strip() for row in rows)
