"""CSV and TSV: finds out how values are separated and quoted, and reads rows as texts, line by line."""

import csv
import io
import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from hf_suite.errors import DataError
from hf_suite.files import gathering

if TYPE_CHECKING:
    import pyarrow

BLOCK = 10_000
"""Rows that are turned into columns at once."""
_SPOKEN = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
_QUOTING = {"doubled": "", "escaped": ", quotes escaped by a backslash", "none": ", quotes as they stand"}


Quoting = Literal["doubled", "escaped", "none"]


@dataclass(frozen=True)
class Dialect:
    """How the values of a line are told apart."""

    delimiter: str
    quoting: Quoting = "doubled"
    """Quotes around values, in which a quote is doubled or escaped by a backslash; or quotes that mean nothing."""

    def reader(self, lines: Iterable[str]) -> Any:
        """Python's csv reader of that dialect, which refuses what breaks it."""
        csv.field_size_limit(sys.maxsize)
        quoted: dict[str, dict[str, Any]] = {
            "doubled": {},
            "escaped": {"doublequote": False, "escapechar": "\\"},
            "none": {"quoting": csv.QUOTE_NONE},
        }
        return csv.reader(lines, delimiter=self.delimiter, strict=True, **quoted[self.quoting])

    def said(self) -> str:
        """`separated by tabs, quotes as they stand`."""
        return f"separated by {_SPOKEN[self.delimiter]}{_QUOTING[self.quoting]}"


def sniffed(head: str, *, delimiters: Sequence[str] = ",\t;|", whole: bool) -> Dialect | None:
    """The dialect in which the beginning of a file has most rows of the header's width; None where no delimiter does.

    `whole` says whether the head is all of the file; else its last line is left out.
    """
    tried = [Dialect(delimiter, quoting) for delimiter in delimiters for quoting in _quotings(head, delimiter)]
    fits = {dialect: _fits(head, dialect, whole=whole) for dialect in tried}
    able = [dialect for dialect, (share, width) in fits.items() if width > 1 and share > 0.5]
    return max(able, key=fits.__getitem__, default=None)


def _quotings(head: str, delimiter: str) -> list[Quoting]:
    """The ways to quote that the beginning of a file could follow, the commonest first."""
    found: list[Quoting] = ["doubled"]
    if '\\"' in head:
        found.append("escaped")
    if delimiter == "\t":
        found.append("none")
    return found


def _fits(head: str, dialect: Dialect, *, whole: bool) -> tuple[float, int]:
    """The share of rows that are as wide as the header, and its width."""
    widths: list[int] = []
    reader = dialect.reader(io.StringIO(head, newline=""))
    broken = False
    try:
        widths.extend(len(row) for row in reader if row)
    except csv.Error:  # the last row of a part may be cut in its quotes
        broken = whole or reader.line_num < head.count("\n")
    rows = widths if whole or len(widths) < 2 else widths[:-1]
    if not rows:
        return 0.0, 0
    fit = sum(width == rows[0] for width in rows) / len(rows)
    return (fit / 2 if broken else fit), rows[0]


def batches(lines: Iterable[str], dialect: Dialect, *, name: str) -> Iterator["pyarrow.RecordBatch"]:
    """The rows as columns of texts, to the letter; an empty cell is null, and a word for one is left to `emptied`.

    Raises DataError with the line of what breaks the table.
    """
    numbered = ((line, row) for line, row in _rows(lines, dialect, name) if row)
    first = next(numbered, None)
    if first is None:
        return
    header = _header(first[1], name)
    while block := list(itertools.islice(numbered, BLOCK)):
        ragged = next(((line, row) for line, row in block if len(row) != len(header)), None)
        if ragged is not None:
            raise _ragged(ragged[1], header, dialect, f"{name} line {ragged[0]}")
        yield _columns(header, [row for _, row in block], dialect)


def _rows(lines: Iterable[str], dialect: Dialect, name: str) -> Iterator[tuple[int, list[str]]]:
    """The line on which each row begins, and its cells; none on a blank line."""
    reader, begun = dialect.reader(lines), 1
    try:
        for row in reader:
            yield begun, row
            begun = reader.line_num + 1
    except csv.Error as error:
        raise _broken(error, f"{name} line {begun}") from error


def _columns(header: Sequence[str], rows: Sequence[Sequence[str]], dialect: Dialect) -> "pyarrow.RecordBatch":
    import pyarrow

    # Who separates by semicolons does so because numbers have commas.
    said = {gathering.CELLS: b"", **({gathering.DECIMAL: b","} if dialect.delimiter == ";" else {})}
    fields = [pyarrow.field(name, pyarrow.large_string(), metadata=said) for name in header]

    columns = [
        pyarrow.array([cell or None for cell in column], pyarrow.large_string()) for column in zip(*rows, strict=True)
    ]
    return pyarrow.record_batch(columns, schema=pyarrow.schema(fields))


def _header(row: Sequence[str], name: str) -> list[str]:
    names = [cell.strip() or ("unnamed" if at == 0 else f"unnamed_{at}") for at, cell in enumerate(row)]
    twice = next((cell for at, cell in enumerate(names) if cell in names[:at]), None)
    if twice is not None:
        raise DataError(f"{name} line 1", f"two columns are named {twice!r}", "rename one of them")
    return names


def _ragged(row: Sequence[str], header: Sequence[str], dialect: Dialect, place: str) -> DataError:
    finding = f"{len(row)} values under {len(header)} columns ({', '.join(header)})"
    return DataError(place, finding, f"put texts that hold {_SPOKEN[dialect.delimiter]} into quotes, or mend the line")


def _broken(error: csv.Error, place: str) -> DataError:
    if "unexpected end of data" in str(error):
        return DataError(place, "a quote opens here and never closes", 'close it, or write a quote in a text as ""')
    return DataError(place, "a text goes on after its closing quote", 'write a quote in a text as ""')
