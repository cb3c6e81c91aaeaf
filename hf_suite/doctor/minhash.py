"""Near duplicates by MinHash: rows that share most of their letter triples. Sorts a band at a time; keeps no index."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

Numbers = numpy.ndarray[Any, Any]
Texts = tuple[str, ...]

LIKE = 0.7
"""From this share of letter triples on that two texts have in common (Jaccard), they are near duplicates."""
SHORT = 20
"""Texts with fewer characters are too short to say so of them."""
_BANDS, _ROWS = 24, 5  # two texts of Jaccard 0.7 meet in a band with 98.8 %, of 0.8 with 99.99 %, of 0.3 with 6 %
_BLOCK = 2_000


@dataclass(frozen=True)
class Near:
    """For each row, the number of an earlier near duplicate, or its own where there is none."""

    within: Numbers
    """Of the same split."""
    in_train: Numbers
    """Of train, for the rows of other splits."""


def near(rows: Callable[[Numbers], Iterator[Texts]], chosen: Numbers, *, total: int, splits: Numbers) -> Near:
    """Near duplicates among the chosen rows.

    `rows` gives the texts of rows by their sorted numbers; `splits` is the split of each of all rows, 0 for train.
    Two rows are near where each of their texts is: at least LIKE of the letter triples of both are common.
    """
    keys, long = _band_keys(rows(chosen), len(chosen))
    found = Near(numpy.arange(total), numpy.arange(total))
    for band in range(_BANDS):
        pairs = _pairs(keys[band], long, chosen, splits, found)
        _settle(rows, pairs, splits, found)
    return found


def likeness(one: str, other: str) -> float:
    """The share of letter triples that two texts have in common, from 0 to 1."""
    if one == other:
        return 1.0
    mine, theirs = _triples(one), _triples(other)
    common = len(mine & theirs)
    return common / (len(mine) + len(theirs) - common)


def _triples(text: str) -> set[str]:
    plain = _plain(text)
    return {plain[at : at + 3] for at in range(len(plain) - 2)}


def _plain(text: str) -> str:
    """Words without case and punctuation, a space around each."""
    return f"  {' '.join(''.join(c if c.isalnum() else ' ' for c in text.casefold()).split())}  "


def _band_keys(rows: Iterator[Texts], n: int) -> tuple[Numbers, Numbers]:
    """Eight bytes for each band of each row, shape (bands, n), and whether the row is long enough."""
    factors, shifts = _hashes()
    keys, long = numpy.empty((_BANDS, n), dtype=numpy.uint64), numpy.zeros(n, dtype=bool)
    start = 0
    while start < n:
        plain = [_plain(" ".join(texts)) for _, texts in zip(range(min(_BLOCK, n - start)), rows, strict=False)]
        end = start + len(plain)
        long[start:end] = [len(text) >= SHORT for text in plain]
        hashed, begins = _triple_hashes(plain)
        for at, (factor, shift) in enumerate(zip(factors, shifts, strict=True)):
            before = keys[at // _ROWS, start:end] if at % _ROWS else numpy.uint64(0)
            lowest = numpy.minimum.reduceat(hashed * factor + shift, begins)
            keys[at // _ROWS, start:end] = _mixed(before ^ lowest)
        start = end
    return keys, long


def _triple_hashes(plain: Sequence[str]) -> tuple[Numbers, Numbers]:
    """A hash for each letter triple of all texts in a line, and where each text begins."""
    letters = numpy.frombuffer("".join(plain).encode("utf-32-le", errors="surrogatepass"), dtype=numpy.uint32)
    wide = letters.astype(numpy.uint64)
    triples = wide[:-2] | (wide[1:-1] << numpy.uint64(21)) | (wide[2:] << numpy.uint64(42))
    ends = numpy.cumsum([len(text) for text in plain])
    inside = numpy.ones(len(triples), dtype=bool)
    for back in (1, 2):  # triples that begin in one text and end in the next
        inside[ends[:-1] - back] = False
    begins = numpy.concatenate([[0], numpy.cumsum([len(text) - 2 for text in plain])[:-1]])
    return _mixed(triples[inside]), begins.astype(numpy.int64)


def _hashes() -> tuple[Numbers, Numbers]:
    """A factor (odd, so that none of the 8 bytes is lost) and a shift for each hash function."""
    numbers = _mixed(numpy.arange(1, 2 * _BANDS * _ROWS + 1, dtype=numpy.uint64))
    return numbers[::2] | numpy.uint64(1), numbers[1::2]


def _mixed(numbers: Numbers) -> Numbers:
    """splitmix64: every bit of a number decides over every bit of what comes out (Steele, Lea and Flood 2014)."""
    numbers = numbers + numpy.uint64(0x9E3779B97F4A7C15)
    numbers = (numbers ^ (numbers >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> numpy.uint64(31))


def _pairs(keys: Numbers, long: Numbers, chosen: Numbers, splits: Numbers, found: Near) -> Numbers:
    """Pairs (earlier, later) of rows with one key that are worth a look, shape (pairs, 2).

    Each row meets the first of its split, its neighbour there, and the first of train.
    """
    order = numpy.lexsort((chosen, keys))
    order = order[long[order]]
    numbers, ordered = chosen[order], keys[order]
    if len(numbers) < 2:
        return numpy.zeros((0, 2), dtype=numpy.int64)
    run = numpy.cumsum(numpy.concatenate([[0], ordered[1:] != ordered[:-1]]))
    own = splits[numbers]
    head = _head(run)
    split_head = _head(run * (int(splits.max()) + 1) + own)
    trained = (own > 0) & (splits[numbers[head]] == 0) & (found.in_train[numbers] == numbers)
    inside = (split_head < numpy.arange(len(numbers))) & (found.within[numbers] == numbers)
    neighbour = inside & (split_head < numpy.arange(len(numbers)) - 1)
    pairs = [
        numpy.stack([numbers[head[trained]], numbers[trained]], axis=1),
        numpy.stack([numbers[split_head[inside]], numbers[inside]], axis=1),
        numpy.stack([numbers[numpy.flatnonzero(neighbour) - 1], numbers[neighbour]], axis=1),
    ]
    return numpy.unique(numpy.concatenate(pairs), axis=0)


def _head(groups: Numbers) -> Numbers:
    """Where the run of equal neighbours begins that each of them is in."""
    begins = numpy.concatenate([[True], groups[1:] != groups[:-1]])
    return numpy.maximum.accumulate(numpy.where(begins, numpy.arange(len(groups)), 0))


def _settle(rows: Callable[[Numbers], Iterator[Texts]], pairs: Numbers, splits: Numbers, found: Near) -> None:
    """Looks at the texts of each pair, a block at a time, and keeps those that are near."""
    for start in range(0, len(pairs), _BLOCK):
        block = pairs[start : start + _BLOCK]
        wanted = numpy.unique(block)
        texts = dict(zip(wanted.tolist(), rows(wanted), strict=True))
        alike = [are_near(texts[earlier], texts[later]) for earlier, later in block.tolist()]
        same = splits[block[:, 0]] == splits[block[:, 1]]
        for kept, chosen in ((found.within, same), (found.in_train, ~same)):
            pairs_found = block[chosen & alike]
            kept[pairs_found[:, 1]] = pairs_found[:, 0]


def are_near(one: Texts, other: Texts) -> bool:
    """Whether each text of a row is nearly that of another row."""
    return all(likeness(mine, theirs) >= LIKE for mine, theirs in zip(one, other, strict=True))
