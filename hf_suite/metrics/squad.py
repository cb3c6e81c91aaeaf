"""The scores of the official SQuAD 1.1 and 2.0 scripts. Reads no file and forgives no missing row.

Written anew from what the scripts compute (https://rajpurkar.github.io/SQuAD-explorer). The two
differ where a text normalises to nothing: 1.1 gives it an F1 of 0 even against another nothing; 2.0 gives 1,
and first drops such golds.
"""

import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy

from hf_suite.errors import ScoreError
from hf_suite.metrics.base import Answers, References, RowId
from hf_suite.spec import TaskSpec

Scores = dict[str, float | None]

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")


def normalize(text: str) -> str:
    """The text in lower case, without ASCII punctuation and English articles, its words one space apart."""
    return " ".join(tokens(text))


@lru_cache(maxsize=1 << 17)
def tokens(text: str) -> tuple[str, ...]:
    """The words of `normalize(text)`."""
    return tuple(_ARTICLE.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def row_v1(text: str, golds: Sequence[str]) -> tuple[float, float]:
    """(exact match, F1), each 0 to 1 and the best over the golds, of which there must be one."""
    return max(_exact(text, gold) for gold in golds), max(_f1(text, gold, 0.0) for gold in golds)


def row_v2(text: str, golds: Sequence[str]) -> tuple[float, float]:
    """(exact match, F1), each 0 to 1 and the best over the golds that say something, or "" if none does."""
    saying = [gold for gold in golds if tokens(gold)] or [""]
    return max(_exact(text, gold) for gold in saying), max(_f1(text, gold, 1.0) for gold in saying)


def _exact(text: str, gold: str) -> float:
    return float(tokens(text) == tokens(gold))


def _f1(text: str, gold: str, both_empty: float) -> float:
    """F1 of two bags of words: a word counts as often as both have it."""
    said, wanted = tokens(text), tokens(gold)
    if not said and not wanted:
        return both_empty
    if set(said).isdisjoint(wanted):
        return 0.0
    common = (Counter(said) & Counter(wanted)).total()
    precision, recall = common / len(said), common / len(wanted)
    return 2 * precision * recall / (precision + recall)


def official_v1(predictions: Mapping[RowId, str], references: References) -> dict[str, float]:
    """exact_match and f1 in percent. `references` are lists of gold texts, of the same rows, at least one.

    Raises ScoreError where a row has no gold text: the script knows no unanswerable question.
    """
    _check_answerable(references)
    rows = [row_v1(predictions[row], golds) for row, golds in references.items()]
    return {"exact_match": _percent([exact for exact, _ in rows]), "f1": _percent([f1 for _, f1 in rows])}


def official_v2(
    predictions: Mapping[RowId, str],
    references: References,
    *,
    no_answer: Mapping[RowId, float] | None = None,
    threshold: float = 1.0,
) -> dict[str, float]:
    """exact, f1, total, the same of HasAns_ and NoAns_ rows where there are such, with `no_answer` best_*.

    `predictions` are texts, `references` lists of gold texts (empty: unanswerable), of the same rows, at
    least one. `no_answer` says how surely a row has none, a probability or a difference of scores: above
    `threshold` the text does not count, and the row is right if it is unanswerable. best_* are over all
    thresholds.
    """
    raw = {row: row_v2(predictions[row], golds) for row, golds in references.items()}
    kept = raw if no_answer is None else _withheld(raw, references, no_answer, threshold)
    scores = _part("", list(kept.values()))
    for prefix, answerable in (("HasAns_", True), ("NoAns_", False)):
        part = [kept[row] for row, golds in references.items() if bool(golds) is answerable]
        scores |= _part(prefix, part) if part else {}
    return scores if no_answer is None else scores | best_v2(predictions, references, no_answer)


def best_v2(
    predictions: Mapping[RowId, str], references: References, no_answer: Mapping[RowId, float]
) -> dict[str, float]:
    """best_exact, best_exact_thresh, best_f1, best_f1_thresh: at the best thresholds on no_answer."""
    raw = {row: row_v2(predictions[row], golds) for row, golds in references.items()}
    exact, exact_threshold = _sweep(
        predictions, references, no_answer, scores={row: pair[0] for row, pair in raw.items()}
    )
    f1, f1_threshold = _sweep(predictions, references, no_answer, scores={row: pair[1] for row, pair in raw.items()})
    return {
        "best_exact": exact,
        "best_exact_thresh": exact_threshold,
        "best_f1": f1,
        "best_f1_thresh": f1_threshold,
    }


def _withheld(
    raw: Mapping[RowId, tuple[float, float]],
    references: References,
    no_answer: Mapping[RowId, float],
    threshold: float,
) -> dict[RowId, tuple[float, float]]:
    """The rows' scores once every text above the threshold is taken back."""
    nothing = {row: (float(not golds), float(not golds)) for row, golds in references.items()}
    return {row: nothing[row] if no_answer[row] > threshold else pair for row, pair in raw.items()}


def _part(prefix: str, rows: Sequence[tuple[float, float]]) -> dict[str, float]:
    exact, f1 = _percent([pair[0] for pair in rows]), _percent([pair[1] for pair in rows])
    return {f"{prefix}exact": exact, f"{prefix}f1": f1, f"{prefix}total": len(rows)}


def _percent(values: Sequence[float]) -> float:
    return 100.0 * sum(values) / len(values)


def _sweep(
    predictions: Mapping[RowId, str],
    references: References,
    no_answer: Mapping[RowId, float],
    *,
    scores: Mapping[RowId, float],
) -> tuple[float, float]:
    """(best score in percent, its threshold), letting rows speak one after another, the surest first.

    As in the script, an unanswerable row costs 1 as soon as its text is not the empty string, even where it
    normalises to nothing. The script's threshold for saying nothing at all is 0, which is right for
    probabilities; where a row lies below 0 ours is one under which no row lies.
    """
    lowest = min(no_answer.values())
    best_threshold = 0.0 if lowest >= 0 else lowest - 1.0
    current = best = float(sum(not golds for golds in references.values()))
    for row in sorted(no_answer, key=no_answer.__getitem__):
        current += scores[row] if references[row] else -float(predictions[row] != "")
        if current > best:
            best, best_threshold = current, no_answer[row]
    return 100.0 * best / len(scores), best_threshold


def score_squad(answers: Answers, references: References, spec: TaskSpec, *, evidence: object = None) -> Scores:
    """METRICS' squad: exact_match, f1. Raises ScoreError where a row has no gold answer."""
    return {**official_v1(_texts(answers), references)}


def rows_squad(answers: Answers, references: References, spec: TaskSpec) -> numpy.ndarray:
    """(rows, 3): exact match and F1 (0 to 1), 1. Raises ScoreError where a row has no gold answer."""
    _check_answerable(references)
    lines = [(*row_v1(answer["text"], references[row]), 1.0) for row, answer in answers.items()]
    return numpy.array(lines, dtype=numpy.float64).reshape(-1, 3)


def total_squad(sums: numpy.ndarray) -> Scores:
    """exact_match and f1 of the rows whose lines were summed."""
    exact, f1, count = sums
    return {"exact_match": _share(exact, count), "f1": _share(f1, count)}


def score_squad_v2(
    answers: Answers,
    references: References,
    spec: TaskSpec,
    *,
    evidence: Mapping[RowId, Mapping[str, Any]] | None = None,
) -> Scores:
    """METRICS' squad_v2: the answers' texts as they were decided.

    best_* come from the evidence's best spans and null scores, or from no_answer where all answers have it.
    """
    scores = official_v2(_texts(answers), references)
    if evidence is not None and all("spans" in found for found in evidence.values()):
        spans = {row: _best_span(evidence[row]) for row in references}
        texts = {row: text for row, (text, _) in spans.items()}
        return {**scores, **best_v2(texts, references, {row: value for row, (_, value) in spans.items()})}
    no_answer = {row: answers[row]["no_answer"] for row in references}
    known = None not in no_answer.values()
    return {**scores, **(best_v2(_texts(answers), references, no_answer) if known else {})}


def _best_span(found: Mapping[str, Any]) -> tuple[str, float]:
    """(text, null score less span score); a context without spans has an empty one, worse than no answer."""
    text, _, _, score = found["spans"][0] if found["spans"] else ("", 0, 0, found["null"] - 1.0)
    return text, found["null"] - score


def rows_squad_v2(answers: Answers, references: References, spec: TaskSpec) -> numpy.ndarray:
    """(rows, 6): exact, F1 (0 to 1) and 1 where the row has an answer; the same three where it has none."""
    lines = numpy.zeros((len(answers), 6))
    for line, (row, answer) in zip(lines, answers.items(), strict=True):
        half = slice(0, 3) if references[row] else slice(3, 6)
        line[half] = *row_v2(answer["text"], references[row]), 1.0
    return lines


def total_squad_v2(sums: numpy.ndarray) -> Scores:
    """All but best_* (which look at all rows at once) of the rows whose lines were summed."""
    scores: Scores = {}
    for prefix, (exact, f1, count) in (
        ("", sums[:3] + sums[3:]),
        ("HasAns_", sums[:3]),
        ("NoAns_", sums[3:]),
    ):
        if count or not prefix:
            named = {"exact": _share(exact, count), "f1": _share(f1, count), "total": float(count)}
            scores |= {f"{prefix}{name}": value for name, value in named.items()}
    return scores


def _share(value: float, count: float) -> float | None:
    return float(100.0 * value / count) if count else None


def _texts(answers: Answers) -> dict[RowId, str]:
    return {row: answer["text"] for row, answer in answers.items()}


def _check_answerable(references: References) -> None:
    bare = [row for row, golds in references.items() if not golds]
    if bare:
        named = ", ".join(str(row) for row in bare[:3])
        finding = f"{len(bare):,} of {len(references):,} rows have no gold answer ({named})"
        raise ScoreError("squad", finding, "it scores answerable questions; take squad_v2")
