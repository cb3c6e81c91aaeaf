"""`hf-suite generate`: goes on with a prompt, word by word, or talks with whoever sits at the terminal."""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hf_suite.cli.common import Json, Mirror, Model, Seed, given
from hf_suite.cli.progress import log_to_stderr
from hf_suite.errors import ConfigError

if TYPE_CHECKING:
    from hf_suite.generating import Writer

Run = Annotated[
    str | None,
    typer.Argument(metavar="[RUN]", help="A finished run folder; without one, --model names a checkpoint."),
]
Keys = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]...",
        help="generation.max_new_tokens=50, generation.do_sample=true, languages.target=de, device=cpu and the like.",
        show_default=False,
    ),
]
Prompt = Annotated[
    str | None,
    typer.Option("--prompt", help="What to go on with; without it stdin, or a dialogue on a terminal."),
]

_ASK = "> "
_RESET = "/reset"


def generate(
    run: Run = None,
    words: Keys = None,
    prompt: Prompt = None,
    model: Model = None,
    seed: Seed = None,
    mirror: Mirror = None,
    as_json: Json = False,
) -> None:
    """Write what follows a prompt, with a finished run or with a checkpoint as it is.

    Without a prompt it asks for one after another, each after all that was said; /reset forgets it, Ctrl-D ends it.
    Beside a RUN, --model says where its base checkpoint lies now.
    """
    if run is not None and "=" in run:
        words, run = [run, *(words or [])], None
    file, over = given(words, model=model, seed=seed, mirror=mirror)
    if file is not None:
        raise ConfigError(file, "generate reads no config", "give key=value words")
    if run is None and model is None:
        raise ConfigError("generate", "neither a run nor a model is named", "give a run folder, or --model")
    talks = prompt is None and sys.stdin.isatty()
    if prompt is None and not talks:
        prompt = sys.stdin.read()
    log_to_stderr()
    writer = _opened(run, over)
    if talks:
        _talk(writer, _asked())
        return
    text = writer.write(str(prompt), _nothing if as_json else _told)
    typer.echo(json.dumps({"prompt": prompt, "text": text}, ensure_ascii=False) if as_json else "")


def _opened(run: str | None, over: dict[str, object]) -> "Writer":
    from hf_suite import generating

    named, mirrors = over.pop("model", {}), over.pop("mirror", ())
    name = str(named["id"]) if isinstance(named, dict) and "id" in named else None
    folders = tuple(str(folder) for folder in mirrors) if isinstance(mirrors, list) else ()
    if run is None:
        return generating.of_checkpoint(str(name), over, mirrors=folders)
    return generating.of_run(str(Path(run)), over, base=name, mirrors=folders)


def _talk(writer: "Writer", lines: Iterable[str]) -> None:
    """Answers one line after another."""
    how = "a dialogue, by the chat template" if writer.chats else "each line goes on from all before it"
    how = "each line by itself" if writer.translates else how
    typer.echo(f"{how}; {_RESET} begins anew, Ctrl-D ends", err=True)
    for line in lines:
        if line.strip() == _RESET:
            writer.reset()
            continue
        writer.write(line, _told)
        typer.echo()


def _asked() -> Iterator[str]:
    """What is typed, up to the end of it."""
    while True:
        try:
            line = input(_ASK)
        except EOFError:
            return
        if line.strip():
            yield line


def _told(text: str) -> None:
    typer.echo(text, nl=False)
    sys.stdout.flush()


def _nothing(text: str) -> None:
    """Nobody listens."""
