"""Parquet and Arrow files, tables of pandas and datasets: rows that are columns already."""

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


def arrow(path: Path, *, stream: bool) -> Iterator["pyarrow.RecordBatch"]:
    """The rows of an Arrow file, or of a stream as `Dataset.save_to_disk` writes it; mapped, not copied."""
    import pyarrow
    import pyarrow.ipc

    try:
        source = pyarrow.memory_map(str(path))
        if stream:
            yield from pyarrow.ipc.open_stream(source)
            return
        file = pyarrow.ipc.open_file(source)
        for number in range(file.num_record_batches):
            yield file.get_batch(number)
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(path, "Arrow", error) from error


def table_of(rows: Any) -> "pyarrow.Table":
    """A pandas DataFrame, a datasets.Dataset, an Arrow table or a list of dicts as a table. Raises DataError."""
    import pyarrow

    if isinstance(rows, pyarrow.Table):
        return rows
    if isinstance(rows, list):
        return pyarrow.Table.from_pylist(rows)
    if hasattr(rows, "with_format") and hasattr(rows, "features"):
        table: pyarrow.Table = rows.with_format("arrow")[:]
        return table.replace_schema_metadata(rows.features.arrow_schema.metadata)
    if hasattr(rows, "to_dict") and hasattr(rows, "dtypes"):
        return pyarrow.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata(None)
    finding = f"{type(rows).__name__} holds no rows that are known"
    raise DataError("data", finding, "give a path, a pandas DataFrame, a datasets.Dataset or a list of dicts")


def _damaged(path: Path, form: str, error: Exception) -> DataError:
    cause = str(error).splitlines()[0].rstrip(".")
    return DataError(str(path), f"is a damaged or cut {form} file ({cause})", "copy it again, or write it anew")
