"""Rows -> a file: CSV, JSON lines or Parquet, by the ending; tables come one at a time and none is kept."""

import csv
import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from hf_suite.files.gathering import emptied

if TYPE_CHECKING:
    import pyarrow

Tables = Iterable["pyarrow.Table"]
JOINED = b"joined"
"""Metadata of a field: what stands between the texts of its lists in a CSV."""


def _csv(path: Path, schema: "pyarrow.Schema", tables: Tables) -> None:
    """A header and a line a row; null is an empty cell, and a list or an object is written as JSON.

    A list of texts whose field has JOINED as metadata is one text, with that between its parts.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(_Lines(file))
        writer.writerow(schema.names)
        for table in tables:
            columns = [map(_cell(schema.field(name)), table[name].to_pylist()) for name in schema.names]
            writer.writerows(zip(*columns, strict=True))


class _Lines:
    """A file whose lines end with a line feed alone.

    csv would write them so, too, but then leaves a carriage return in a text without quotes, where readers see an end.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, line: str) -> None:
        """Writes one whole line, as csv's writer hands it over."""
        self._file.write(line.removesuffix("\r\n") + "\n")


def _jsonl(path: Path, schema: "pyarrow.Schema", tables: Tables) -> None:
    """An object a line."""
    with path.open("w", encoding="utf-8") as file:
        for table in tables:
            for row in emptied(table).select(schema.names).to_pylist():
                file.write(json.dumps(_json(row), ensure_ascii=False, default=str) + "\n")


def _parquet(path: Path, schema: "pyarrow.Schema", tables: Tables) -> None:
    import pyarrow.parquet

    plain = pyarrow.schema([field.remove_metadata() for field in schema], metadata=schema.metadata)
    with pyarrow.parquet.ParquetWriter(path, plain, compression="zstd") as writer:
        for table in tables:
            writer.write_table(emptied(table))


FORMATS: dict[str, Callable[[Path, "pyarrow.Schema", Tables], None]] = {
    ".csv": _csv,
    ".jsonl": _jsonl,
    ".parquet": _parquet,
}
"""Ending -> what writes tables of that schema, in their order."""


def _cell(field: "pyarrow.Field") -> Callable[[Any], Any]:
    between = (field.metadata or {}).get(JOINED)

    def cell(value: Any) -> Any:
        if between is not None and isinstance(value, list):
            return between.decode().join(value)
        return json.dumps(_json(value), ensure_ascii=False, default=str) if isinstance(value, list | dict) else value

    return cell


def _json(value: Any) -> Any:
    """JSON has no word for nan and infinity, wherever they stand."""
    if isinstance(value, list):
        return list(map(_json, value))
    if isinstance(value, dict):
        return {key: _json(held) for key, held in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
