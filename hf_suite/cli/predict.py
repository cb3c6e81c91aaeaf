"""`hf-suite predict`: a finished run's answers for a file of rows, or for a text on the spot."""

import json
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from hf_suite.cli.common import Json, Mirror, Model, given, is_key, speaks, tell_next
from hf_suite.cli.progress import log_to_stderr, watching
from hf_suite.errors import ConfigError

Run = Annotated[str, typer.Argument(metavar="RUN", help="A finished run folder.", show_default=False)]
Rows = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[DATA] [KEY=VALUE]...",
        help="The rows: a file, folder, pattern or URL, or - for stdin; task.columns.text=COLUMN and the like.",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="The file to write: .csv, .jsonl or .parquet.", show_default=False),
]
Text = Annotated[
    list[str] | None,
    typer.Option("--text", help="Answer this text; given again, the second of a pair, or the context of a question."),
]
All = Annotated[
    bool,
    typer.Option(
        "--all",
        help="Write all there is: each label's probability; a span's place, the null score, the n best.",
        show_default=False,
    ),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="End at a row that cannot be read, where it else gets an error.", show_default=False),
]


def predict(
    run: Run,
    rows: Rows = None,
    output: Out = None,
    text: Text = None,
    everything: All = False,
    strict: Strict = False,
    model: Model = None,
    mirror: Mirror = None,
    as_json: Json = False,
) -> None:
    """Answer new rows with a finished run: its columns stay, and prediction and confidence are added.

    A row without a text gets an error in place of an answer. What was answered before a kill is not answered again.
    --model says where the base checkpoint lies now.
    """
    sources = [word for word in rows or () if not is_key(word)]
    _, over = given([word for word in rows or () if is_key(word)], model=model, mirror=mirror)
    source = _check(sources, output, text)
    base, mirrors = over.pop("model", {}).get("id"), tuple(over.pop("mirror", ()))
    log_to_stderr()
    from hf_suite import predicting
    from hf_suite.predictor import load

    if output is not None:
        predicting.check_output(output)
    predictor = load(run, over=over, base=base, mirrors=mirrors)
    if source is None or output is None:
        _show(_on_the_spot(predictor, text or [], everything), as_json)
        if not as_json:
            tell_next(f"hf-suite predict {shlex.quote(run)} new.csv -o answers.csv")
        return
    keys = {"everything": everything, "strict": strict}
    with watching(quiet=as_json or not speaks()) as watch:
        written = predicting.predict(predictor, source, output, run=Path(run), **keys, watch=watch)
    if as_json:
        typer.echo(json.dumps({"output": str(output), "rows": written.rows, "errors": written.errors}))
        return
    failed = f", {written.errors:,} of them with an error in place of an answer" if written.errors else ""
    count = f"{written.rows:,} row{'s' if written.rows != 1 else ''}"
    typer.echo(f"{count}{failed}; written to {output}")
    if written.labelled and source != "-":
        said = [word for word in rows or () if "=" in word]
        tell_next(shlex.join(["hf-suite", "eval", run, "--data", source, *said]))


def _check(sources: list[str], output: Path | None, text: list[str] | None) -> str | None:
    """The one source of rows; None where texts are given. Raises ConfigError."""
    if text:
        if sources or output is not None:
            what = sources[0] if sources else "--output"
            raise ConfigError(what, "given beside --text, which is answered on the terminal", "keep one of them")
        return None
    if not sources:
        raise ConfigError("predict", "no rows are named", "give a file, - for stdin, or --text TEXT")
    if len(sources) > 1:
        raise ConfigError(sources[1], f"a second source of rows beside {sources[0]}", "keep one of them")
    if output is None:
        raise ConfigError("--output", "is missing", "name the file to write: -o answers.csv")
    return sources[0]


def _on_the_spot(predictor: Any, texts: list[str], everything: bool) -> dict[str, Any]:
    roles = predictor.roles
    if len(texts) != len(roles):
        finding = f"{len(texts)} given, and a row has {len(roles)}: {', '.join(roles)}"
        raise ConfigError("--text", finding, "give --text once for each, in that order")
    (found,) = predictor.told([texts], everything=everything)
    return found


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for name, value in found.items():
        shown = f"{value:.4g}" if isinstance(value, float) else value
        typer.echo(f"{name}: {shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)}")
