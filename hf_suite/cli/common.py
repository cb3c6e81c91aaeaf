"""What the commands share: the flags that set config keys, and how words become a config. Runs nothing."""

import os
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from hf_suite import config, schema, shipped
from hf_suite.errors import ConfigError

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FILE|KEY=VALUE]...",
        help="A config (a file, or a shipped one by name), a task file, and key=value for every other key.",
        show_default=False,
    ),
]
Task = Annotated[str | None, typer.Option("--task", help="A shipped task's name, or a task file.", show_default=False)]
Model = Annotated[
    str | None,
    typer.Option("--model", help="A folder, a hub id, or package:MODULE/PATH.", show_default=False),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        help="Rows of your own: a file, folder, pattern or URL. Without --task the task is guessed from them.",
        show_default=False,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="The run folder; without it a new one under runs/.", show_default=False),
]
Limit = Annotated[int | None, typer.Option("--limit", help="At most this many train rows.", show_default=False)]
Seed = Annotated[int | None, typer.Option("--seed", help="The one source of chance.", show_default=False)]
Processes = Annotated[
    int | None,
    typer.Option("--processes", help="So many processes on this machine share each batch.", show_default=False),
]
Mirror = Annotated[
    list[Path] | None,
    typer.Option(
        "--mirror",
        help="A folder in the hub's layout, searched first; may be given again. HF_SUITE_MIRROR adds more.",
        show_default=False,
    ),
]
AllowCode = Annotated[
    bool,
    typer.Option("--allow-code", help="Run the code of the task's evaluate: metrics.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.", show_default=False)]


_KEY = re.compile(r"[a-z_][\w.]*=")
"""What a word that sets a key begins with."""


def given(
    words: Sequence[str] | None,
    *,
    task: str | None = None,
    model: str | None = None,
    data: str | None = None,
    output: Path | None = None,
    limit: int | None = None,
    seed: int | None = None,
    processes: int | None = None,
    mirror: Sequence[Path] | None = None,
) -> tuple[str | None, dict[str, Any]]:
    """What a command line says of a run, as `config.read` takes it: a config file or None, and further keys.

    A positional YAML file with `kind:` is a task, any other a config; a bare word is a shipped config. What
    stands in key=value words and flags wins over the file. Raises ConfigError: no such file, two configs, a
    key said twice.
    """
    files = [word for word in words or () if "=" not in word]
    tasks = [word for word in files if _is_task(word)]
    configs = [word for word in files if word not in tasks]
    only_one("config", configs)
    only_one("task", [*tasks, *([task] if task is not None else [])])
    flags: dict[str, Any] = {
        "task": tasks[0] if tasks else task,
        "model": model,
        "data": data,
        "output": str(output) if output is not None else None,
        "limit": limit,
        "seed": seed,
        "processes": processes,
        "mirror": [str(folder) for folder in mirror] if mirror else None,
    }
    over = {key: value for key, value in flags.items() if value is not None}
    said = schema.words(word for word in words or () if "=" in word)
    _not_twice(over, said)
    return configs[0] if configs else None, config.layered(over, said)


def is_key(word: str) -> bool:
    """Whether a word sets a key, and names no rows: in an address or a query the sign stands elsewhere, and what is
    there (`year=2024/new.csv`) is no key."""
    return _KEY.match(word) is not None and not os.path.exists(word)  # noqa: PTH110 (a Path refuses a long word)


def speaks() -> bool:
    """Whether this process prints: of those that torchrun started, the first."""
    return os.environ.get("RANK", "0") == "0"


def tell_next(*ways: str) -> None:
    """The commands that may come next, on stderr; nothing where there is none."""
    if ways:
        typer.echo(f"next: {', or '.join(ways)}", err=True)


def wide_console() -> Console:
    """A terminal is as wide as it is; lines for a pipe or a file are not broken for a terminal's sake."""
    return Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 200)


def _is_task(word: str) -> bool:
    """Whether a word is a task file. Raises ConfigError when it is neither a file nor a shipped config."""
    if not word.endswith((".yaml", ".yml")) and word in shipped.files("tasks") and word not in shipped.files("configs"):
        raise ConfigError(word, "is a task, not a config", f"write it as --task {word}")
    return "kind" in schema.read_yaml(shipped.find("configs", word))


def only_one(what: str, found: Sequence[str]) -> None:
    """Refuses a second config or task. Raises ConfigError."""
    if len(found) > 1:
        raise ConfigError(found[1], f"a second {what} beside {found[0]}", "keep one of them")


def _not_twice(flags: Collection[str], said: Mapping[str, Any]) -> None:
    for key in flags:
        if key in said and not isinstance(said[key], dict):
            raise ConfigError(key, f"given as a flag and as {key}=...", "keep one of them")
