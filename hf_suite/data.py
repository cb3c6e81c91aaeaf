"""TaskSpec -> rows with role-named columns, from a mirror or the hub; no models. The door to `datasets`."""

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hf_suite import columns, documents, files, hub, offsets, shipped
from hf_suite.blocks import Blocks
from hf_suite.errors import DataError, MissingData
from hf_suite.kinds import KINDS
from hf_suite.metrics.base import RowId
from hf_suite.spec import TaskSpec

if TYPE_CHECKING:
    import pyarrow
    from datasets import Dataset

log = logging.getLogger(__name__)

HUB_SECONDS = 10
"""How long to wait for the hub before it counts as out of reach."""
_READERS = {".parquet": "parquet", ".jsonl": "json", ".txt": "text"}
"""Ending of a mirror's file -> what of datasets reads its rows."""


@dataclass(frozen=True)
class Split:
    """The rows of one split, or of a part of it."""

    name: str
    rows: "Dataset"
    """Columns: `row` (RowId), then the task's roles, then the `extra` ones under the data's own names."""
    total: int
    """Rows of the whole split, before any were dropped, left out or joined into documents."""
    dropped: int
    """Rows of the whole split that were dropped for want of a label."""
    sha256: str | None
    """Of the mirror's file or of your own ones; None when the rows came from the hub."""
    revision: str | None
    """The hub's commit; None when the rows came from elsewhere."""


def rows(spec: TaskSpec, name: str, *, mirrors: Sequence[str] = (), extra: Sequence[str] = ()) -> Split:
    """All rows of a split: from the task's own files, else from the first mirror that has it, else from the hub.

    `row` is the value of role `id` where the task names one, else the position in the whole split. Role
    `label` is one of the task's label names (a float for target: number), None where the row has none. Rows
    without a label are left out if the task says drop_unlabelled. `extra` names further columns of the data.
    Raises MissingData, DataError.
    """
    from datasets import Dataset

    if name in spec.source.files:
        source, names, place, origin = _own(spec, name, mirrors)
    else:
        source, names, place, origin = _fetch(spec, name, mirrors)
    table = columns.by_role(source, spec, place=place, names=names, extra=extra)
    total, table = len(table), documents.joined(table, spec.document)
    kept = table.filter(columns.has_target(table, spec)) if spec.drop_unlabelled else table
    said: list[Any] = [origin, name, spec.columns, spec.labels, spec.target, spec.separator, list(extra)]
    said += [spec.drop_unlabelled, spec.document]
    fingerprint = hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]
    return Split(
        name,
        Dataset(kept, fingerprint=fingerprint),
        total=total,
        dropped=len(table) - len(kept),
        **origin,
    )


def as_written(
    spec: TaskSpec, name: str, *, mirrors: Sequence[str] = (), to_the_letter: bool = False
) -> tuple["pyarrow.Table", dict[str, "pyarrow.ChunkedArray"]]:
    """A split's rows as the data have them, and the column of each role: nothing refused, dropped or mended.

    Numbers of a CSV are numbers, unless its rows are asked for `to_the_letter` (`3.10`), the roles aside. Raises
    MissingData; DataError where a column is not there, or a file cannot be read.
    """
    if name in spec.source.files:
        found = files.read(files.paths(spec.source.files[name], name, mirrors))
        table, names, place = found.table, found.names.get(spec.column("label")), found.name
        kept = found.written if to_the_letter else table
    else:
        table, carried, place, _ = _fetch(spec, name, mirrors)
        names, kept = list(carried or spec.labels or ()), table
    return kept, columns.as_written(table, spec, place=place, names=names)


def blocks(spec: TaskSpec, name: str, how: Blocks, *, size: int, mirrors: Sequence[str] = ()) -> Split:
    """A split that is one text (document: split) as blocks of `size` tokens, in memory while they are few.

    A plain text file is read as it stands; of other rows each ends its line. Raises MissingData, DataError.
    """
    from datasets import Dataset

    total, texts, origin = _text(spec, name, mirrors)
    table = files.gathered(how.batches(texts, size), place=f"{spec.name} {name}")
    ends = [table["input_ids"][at].as_py() for at in (0, -1)]
    said = json.dumps([origin, name, size, how.shared, len(table), ends])
    found = Dataset(table, fingerprint=hashlib.sha256(said.encode()).hexdigest()[:16])
    return Split(name, found, total=len(table) if total is None else total, dropped=0, **origin)


def texts(spec: TaskSpec, name: str, *, mirrors: Sequence[str] = ()) -> Iterator[str]:
    """All texts of a split that its task reads or writes, a piece at a time. Raises MissingData, DataError."""
    if spec.document == "split":
        yield from _text(spec, name, mirrors)[1]
        return
    found = rows(spec, name, mirrors=mirrors).rows
    kind = KINDS[spec.kind]
    for role in sorted((kind.inputs | kind.targets(spec)) & spec.columns.keys()):
        for value in found[role]:
            yield from value if isinstance(value, list) else [str(value)]


def _text(spec: TaskSpec, name: str, mirrors: Sequence[str]) -> tuple[int | None, Iterator[str], dict[str, str | None]]:
    """The one text that a split is, in pieces, with the number of its rows, if it has rows, and where it is from."""
    words = spec.source.files.get(name)
    mirrored = _file(spec, name, mirrors) if words is None else None
    if mirrored is not None and mirrored.suffix == ".txt":
        log.info("%s %s: text from %s", spec.name, name, mirrored)
        return None, files.texts([mirrored]), {"sha256": _sha256(mirrored), "revision": None}
    paths = files.paths(words, name, mirrors) if words is not None else []
    if words is not None and files.is_plain(paths):
        return None, files.texts(paths), {"sha256": files.sha256(paths), "revision": None}
    source, names, place, origin = _own(spec, name, mirrors) if words is not None else _fetch(spec, name, mirrors)
    table = columns.by_role(source, spec, place=place, names=names)
    return len(table), documents.lines(table), origin


def identify(spec: TaskSpec, name: str, *, mirrors: Sequence[str] = ()) -> str | None:
    """What stands for a split's content: sha256 of the mirror's file, or `ID@COMMIT`; None where neither is.

    Reads no rows. The hub is asked for the commit, not for the split.
    """
    if name in spec.source.files:
        return files.sha256(files.paths(spec.source.files[name], name, mirrors))
    file = _file(spec, name, mirrors)
    if file is not None:
        return _sha256(file)
    commit, *_ = _commit(spec)
    return f"{spec.source.path}@{commit}" if commit is not None else None


def at_hand(spec: TaskSpec, name: str, *, mirrors: Sequence[str] = ()) -> bool:
    """Whether a split is of files, or in a mirror, so that the hub need not be asked for it."""
    return name in spec.source.files or _file(spec, name, mirrors) is not None


def references(spec: TaskSpec, name: str, *, mirrors: Sequence[str] = ()) -> dict[RowId, Any]:
    """The gold answer of each row of a split, as the metrics take them. Raises MissingData, DataError."""
    return gold(spec, labelled(spec, rows(spec, name, mirrors=mirrors)))


def gold(spec: TaskSpec, part: Split) -> dict[RowId, Any]:
    """The gold answer of each row, None where it has none."""
    return {row["row"]: KINDS[spec.kind].reference(row, spec) for row in part.rows}


def labelled(spec: TaskSpec, whole: Split) -> Split:
    """The split itself. Raises MissingData where no row has a label (or answers), DataError where some have none."""
    place, column = f"{spec.name} {whole.name}", ", ".join(sorted(KINDS[spec.kind].targets(spec)))
    if not whole.total or (not column and not len(whole.rows)):
        raise DataError(place, "there are no rows", "look into the file, or name another split")
    has = columns.has_target(whole.rows.data.table, spec).to_pylist()
    if not any(has) and whole.name == spec.source.train:
        finding = f"none of the {whole.total:,} rows has a {column}, so there is nothing to learn from"
        raise MissingData(place, finding, f"name the column that has them as task.columns.{column}=COLUMN")
    if not any(has):
        finding = f"none of the {whole.total:,} rows has a {column}, so they can be answered but not scored"
        raise MissingData(place, finding, "name a split with labels as task.source.eval=[...]")
    if not all(has):
        first = whole.rows[has.index(False)]["row"]
        finding = f"{has.count(False):,} of {whole.total:,} rows have no {column}, first row {first}"
        raise DataError(place, finding, "set task.drop_unlabelled=true to leave them out")
    return whole


def _missing(spec: TaskSpec, name: str, mirrors: Sequence[str], *, why: str, way: str = "") -> MissingData:
    """The error that says where a split was looked for: in its remedy, since a bench keeps what was found alone."""
    places = ", ".join(str(mirror) for mirror in _mirrors(mirrors))
    finding = f"split {name} is not at hand: no {name}.parquet, .jsonl or .txt in a mirror, and {why}"
    remedy = f"{way}give a folder that has it as --mirror or HF_SUITE_MIRROR (looked under {places})"
    return MissingData(spec.source.id, finding, remedy)


def _mirrors(given: Sequence[str]) -> list[Path]:
    """The folders to search: those given, then HF_SUITE_MIRROR's, then the demo's."""
    listed = os.environ.get("HF_SUITE_MIRROR", "").split(os.pathsep)
    return [Path(word).expanduser() for word in [*given, *listed] if word] + [shipped.folder("demo-data")]


def _file(spec: TaskSpec, name: str, mirrors: Sequence[str]) -> Path | None:
    """The split's file in the first mirror that has it."""
    folders = [mirror / spec.source.path / (spec.source.subset or "default") for mirror in _mirrors(mirrors)]
    files = [folder / f"{name}{suffix}" for folder in folders for suffix in _READERS]
    return next((file for file in files if file.is_file()), None)


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _commit(spec: TaskSpec) -> tuple[str | None, str, str]:
    """The dataset's commit (pinned, else asked of the hub) and empty texts, or None, the reason and a way in."""
    from huggingface_hub import HfApi, is_offline_mode
    from huggingface_hub.errors import HfHubHTTPError

    if spec.pinned:
        return spec.source.revision, "", ""
    if is_offline_mode():
        return None, "the hub is switched off (HF_HUB_OFFLINE)", ""
    transport_error = HfHubHTTPError.__bases__[0]  # the base error of whichever HTTP library it uses
    try:
        info = HfApi().dataset_info(spec.source.path, revision=spec.source.revision, timeout=HUB_SECONDS)
    except (OSError, transport_error) as error:
        closed = hub.refusal(error, spec.source.path, "dataset")
        return None, *(_said(closed) or (f"the hub does not give it ({_first_line(error)})", ""))
    return info.sha, "", ""


def _said(closed: hub.Closed | None) -> tuple[str, str] | None:
    return None if closed is None else (f"on the hub {closed.why}", f"{closed.way}, or ")


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


_Fetched = tuple["pyarrow.Table", Sequence[str] | None, str, dict[str, str | None]]
"""Rows under the data's own column names, names of its label ids, a place for errors, and {"sha256", "revision"}."""


def _own(spec: TaskSpec, name: str, mirrors: Sequence[str]) -> _Fetched:
    """The rows of the task's own files, as files have them: labels are texts, and a text that is not there is empty."""
    found = files.read(files.paths(spec.source.files[name], name, mirrors))
    names = found.names.get(spec.column("label"))
    table, notes = columns.plain(found.table, spec, ids=names is not None), list(found.notes)
    if {"answers", "context"} <= spec.columns.keys():
        where = spec.column("answers"), spec.column("context")
        table, mended = offsets.mended(table, *where, place=found.name)
        notes += mended
    for note in notes:
        log.info("%s", note)
    return table, names, found.name, {"sha256": found.sha256, "revision": None}


def _fetch(spec: TaskSpec, name: str, mirrors: Sequence[str]) -> _Fetched:
    """The rows of a mirror or of the hub."""
    found, origin = _loaded(spec, name, mirrors)
    feature = found.features.get(spec.column("label"))
    names = getattr(getattr(feature, "feature", feature), "names", None)  # of lists those of what they hold
    return found.data.table, names, f"{spec.name} {name}", origin


def _loaded(spec: TaskSpec, name: str, mirrors: Sequence[str]) -> tuple["Dataset", dict[str, str | None]]:
    import datasets

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(logging.CRITICAL)  # what it logs, it raises too
    file = _file(spec, name, mirrors)
    if file is not None:
        log.info("%s %s: rows from %s", spec.name, name, file)
        return _read(file), {"sha256": _sha256(file), "revision": None}
    commit, why, way = _commit(spec)
    if commit is None:
        raise _missing(spec, name, mirrors, why=why, way=way)
    log.info("%s %s: rows from the hub, %s at %s", spec.name, name, spec.source.path, commit)
    try:
        found = datasets.load_dataset(spec.source.path, spec.source.subset, revision=commit, split=name)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        # What datasets raises no longer says why the hub keeps it closed.
        closed = hub.closed(spec.source.path, "dataset") if not isinstance(error, ConnectionError) else None
        why, way = _said(closed) or (f"neither the hub nor its cache gives it ({_first_line(error)})", "")
        raise _missing(spec, name, mirrors, why=why, way=way) from error
    return found, {"sha256": None, "revision": commit}


def _read(file: Path) -> "Dataset":
    """One local file, named alone: a folder with a README would be read by what that says."""
    import datasets
    import pyarrow.parquet

    reader = _READERS[file.suffix]
    try:
        many = pyarrow.parquet.read_metadata(file).num_rows if reader == "parquet" else file.stat().st_size
        if not many:
            raise DataError(str(file), "the file has no rows", "restore it, or remove it to look elsewhere")
        return datasets.load_dataset(reader, data_files={"train": str(file)}, split="train")
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        cause = _first_line(error.__cause__ or error)
        raise DataError(str(file), f"cannot be read as {reader} ({cause})", "restore the file") from error
