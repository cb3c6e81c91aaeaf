"""Checks of token lengths, which are handed in: the share of rows that a model cuts, and what its tokenizer lacks."""

from collections.abc import Iterator

import numpy

from hf_suite.doctor.findings import Bounds, Finding, Skipped, Tally, judged
from hf_suite.doctor.subject import Subject


def check(subject: Subject) -> Iterator[Finding | Skipped]:
    """Lengths, rows that are cut, and rows with tokens that stand for anything unknown."""
    found = subject.lengths
    if found is None:
        yield Skipped("lengths", "no model is named; --model DIR tells token lengths, what is cut and what is unknown")
        return
    long, unknown, of = Tally(), Tally(), 0
    for split, tokens in found.tokens.items():
        of += len(tokens)
        long.extend(split, numpy.flatnonzero(tokens > found.max_length).tolist())
        unknown.extend(split, numpy.flatnonzero(found.unknown[split] > 0).tolist())
        half, most, longest = numpy.percentile(tokens, [50, 95, 100]).astype(int)
        sentence = f"{split}: half of the rows have up to {half:,} tokens, 95 % up to {most:,}, the longest {longest:,}"
        yield Finding("lengths.tokens", "ok", sentence, 0, len(tokens))
    whole = int(max(tokens.max() for tokens in found.tokens.values()))
    what = "would be read in windows" if found.windows else "would be cut"
    yield judged(
        "lengths.cut",
        long,
        of,
        Bounds(0.5) if found.windows else Bounds(0.01, 0.25),
        well=f"few or no rows have more than max_length {found.max_length:,} tokens",
        ill=f"{what}: they have more than max_length {found.max_length:,} tokens",
        remedy=f"hf-suite train ... max_length={whole}, where the model can read as many",
    )
    yield judged(
        "lengths.unknown",
        unknown,
        of,
        Bounds(0.01, 0.25),
        well=f"few or no rows have tokens that {found.model} does not know",
        ill=f"have tokens that {found.model} does not know",
        remedy="look at these rows, and name a checkpoint for their script or language with --model",
    )
