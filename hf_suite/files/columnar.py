"""Parquet and Arrow files, tables of pandas and datasets: rows that are columns already."""

import hashlib
import importlib.util
import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_suite.errors import DataError

if TYPE_CHECKING:
    import pyarrow

_ROWS = 10_000


def parquet(path: Path) -> Iterator["pyarrow.RecordBatch"]:
    """The rows of a Parquet file, some at a time. Raises DataError where it is damaged."""
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(path)
        yield from file.iter_batches(_ROWS)
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(path, "Parquet", error) from error


def arrow(path: Path) -> Iterator["pyarrow.RecordBatch"]:
    """The rows of an Arrow file; mapped, not copied. Raises DataError where it is damaged."""
    import pyarrow
    import pyarrow.ipc

    try:
        file = pyarrow.ipc.open_file(pyarrow.memory_map(str(path)))
        for number in range(file.num_record_batches):
            yield file.get_batch(number)
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(path, "Arrow", error) from error


def stream(path: Path) -> Iterator["pyarrow.RecordBatch"]:
    """The rows of an Arrow stream, as `Dataset.save_to_disk` writes it; mapped, not copied."""
    import pyarrow
    import pyarrow.ipc

    try:
        yield from pyarrow.ipc.open_stream(pyarrow.memory_map(str(path)))
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(path, "Arrow", error) from error


def workbook(path: Path) -> Iterator["pyarrow.RecordBatch"]:
    """The rows of a workbook's first sheet, as texts under its first row. Raises DataError, also without openpyxl."""
    import pyarrow

    if importlib.util.find_spec("openpyxl") is None:
        finding = "is an Excel workbook, and openpyxl, which reads them, is not installed"
        raise DataError(str(path), finding, "pip install openpyxl, or save the sheet as CSV")
    import openpyxl

    rows = openpyxl.load_workbook(path, read_only=True, data_only=True).worksheets[0].iter_rows(values_only=True)
    header = [str(cell) if cell is not None else f"unnamed_{at}" for at, cell in enumerate(next(rows, ()))]
    full = (row for row in rows if any(cell is not None for cell in row))
    while block := list(itertools.islice(full, _ROWS)):
        texts = [[None if cell is None else str(cell) for cell in column] for column in zip(*block, strict=True)]
        yield pyarrow.record_batch([pyarrow.array(column, pyarrow.large_string()) for column in texts], names=header)


def kept(rows: Any) -> Path:
    """The Parquet file in the cache that holds these rows, named by their content. Raises what table_of raises."""
    import pyarrow.parquet

    folder = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser() / "hf-suite" / "rows"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".tmp", delete=False) as file:
        pyarrow.parquet.write_table(table_of(rows), file, compression="zstd")
    with Path(file.name).open("rb") as written:
        content = hashlib.file_digest(written, "sha256").hexdigest()
    return Path(file.name).replace(folder / f"rows_{content[:16]}.parquet")


def table_of(rows: Any) -> "pyarrow.Table":
    """A pandas DataFrame, a datasets.Dataset, an Arrow table or a list of dicts as a table. Raises DataError."""
    import pyarrow

    if isinstance(rows, pyarrow.Table):
        return rows
    if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows):
        return pyarrow.Table.from_pylist(rows)
    if hasattr(rows, "with_format") and hasattr(rows, "features"):
        table: pyarrow.Table = rows.with_format("arrow")[:]
        return table.replace_schema_metadata(rows.features.arrow_schema.metadata)
    if hasattr(rows, "to_dict") and hasattr(rows, "dtypes"):
        return pyarrow.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata(None)
    finding = f"{type(rows).__name__} holds no rows that are known"
    raise DataError("data", finding, "give a path, a pandas DataFrame, a datasets.Dataset or a list of dicts")


READERS = {"parquet": parquet, "arrow": arrow, "stream": stream, "workbook": workbook}
"""Format -> what reads it, a batch of rows at a time."""


def _damaged(path: Path, form: str, error: Exception) -> DataError:
    cause = str(error).splitlines()[0].rstrip(".")
    return DataError(str(path), f"is a damaged or cut {form} file ({cause})", "copy it again, or write it anew")
