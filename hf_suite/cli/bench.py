"""`hf-suite bench`: runs a suite's missing cells, or says what they would cost. Reads words, calls, prints."""

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from hf_suite import shipped
from hf_suite.cli.common import AllowCode, Json, Limit, Mirror, Processes, given, wide_console
from hf_suite.cli.own import said_aloud
from hf_suite.cli.progress import BenchTable, log_to_stderr, spoken
from hf_suite.config import SuiteConfig, read_suite
from hf_suite.errors import ConfigError
from hf_suite.report.difference import words as words_of
from hf_suite.trials import words as trials_of
from hf_suite.variants import names_model

if TYPE_CHECKING:
    from hf_suite.estimate import Cost
    from hf_suite.plan import Plan
    from hf_suite.suite import Outcome

Suite = Annotated[
    str | None,
    typer.Argument(metavar="[SUITE]", help="A shipped suite's name, or a suite file; else --data.", show_default=False),
]
Keys = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Config keys for every cell.", show_default=False),
]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", help="A folder, a hub id, or package:MODULE/PATH; may be given again.", show_default=False),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        help="In place of a suite, rows of your own: a file, folder, pattern or URL. Their task is guessed.",
        show_default=False,
    ),
]
Sweeps = Annotated[
    list[str] | None,
    typer.Option(
        "--sweep",
        metavar="KEY=VALUES",
        help="Try each model with each value of a,b,c and report the one best on tune; again for another key. "
        "With --trials also a range a..b: of whole numbers, or of decimals (drawn evenly in the logarithm above 0).",
        show_default=False,
    ),
]
Trials = Annotated[
    int | None,
    typer.Option("--trials", min=1, help="So many trials of each model, drawn by Optuna.", show_default=False),
]
Seeds = Annotated[
    int | None,
    typer.Option("--seeds", min=1, help="So many seeds, from 0 on, instead of the suite's.", show_default=False),
]
Folder = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="The bench's folder; without it runs/bench-SUITE.", show_default=False),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="List the cells to do, their rows and time, and do nothing.", show_default=False),
]


_ROOM = 160  # letters in a line from which a table with the columns of cost is no heap of broken words


def bench(
    suite: Suite = None,
    keys: Keys = None,
    model: Models = None,
    data: Data = None,
    sweep: Sweeps = None,
    trials: Trials = None,
    seeds: Seeds = None,
    output: Folder = None,
    limit: Limit = None,
    processes: Processes = None,
    mirror: Mirror = None,
    dry_run: DryRun = False,
    allow_code: AllowCode = False,
    as_json: Json = False,
) -> None:
    """Run the cells of a suite that have no Result yet; killed and called again, it does what is missing.

    --data makes one task of your rows; task.KEY=VALUE overrules the guess. Exits 1 when a cell fails; the others go on.
    """
    suite, keys = (None, [suite, *(keys or [])]) if suite is not None and "=" in suite else (suite, keys)
    file, over = given(keys, data=data, limit=limit, processes=processes, mirror=mirror)
    _no_config(file)
    log_to_stderr()
    from hf_suite.plan import plan

    own = over.get("data") is not None
    name, declared = _suite(suite, over, sweep, trials, models=bool(model) or names_model(over))
    place = output or Path("runs") / f"bench-{name}"
    planned = plan(
        declared,
        name=name,
        models=model or [],
        seeds=range(seeds) if seeds is not None else None,
        mirrors=tuple(over.pop("mirror", ())),
        over=over,
        output=place,
        absent=dry_run,
    )
    work = _preview if dry_run else functools.partial(_do, cost=own)
    work(planned, place, allow_code=allow_code, as_json=as_json)


def _do(planned: "Plan", place: Path, *, allow_code: bool, as_json: bool, cost: bool) -> None:
    """Runs the cells and prints the table, perhaps with what they cost; exits 1 where one failed."""
    from hf_suite import suite as benches

    with BenchTable(planned.cells, place, quiet=as_json) as table:
        outcome = benches.do(planned, place, allow_code=allow_code, watch=table.watch)
    _show(place, outcome, as_json, cost=cost)
    if outcome.failed:
        raise typer.Exit(1)


def _no_config(file: str | None) -> None:
    if file is not None:
        raise ConfigError(file, "a suite names its configs itself", "write `config:` into a suite file of your own")


def _suite(
    word: str | None, over: dict[str, Any], sweep: list[str] | None, count: int | None, *, models: bool
) -> tuple[str, SuiteConfig]:
    """What the bench is called, and its suite with what the command line says of trials."""
    tried = trials_of(sweep or ())
    name, declared = _named(word, over, tried, models=models)
    said: dict[str, Any] = {"sweep": tried} if tried else {}
    said |= {"trials": count} if count is not None else {}
    return name, declared.model_copy(update=said)


def _named(
    word: str | None, over: dict[str, Any], tried: Mapping[str, Any], *, models: bool
) -> tuple[str, SuiteConfig]:
    """The suite that is named, or of the rows that `over` names, and what it is called."""
    said = over.pop("data", None)
    if said is None:
        if word is None:
            raise ConfigError(
                "bench", "no suite is named", f"there are: {', '.join(shipped.files('suites'))}; or --data"
            )
        return Path(word).stem, read_suite(word)
    if word is not None:
        raise ConfigError(word, "a suite brings its own rows", "leave out either the suite or --data")
    if not models:
        raise ConfigError("bench", "no model is named", "name at least one with --model")
    from hf_suite.own import STEPS, lasts

    own = said_aloud(said, over.pop("task", {}), mirrors=over.get("mirror", ()))
    facts = {key: value for key, value in own.task.items() if key != "name"}
    train = over.get("train", {})
    few = train is not None and lasts([*train, *(key.removeprefix("train.") for key in tried)])
    differs = {"task": facts} | ({"train": {"min_steps": STEPS}} if few and own.spec.document != "split" else {})
    return own.spec.name, SuiteConfig(tasks={own.spec.name: differs})


def _preview(planned: "Plan", place: Path, *, allow_code: bool, as_json: bool) -> None:
    """Prints what a bench would do; exits 1 when a cell would be refused."""
    to_do = [cell for cell in planned.cells if not cell.done(place)]
    costs: dict[Path, Cost] = {}
    if to_do:
        from hf_suite.estimate import costs as measured

        costs = measured(to_do, place, allow_code=allow_code)
    cells = [
        {
            "folder": str(cell.folder),
            "task": cell.spec.name,
            "model": cell.model,
            "config": cell.config_name,
            "seed": cell.config.seed,
            "trial": cell.trial,
            "init_from": cell.config.init_from,
            "rows": costs[cell.folder].rows,
            "steps": costs[cell.folder].steps,
            "seconds": costs[cell.folder].seconds,
            "refusal": costs[cell.folder].refusal,
        }
        for cell in to_do
    ]
    if as_json:
        facts = {"to_do": cells, "done": len(planned.cells) - len(to_do), "skipped": planned.skipped}
        facts |= {"trials": planned.trials} if planned.trials is not None else {}
        typer.echo(json.dumps(facts, indent=1, ensure_ascii=False))
    else:
        _show_preview(cells, len(planned.cells), planned.skipped)
        if planned.trials is not None and cells:
            typer.echo(f"each is the first of {planned.trials} trials, and the others take about as long")
    if any(cell["refusal"] for cell in cells):
        raise typer.Exit(1)


def _show_preview(cells: list[dict[str, Any]], planned: int, skipped: Mapping[str, str]) -> None:
    table = Table("to do", "model", "config", "seed", "rows", "about", show_edge=False, pad_edge=False)
    for cell in cells:
        rows = ", ".join(f"{name} {count:,}" for name, count in cell["rows"].items())
        about = spoken(cell["seconds"]) if cell["seconds"] is not None else "would fail"
        task = cell["task"] + (f" from {cell['init_from']}" if cell["init_from"] else "")
        config = " ".join(filter(None, (Path(cell["config"]).stem, words_of(cell["trial"]))))
        words = (task, cell["model"], config, str(cell["seed"]), rows, about)
        table.add_row(*(Text(word) for word in words))
    if cells:
        wide_console().print(table)
    refused: dict[str, dict[str, None]] = {}
    for cell in cells:
        if cell["refusal"]:
            refused.setdefault(cell["refusal"], {})[cell["task"]] = None
    for reason, tasks in refused.items():
        typer.echo(f"{', '.join(tasks)} would fail: {reason}")
    for name, reason in skipped.items():
        typer.echo(f"skipped {name}: {reason}")
    if not cells:
        typer.echo(f"nothing to do: {planned} of {planned} cells are done")
        return
    known = [cell["seconds"] for cell in cells if cell["seconds"] is not None]
    total = f", about {spoken(sum(known))} at the speed measured just now" if known else ""
    typer.echo(f"{len(cells)} of {planned} cells to do{total}")


def _show(place: Path, outcome: "Outcome", as_json: bool, *, cost: bool) -> None:
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

    console = wide_console()
    console.print(render.terminal(of_folder(place, cost=cost and console.width >= _ROOM)))
    typer.echo(f"written to {place}; next: hf-suite results {place}{' --cost' if cost else ''}")
