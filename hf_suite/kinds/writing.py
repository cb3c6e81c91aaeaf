"""What the kinds that answer a source with a text share; each of them adds its wording and its baseline."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from hf_suite.errors import ScoreError
from hf_suite.kinds.base import Evidence, Row
from hf_suite.metrics.base import RowId
from hf_suite.metrics.matching import token_f1
from hf_suite.spec import TaskSpec

_LOOP = 4  # words; what a model repeats by chance is shorter


class Writing:
    """Evidence is `{"texts": [best first], "cut": bool, "margin": logits}`.

    The answer is the best text, the reference a list of texts. Role `target` holds a text or several, `references`
    further ones; training takes the first.
    """

    inputs: ClassVar[frozenset[str]] = frozenset({"source"})
    optional: ClassVar[frozenset[str]] = frozenset({"id", "references"})

    def targets(self, spec: TaskSpec) -> frozenset[str]:
        """The target."""
        return frozenset({"target"})

    def check(self, spec: TaskSpec) -> None:
        """Nothing besides the roles."""

    def reference(self, row: Row, spec: TaskSpec) -> list[str] | None:
        """The row's targets, then its further references; None where it has no target."""
        targets = row.get("target")
        return None if targets is None else [*targets, *(row.get("references") or ())]

    def under(self, spec: TaskSpec, protocol: str | None) -> TaskSpec:
        """The task itself: an answer is the same however it was found."""
        return spec

    def fits(self, spec: TaskSpec, protocol: str | None) -> bool:
        """Nothing needs fitting."""
        return False

    def gains(self, spec: TaskSpec, protocol: str | None) -> bool:
        """Nothing more."""
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
        """Nothing is said of it."""
        return {}

    def decide(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> str:
        """The best text."""
        return evidence["texts"][0]

    def told(
        self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec, *, everything: bool = False
    ) -> dict[str, Any]:
        """The best text; with everything all texts, best first, and whether the best met its limit (`cut`)."""
        more = {"texts": list(evidence["texts"]), "cut": evidence["cut"]} if everything else {}
        return {"prediction": self.decide(evidence, fitted, spec), **more}

    def margin(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> float | None:
        """The nearest that a token of the best text was to another; None of beams, where no token is final."""
        return evidence.get("margin")

    def miss(self, answer: Any, reference: Any, spec: TaskSpec) -> float:
        """1 less the F1 of words with the nearest reference."""
        return 1 - max(token_f1(answer, gold) for gold in reference)

    def parse(self, text: Any, spec: TaskSpec) -> str:
        """A text. Raises ScoreError for anything else."""
        if not isinstance(text, str):
            raise ScoreError(spec.name, f"answer {text!r} is no text", "write the answer as a string")
        return text

    def diagnosis(
        self,
        rows: Iterable[Row],
        answers: Mapping[RowId, Any],
        references: Mapping[RowId, Any],
        evidence: Mapping[RowId, Evidence],
        spec: TaskSpec,
    ) -> dict[str, float]:
        """The answers' characters over the first references', and how many are empty, copied, repeating and cut.

        A copy is the source but for case and white space; a repeating answer says four words in a row twice.
        """
        wanted = sum(len(texts[0]) for texts in references.values())
        copies = sum(_plain(answers[row["row"]]) == _plain(row["source"]) for row in rows)
        return {
            **({"length_ratio": sum(map(len, answers.values())) / wanted} if wanted else {}),
            "empty_answers": sum(not answer.strip() for answer in answers.values()),
            "copied_answers": copies,
            "repeating_answers": sum(map(_repeats, answers.values())),
            **({"cut_answers": sum(bool(found.get("cut")) for found in evidence.values())} if evidence else {}),
        }

    def candidates(self, spec: TaskSpec) -> list[str]:
        """None: any text can be an answer."""
        return []

    def written(self, reference: Any, spec: TaskSpec) -> str:
        """The first reference."""
        return reference[0]

    def read_back(self, text: str, spec: TaskSpec) -> str:
        """The text without the white space around it."""
        return text.strip()

    def empty_inputs(self, rows: Sequence[Row]) -> int:
        """Rows with a source of whitespace alone."""
        return sum(not row["source"].strip() for row in rows)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _repeats(text: str) -> bool:
    words = text.split()
    runs = Counter(tuple(words[at : at + _LOOP]) for at in range(len(words) - _LOOP + 1))
    return any(count > 1 for count in runs.values())
