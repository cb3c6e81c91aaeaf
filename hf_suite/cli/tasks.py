"""`hf-suite tasks`: the tasks there are, and all that is known of one. Loads no data."""

import json
import shlex
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from hf_suite import schema, shipped, spec
from hf_suite.cli.common import Json, tell_next, wide_console
from hf_suite.spec import TaskSpec

Name = Annotated[
    str | None,
    typer.Argument(metavar="[NAME]", help="A shipped task, or a task file; without it all.", show_default=False),
]


def tasks(name: Name = None, as_json: Json = False) -> None:
    """List the tasks, or show one: its data, labels, metrics and published numbers."""
    if name is not None:
        task = spec.read(name)
        _show(task, as_json)
        if not as_json and task.source.train is not None:
            tell_next(f"hf-suite train --task {shlex.quote(name)} --model DIR -o runs/{task.name}")
        return
    found = [spec.read(each) for each in spec.names()]
    if as_json:
        typer.echo(json.dumps([_facts(task) for task in found], indent=1, ensure_ascii=False))
        return
    table = Table("kind", "task", "data", "rows", "metrics", "trained on", show_edge=False, pad_edge=False)
    for task in sorted(found, key=lambda task: (task.kind, task.name)):
        table.add_row(*(Text(cell) for cell in _cells(task)))
    wide_console().print(table)


def _cells(task: TaskSpec) -> list[str]:
    metrics = ", ".join(task.metric_names())
    return [task.kind, task.name, _fixed(task), _rows(task), metrics, task.trained_on or ""]


def _fixed(task: TaskSpec) -> str:
    """Whether the data can change under the task's name."""
    if (shipped.folder("demo-data") / task.source.path).is_dir():
        return "shipped"
    return "pinned" if task.pinned else "unpinned"


def _rows(task: TaskSpec) -> str:
    """`67,349 / 872`: the train rows, then those of each eval split; a question mark where unknown."""
    splits = [task.source.train, *task.source.eval]
    counts = [task.source.rows.get(split) if split else None for split in splits]
    texts = ["-" if split is None else "?" if n is None else f"{n:,}" for split, n in zip(splits, counts, strict=True)]
    return " / ".join(texts)


def _facts(task: TaskSpec) -> dict[str, Any]:
    return task.model_dump(mode="json")


def _show(task: TaskSpec, as_json: bool) -> None:
    facts = _facts(task)
    if as_json:
        typer.echo(json.dumps(facts, indent=1, ensure_ascii=False))
        return
    published = facts.pop("published")
    written = task.model_dump(mode="json", exclude_defaults=True)
    typer.echo(schema.dump_yaml({key: value for key, value in facts.items() if key in written}), nl=False)
    if _fixed(task) == "unpinned":
        typer.echo("# unpinned: no commit of the data is fixed")
    if not published:
        return
    table = Table("published", "metric", "score", "setting", "source", show_edge=False, pad_edge=False)
    for number in task.published:
        cells = (number.model, number.metric, f"{number.score:g}", number.setting, number.url)
        table.add_row(*(Text(cell, overflow="fold") for cell in cells))
    typer.echo("")
    wide_console().print(table)
