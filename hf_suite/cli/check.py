"""`hf-suite check`: what is wrong with some data, a section a family of checks; exit code 1 where anything is bad."""

import json
import shlex
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hf_suite.cli.common import Json, Mirror, Task, given
from hf_suite.cli.own import looked_leniently
from hf_suite.errors import ConfigError

if TYPE_CHECKING:
    from hf_suite.doctor import Finding, Report, Severity, Skipped
    from hf_suite.spec import TaskSpec

Rows = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[DATA] [KEY=VALUE]...",
        help="A file, folder, pattern or URL; data.eval=FILE and task.columns.text=COLUMN. Else --task alone.",
        show_default=False,
    ),
]
MARKS: dict["Severity", str] = {"ok": "✔", "warn": "⚠", "bad": "✘"}


def check(rows: Rows = None, task: Task = None, mirror: Mirror = None, as_json: Json = False) -> None:
    """Look for what is wrong with rows before anything is learnt from them; exit code 1 where something is bad."""
    spec, word, notes, mirrors = asked(rows, task, mirror)
    from hf_suite import checking

    report = checking.check(spec, word=word, mirrors=mirrors, notes=notes)
    typer.echo(json.dumps(report.as_json(), indent=1, ensure_ascii=False) if as_json else _written(report))
    if report.counted("bad"):
        sys.exit(1)


def asked(
    rows: list[str] | None, task: str | None, mirror: Any
) -> tuple["TaskSpec", str, tuple[str, ...], tuple[str, ...]]:
    """The task of the rows that a command names, how it names them, what is to be noted of them, and the mirrors."""
    sources = [word for word in rows or () if "=" not in word]
    keys = [word for word in rows or () if "=" in word]
    if len(sources) > 1:
        raise ConfigError(sources[1], f"a second source of rows beside {sources[0]}", "keep one of them")
    if not sources and task is None:
        raise ConfigError("check", "no rows are named", "give a file, folder, pattern or URL, or --task NAME")
    _, over = given(keys, task=task, data=sources[0] if sources else None, mirror=mirror)
    said = over.get("task", {})
    if "data" in over:
        own = looked_leniently(over["data"], said)
        extra = ["--task", task] if task is not None else []
        return own.spec, shlex.join([*sources, *keys, *extra]), own.notes, ()
    from hf_suite import kinds
    from hf_suite import spec as specs

    spec = specs.of(said)
    kinds.check(spec)
    return spec, shlex.join(["--task", str(task), *keys]), (), tuple(over.get("mirror", ()))


def _written(report: "Report") -> str:
    from hf_suite.doctor import SECTIONS

    lines = [f"{report.data}: {report.kind.replace('_', ' ')}", *(f"  {note}" for note in report.notes), "", "Rows"]
    for split, facts in report.splits.items():
        lines.append(f"  {split}: {facts['rows']:,} rows")
        lines += [f"    {_column(column, facts['rows'])}" for column in facts["columns"]]
    for section, heading in SECTIONS.items():
        found = [line for line in report.findings if line.section == section]
        without = [line for line in report.skipped if line.section == section]
        lines += ["", heading, *_lines(found, without)] if found or without else []
    counts = ", ".join(f"{report.counted(severity)} {mark}" for severity, mark in MARKS.items())
    return "\n".join([*lines, "", f"{counts}, {len(report.skipped)} skipped"])


def _column(column: Any, rows: int) -> str:
    role = f" as {column['role']}" if column["role"] else ""
    empty = f", {rows - column['filled']:,} empty" if column["filled"] < rows else ""
    distinct = f", {column['distinct']:,} different" if column["distinct"] else ""
    words = f", {column['words']:g} words on average" if column["words"] > 1 else ""
    return f"{column['name']}{role}: {column['holds']}{distinct}{words}{empty}"


def _lines(found: Iterable["Finding"], without: Iterable["Skipped"]) -> list[str]:
    lines = []
    for one in found:
        lines.append(f"  {MARKS[one.severity]} {one.sentence}")
        if one.severity == "ok":
            continue
        where = f"row {', '.join(map(str, one.rows))}; " if one.rows else ""
        lines += [f"      {where}{one.threshold}", *(f"      {example}" for example in one.examples)]
        lines.append(f"      → {one.remedy}")
    return lines + [f"  – skipped: {one.why}" for one in without]
