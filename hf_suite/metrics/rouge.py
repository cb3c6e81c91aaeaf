"""ROUGE-1, -2, -L and -Lsum by rouge_score, as F-measures in percent, for any script and several references.

rougeLsum compares sentence by sentence, as the ROUGE-L of papers on summarization does; rougeL takes the text as one
sentence. The library's own tokenizer keeps ASCII alone, so that a Russian text has a score of 0 against itself: it
serves English, stemmed, and everything else is read by `segmenting.words`, unstemmed.
"""

import importlib.metadata
from collections.abc import Iterable
from typing import Any

import numpy

from hf_suite.metrics import segmenting
from hf_suite.metrics.base import Answers, References
from hf_suite.spec import TaskSpec

Scores = dict[str, float | None]

TYPES = ("rouge1", "rouge2", "rougeL", "rougeLsum")
_FOREIGN = 0.01  # share of letters beyond ASCII above which a text in no named language is held not to be English


class _Words:
    """`segmenting.words` in the form in which rouge_score takes a tokenizer."""

    def tokenize(self, text: str) -> list[str]:
        """The words."""
        return segmenting.words(text)


def score_rouge(answers: Answers, references: References, spec: TaskSpec, *, evidence: object = None) -> Scores:
    """METRICS' rouge: of each type the best reference's F-measure, averaged over rows; None without rows.

    Where a row has several references, `rouge1_mean` and so on average over these too.
    """
    return total_rouge(rows_rouge(answers, references, spec).sum(axis=0))


def rows_rouge(answers: Answers, references: References, spec: TaskSpec) -> numpy.ndarray:
    """(rows, 10): best F-measures of the four types, mean ones (0 to 1), 1, whether there are several references."""
    from rouge_score.rouge_scorer import RougeScorer

    english = _english(references, spec)
    scorer = RougeScorer(TYPES, use_stemmer=english, tokenizer=None if english else _Words())
    lines = []
    for row, answer in answers.items():
        found = numpy.array([_measures(scorer, answer, gold) for gold in references[row]])
        lines.append([*found.max(axis=0), *found.mean(axis=0), 1.0, float(len(found) > 1)])
    return numpy.array(lines, dtype=numpy.float64).reshape(-1, 10)


def total_rouge(sums: numpy.ndarray) -> Scores:
    """The scores of the rows whose lines were summed."""
    count, several = sums[8:]
    best = dict(zip(TYPES, sums[:4], strict=True))
    mean = dict(zip((f"{name}_mean" for name in TYPES), sums[4:8], strict=True)) if several else {}
    return {name: float(100.0 * value / count) if count else None for name, value in {**best, **mean}.items()}


def signature(answers: Answers, references: References, spec: TaskSpec, *, evidence: object = None) -> str:
    """References, tokenizer, stemmer, sentence rules and rouge_score's version."""
    english = _english(references, spec)
    counts = {len(references[row]) for row in answers}
    parts = {
        "nrefs": counts.pop() if len(counts) == 1 else "var",
        "measure": "f",
        "tok": "rouge_score" if english else segmenting.WORDS,
        "stem": "porter" if english else "no",
        "sentences": segmenting.SENTENCES,
        "version": importlib.metadata.version("rouge-score"),
    }
    return "|".join(f"{name}:{value}" for name, value in parts.items())


def _measures(scorer: Any, answer: str, gold: str) -> list[float]:
    found = scorer.score(*("\n".join(segmenting.sentences(text)) for text in (gold, answer)))
    return [found[name].fmeasure for name in TYPES]


def _english(references: References, spec: TaskSpec) -> bool:
    """Whether the task says so; where it names no language, whether hardly a letter is beyond ASCII."""
    if "target" in spec.languages:
        return spec.languages["target"].replace("-", "_").partition("_")[0].lower() == "en"
    letters = [letter for text in _texts(references) for letter in text if letter.isalpha()]
    return sum(not letter.isascii() for letter in letters) <= _FOREIGN * len(letters)


def _texts(references: References) -> Iterable[str]:
    return (text for texts in references.values() for text in texts)
