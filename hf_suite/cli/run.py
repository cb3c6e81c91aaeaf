"""`hf-suite train`, `eval` and `bench`: the commands that run a model. Read words, call one function, print."""

import json
import logging
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from hf_suite import config as configs
from hf_suite.cli.common import Json, Limit, Mirror, Model, Output, Seed, Task, Words, given, wide_console
from hf_suite.cli.progress import BenchTable, spoken, watching
from hf_suite.errors import ConfigError
from hf_suite.record import Result

Resume = Annotated[bool, typer.Option("--resume", help="Go on with a half-finished run folder.", show_default=False)]
AllowCode = Annotated[
    bool,
    typer.Option("--allow-code", help="Run the code of the task's evaluate: metrics.", show_default=False),
]
Run = Annotated[
    str | None,
    typer.Argument(metavar="[RUN]", help="A finished run folder; else --model and --task.", show_default=False),
]
Suite = Annotated[
    str,
    typer.Argument(metavar="SUITE", help="A shipped suite's name, or a suite file.", show_default=False),
]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", help="A folder, a hub id, or package:MODULE/PATH; may be given again.", show_default=False),
]
Seeds = Annotated[
    int | None,
    typer.Option("--seeds", min=1, help="Seeds 0 to K-1 instead of the suite's.", show_default=False),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="List the cells to do, their rows and time, and do nothing.", show_default=False),
]
Keys = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Config keys for every cell.", show_default=False),
]


def train(
    words: Words = None,
    task: Task = None,
    model: Model = None,
    output: Output = None,
    limit: Limit = None,
    seed: Seed = None,
    mirror: Mirror = None,
    resume: Resume = False,
    allow_code: AllowCode = False,
    as_json: Json = False,
) -> None:
    """Finetune a checkpoint on a task and score it."""
    file, over = given(words, task=task, model=model, output=output, limit=limit, seed=seed, mirror=mirror)
    config = configs.read(file, over)
    _do_run(config, resume=resume, allow_code=allow_code, as_json=as_json)


def eval_(
    run: Run = None,
    words: Words = None,
    task: Task = None,
    model: Model = None,
    output: Output = None,
    mirror: Mirror = None,
    allow_code: AllowCode = False,
    as_json: Json = False,
) -> None:
    """Score a finished run again, or on another task; or a model that already carries a head."""
    if run is not None and "=" in run:
        run, words = None, [run, *(words or [])]
    file, over = given(words, task=task, model=model, output=output, mirror=mirror)
    if run is None:
        config = configs.read(file, {**over, "train": None})
        _do_run(config, resume=False, allow_code=allow_code, as_json=as_json)
        return
    if model is not None or file is not None:
        raise ConfigError(run, "a run folder brings its own model and config", "leave --model and the config file out")
    _log()
    from hf_suite.finished import evaluate_run

    mirrors = tuple(over.pop("mirror", ()))
    over.pop("output", None)
    name = over.get("task", {}).get("name")
    with watching(quiet=as_json) as watch:
        result = evaluate_run(
            run, task=name, over=over, mirrors=mirrors, output=output, allow_code=allow_code, watch=watch
        )
    _show(result, output or Path(run) / "eval" / result.task["name"], as_json)


def bench(
    suite: Suite,
    keys: Keys = None,
    model: Models = None,
    seeds: Seeds = None,
    output: Output = None,
    limit: Limit = None,
    mirror: Mirror = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Run the cells of a suite that have no Result yet; killed and called again, it does what is missing."""
    _, over = given(keys, limit=limit, mirror=mirror)
    _log()
    from hf_suite import suite as benches

    mirrors = tuple(over.pop("mirror", ()))
    chosen = range(seeds) if seeds is not None else None
    place = output or Path("runs") / f"bench-{Path(suite).stem}"
    plan = benches.plan(suite, models=model or [], seeds=chosen, mirrors=mirrors, over=over)
    if dry_run:
        _show_plan(plan, place, as_json)
        return
    with BenchTable(list(plan.cells) if not as_json else []) as table:
        watch = table.watch if not as_json else None
        outcome = benches.bench(
            suite, models=model or [], output=place, seeds=chosen, mirrors=mirrors, over=over, watch=watch
        )
    _show_bench(place, outcome, as_json)
    if outcome.failed:
        raise typer.Exit(1)


def _do_run(config: configs.RunConfig, *, resume: bool, allow_code: bool, as_json: bool) -> None:
    _log()
    from hf_suite import experiment, folders

    folder = folders.place(config)
    with watching(quiet=as_json) as watch:
        result = experiment.run(
            config.model_copy(update={"output": str(folder)}), resume=resume, allow_code=allow_code, watch=watch
        )
    _show(result, folder, as_json)


def _log() -> None:
    """Shows the library's own log: which files a name was taken for, which checkpoint was passed over."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("hf_suite").setLevel(logging.INFO)


def _show(result: Result, folder: Path, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(result.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False))
        return
    table = Table("split", "number", "score", "best constant answer", show_edge=False, pad_edge=False)
    for split, scores in result.scores.items():
        for name, value in scores.items():
            unit, better = result.units[name]
            constant = result.baseline[split].get(name) if better else None
            shown = "" if better is None or name not in result.baseline[split] else _number(constant, unit)
            table.add_row(*(Text(word) for word in (split, name, _number(value, unit), shown)))
    console = wide_console()
    console.print(table)
    for caveat in result.caveats:
        typer.echo(f"caveat: {caveat}")
    typer.echo(f"written to {folder}")


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "undefined"
    return f"{value:,.0f}" if unit == "count" else f"{value:.2f}"


def _show_plan(plan: Any, place: Path, as_json: bool) -> None:
    from hf_suite.estimate import Cost, estimate

    to_do = [cell for cell in plan.cells if not cell.done(place)]
    costs: dict[Path, Cost] = {}
    for cell in to_do:
        if cell.source is None and cell.folder.parent not in costs:
            costs[cell.folder.parent] = estimate(cell.config)
    cells = [
        {
            "folder": str(cell.folder),
            "task": cell.spec.name,
            "model": cell.config.model.id,
            "config": cell.config_name,
            "seed": cell.config.seed,
            "rows": costs[cell.folder.parent].rows if cell.source is None else {},
            "seconds": costs[cell.folder.parent].seconds if cell.source is None else None,
        }
        for cell in to_do
    ]
    if as_json:
        facts = {"to_do": cells, "done": len(plan.cells) - len(to_do), "skipped": plan.skipped}
        typer.echo(json.dumps(facts, indent=1, ensure_ascii=False))
        return
    table = Table("to do", "model", "config", "seed", "rows", "about", show_edge=False, pad_edge=False)
    for cell in cells:
        rows = ", ".join(f"{name} {count:,}" for name, count in cell["rows"].items())
        about = spoken(cell["seconds"]) if cell["seconds"] is not None else "answered by its source's model"
        words = (cell["task"], cell["model"], cell["config"], cell["seed"], rows, about)
        table.add_row(*(Text(str(word)) for word in words))
    if cells:
        wide_console().print(table)
    for name, reason in plan.skipped.items():
        typer.echo(f"skipped {name}: {reason}")
    total = sum(cell["seconds"] or 0.0 for cell in cells)
    typer.echo(f"{len(to_do)} of {len(plan.cells)} cells to do, about {spoken(total)} at the speed measured just now")


def _show_bench(place: Path, outcome: Any, as_json: bool) -> None:
    if as_json:
        facts = {
            "folder": str(place),
            "done": [str(folder) for folder in outcome.done],
            "failed": {str(folder): reason for folder, reason in outcome.failed.items()},
            "skipped": outcome.skipped,
        }
        typer.echo(json.dumps(facts, indent=1, ensure_ascii=False))
        return
    from hf_suite.report import render
    from hf_suite.report.table import of_folder

    wide_console().print(render.terminal(of_folder(place)))
    typer.echo(f"written to {place}; next: hf-suite results {place}")
