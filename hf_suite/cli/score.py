"""`hf-suite score`: the scores of a predictions file, beside those of answers without a model."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hf_suite import kinds, spec
from hf_suite.cli.common import AllowCode, Json, Mirror, Task, given
from hf_suite.errors import ConfigError
from hf_suite.spec import TaskSpec

Predictions = Annotated[
    Path,
    typer.Argument(
        metavar="PREDICTIONS",
        help=".json: SQuAD's {id: text}. .jsonl, .csv: row, answer and perhaps no_answer. .txt: an answer a line.",
        show_default=False,
    ),
]
Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[TASK.YAML|task.KEY=VALUE]...",
        help="A task file, and what differs from it.",
        show_default=False,
    ),
]
Split = Annotated[
    str | None,
    typer.Option("--split", help="Which split, where the task has several.", show_default=False),
]


def score(
    predictions: Predictions,
    words: Words = None,
    task: Task = None,
    split: Split = None,
    mirror: Mirror = None,
    allow_code: AllowCode = False,
    as_json: Json = False,
) -> None:
    """Score a predictions file: no model, no torch. It must have one answer for each row of the split."""
    asked, mirrors = _task(words, task, mirror)
    found = _scored(predictions, asked, _split(asked, split), mirrors=mirrors, allow_code=allow_code)
    if as_json:
        typer.echo(json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False))
        return
    typer.echo(f"{asked.name} {found['split']}, {found['rows']:,} rows")
    Console().print(_table(found, kinds.KINDS[asked.kind].baseline_name))
    for line in _below(found):
        typer.echo(line)


def _below(found: Mapping[str, Any]) -> list[str]:
    """What made the numbers, what was noticed of the answers, and what keeps the numbers from being the plain ones."""
    signatures = [f"{name}: {text}" for name, text in found["signatures"].items()]
    counts = ", ".join(f"{name} {value:,.4g}" for name, value in found["counts"].items())
    return [*signatures, *([f"noticed: {counts}"] if counts else []), *(f"caveat: {text}" for text in found["caveats"])]


def _task(words: Sequence[str] | None, task: str | None, mirror: Sequence[Path] | None) -> tuple[TaskSpec, list[str]]:
    file, over = given(words, task=task, mirror=mirror)
    if file is not None:
        raise ConfigError(file, "is a config", "score reads a task: --task NAME, or a file with kind:")
    for key in over.keys() - {"task", "mirror"}:
        raise ConfigError(
            key, "says nothing about a score", "write task.KEY=VALUE for what differs from the task's file"
        )
    fields = dict(over.get("task", {}))
    if "name" not in fields:
        raise ConfigError("score", "no task is named", "say --task NAME; `hf-suite tasks` lists them")
    asked = spec.read(fields.pop("name"), fields)
    kinds.check(asked)
    return asked, over.get("mirror", [])


def _split(asked: TaskSpec, split: str | None) -> str:
    splits = asked.source.eval
    if split is not None:
        return split
    if len(splits) != 1:
        remedy = f"say --split with one of: {', '.join(splits)}" if splits else "say --split NAME"
        raise ConfigError(asked.name, f"it has {len(splits)} eval splits", remedy)
    return splits[0]


def _scored(
    predictions: Path, asked: TaskSpec, split: str, *, mirrors: Sequence[str], allow_code: bool
) -> dict[str, Any]:
    """All that is printed: scores, units, the baseline's scores, signatures, counts and caveats."""
    from hf_suite import data, interop, parts, scoring

    for name in asked.metric_names():
        if name.startswith("evaluate:"):
            interop.check(name, allow_code=allow_code)
    written = scoring.read_predictions(predictions, asked)
    caveats: list[str] = []
    whole = parts.counted(asked, data.rows(asked, split, mirrors=mirrors), caveats)
    references = data.gold(asked, whole)
    answers = scoring.matched(written, references)
    scores = scoring.score(asked, answers, references, place=predictions.name)
    units: dict[str, tuple[str, str | None]] = {
        name: (unit.name, unit.better) for name, unit in scoring.units(asked).items() if name in scores
    }
    signatures = scoring.signatures(asked, answers, references)
    signatures |= interop.add(asked, {split: answers}, {split: references}, {split: scores}, units)
    return {
        "task": asked.name,
        "split": split,
        "rows": len(references),
        "scores": scores,
        "baseline": scoring.baseline(asked, whole.rows, references),
        "units": units,
        "signatures": signatures,
        "counts": kinds.KINDS[asked.kind].diagnosis(whole.rows, answers, references, {}, asked),
        "caveats": caveats,
    }


def _table(found: Mapping[str, Any], baseline: str) -> Table:
    table = Table("number", "score", baseline, "unit", show_edge=False, pad_edge=False)
    for name, value in found["scores"].items():
        unit, better = found["units"][name]
        constant = _number(found["baseline"][name], unit) if name in found["baseline"] and better else ""
        table.add_row(*(Text(cell) for cell in (name, _number(value, unit), constant, unit)))
    return table


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "undefined"
    return f"{value:,.0f}" if unit == "count" else f"{value:,.4f}"
