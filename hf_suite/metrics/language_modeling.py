"""Loss and perplexity per token, perplexity per word, bits per byte, of documents whose every token was scored once.

Bits per byte is -sum log2 p / UTF-8 bytes, as in lm-evaluation-harness: the one number that models with different
tokens share. Perplexity per word is exp(nll / words), words as white space parts them.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy

from hf_suite.metrics.base import Answers, References
from hf_suite.spec import TaskSpec

Scores = dict[str, float | None]


def score_bits_per_byte(answers: Answers, references: References, spec: TaskSpec, *, evidence: object = None) -> Scores:
    """METRICS' bits_per_byte; None without bytes."""
    return total_bits_per_byte(rows_bits_per_byte(answers, references, spec).sum(axis=0))


def rows_bits_per_byte(answers: Answers, references: References, spec: TaskSpec) -> numpy.ndarray:
    """(rows, 2): nats, bytes."""
    return _rows(answers, references, "bytes")


def total_bits_per_byte(sums: numpy.ndarray) -> Scores:
    """Bits per byte of the rows whose lines were summed."""
    nats, many = sums
    return {"bits_per_byte": float(nats / math.log(2) / many) if many else None}


def score_word_perplexity(
    answers: Answers, references: References, spec: TaskSpec, *, evidence: object = None
) -> Scores:
    """METRICS' word_perplexity; None without words."""
    return total_word_perplexity(rows_word_perplexity(answers, references, spec).sum(axis=0))


def rows_word_perplexity(answers: Answers, references: References, spec: TaskSpec) -> numpy.ndarray:
    """(rows, 2): nats, words."""
    return _rows(answers, references, "words")


def total_word_perplexity(sums: numpy.ndarray) -> Scores:
    """Perplexity per word of the rows whose lines were summed."""
    return {"word_perplexity": _perplexity(*sums)}


def score_perplexity(answers: Answers, references: References, spec: TaskSpec, *, evidence: object = None) -> Scores:
    """METRICS' perplexity, per token of the model's own; None where the tokens are not known."""
    return total_perplexity(rows_perplexity(answers, references, spec).sum(axis=0))


def rows_perplexity(answers: Answers, references: References, spec: TaskSpec) -> numpy.ndarray:
    """(rows, 2): nats, tokens; NaN where the tokens are not known."""
    lines = [(answer["nll"], math.nan if answer["tokens"] is None else answer["tokens"]) for answer in answers.values()]
    return numpy.array(lines, dtype=numpy.float64).reshape(-1, 2)


def total_perplexity(sums: numpy.ndarray) -> Scores:
    """Perplexity per token of the rows whose lines were summed."""
    return {"perplexity": _perplexity(*sums)}


def score_masked_loss(answers: Answers, references: References, spec: TaskSpec, *, evidence: object = None) -> Scores:
    """METRICS' masked_loss: nats per guessed token; None without any, or where they are not known."""
    return total_masked_loss(rows_perplexity(answers, references, spec).sum(axis=0))


def total_masked_loss(sums: numpy.ndarray) -> Scores:
    """Nats per guessed token of the rows whose lines were summed."""
    nats, many = sums
    return {"masked_loss": float(nats / many) if many > 0 else None}


def score_masked_perplexity(
    answers: Answers, references: References, spec: TaskSpec, *, evidence: object = None
) -> Scores:
    """METRICS' masked_perplexity: exp(masked_loss). Not the pseudo-perplexity that hides one token at a time."""
    return total_masked_perplexity(rows_perplexity(answers, references, spec).sum(axis=0))


def total_masked_perplexity(sums: numpy.ndarray) -> Scores:
    """Perplexity per guessed token of the rows whose lines were summed."""
    return {"masked_perplexity": _perplexity(*sums)}


def signature_masked(
    answers: Answers, references: References, spec: TaskSpec, *, evidence: Mapping[Any, Mapping[str, Any]] | None = None
) -> str:
    """What a document is, its context, and which tokens are guessed."""
    seen = {} if evidence is None else next(iter(evidence.values()), {})
    mask = "mask:15% by row, 80/10/10"
    return "|".join([f"document:{spec.document}", f"context:{seen.get('context', '?')}", mask])


def score_loss(answers: Answers, references: References, spec: TaskSpec, *, evidence: object = None) -> Scores:
    """METRICS' loss, in nats per token of the model's own; None where the tokens are not known."""
    return total_loss(rows_perplexity(answers, references, spec).sum(axis=0))


def total_loss(sums: numpy.ndarray) -> Scores:
    """Nats per token of the rows whose lines were summed."""
    nats, many = sums
    return {"loss": float(nats / many) if many > 0 else None}


def signature(
    answers: Answers, references: References, spec: TaskSpec, *, evidence: Mapping[Any, Mapping[str, Any]] | None = None
) -> str:
    """What a document is, and the context and stride in which its tokens were scored, as far as it is known."""
    seen = {} if evidence is None else next(iter(evidence.values()), {})
    told = [f"{name}:{seen.get(name, '?')}" for name in ("context", "stride")]
    return "|".join([f"document:{spec.document}", *told, "tokens:each once"])


def _rows(answers: Answers, references: References, unit: str) -> numpy.ndarray:
    lines = [(answer["nll"], references[row][unit]) for row, answer in answers.items()]
    return numpy.array(lines, dtype=numpy.float64).reshape(-1, 2)


def _perplexity(nats: float, many: float) -> float | None:
    """exp(nats / many); None without any, or where it is too large for a number."""
    if not many > 0 or nats / many > math.log(1e300):
        return None
    return float(math.exp(nats / many))
