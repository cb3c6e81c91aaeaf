"""Files of one's own -> rows: finds out format, encoding and packing, and says so; the task knows nothing of it."""

import codecs
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from hf_suite.errors import DataError
from hf_suite.files import columnar, objects, plain, tables
from hf_suite.files.columnar import kept, table_of
from hf_suite.files.gathering import dealt, emptied, gathered, joined, numbered, with_commas
from hf_suite.files.opening import Examined, examined, unpacked, unreadable
from hf_suite.files.places import is_text_folder, lasting, paths, splits
from hf_suite.files.remote import HUB, shown, stem
from hf_suite.files.writing import FORMATS, JOINED

if TYPE_CHECKING:
    import pyarrow

__all__ = [
    "FORMATS",
    "HUB",
    "JOINED",
    "Found",
    "Told",
    "blocks",
    "emptied",
    "gathered",
    "head",
    "is_plain",
    "kept",
    "lasting",
    "name",
    "paths",
    "read",
    "sha256",
    "shown",
    "splits",
    "stem",
    "table_of",
    "texts",
]

Told = Callable[[int, int], None]
"""Told how many bytes of how many have been read."""

_REFUSED = {
    "zip": ("is a zip archive", "unpack it"),
    "xls": ("is a workbook of an old Excel", "save the sheet as CSV"),
    "sqlite": ("is an SQLite database", "say which table as sqlite:///FILE#TABLE"),
    "pdf": ("is a PDF", "extract its text into a CSV or one .txt a document"),
}
_NAMED = {
    "csv": (".csv", ".tsv", ".tab", ".txt", ""),
    "json": (".json", ""),
    "lines": (".jsonl", ".ndjson", ".json", ""),
    "text": (".txt", ""),
    "parquet": (".parquet", ".pq", ""),
    "arrow": (".arrow", ".feather", ".ipc", ""),
    "stream": (".arrow", ".feather", ".ipc", ""),
    "workbook": (".xlsx", ".xlsm", ""),
}
"""Format -> the endings that promise it."""
_CALLED = {
    "csv": "a table", "json": "one JSON document", "lines": "JSON lines", "text": "plain text", "parquet": "Parquet",
    "arrow": "Arrow", "stream": "Arrow", "workbook": "a workbook",
}  # fmt: skip


_LOOKED_AT = 2_000
"""Lines of a running text from which is seen what it is."""


@dataclass(frozen=True)
class Found:
    """The rows of one split as the files have them."""

    table: "pyarrow.Table"
    sha256: str
    name: str
    """The last name of the file or folder, never an absolute path."""
    notes: tuple[str, ...]
    """What was found out of how it is written, as sentences."""
    names: dict[str, list[str]]
    """Column -> the names of its label ids, where the file carries them."""
    written: "pyarrow.Table"
    """The same rows to the letter: what reads as numbers in `table` still stands as it was written."""


def read(places: Sequence[Path], *, told: Told | None = None) -> Found:
    """The rows of these files or text folders, in their order, with the columns that they name.

    `told` hears of the bytes read. Raises DataError: a file that cannot be read, or not as a table.
    """
    notes: list[str] = []
    watched = told or _silent
    table = gathered(_batches(places, notes, watched), place=name(places))
    plain = emptied(table)
    notes += [f"{name(places)}: numbers of {column!r} have decimal commas" for column in with_commas(plain)]
    return Found(numbered(plain), sha256(places), name(places), tuple(dict.fromkeys(notes)), _label_names(table), table)


def blocks(places: Sequence[Path], size: int) -> Iterator["pyarrow.Table"]:
    """The rows as `read` finds them, but cells of a table to the letter, in tables of `size` rows; few are in memory.

    Raises what `read` raises.
    """
    yield from (joined(held, place=name(places)) for held in dealt(_batches(places, [], _silent), size))


def is_plain(places: Sequence[Path]) -> bool:
    """Whether these are files of running text, which are no table of anything. Raises what `read` raises."""
    if any(path.is_dir() for path in places):
        return False
    return all(_form(examined(path))[0] == "text" for path in places)


def texts(places: Sequence[Path]) -> Iterator[str]:
    """Files of running text as they stand, one after another, in pieces. Raises DataError where one is not UTF-8."""
    return plain.pieces([examined(path) for path in places])


def head(places: Sequence[Path]) -> Found:
    """The first lines of files of running text, as rows to look at. Raises what `texts` raises."""
    import pyarrow

    found = [examined(path) for path in places]
    for file in found:
        plain.check(file)
    size = sum(path.stat().st_size for path in places)
    notes = [note for file in found for note in file.notes] + [f"{name(places)}: {size:,} bytes of running text"]
    table = pyarrow.table({"text": plain.lines(found[0], _LOOKED_AT)})
    return Found(table, sha256(places), name(places), tuple(notes), {}, table)


def sha256(places: Sequence[Path]) -> str:
    """What stands for the content: a single file's own hash, else that of all names and hashes."""
    if len(places) == 1 and places[0].is_file():
        return examined(places[0]).sha256
    whole = hashlib.sha256()
    for path in places:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in (file for file in inside if file.is_file() and file.stat().st_size):
            whole.update(f"{file.relative_to(path.parent)}\0{examined(file).sha256}\n".encode())
    return whole.hexdigest()


def name(places: Sequence[Path]) -> str:
    """What these files are called: their last name, never an absolute path."""
    first = places[0].resolve().name
    return first if len(places) == 1 else f"{places[0].resolve().parent.name}/{first} and {len(places) - 1} more"


def _batches(places: Sequence[Path], notes: list[str], told: Told) -> Iterator["pyarrow.RecordBatch"]:
    total = sum(path.stat().st_size for path in places if path.is_file())
    done = 0
    for path in places:
        if is_text_folder(path):
            yield from _text_folder(path, notes)
            continue
        for batch in _file(examined(path), notes):
            done += batch.nbytes
            told(min(done, total), total)
            yield batch
    told(total, total)


def _file(file: Examined, notes: list[str]) -> Iterator["pyarrow.RecordBatch"]:
    """The rows of one file by the format that its bytes have."""
    notes += file.notes
    called = file.path.name
    if file.magic in _REFUSED:
        finding, remedy = _REFUSED[file.magic]
        raise DataError(str(file.path), finding, remedy)
    form, dialect = _form(file)
    if file.suffix not in _NAMED[form]:
        notes.append(f"{called}: holds {_CALLED[form]}, whatever its name says")
    if form == "csv" and dialect is not None and dialect != tables.Dialect(","):
        notes.append(f"{called}: {dialect.said()}")
    if form in columnar.READERS:
        if file.packing is not None:
            raise DataError(str(file.path), f"is packed by {file.packing}", "unpack it")
        yield from columnar.READERS[form](file.path)
        return
    with _text(file) as text:
        if form == "csv" and dialect is not None:
            yield from tables.batches(text, dialect, name=called)
        elif form == "text":
            yield from objects.batches(((called, {"text": line.rstrip("\r\n")}) for line in text), name=called)
        else:
            rows = objects.lines(text, called) if form == "lines" else objects.document(text, called)
            yield from objects.batches(rows, name=called)


def _form(file: Examined) -> tuple[str, tables.Dialect | None]:
    """The format, and how a table is written."""
    form = file.magic or _written_as(file)
    dialect = _dialect(file) if form == "csv" else None
    return ("text" if form == "csv" and dialect is None else form), dialect


def _written_as(file: Examined) -> str:
    """csv, json or lines, by the text's beginning."""
    start = file.head.lstrip("\ufeff \t\r\n")
    first, _, rest = start.partition("\n")
    if start.startswith("{"):
        alone = not rest.strip() or not rest.lstrip().startswith("{")
        one_a_line = file.suffix in {".jsonl", ".ndjson"} or (_is_object(first) and not alone)
        return "lines" if one_a_line else "json"
    if start.startswith("[") and (file.suffix in {".json", ".jsonl", ".ndjson"} or start[1:].lstrip().startswith("{")):
        return "json"
    if file.suffix in {".jsonl", ".ndjson"}:
        return "lines"
    return "csv"


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _dialect(file: Examined) -> tables.Dialect | None:
    """How a table is separated; None where a file named .txt is no table."""
    whole = len(file.head) < 1 << 15
    delimiters = {".tsv": "\t,;|", ".tab": "\t,;|", ".txt": "\t"}.get(file.suffix, ",\t;|")
    found = tables.sniffed(file.head, delimiters=delimiters, whole=whole)
    if found is None and file.suffix != ".txt":
        return tables.Dialect("\t" if file.suffix in {".tsv", ".tab"} else ",")
    return found


def _text(file: Examined) -> IO[str]:
    encoding = codecs.lookup(file.encoding).name
    try:
        return io.TextIOWrapper(unpacked(file.path, file.packing), encoding=encoding, newline="")
    except OSError as error:
        raise unreadable(file.path, error) from error


def _text_folder(folder: Path, notes: list[str]) -> Iterator["pyarrow.RecordBatch"]:
    """A row a text file, with its text, its folder's name as label, and its name. Raises DataError."""
    labels = {inner.name: sorted(inner.rglob("*.txt")) for inner in sorted(folder.iterdir()) if inner.is_dir()}
    full = {label: texts for label, texts in labels.items() if texts and not label.startswith(".")}
    if len(full) < 2:
        finding = f"holds texts of {'one label (' + next(iter(full)) + ')' if full else 'no label'}"
        raise DataError(str(folder), finding, f"give one folder a label, as {folder.name}/LABEL/TEXT.txt")

    def rows() -> objects.Places:
        for label, texts in full.items():
            for path in texts:
                file = _text_of(path, notes)
                yield str(path), {"text": file, "label": label, "file": path.relative_to(folder).as_posix()}

    yield from objects.batches(rows(), name=folder.name)


def _text_of(path: Path, notes: list[str]) -> str:
    try:
        if not path.stat().st_size:
            return ""
    except OSError as error:
        raise unreadable(path, error) from error
    file = examined(path)
    if file.magic is not None:
        raise DataError(str(path), "is no text", "take it out of the folder")
    notes += file.notes
    with _text(file) as text:
        return text.read()


def _label_names(table: "pyarrow.Table") -> dict[str, list[str]]:
    """The names of label ids that datasets' own Parquet and Arrow files carry."""
    metadata = (table.schema.metadata or {}).get(b"huggingface")
    if metadata is None:
        return {}
    features = json.loads(metadata).get("info", {}).get("features", {})
    return {
        name: feature["names"]
        for name, feature in features.items()
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
    }


def _silent(done: int, total: int) -> None:
    """Nobody watches."""
