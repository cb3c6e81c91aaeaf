"""When rows have equal texts: case and spaces do not count. The split keeps such rows together by the same rule."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy

Numbers = numpy.ndarray[Any, Any]


def key(texts: Sequence[Any]) -> int:
    """Eight bytes of a hash: the same for texts that differ only in case and spaces."""
    plain = "\0".join(" ".join(str(text).split()).casefold() for text in texts)
    return int.from_bytes(hashlib.blake2b(plain.encode(errors="surrogatepass"), digest_size=8).digest(), "big")


def firsts(keys: Numbers) -> Numbers:
    """For each key, shape (n,), the position of the first one that is equal; by sorting, no index is kept."""
    order = numpy.argsort(keys, kind="stable")
    ordered = keys[order]
    begins = numpy.concatenate([[True], ordered[1:] != ordered[:-1]]) if len(keys) else numpy.zeros(0, dtype=bool)
    heads = numpy.maximum.accumulate(numpy.where(begins, numpy.arange(len(keys)), 0))
    found = numpy.empty(len(keys), dtype=numpy.int64)
    found[order] = order[heads]
    return found
