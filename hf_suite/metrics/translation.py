"""BLEU, chrF, chrF++ and TER, by sacreBLEU and with its signatures; texts go in as people would read them.

A row may have several references. The lines of `rows` are sacreBLEU's own statistics of a sentence, so that their sum
gives its corpus score of any set of rows.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy

from hf_suite.metrics.base import Answers, References
from hf_suite.spec import TaskSpec

Scores = dict[str, float | None]

_TOKENIZERS = {"zh": "zh", **dict.fromkeys(("ja", "km", "lo", "my", "th"), "char")}
"""Target language -> BLEU's tokenizer, where words have no spaces between; sacreBLEU's ja-mecab needs a dictionary."""


def _bleu(spec: TaskSpec | None) -> Any:
    from sacrebleu.metrics import BLEU

    return BLEU(tokenize=_TOKENIZERS.get(_language(spec), "13a"), force=True)


def _chrf(spec: TaskSpec | None) -> Any:
    from sacrebleu.metrics import CHRF

    return CHRF()


def _chrf_words(spec: TaskSpec | None) -> Any:
    from sacrebleu.metrics import CHRF

    return CHRF(word_order=2)


def _ter(spec: TaskSpec | None) -> Any:
    from sacrebleu.metrics import TER

    return TER()


_MAKERS: dict[str, Callable[[TaskSpec | None], Any]] = {
    "bleu": _bleu,
    "chrf": _chrf,
    "chrf++": _chrf_words,
    "ter": _ter,
}


class SacreBleu:
    """One of sacreBLEU's metrics: `score`, `rows`, `total` and `signature`, as METRICS takes them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._made = _MAKERS[name]

    def score(self, answers: Answers, references: References, spec: TaskSpec, *, evidence: object = None) -> Scores:
        """The corpus score, 0 to 100 (TER: above 100 where more is wrong than there is); None without rows."""
        return self.total(self.rows(answers, references, spec).sum(axis=0))

    def rows(self, answers: Answers, references: References, spec: TaskSpec) -> numpy.ndarray:
        """(rows, k): sacreBLEU's statistics of each row against its references."""
        if not answers:
            return numpy.zeros((0, 2))
        streams = _streams([references[row] for row in answers])
        lines = self._made(spec)._extract_corpus_statistics(list(answers.values()), streams)
        return numpy.array(lines, dtype=numpy.float64)

    def total(self, sums: numpy.ndarray) -> Scores:
        """The corpus score of the rows whose lines were summed."""
        if not sums.any():
            return {self.name: None}
        return {self.name: float(self._plain()._compute_score_from_stats(sums.tolist()).score)}

    def signature(self, answers: Answers, references: References, spec: TaskSpec, *, evidence: object = None) -> str:
        """sacreBLEU's own, with the number of references (`var` where it varies)."""
        made = self._made(spec)
        counts = {len(references[row]) for row in answers}
        made.num_refs = counts.pop() if len(counts) == 1 else -1
        return str(made.get_signature())

    def _plain(self) -> Any:
        """The metric for no language in particular: sums no longer know their tokenizer."""
        return self._made(None)


def _language(spec: TaskSpec | None) -> str:
    """`zh` of `zh_Hant`; nothing where the task names no target language."""
    code = spec.languages.get("target", "") if spec is not None else ""
    return code.replace("-", "_").partition("_")[0].lower()


def _streams(texts: Sequence[Sequence[str]]) -> list[list[str | None]]:
    """References by row -> by their place in the row, None where a row has fewer."""
    most = max(map(len, texts))
    return [[own[at] if at < len(own) else None for own in texts] for at in range(most)]
