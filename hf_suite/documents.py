"""Rows joined into documents, as a language model reads them: a whole split, or from one title to the next."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow

_AT_ONCE = 1_000
_TITLE = re.compile(r" ?= (?!=).*(?<!=) = ?\n?")
"""A title of WikiText, ` = Title = `; sections have more signs of equality."""


def joined(table: "pyarrow.Table", document: str) -> "pyarrow.Table":
    """A table of `row` and `text` with a row for each document, numbered; of a `row` each, the table itself.

    A row that does not end its line ends it here, so that a file's lines give back the file.
    """
    import pyarrow

    if document == "row":
        return table
    texts = [text if text.endswith("\n") else f"{text}\n" for text in table["text"].to_pylist()]
    starts = [0, *_STARTS[document](texts)]
    pieces = ["".join(texts[at:end]) for at, end in zip(starts, [*starts[1:], len(texts)], strict=True)]
    kept = [piece for piece in pieces if piece.strip()]
    return pyarrow.table({"row": pyarrow.array(range(len(kept)), pyarrow.int64()), "text": kept})


def lines(table: "pyarrow.Table") -> Iterator[str]:
    """The texts of a table a few at a time, each ending its line: together the document that a whole split is."""
    for batch in table.select(["text"]).to_batches(max_chunksize=_AT_ONCE):
        yield "".join(text if text.endswith("\n") else f"{text}\n" for text in batch["text"].to_pylist())


def _titles(texts: Sequence[str]) -> list[int]:
    """Where a title stands between two empty rows; others are formulas of the running text."""
    empty = [not text.strip() for text in texts]
    return [
        at
        for at in range(1, len(texts))
        if empty[at - 1] and _TITLE.fullmatch(texts[at]) and (at + 1 == len(texts) or empty[at + 1])
    ]


def _nowhere(_: Sequence[str]) -> list[int]:
    return []


_STARTS: dict[str, Callable[[Sequence[str]], list[int]]] = {"split": _nowhere, "heading": _titles}
