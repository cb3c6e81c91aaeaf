"""The command line: reads words, calls one function, prints. Printing and exit codes live only here."""

import functools
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from hf_suite.cli import (
    bench,
    check,
    clean,
    config,
    demo,
    env,
    export,
    generate,
    inspect,
    models,
    own,
    predict,
    preview,
    results,
    run,
    score,
    tasks,
)
from hf_suite.errors import Interrupted, SuiteError

COMMANDS: dict[str, tuple[Callable[..., Any], str]] = {
    "train": (run.train, f"hf-suite train lora-small --task demo_reviews --model {demo.MODEL} -o runs/reviews"),
    "check": (check.check, "hf-suite check reviews.csv"),
    "preview": (preview.preview, "hf-suite preview --data reviews.csv"),
    "clean": (clean.clean, "hf-suite clean reviews.csv -o reviews-clean.csv --fix trim,dedupe,conflicts"),
    "init": (own.init, "hf-suite init reviews.csv -o mytask.yaml"),
    "eval": (run.eval_, "hf-suite eval runs/reviews"),
    "predict": (predict.predict, "hf-suite predict runs/reviews new.csv -o answers.csv"),
    "generate": (generate.generate, 'hf-suite generate runs/stories --prompt "Once upon a time"'),
    "export": (export.export, "hf-suite export runs/reviews exported/reviews"),
    "bench": (bench.bench, f"hf-suite bench demo --model {demo.MODEL} --seeds 2 --dry-run"),
    "results": (results.results, "hf-suite results runs --format markdown"),
    "inspect": (inspect.inspect, "hf-suite inspect runs/reviews"),
    "score": (score.score, "hf-suite score predictions.json --task squad"),
    "tasks": (tasks.tasks, "hf-suite tasks mrpc"),
    "models": (models.models, "hf-suite models deberta-v2"),
    "demo": (demo.demo, "hf-suite demo -o runs/demo"),
    "env": (env.env, "hf-suite env --smoke"),
    "config": (config.config, "hf-suite config --diff train.epochs=5 lora.rank=16"),
}
"""Name -> function and the example that ends its help."""

app = typer.Typer(
    name="hf-suite",
    help="Finetune and evaluate pretrained models, with numbers that are exactly what they claim to be.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _stoppable(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The command, which Ctrl-C ends with exit code 130 also before a run has begun, where Typer's own way gives 1."""

    @functools.wraps(function)
    def called(*words: Any, **keywords: Any) -> Any:
        try:
            return function(*words, **keywords)
        except KeyboardInterrupt as error:
            finding = "stopped by SIGINT before it was done"
            raise Interrupted(name, finding, "run the same command again", signal=signal.SIGINT) from error

    return called


for _name, (_function, _example) in COMMANDS.items():
    # \b keeps the line as it is, however long.
    app.command(_name, epilog=f"\b\nExample: {_example}")(_stoppable(_name, _function))


def _print_version(asked: bool) -> None:
    if asked:
        import hf_suite

        typer.echo(hf_suite.__version__)
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.", show_default=False),
]


@app.callback()
def _root(version: Version = False) -> None:
    """Finetune and evaluate pretrained models, with numbers that are exactly what they claim to be."""


def main(words: Sequence[str] | None = None) -> None:
    """Runs one command. A SuiteError is one line on stderr and its exit code; others keep their traceback."""
    try:
        app(args=words, prog_name="hf-suite")
    except SuiteError as error:
        typer.echo(f"hf-suite: {' '.join(str(error).split())}", err=True)
        sys.exit(error.exit_code)
