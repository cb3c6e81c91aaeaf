"""Rows that come a batch at a time -> one table, in memory while they are few and on disk when they are many."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_suite.errors import DataError

if TYPE_CHECKING:
    import pyarrow

SPILL_BYTES = 256_000_000
"""What is larger lies in a file that is mapped, and that goes when its rows do."""
_NONE = ("NA", "N/A")
CELLS = b"cells"
"""Metadata of a field: its texts are a table's cells, which have words for what is not there."""
_WORDS = ("nan", "NaN", "null", "NULL")
DECIMAL = b"decimal"
"""Metadata of a field: what numbers that are written in its texts may have for a decimal point."""
_COMMA = r"^-?(?:\d+|\d{1,3}(?:\.\d{3})+)(?:,\d+)?$"
_WHOLE = r"^-?\d+$"
_NUMBER = r"^-?(?:0|[1-9]\d*|\d*\.\d+|[1-9]\d*\.)(?:[eE][+-]?\d+)?$"


def gathered(batches: Iterable["pyarrow.RecordBatch"], *, place: str, spill: int = SPILL_BYTES) -> "pyarrow.Table":
    """All batches as one table; columns that some lack are null there. Raises DataError where their types differ."""
    import pyarrow

    tables: list[pyarrow.Table] = []
    held: list[pyarrow.RecordBatch] = []
    size = 0
    for batch in batches:
        held.append(batch)
        size += batch.nbytes
        if size > spill:
            tables += _spilled(held)
            held, size = [], 0
    tables += [pyarrow.Table.from_batches(run) for run in _alike(held)]
    if not sum(len(table) for table in tables):
        raise DataError(place, "has no rows", "give a file with rows")
    return _concatenated(tables, place)


def dealt(batches: Iterable["pyarrow.RecordBatch"], size: int) -> Iterator[list["pyarrow.RecordBatch"]]:
    """The same rows in runs of `size`; the last run has what is left."""
    held: list[pyarrow.RecordBatch] = []
    room = size
    for batch in batches:
        rest = batch
        while len(rest) >= room:
            yield [*held, rest.slice(0, room)]
            rest, held, room = rest.slice(room), [], size
        held, room = [*held, rest], room - len(rest)
    if room < size:
        yield held


def joined(batches: list["pyarrow.RecordBatch"], *, place: str) -> "pyarrow.Table":
    """A few batches as one table in memory. Raises DataError where their types differ."""
    import pyarrow

    return _concatenated([pyarrow.Table.from_batches([batch]) for batch in batches], place)


def _concatenated(tables: list["pyarrow.Table"], place: str) -> "pyarrow.Table":
    import pyarrow

    try:
        return pyarrow.concat_tables(tables, promote_options="permissive")
    except pyarrow.ArrowException as error:
        finding = f"a column is of one type here and of another there ({str(error).splitlines()[0]})"
        raise DataError(place, finding, "write it the same way everywhere") from error


def _spilled(batches: list["pyarrow.RecordBatch"]) -> list["pyarrow.Table"]:
    """The batches written to disk and mapped from there."""
    import pyarrow
    import pyarrow.ipc

    tables = []
    for run in _alike(batches):
        with tempfile.NamedTemporaryFile(prefix="hf-suite-", suffix=".arrow", delete=False) as file:
            with pyarrow.ipc.new_file(file, run[0].schema) as writer:
                for batch in run:
                    writer.write_batch(batch)
            path = Path(file.name)
        tables.append(pyarrow.ipc.open_file(pyarrow.memory_map(str(path))).read_all())
        path.unlink()  # the mapping holds it until the rows are gone
    return tables


def _alike(batches: list["pyarrow.RecordBatch"]) -> Iterator[list["pyarrow.RecordBatch"]]:
    """Runs of neighbours of one schema."""
    run: list[Any] = []
    for batch in batches:
        if run and not batch.schema.equals(run[0].schema):
            yield run
            run = []
        run.append(batch)
    if run:
        yield run


def emptied(table: "pyarrow.Table") -> "pyarrow.Table":
    """Null for each word by which a table's cells say that there is nothing."""
    import pyarrow
    import pyarrow.compute as compute

    for at, field in enumerate(table.schema):
        if CELLS not in (field.metadata or {}):
            continue
        words = compute.is_in(table[at], value_set=pyarrow.array(_WORDS, field.type))
        if compute.any(words).as_py():
            table = table.set_column(at, field, compute.if_else(words, None, table[at]))
    return table


def numbered(table: "pyarrow.Table") -> "pyarrow.Table":
    """Columns whose every text is a number as numbers: whole ones as int64, others, also with commas, as float64.

    `007` is a text, and so is a whole number that int64 does not hold: as float64 it would be another one.
    """
    import pyarrow

    commas = with_commas(table)
    for at, name in enumerate(table.column_names):
        column = table[name]
        if pyarrow.types.is_dictionary(column.type):
            table = table.set_column(at, name, column.cast(column.type.value_type))
        if pyarrow.types.is_large_string(column.type) and _all_numbers(column, _NUMBER):
            table = table.set_column(at, name, _cast(column))
        elif name in commas:
            table = table.set_column(at, name, _cast(_with_points(column)))
    return table


def with_commas(table: "pyarrow.Table") -> list[str]:
    """The columns whose every text is a number, some with a comma for a decimal point, where that is usual."""
    import pyarrow.compute as compute

    found = [field.name for field in table.schema if DECIMAL in (field.metadata or {})]
    texts = [name for name in found if table.schema.field(name).type == "large_string"]
    commas = [name for name in texts if compute.any(compute.match_substring(table[name], ",")).as_py()]
    return [name for name in commas if _all_numbers(table[name], _COMMA)]


def _with_points(column: "pyarrow.ChunkedArray") -> "pyarrow.ChunkedArray":
    import pyarrow.compute as compute

    return compute.replace_substring(compute.replace_substring(column, ".", ""), ",", ".")


def _all_numbers(column: "pyarrow.ChunkedArray", written: str) -> bool:
    """Whether all values are numbers that are so written, but for the words that say that there is none."""
    import pyarrow
    import pyarrow.compute as compute

    none, seen = pyarrow.array(_NONE, column.type), False
    for chunk in column.chunks:
        fits = compute.match_substring_regex(chunk, written)
        if compute.all(compute.or_(fits, compute.is_in(chunk, value_set=none))).as_py() is False:
            return False
        seen = seen or compute.any(fits).as_py() is True
    return seen


def _cast(column: "pyarrow.ChunkedArray") -> "pyarrow.ChunkedArray":
    import pyarrow
    import pyarrow.compute as compute

    filled = compute.if_else(compute.is_in(column, value_set=pyarrow.array(_NONE, column.type)), None, column)
    try:
        return filled.cast(pyarrow.int64())
    except pyarrow.ArrowInvalid:
        whole = compute.all(compute.match_substring_regex(filled, _WHOLE)).as_py()
        return column if whole else filled.cast(pyarrow.float64())
