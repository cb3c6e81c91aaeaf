"""Row numbers dealt into parts: limits, shares, groups, labels, folds, time. Knows nothing of what the rows hold."""

import hashlib
import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy

Indices = numpy.ndarray[Any, numpy.dtype[numpy.int64]]


def permutation(n: int, name: str) -> Indices:
    """The numbers 0 to n - 1, shape (n,), in an order that depends on the name alone.

    The order is that of sha256(sha256(name), number): the same with every version of numpy, and the
    permutation of fewer rows is that of more rows with the others left out.
    """
    seed = hashlib.sha256(name.encode()).digest()
    keys = [hashlib.sha256(seed + number.to_bytes(8, "big")).digest() for number in range(n)]
    return numpy.array(sorted(range(n), key=keys.__getitem__), dtype=numpy.int64)


def first(n: int, limit: int | None, name: str) -> Indices:
    """The first `limit` numbers of the name's permutation, sorted; all n when limit is None or not below n.

    What a smaller limit takes, a larger one takes too.
    """
    if limit is None or limit >= n:
        return numpy.arange(n, dtype=numpy.int64)
    return numpy.sort(permutation(n, name)[:limit])


def cut(
    n: int,
    shares: Mapping[str, float],
    *,
    groups: Sequence[Hashable] | None = None,
    strata: Sequence[Hashable] | None = None,
    seed: int = 0,
) -> dict[str, Indices]:
    """Part -> its row numbers, sorted; no number is in two parts, and no group (n values, one a row) either.

    The shares are of n and sum to at most 1; what is left over is in no part. Without groups a part has its
    share rounded, by cumulated shares, so that shares of 1 in all leave nothing out. Groups are taken in a
    seeded order, each by the part that lacks most rows; of several such orders the nearest to the shares is
    kept. Strata (n values, one a row; a group has its first row's) have their share in every part.
    """
    if strata is not None:
        spread = _spread(range(n) if groups is None else groups, strata, f"cut {seed}")
        return _laid(n, shares, spread)
    if groups is not None:
        return _dealt(n, shares, groups=groups, seed=seed)
    order = permutation(n, f"cut {seed}")
    ends = _ends(n, shares)
    starts = [0, *ends[:-1]]
    return {part: numpy.sort(order[start:end]) for part, start, end in zip(shares, starts, ends, strict=True)}


def fold(
    n: int,
    folds: int,
    number: int,
    *,
    groups: Sequence[Hashable] | None = None,
    strata: Sequence[Hashable] | None = None,
    seed: int = 0,
) -> Indices:
    """The rows of one of several folds, sorted: over all folds each row stands in exactly one."""
    names = [str(at) for at in range(folds)]
    return cut(n, dict.fromkeys(names, 1 / folds), groups=groups, strata=strata, seed=seed)[names[number]]


def by_time(times: Sequence[Any], shares: Mapping[str, float]) -> dict[str, Indices]:
    """Part -> its row numbers, sorted: the first part has the earliest rows, and no moment stands in two parts."""
    order = numpy.array(sorted(range(len(times)), key=times.__getitem__), dtype=numpy.int64)
    found, start = {}, 0
    for part, wanted in zip(shares, _ends(len(times), shares), strict=True):
        end = max(wanted, start)
        while 0 < end < len(times) and times[order[end]] == times[order[end - 1]]:
            end += 1
        found[part], start = numpy.sort(order[start:end]), end
    return found


def joined(one: Sequence[Hashable], other: Sequence[Hashable]) -> list[int]:
    """Groups of rows that are alike by either of two groupings (n values each), or by a chain of such rows."""
    root = list(range(len(one)))

    def top(row: int) -> int:
        while root[row] != row:
            root[row] = root[root[row]]
            row = root[row]
        return row

    for groups in (one, other):
        first: dict[Hashable, int] = {}
        for row, group in enumerate(groups):
            root[top(row)] = top(first.setdefault(group, row))
    return [top(row) for row in range(len(one))]


def _ends(n: int, shares: Mapping[str, float]) -> list[int]:
    """Where each part ends among n rows in a line."""
    return [math.floor(n * end + 0.5) for end in numpy.cumsum(list(shares.values())).round(9)]


def _spread(groups: Sequence[Hashable], strata: Sequence[Hashable], name: str) -> list[list[int]]:
    """The rows of each group, the groups in an order in which every stratum is spread evenly, each at random."""
    members: dict[Hashable, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    units = list(members.values())
    alike: dict[Hashable, list[int]] = {}
    for unit in permutation(len(units), name):
        alike.setdefault(strata[units[unit][0]], []).append(int(unit))
    # Where a stratum begins follows from the name too, or the rare ones would all fall on the same part.
    begin = permutation(len(alike), f"{name} strata")
    at = {
        unit: (rank + (begin[number] + 0.5) / len(alike)) / len(own)
        for number, own in enumerate(alike.values())
        for rank, unit in enumerate(own)
    }
    return [units[unit] for unit in sorted(at, key=lambda unit: (at[unit], unit))]


def _laid(n: int, shares: Mapping[str, float], order: Sequence[Sequence[int]]) -> dict[str, Indices]:
    """Groups in a line, cut where the shares end: a group belongs where its middle falls."""
    ends, parts, done, at = _ends(n, shares), [[] for _ in shares], 0, 0  # type: ignore[var-annotated]
    for rows in order:
        middle = done + len(rows) / 2
        while at < len(ends) and middle > ends[at]:
            at += 1
        if at < len(ends):
            parts[at] += rows
        done += len(rows)
    return {part: numpy.array(sorted(rows), dtype=numpy.int64) for part, rows in zip(shares, parts, strict=True)}


def _dealt(n: int, shares: Mapping[str, float], *, groups: Sequence[Hashable], seed: int) -> dict[str, Indices]:
    members: dict[Hashable, list[int]] = {}
    for number, group in enumerate(groups):
        members.setdefault(group, []).append(number)
    rows = list(members.values())
    left_over = max(0.0, 1.0 - math.fsum(shares.values()))
    wanted = [n * share for share in [*shares.values(), left_over]]
    tries = [
        _taken(rows, wanted, f"cut {seed} {number}") for number in range(max(1, min(64, 20_000 // max(1, len(rows)))))
    ]
    _, takers = min(tries, key=lambda found: found[0])
    parts: list[list[int]] = [[] for _ in wanted]
    for numbers, taker in zip(rows, takers, strict=True):
        parts[taker] += numbers
    return {part: numpy.array(sorted(found), dtype=numpy.int64) for part, found in zip(shares, parts, strict=False)}


def _taken(rows: Sequence[Sequence[int]], wanted: Sequence[float], name: str) -> tuple[float, list[int]]:
    """How far one dealing ends from the rows wanted (a sum of squares), and which part takes each group."""
    lacking, takers = list(wanted), [0] * len(rows)
    for group in permutation(len(rows), name):
        taker = lacking.index(max(lacking))
        takers[group] = taker
        lacking[taker] -= len(rows[group])
    return math.fsum(rest * rest for rest in lacking), takers
