"""clean(): data -> the same without what the doctor mends, in new files, and a line for each thing that was done."""

import contextlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hf_suite import doctor, files, folders, schema
from hf_suite.doctor import Subject
from hf_suite.errors import ConfigError, DataError, RunError

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True)
class Cleaned:
    """What was done and where it is written."""

    rows: dict[str, tuple[int, int]]
    """Split -> rows before and after."""
    removed: dict[str, int]
    """Fix -> rows that it left out."""
    changed: dict[str, int]
    """Fix -> texts and labels that it changed."""
    output: Path
    log: Path
    """JSON lines: split, row, fix, and what was left out and why, or what was changed."""


def clean(subject: Subject, output: Path, fixes: Sequence[str]) -> Cleaned:
    """Writes the data with the fixes done: one split to a file, several to a folder; beside it what was done.

    The ending says the format; a folder's files are CSV, or what the data are where that can be written. Raises
    ConfigError, RunError before anything is done, DataError where a split would be left without rows.
    """
    ending = _checked(subject, output, fixes)
    log = output.with_name(f"{output.stem if ending is None else output.name}.removed.jsonl")
    if log.exists():
        raise RunError(str(log), "is there already", "give another file with --output, or remove it")
    mended = doctor.mend(subject, fixes)
    for part in subject.parts:
        if not len(mended.tables[part.name]):
            raise DataError(part.name, f"the fixes leave none of its {len(part):,} rows", "leave some of them out")
    with _beside(output) as place:
        _write(place, mended.tables, ending)
        with _beside(log) as lines:
            said = (json.dumps(line, ensure_ascii=False, default=str) + "\n" for line in mended.lines)
            lines.write_text("".join(said), "utf-8")
    return Cleaned(
        rows={part.name: (len(part), len(mended.tables[part.name])) for part in subject.parts},
        removed=dict(Counter(line["fix"] for line in mended.lines if "removed" in line)),
        changed=dict(Counter(line["fix"] for line in mended.lines if "removed" not in line)),
        output=output,
        log=log,
    )


def check_fixes(fixes: Sequence[str]) -> None:
    """Refuses a fix that there is not. Raises ConfigError."""
    for fix in fixes:
        if fix not in doctor.FIXES:
            finding, known = f"no fix {fix!r}", ", ".join(doctor.FIXES)
            raise ConfigError("--fix", finding, f"{schema.nearest(fix, doctor.FIXES)}there are: {known}")


def _checked(subject: Subject, output: Path, fixes: Sequence[str]) -> str | None:
    """The ending of a folder's files; None where the output is one file. Raises ConfigError, RunError."""
    check_fixes(fixes)
    if output.exists():
        raise RunError(str(output), "is there already", "give another with --output; nothing is mended in place")
    folders.check_writable(output.parent)
    if output.suffix.lower() in files.FORMATS:
        if len(subject.parts) > 1:
            named = ", ".join(part.name for part in subject.parts)
            raise ConfigError(
                str(output), f"is one file, and the splits are {named}", "name a folder without an ending"
            )
        return None
    if output.suffix:
        raise ConfigError(
            str(output),
            f"cannot tell its format from {output.suffix!r}",
            f"name it {', '.join(files.FORMATS)}, or a folder without an ending",
        )
    return subject.ending


def _write(place: Path, tables: Mapping[str, "pyarrow.Table"], ending: str | None) -> None:
    """One table to a file, or each to its file in a folder."""
    if ending is None:
        (table,) = tables.values()
        files.FORMATS[place.suffix.lower()](place, table.schema, [table])
        return
    place.mkdir()
    for split, table in tables.items():
        files.FORMATS[ending](place / f"{split}{ending}", table.schema, [table])


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A place beside a file or folder, which takes its name once all is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    held = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        yield held / path.name
        (held / path.name).replace(path)
    finally:
        shutil.rmtree(held)
