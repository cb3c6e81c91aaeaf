"""predict(): a file of rows -> those rows with answers, in a file; a block at a time, resumed where it stopped."""

import functools
import hashlib
import itertools
import json
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_suite import columns, files, folders, locking, paths, record
from hf_suite.errors import ConfigError, DataError, RunError, SuiteError
from hf_suite.kinds import KINDS
from hf_suite.metrics.multi_label import separator
from hf_suite.predictor import Predictor
from hf_suite.session import Progress, Watch
from hf_suite.spec import TaskSpec

if TYPE_CHECKING:
    import pyarrow

log = logging.getLogger(__name__)

BLOCK = 2048
"""Rows answered at once, while as many more are read; as many as an evaluation answers together, so that the same rows
meet in a batch."""
_ASKED = "asked.json"
_ADDED = b"added"


@dataclass(frozen=True)
class Written:
    """What stands in the output."""

    rows: int
    errors: int
    """Rows that could not be answered, and say why in column `error`."""
    labelled: bool
    """Whether the first of them also hold what is right, so that they could be scored."""


def check_output(output: Path) -> None:
    """Refuses an output that is there, or whose ending says no format. Raises ConfigError, RunError."""
    if output.suffix.lower() not in files.FORMATS:
        finding = f"cannot tell its format from {output.suffix!r}"
        raise ConfigError(str(output), finding, f"name it {', '.join(files.FORMATS)}")
    if output.exists():
        raise RunError(str(output), "is there already", "give another file with --output, or remove it")
    folders.check_writable(output.parent)


def predict(
    predictor: Predictor,
    source: str,
    output: Path,
    *,
    run: Path,
    everything: bool = False,
    strict: bool = False,
    watch: Watch | None = None,
) -> Written:
    """Answers the rows that `source` names (a file, folder, pattern, URL, or `-` for stdin) into `output`.

    The input's columns stay, in their order, before those of `Predictor.predict`. A row whose text is missing gets no
    answer and an `error`; if `strict`, it ends everything. What is answered lies beside the output until all is, so
    that the same command goes on after a kill. `watch` is told how far it is. Raises SuiteError.
    """
    check_output(output)
    found = files.splits(source, predictor.mirrors)
    if len(found) > 1:
        raise DataError(source, f"holds {', '.join(found)}", "name the one file or folder to answer")
    places = found["train"]
    name = files.name(places)
    blocks = files.blocks(places, BLOCK)
    first = next(blocks, None)
    if first is None:
        raise DataError(name, "has no rows", "give a file with rows")
    held = predictor.columns(first.column_names, name)
    _check_readable(first, held, name)
    asked = {"source": files.sha256(places), "model": _weights(run), "columns": held, "everything": everything}
    asked |= {"settings": predictor.settings}
    parts = output.with_name(f".{output.name}.parts")
    with locking.locked(parts):
        _begin(parts, asked)
        job = _Job(predictor, name, held, everything, strict, watch or _silent)
        try:
            count = _answered(job, [first], blocks, parts)
        except SuiteError:
            shutil.rmtree(parts)
            raise
        rows, errors = _merged(parts, count, output, joined=_joined(predictor.spec))
        shutil.rmtree(parts)
    return Written(rows, errors, _is_labelled(files.emptied(first), predictor.spec))


@dataclass(frozen=True)
class _Job:
    predictor: Predictor
    name: str
    held: dict[str, str]
    everything: bool
    strict: bool
    watch: Watch


def _silent(progress: Progress) -> None:
    """Nobody watches."""


def _begin(parts: Path, asked: dict[str, Any]) -> None:
    """Marks the folder, or finds that it is of the same rows, model and settings. Raises RunError."""
    mark = parts / _ASKED
    if not mark.is_file():
        record.write_json(mark, asked)
    if record.read_json(mark) != asked:
        finding = "holds half of another prediction: of other rows, columns or settings, or another model"
        raise RunError(str(parts), finding, "remove it, or give another file with --output")


def _answered(job: _Job, begun: Sequence["pyarrow.Table"], rest: Iterator["pyarrow.Table"], parts: Path) -> int:
    """Writes a file for each block that has none yet; the number of blocks."""
    import pyarrow.parquet

    count = 0
    for count, (block, total, more) in enumerate(_ahead(itertools.chain(begun, rest)), 1):
        place, first = _part(parts, count - 1), (count - 1) * BLOCK
        told = functools.partial(_tell, job.watch, first=first, total=total, more=more)
        if not place.is_file():
            table = _with_answers(job, block, first=first, told=told)
            temporary = place.with_suffix(".tmp")
            pyarrow.parquet.write_table(table, temporary, compression="zstd")
            temporary.replace(place)
        if count % 10 == 0:
            log.info("%s rows answered", f"{count * BLOCK:,}")
    return count


def _ahead(blocks: Iterator["pyarrow.Table"]) -> Iterator[tuple["pyarrow.Table", int, bool]]:
    """Each block, how many rows there are as far as is known, since the one after it is read too, and whether more
    may follow."""
    block = next(blocks, None)
    total = len(block) if block is not None else 0
    while block is not None:
        after = next(blocks, None)
        total += len(after) if after is not None else 0
        yield block, total, after is not None
        block = after


def _tell(watch: Watch, done: int, *, first: int, total: int, more: bool) -> None:
    watch(Progress("answer", done=first + done, total=total, more=more))


def _with_answers(job: _Job, block: "pyarrow.Table", *, first: int, told: Callable[[int], None]) -> "pyarrow.Table":
    """The block, then the columns of its answers, and `error` where a row has one."""
    import pyarrow

    readable = files.emptied(block)
    values = [_values(readable, path, job.name, role) for role, path in job.held.items()]
    read = [_texts(row, list(job.held.values())) for row in zip(*values, strict=True)]
    errors = [texts if isinstance(texts, str) else None for texts in read]
    bad = next((at for at, error in enumerate(errors) if error is not None), None)
    if bad is not None and job.strict:
        raise DataError(f"{job.name} row {first + bad}", str(errors[bad]), "mend the row, or leave out --strict")
    good = {first + at: texts for at, texts in enumerate(read) if not isinstance(texts, str)}

    def between(done: int) -> None:
        told(len(block) * done // len(good))

    answered = job.predictor.told(list(good.values()), everything=job.everything, numbers=list(good), between=between)
    found = iter(list(answered))
    rows = [next(found) if error is None else {} for error in errors]
    names = list(dict.fromkeys(name for row in rows for name in row)) or ["prediction"]
    added = {name: [row.get(name) for row in rows] for name in names} | ({"error": errors} if bad is not None else {})
    twice = next((name for name in (*added, "error") if name in block.column_names), None)
    if twice is not None:
        finding = f"has a column {twice!r}, which is what an answer's is called"
        raise DataError(job.name, finding, "rename the column")
    for column, answers in added.items():
        block = block.append_column(column, pyarrow.array(answers))
    return block.replace_schema_metadata({_ADDED: json.dumps(list(added))})


def _values(block: "pyarrow.Table", path: str, place: str, role: str) -> list[Any]:
    """A column's values; a block of rows that all lack it has none."""
    if not {path, path.partition(".")[0]} & {*block.column_names}:
        return [None] * len(block)
    return paths.column_of(block, path, place, key=f"task.columns.{role}").to_pylist()


def _texts(row: Sequence[Any], names: Sequence[str]) -> list[str] | str:
    """The texts of a row as they are read, or why they cannot be."""
    texts = []
    for value, name in zip(row, names, strict=True):
        text = " ".join(value) if isinstance(value, list) and all(isinstance(part, str) for part in value) else value
        if not isinstance(text, str):
            return f"no {name!r}" if text is None else f"{name!r} is {text!r}, not a text"
        texts.append(text)
    return texts


def _joined(spec: TaskSpec) -> dict[bytes, bytes] | None:
    """How a CSV writes several labels of a row: as the task's own column does, unless a label holds what separates."""
    between = separator(spec)
    plain = spec.target == "labels" and not any(between in label for label in spec.labels or ())
    return {files.JOINED: between.encode()} if plain else None


def _merged(parts: Path, count: int, output: Path, *, joined: dict[bytes, bytes] | None) -> tuple[int, int]:
    """All parts as the output, under its name once it is whole; how many rows it has, and how many errors."""
    import pyarrow
    import pyarrow.compute
    import pyarrow.parquet

    schemas = [pyarrow.parquet.read_schema(_part(parts, at)) for at in range(count)]
    added = list(dict.fromkeys(name for each in schemas for name in json.loads(each.metadata[_ADDED])))
    added = [name for name in added if name != "error"] + ["error"] * ("error" in added)
    try:
        whole = pyarrow.unify_schemas(schemas, promote_options="permissive").remove_metadata()
    except pyarrow.ArrowException as error:
        finding = f"a column is of one type here and of another there ({str(error).splitlines()[0]})"
        raise DataError(output.name, finding, "write it the same way everywhere") from error
    names = [name for name in whole.names if name not in added] + added
    fields = [whole.field(name) for name in names]
    whole = pyarrow.schema([field.with_metadata(joined) if field.name == "prediction" else field for field in fields])
    rows = errors = 0

    def tables() -> Iterator[pyarrow.Table]:
        nonlocal rows, errors
        for at in range(count):
            table = pyarrow.parquet.read_table(_part(parts, at))
            rows += len(table)
            errors += len(table) - table["error"].null_count if "error" in table.column_names else 0
            columns = [table[name].cast(whole.field(name).type) if name in table.column_names
                       else pyarrow.nulls(len(table), whole.field(name).type) for name in names]  # fmt: skip
            yield pyarrow.table(columns, schema=whole)

    temporary = parts / f"whole{output.suffix}"
    files.FORMATS[output.suffix.lower()](temporary, whole, tables())
    temporary.replace(output)
    return rows, errors


def _part(parts: Path, at: int) -> Path:
    return parts / f"{at:08}.parquet"


def _check_readable(first: "pyarrow.Table", held: dict[str, str], name: str) -> None:
    """Refuses columns that hold something else than texts. Raises DataError."""
    for role, column in held.items():
        kind = paths.column_of(first, column, name, key=f"task.columns.{role}").type
        if not columns.is_readable(kind):
            finding = f"column {column!r} holds {kind}, not text"
            raise DataError(name, finding, f"name a column of texts as task.columns.{role}=COLUMN")


def _is_labelled(first: "pyarrow.Table", spec: TaskSpec) -> bool:
    held = [name for role in KINDS[spec.kind].targets(spec) for name in spec.columns_of(role)]
    return bool(held) and all(name in first.column_names and first[name].null_count < len(first) for name in held)


def _weights(run: Path) -> str:
    """What stands for the content of a run's model."""
    whole = hashlib.sha256()
    for path in sorted((run / "model").rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                whole.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()
