"""`hf-suite init`, and what every command says of rows of your own: the guess aloud, a question where it is needed."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.prompt import Prompt

from hf_suite import config as configs
from hf_suite import files, schema, shipped
from hf_suite.cli.common import given
from hf_suite.cli.progress import reading, tell
from hf_suite.config import DataConfig, RunConfig
from hf_suite.errors import ConfigError
from hf_suite.guessing import Ambiguous

if TYPE_CHECKING:
    from hf_suite.own import Own

DataWord = Annotated[str, typer.Argument(metavar="DATA", help="A file, folder, pattern or URL.", show_default=False)]
Keys = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="What you know: task.columns.text=COLUMN.", show_default=False),
]
Task = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="The task file to write; without it the task is printed.", show_default=False),
]


def init(data: DataWord, keys: Keys = None, output: Task = None) -> None:
    """Guess the task that rows of your own are meant for, and write it as a file to look at and to edit."""
    file, over = given(keys, data=data)
    if file is not None:
        raise ConfigError(file, "init reads no config", "give key=value words")
    if output is not None and output.exists():
        raise ConfigError(str(output), "is there already", "give another file with --output")
    if output is not None and output.suffix not in {".yaml", ".yml"}:
        raise ConfigError(str(output), "is no name of a task file", "name it .yaml")
    own = looked(_data(over["data"]), over.get("task", {}), name=output.stem if output is not None else None)
    if output is None:
        typer.echo(own.written(), nl=False)
        return
    output.write_text(own.written(output.parent), "utf-8")
    typer.echo(f"written to {output}; next: hf-suite train --task {output} -o runs/{own.spec.name}")


def from_data(file: str | None, over: dict[str, Any]) -> RunConfig:
    """The config of a run; where it names rows of your own, their task and what is guessed is said on stderr."""
    path = shipped.find("configs", file) if file is not None else None
    said = configs.layered(schema.read_yaml(path), over) if path is not None else over
    if "data" not in said:
        return configs.read(file, over)
    from hf_suite import cutting, first_model, own

    found = said_aloud(said["data"], said.get("task", {}), mirrors=said.get("mirror", ()))
    model = said.get("model", {})
    if not {"id", "encoder", "architecture"} & model.keys():
        name, why = first_model.first_model(found)
        typer.echo(f"model: {name}, {why}; another by --model", err=True)
        over = configs.layered(over, {"model": {**model, "id": name}})
    config = configs.read(file, configs.layered(over, {"data": said["data"]}))
    settled = own.settled(config, found)
    typer.echo(cutting.said(settled), err=True)
    return settled


def said_aloud(data: Mapping[str, Any], task: Mapping[str, Any], *, mirrors: Sequence[str] = ()) -> "Own":
    """What is found out of the rows, told on stderr."""
    found = looked(_data(data), task, mirrors=mirrors)
    for note in found.notes:
        tell(note)
    if found.reasons:
        typer.echo(f"guessed, and overruled by task.KEY=VALUE:\n{_indented(files.shown(found.written()))}", err=True)
    return found


def looked_leniently(data: Mapping[str, Any], task: Mapping[str, Any], *, mirrors: Sequence[str] = ()) -> "Own":
    """What is found out of the rows, but for what the doctor finds himself."""
    return looked(_data(data), task, lenient=True, mirrors=mirrors)


def looked(data: DataConfig, task: Mapping[str, Any], **how: Any) -> "Own":
    """What is found out of the rows, once each question that they leave open is answered on the terminal.

    `how` is what `own.look` takes besides: name, lenient, mirrors.
    """
    from hf_suite import own

    try:
        with reading() as told:
            return own.look(data, task, told=told, **how)
    except Ambiguous as error:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise
        from rich.console import Console

        chosen = Prompt.ask(f"{error.finding}: {error.key}", choices=list(error.choices), console=Console(stderr=True))
        key, value = error.key.removeprefix("task."), error.several.get(chosen, chosen)
        return looked(data, schema.merged(task, schema.nested(key, value)), **how)


def _data(said: Mapping[str, Any]) -> DataConfig:
    return schema.build(DataConfig, said, "data")


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines()).rstrip("\n")
