"""`hf-suite preview`: the first rows as a model will see them, in colours or, in a pipe, with marks. Trains nothing."""

import json
import shlex
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from hf_suite.cli.common import Data, Json, Mirror, Model, Task, Words, given, tell_next, wide_console
from hf_suite.cli.own import from_data
from hf_suite.cli.progress import log_to_stderr

if TYPE_CHECKING:
    from hf_suite.preview import Preview, RowShown, Shown, Token

Rows = Annotated[int, typer.Option("--rows", "-n", min=1, help="So many rows.")]

_SHADES = ("on grey19", "on grey30")
_SPECIAL, _LEARNT, _CUT = "dim", "bold green", "red strike"


def preview(
    words: Words = None,
    task: Task = None,
    model: Model = None,
    data: Data = None,
    rows: Rows = 3,
    mirror: Mirror = None,
    as_json: Json = False,
) -> None:
    """Show the first rows as the model will see them: tokens, what is cut, and where the loss falls."""
    file, over = given(words, task=task, model=model, data=data, mirror=mirror)
    config = from_data(file, over)
    log_to_stderr()
    from hf_suite import preview as previews

    found = previews.preview(config, rows=rows)
    if as_json:
        typer.echo(json.dumps(previews.as_json(found), indent=1, ensure_ascii=False))
        return
    for note in found.notes:
        typer.echo(note, err=True)
    console = wide_console()
    for row in found.rows:
        _print(console, row)
    typer.echo(_legend(found, colours=console.is_terminal))
    flags = {"--task": task, "--model": model, "--data": data}
    said = [word for flag, value in flags.items() if value is not None for word in (flag, value)]
    said += [word for folder in mirror or () for word in ("--mirror", str(folder))]
    tell_next(shlex.join(["hf-suite", "train", *(words or ()), *said, "-o", f"runs/{config.task['name']}"]))


def _print(console: Console, row: "RowShown") -> None:
    console.print(Text(f"row {row.row}", style="bold"))
    if not row.features:
        console.print(Text("  holds nothing to learn"))
    for at, feature in enumerate(row.features):
        if len(row.features) > 1:
            console.print(Text(f" window {at + 1} of {len(row.features)}", style="bold"))
        for strip in feature:
            console.print(Text(f"  {strip.title}: ").append_text(_strip(strip, colours=console.is_terminal)))
    for title, pieces in row.cut.items():
        texts = [Text(piece.strip(), _CUT) for piece in pieces]
        console.print(Text(f"  cut from what it {title}: ").append_text(Text(" ... ").join(texts)))


def _strip(strip: "Shown", *, colours: bool) -> Text:
    if strip.text:
        return Text(strip.text, _LEARNT)
    if not colours:
        return Text(" ".join(_marked(strip)))
    line = Text()
    for at, token in enumerate(strip.tokens):
        line.append(token.text.replace("␣", " "), f"{_style(token)} {_SHADES[at % 2]}")
    return line


def _style(token: "Token") -> str:
    return _LEARNT if token.learnt else _SPECIAL if token.special else ""


def _marked(strip: "Shown") -> list[str]:
    """The tokens, with « and » around each stretch that is learnt."""
    found = [token.text for token in strip.tokens]
    learnt = [False, *(token.learnt for token in strip.tokens), False]
    for at in range(len(found)):
        begins, ends = learnt[at + 1] and not learnt[at], learnt[at + 1] and not learnt[at + 2]
        found[at] = "«" * begins + found[at] + "»" * ends
    return found


def _legend(found: "Preview", *, colours: bool) -> str:
    how = "in green" if colours else "between « and »"
    return f"{how}: what the loss falls on or points to; max_length {found.max_length}; another by max_length=N"
