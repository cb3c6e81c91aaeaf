"""`hf-suite train` and `eval`: the commands that run one model. Read words, call one function, print."""

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from hf_suite import config as configs
from hf_suite import spec as specs
from hf_suite.cli.check import brief, named
from hf_suite.cli.common import (
    AllowCode,
    Data,
    Json,
    Limit,
    Mirror,
    Model,
    Output,
    Processes,
    Seed,
    Task,
    Words,
    given,
    speaks,
    tell_next,
    wide_console,
)
from hf_suite.cli.own import from_data
from hf_suite.cli.progress import log_to_stderr, watching
from hf_suite.errors import ConfigError
from hf_suite.kinds import KINDS
from hf_suite.record import Result
from hf_suite.report.lines import BAG_OF_WORDS

NoEval = Annotated[
    bool,
    typer.Option(
        "--no-eval",
        help="Train also where no eval split is at hand; the Result then has no score.",
        show_default=False,
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a half-finished run folder.", show_default=False)]
NewRows = Annotated[
    str | None,
    typer.Option("--data", help="Score these rows instead of the run's: a file, folder, pattern or URL."),
]
EvalOutput = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Where the Result goes; without it RUN/eval/TASK, or a new folder under runs/.",
        show_default=False,
    ),
]
Run = Annotated[
    str | None,
    typer.Argument(
        metavar="[RUN]",
        help="A finished run folder, or an exported one with --task; else --model and --task.",
        show_default=False,
    ),
]


def train(
    words: Words = None,
    task: Task = None,
    model: Model = None,
    data: Data = None,
    output: Output = None,
    limit: Limit = None,
    seed: Seed = None,
    processes: Processes = None,
    mirror: Mirror = None,
    resume: Resume = False,
    allow_code: AllowCode = False,
    no_eval: NoEval = False,
    as_json: Json = False,
) -> None:
    """Finetune a checkpoint on a task, or on rows of your own, and score it."""
    flags = {"limit": limit, "seed": seed, "processes": processes}
    file, over = given(words, task=task, model=model, data=data, output=output, mirror=mirror, **flags)
    config = from_data(file, over)
    if data is not None and not resume and speaks() and config.task.get("document") != "split":
        keys = [word for word in words or () if word.startswith(("data.", "task."))]
        brief(specs.of(config.task), named([data], keys, task, mirror), mirrors=config.mirror)
    _run(config, resume=resume, allow_code=allow_code, needs_eval=not no_eval, as_json=as_json)


def eval_(
    run: Run = None,
    words: Words = None,
    task: Task = None,
    data: NewRows = None,
    model: Model = None,
    output: EvalOutput = None,
    processes: Processes = None,
    mirror: Mirror = None,
    allow_code: AllowCode = False,
    as_json: Json = False,
) -> None:
    """Score a finished run again, on other rows or another task; or a checkpoint as it is, without training.

    Beside a RUN, --model says where its base checkpoint lies now.
    """
    if run is not None and ("=" in run or (model is not None and not Path(run).is_dir())):
        words, run = [run, *(words or [])], None
    if run is not None and model is None and (Path(run) / "config.json").is_file():  # a checkpoint, perhaps exported
        model, run = run, None
    file, over = given(words, task=task, model=model, output=output, processes=processes, mirror=mirror)
    if run is None:
        if data is not None:
            raise ConfigError("--data", "stands beside no finished run", "name the RUN that is to answer these rows")
        config = configs.read(file, {**over, "train": None})
        _run(config, resume=False, allow_code=allow_code, needs_eval=True, as_json=as_json)
        return
    if file is not None:
        raise ConfigError(file, f"{run} brings its own config", "leave the config file out")
    log_to_stderr()
    from hf_suite.finished import evaluate_run

    base, mirrors = over.pop("model", {}).get("id"), tuple(over.pop("mirror", ()))
    over.pop("output", None)
    name = over.get("task", {}).get("name")
    asked = {"task": name, "data": data, "over": over, "base": base, "mirrors": mirrors, "output": output}
    with watching(quiet=as_json or not speaks()) as watch:
        result = evaluate_run(run, **asked, allow_code=allow_code, watch=watch)
    called = result.task["name"] if data is None else result.task["source"]["path"]
    _show(result, output or Path(run) / "eval" / called, as_json)


def _run(config: configs.RunConfig, *, resume: bool, allow_code: bool, needs_eval: bool, as_json: bool) -> None:
    log_to_stderr()
    from hf_suite import experiment, folders

    folder = folders.place(config)
    config = config.model_copy(update={"output": str(folder)})
    keys = {"resume": resume, "allow_code": allow_code, "needs_eval": needs_eval}
    with watching(quiet=as_json or not speaks()) as watch:
        result = experiment.run(config, **keys, watch=watch)
    _show(result, folder, as_json)


def _show(result: Result, folder: Path, as_json: bool) -> None:
    if not speaks():
        return
    if as_json:
        typer.echo(json.dumps(result.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False))
        return
    baseline = KINDS[result.task["kind"]].baseline_name
    words = [BAG_OF_WORDS] if result.bag_of_words else []
    table = Table("split", "number", "score", baseline, *words, show_edge=False, pad_edge=False)
    for split, scores in result.scores.items():
        for name, value in scores.items():
            unit, better = result.units[name]
            others = [result.baseline[split], *([result.bag_of_words[split]] if words else [])]
            beside = [_number(other[name], unit) if better is not None and name in other else "" for other in others]
            table.add_row(*(Text(word) for word in (split, name, _number(value, unit), *beside)))
    if result.scores:
        wide_console().print(table)
    for caveat in result.caveats:
        typer.echo(f"caveat: {caveat}")
    for event in [*result.events, *_calibrated(result)]:
        typer.echo(f"note: {event}")
    typer.echo(f"written to {folder}")
    if result.scores:
        place = shlex.quote(str(folder))
        ways = [f"hf-suite inspect {place}"]
        ways += [f"hf-suite predict {place} new.csv -o answers.csv"] if (folder / "model").is_dir() else []
        tell_next(*ways)


def _calibrated(result: Result) -> list[str]:
    """How far confidence is from the truth, and what the temperature makes of it."""
    heat = result.fitted.get("temperature")
    return [
        f"{split}: confidence is off by {counts['calibration_error']:.2f} (ECE, percent), and by "
        f"{counts['calibration_error_at_temperature']:.2f} with the temperature {heat:.3g} that tune gave"
        for split, counts in result.counts.items()
        if heat is not None and "calibration_error" in counts
    ]


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "undefined"
    return {"count": "{:,.0f}", "percent": "{:.2f}"}.get(unit, "{:.4g}").format(value)
