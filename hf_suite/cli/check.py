"""`hf-suite check`: what is wrong with some data, a section a family of checks; exit code 1 where anything is bad."""

import json
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hf_suite import files, schema
from hf_suite.cli.common import Json, Mirror, Model, Task, given, is_key, tell_next
from hf_suite.cli.own import looked_leniently
from hf_suite.errors import ConfigError

if TYPE_CHECKING:
    from hf_suite.doctor import Finding, Report, Skipped
    from hf_suite.spec import TaskSpec

Rows = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[DATA] [KEY=VALUE]...",
        help="A file, folder, pattern or URL; data.eval=FILE and task.columns.text=COLUMN. Else --task alone.",
        show_default=False,
    ),
]
Html = Annotated[
    Path | None,
    typer.Option("--html", help="Write the report as one page of HTML, too; it fetches nothing.", show_default=False),
]
_RANKED = 10
_BRIEF = 5


def check(
    rows: Rows = None,
    task: Task = None,
    model: Model = None,
    mirror: Mirror = None,
    as_json: Json = False,
    html: Html = None,
) -> None:
    """Look for what is wrong with rows before anything is learnt from them; exit code 1 where something is bad.

    --model adds what its tokenizer makes of them. DATA may also be a finished run or bench: then labels that look wrong
    by what its models found are ranked.
    """
    if html is not None and html.exists():
        raise ConfigError(str(html), "is there already", "give another file with --html")
    if html is not None and not html.parent.is_dir():
        raise ConfigError(str(html), f"there is no folder {html.parent}", "make it, or give another file with --html")
    report = _report(rows, task, model, mirror)
    from hf_suite import doctor

    if html is not None:
        html.write_text(doctor.page(report), "utf-8")
    typer.echo(json.dumps(report.as_json(), indent=1, ensure_ascii=False) if as_json else _written(report))
    if html is not None and not as_json:
        typer.echo(f"written to {html}")
    if not as_json:
        tell_next(*_next(report))
    if report.counted("bad"):
        sys.exit(1)


def _next(report: "Report") -> list[str]:
    """What mends the first thing that is bad, or the training; nothing of a run."""
    if report.counted("bad"):
        remedies = (one.remedy for one in report.findings if one.severity == "bad")
        return [remedy for remedy in remedies if remedy.startswith("hf-suite ")][:1]
    if "train" not in report.splits:
        return []
    word = f"{report.data} --model DIR" if report.data.startswith("--task") else f"--data {report.data}"
    return [f"hf-suite train {word} -o runs/{report.task}"]


def _report(rows: list[str] | None, task: str | None, model: str | None, mirror: Any) -> "Report":
    from hf_suite import checking, suspecting

    if rows is not None and len(rows) == 1 and suspecting.holds_runs(rows[0]):
        return suspecting.suspect(Path(rows[0]))
    max_length = schema.words(word for word in rows or () if word.startswith("max_length=")).get("max_length")
    if max_length is not None and (model is None or not isinstance(max_length, int) or max_length < 1):
        finding = f"{max_length!r} is no number of tokens" if model is not None else "is counted by a model's tokenizer"
        raise ConfigError("max_length", finding, "say max_length=128 beside --model DIR")
    words = [word for word in rows or () if not word.startswith("max_length=")]
    spec, word, notes, mirrors = asked(words, task, mirror)
    return checking.check(spec, word=word, mirrors=mirrors, notes=notes, model=model, max_length=max_length)


def brief(spec: "TaskSpec", word: str, *, mirrors: tuple[str, ...] = ()) -> None:
    """The faults of rows that are about to be learnt, in a few lines on stderr."""
    from hf_suite import checking, doctor

    report = checking.check(spec, word=word, mirrors=mirrors, only=doctor.SHORT)
    found = sorted((one for one in report.findings if one.severity != "ok"), key=lambda one: one.severity)
    for one in found[:_BRIEF]:
        typer.echo(f"{doctor.MARKS[one.severity]} {one.sentence}; {one.remedy}", err=True)
    if found:
        shown = f"{_BRIEF} of " if len(found) > _BRIEF else ""
        typer.echo(f"{shown}{len(found)} finding{'s' * (len(found) > 1)}: hf-suite check {word}", err=True)


def asked(
    rows: list[str] | None, task: str | None, mirror: Any
) -> tuple["TaskSpec", str, tuple[str, ...], tuple[str, ...]]:
    """The task of the rows that a command names, how it names them, what is to be noted of them, and the mirrors."""
    sources = [word for word in rows or () if not is_key(word)]
    keys = [word for word in rows or () if is_key(word)]
    if len(sources) > 1:
        raise ConfigError(sources[1], f"a second source of rows beside {sources[0]}", "keep one of them")
    if not sources and task is None:
        raise ConfigError("check", "no rows are named", "give a file, folder, pattern or URL, or --task NAME")
    _, over = given(keys, task=task, data=sources[0] if sources else None, mirror=mirror)
    wrong = sorted(over.keys() - {"data", "task", "mirror"})
    if wrong:
        hint = schema.nearest(wrong[0], ("data", "task"))
        raise ConfigError(wrong[0], "is no key of rows", f"{hint}say data.eval=FILE, or task.KEY=VALUE")
    said, mirrors = over.get("task", {}), tuple(over.get("mirror", ()))
    if "data" in over:
        own = looked_leniently(over["data"], said, mirrors=mirrors)
        return own.spec, named(sources, keys, task, mirror), own.notes, mirrors
    from hf_suite import kinds
    from hf_suite import spec as specs

    spec = specs.of(said)
    kinds.check(spec)
    return spec, named([], keys, task, mirror), (), mirrors


def named(sources: Sequence[str], keys: Sequence[str], task: str | None, mirror: Sequence[Path] | None = ()) -> str:
    """How a command names these rows, without the password of an address."""
    flags = [*(("--task", task) if task is not None else ()), *(f"--mirror={folder}" for folder in mirror or ())]
    return shlex.join([*map(files.shown, sources), *flags, *keys])


def _written(report: "Report") -> str:
    from hf_suite.doctor import MARKS, SECTIONS

    lines = [f"{report.data}: {report.kind.replace('_', ' ')}", *(f"  {note}" for note in report.notes)]
    lines += ["", "Rows"] if report.splits else []
    for split, facts in report.splits.items():
        lines.append(f"  {split}: {facts['rows']:,} rows")
        lines += [f"    {_column(column, facts['rows'])}" for column in facts["columns"]]
    for section, heading in SECTIONS.items():
        found, without = report.of_section(section), report.skipped_of(section)
        lines += ["", heading, *_lines(found, without)] if found or without else []
    lines += [
        f"      {one.split} {one.row}: {one.given}, likely {one.likely} ({one.margin:.2f})"
        for one in report.suspects[:_RANKED]
    ]
    if len(report.suspects) > _RANKED:
        lines.append(f"      and {len(report.suspects) - _RANKED:,} more, by --json")
    counts = ", ".join(f"{report.counted(severity)} {mark}" for severity, mark in MARKS.items())
    return "\n".join([*lines, "", f"{counts}, {len(report.skipped)} skipped"])


def _column(column: Any, rows: int) -> str:
    role = f" as {column['role']}" if column["role"] else ""
    empty = f", {rows - column['filled']:,} empty" if column["filled"] < rows else ""
    distinct = f", {column['distinct']:,} different" if column["distinct"] else ""
    words = f", {column['words']:g} words on average" if column["words"] > 1 else ""
    return f"{column['name']}{role}: {column['holds']}{distinct}{words}{empty}"


def _lines(found: Iterable["Finding"], without: Iterable["Skipped"]) -> list[str]:
    from hf_suite.doctor import MARKS

    lines = []
    for one in found:
        lines.append(f"  {MARKS[one.severity]} {one.sentence}")
        if one.severity == "ok":
            continue
        where = f"row {', '.join(map(str, one.rows))}; " if one.rows else ""
        lines += [f"      {where}{one.threshold}", *(f"      {example}" for example in one.examples)]
        lines.append(f"      → {one.remedy}")
    return lines + [f"  – skipped: {one.why}" for one in without]
