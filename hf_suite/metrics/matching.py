"""Exact match, token F1 and character error rate of texts, each against the nearest of a row's references.

Before comparing, a text is brought to NFC, and each run of white space to one space, none outside; case counts. The
character error rate is Levenshtein's distance over the reference's characters (code points), summed over the rows
before dividing, so it can exceed 100.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable

import numpy

from hf_suite.metrics.base import Answers, References
from hf_suite.spec import TaskSpec

Scores = dict[str, float | None]


def plain(text: str) -> str:
    """The text in NFC, its words one space apart."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def token_f1(text: str, reference: str) -> float:
    """2 common / (both lengths) of two bags of words, 0 to 1; two texts without words have 1."""
    said, wanted = plain(text).split(), plain(reference).split()
    common = (Counter(said) & Counter(wanted)).total()
    return 2 * common / (len(said) + len(wanted)) if said or wanted else 1.0


def distance(one: str, other: str) -> int:
    """Levenshtein's: the fewest insertions, deletions and substitutions of code points that make one text the other."""
    letters = numpy.array([ord(letter) for letter in other], dtype=numpy.int64)
    places = numpy.arange(len(other) + 1)
    line = places
    for letter in one:
        changed = numpy.minimum(line[1:] + 1, line[:-1] + (letters != ord(letter)))
        line = numpy.concatenate([line[:1] + 1, changed])
        line = numpy.minimum.accumulate(line - places) + places  # insertions, along the line
    return int(line[-1])


def score_exact_match(answers: Answers, references: References, spec: TaskSpec, *, evidence: object = None) -> Scores:
    """METRICS' exact_match, in percent."""
    return total_exact_match(rows_exact_match(answers, references, spec).sum(axis=0))


def rows_exact_match(answers: Answers, references: References, spec: TaskSpec) -> numpy.ndarray:
    """(rows, 2): equal to a reference, 1."""
    return _best(answers, references, lambda text, gold: float(plain(text) == plain(gold)))


def total_exact_match(sums: numpy.ndarray) -> Scores:
    """The share of the rows whose lines were summed."""
    return {"exact_match": _percent(*sums)}


def score_token_f1(answers: Answers, references: References, spec: TaskSpec, *, evidence: object = None) -> Scores:
    """METRICS' token_f1, in percent."""
    return total_token_f1(rows_token_f1(answers, references, spec).sum(axis=0))


def rows_token_f1(answers: Answers, references: References, spec: TaskSpec) -> numpy.ndarray:
    """(rows, 2): the best F1 over the references, 1."""
    return _best(answers, references, token_f1)


def total_token_f1(sums: numpy.ndarray) -> Scores:
    """The mean of the rows whose lines were summed."""
    return {"token_f1": _percent(*sums)}


def score_cer(answers: Answers, references: References, spec: TaskSpec, *, evidence: object = None) -> Scores:
    """METRICS' cer, in percent of the references' characters."""
    return total_cer(rows_cer(answers, references, spec).sum(axis=0))


def rows_cer(answers: Answers, references: References, spec: TaskSpec) -> numpy.ndarray:
    """(rows, 2): the distance to the reference that is nearest by its length, that reference's characters."""
    lines = []
    for row, answer in answers.items():
        pairs = [(distance(plain(answer), plain(gold)), len(plain(gold))) for gold in references[row]]
        lines.append(min(pairs, key=lambda pair: pair[0] / max(1, pair[1])))
    return numpy.array(lines, dtype=numpy.float64).reshape(-1, 2)


def total_cer(sums: numpy.ndarray) -> Scores:
    """The character error rate of the rows whose lines were summed."""
    return {"cer": _percent(*sums)}


def signature(answers: Answers, references: References, spec: TaskSpec, *, evidence: object = None) -> str:
    """References, of which the nearest counts, and what becomes of a text before it is compared."""
    counts = {len(references[row]) for row in answers}
    return f"nrefs:{counts.pop() if len(counts) == 1 else 'var'}|case:mixed|norm:nfc|space:one"


def _best(answers: Answers, references: References, measure: Callable[[str, str], float]) -> numpy.ndarray:
    lines = [(max(measure(text, gold) for gold in references[row]), 1.0) for row, text in answers.items()]
    return numpy.array(lines, dtype=numpy.float64).reshape(-1, 2)


def _percent(value: float, many: float) -> float | None:
    return float(100.0 * value / many) if many else None
