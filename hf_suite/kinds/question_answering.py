"""Question answering: a question gets a span of its context, or no answer. Says nothing of how a model finds it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from hf_suite.errors import ScoreError
from hf_suite.kinds.base import Evidence, Row, best_constant, softmax, wrote
from hf_suite.metrics.base import RowId
from hf_suite.metrics.squad import normalize, official_v2, row_v2
from hf_suite.spec import TaskSpec

_NONE = "unanswerable"


class QuestionAnswering:
    """Evidence is `{"spans": [[text, start, end, score], ...], "null": score}`, best span first, offsets in characters.

    The answer is `{"text": str, "no_answer": float}`: the text is empty where the question is held unanswerable, and
    no_answer is the null score less the best span's, None where the model wrote its answer. The reference is the list
    of gold texts, empty for none.
    """

    inputs: ClassVar[frozenset[str]] = frozenset({"question", "context"})
    optional: ClassVar[frozenset[str]] = frozenset({"id", "title"})
    baseline_name: ClassVar[str] = "best constant answer"

    def targets(self, spec: TaskSpec) -> frozenset[str]:
        """The gold answers."""
        return frozenset({"answers"})

    def check(self, spec: TaskSpec) -> None:
        """Nothing besides the roles."""

    def reference(self, row: Row, spec: TaskSpec) -> list[str] | None:
        """The gold texts; None where the row carries no `answers` at all."""
        answers = row.get("answers")
        return None if answers is None else list(answers["text"])

    def under(self, spec: TaskSpec, protocol: str | None) -> TaskSpec:
        """The task itself: an answer is the same however it was found."""
        return spec

    def fits(self, spec: TaskSpec, protocol: str | None) -> bool:
        """The null threshold, where questions may have no answer and spans are scored."""
        return spec.unanswerable and protocol in (None, "head")

    def gains(self, spec: TaskSpec, protocol: str | None) -> bool:
        """Nothing more."""
        return False

    def fit(
        self, evidence: Mapping[RowId, Evidence], references: Mapping[RowId, Any], spec: TaskSpec
    ) -> dict[str, float]:
        """The threshold on no_answer with the best F1, by the official script's search."""
        texts = {row: _best(found)[0] for row, found in evidence.items()}
        no_answer = {row: found["null"] - _best(found)[3] for row, found in evidence.items()}
        return {"null_threshold": official_v2(texts, references, no_answer=no_answer)["best_f1_thresh"]}

    def calibration(
        self,
        evidence: Mapping[RowId, Evidence],
        references: Mapping[RowId, Any],
        fitted: Mapping[str, float],
        spec: TaskSpec,
    ) -> dict[str, float]:
        """Nothing is said of it."""
        return {}

    def decide(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> dict[str, Any]:
        """The best span, or no text where no_answer is above the threshold (0 when none was fitted)."""
        answer = wrote(evidence)
        if answer is not None:
            return self.read_back(answer, spec)
        text, _, _, score = _best(evidence)
        no_answer = evidence["null"] - score
        if spec.unanswerable and no_answer > fitted.get("null_threshold", 0.0):
            text = ""
        return {"text": text, "no_answer": no_answer}

    def told(
        self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec, *, everything: bool = False
    ) -> dict[str, Any]:
        """The text, and its share in the softmax over the best spans and, where there may be none, no answer.

        With everything: its characters `start` and `end` in the context (null for no answer), `null_score`, and `best`,
        the spans with their scores.
        """
        text = self.decide(evidence, fitted, spec)["text"]
        if "spans" not in evidence:
            return {"prediction": text, **({"texts": list(evidence["texts"])} if everything else {})}
        spans = evidence["spans"]
        none = [evidence["null"]] if spec.unanswerable or not spans else []
        shares = softmax([*(span[3] for span in spans), *none])
        sure = shares[0] if text or not spec.unanswerable else shares[-1]
        if not everything:
            return {"prediction": text, "confidence": sure}
        start, end = spans[0][1:3] if text else (None, None)
        best = [dict(zip(("text", "start", "end", "score"), span, strict=True)) for span in spans]
        more = {"start": start, "end": end, "null_score": evidence["null"], "best": best}
        return {"prediction": text, "confidence": sure, **more}

    def margin(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> float | None:
        """The smaller of: best span less second span; distance of no_answer from the threshold."""
        if "spans" not in evidence:
            return None
        scores = [span[3] for span in evidence["spans"][:2]]
        gaps = [scores[0] - scores[1]] if len(scores) == 2 else []
        if spec.unanswerable:
            gaps.append(abs(evidence["null"] - _best(evidence)[3] - fitted.get("null_threshold", 0.0)))
        return min(gaps) if gaps else None

    def miss(self, answer: Any, reference: Any, spec: TaskSpec) -> float:
        """1 less the F1 of SQuAD 2.0's script."""
        return 1 - row_v2(answer["text"], reference)[1]

    def baseline(self, rows: Iterable[Row], references: Mapping[RowId, Any], spec: TaskSpec) -> Mapping[RowId, Any]:
        """No answer, or one of the 20 most frequent gold texts: whichever has the best headline."""
        counts = Counter(text for golds in references.values() for text in set(golds))
        texts = ["", *(text for text, _ in counts.most_common(20))]
        return best_constant([{"text": text, "no_answer": None} for text in texts], references, spec)

    def parse(self, text: Any, spec: TaskSpec) -> dict[str, Any]:
        """A text, empty for no answer. Raises ScoreError for anything else."""
        if not isinstance(text, str):
            raise ScoreError(spec.name, f"answer {text!r} is no text", 'write the answer as a string, "" for none')
        return {"text": text, "no_answer": None}

    def diagnosis(
        self,
        rows: Iterable[Row],
        answers: Mapping[RowId, Any],
        references: Mapping[RowId, Any],
        evidence: Mapping[RowId, Evidence],
        spec: TaskSpec,
    ) -> dict[str, float]:
        """Nothing: every text is an answer."""
        return {}

    def wording(self, spec: TaskSpec) -> str:
        """Context and question, and the word for no answer where there may be none."""
        way = f" (say {_NONE} where the text does not tell)" if spec.unanswerable else ""
        return "Text: {context}\nQuestion: {question}" + way + "\nAnswer:"

    def candidates(self, spec: TaskSpec) -> list[str]:
        """None: any text can be an answer."""
        return []

    def written(self, reference: Any, spec: TaskSpec) -> str:
        """The first gold text, or the word for none."""
        return reference[0] if reference else _NONE

    def read_back(self, text: str, spec: TaskSpec) -> dict[str, Any]:
        """The first line that says something; no text where that is the word for no answer."""
        line = next((line.strip() for line in text.splitlines() if line.strip()), "")
        none = spec.unanswerable and normalize(line) == _NONE
        return {"text": "" if none else line, "no_answer": None}

    def empty_inputs(self, rows: Sequence[Row]) -> int:
        """Rows with a question or context of whitespace alone."""
        return sum(not row["question"].strip() or not row["context"].strip() for row in rows)


def _best(evidence: Evidence) -> Sequence[Any]:
    """The best span; a context without any (an empty one) has the empty text, worse than no answer."""
    return evidence["spans"][0] if evidence["spans"] else ("", 0, 0, evidence["null"] - 1.0)
