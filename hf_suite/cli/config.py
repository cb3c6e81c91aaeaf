"""`hf-suite config`: a config with every key explained, or what differs from the defaults. Runs nothing."""

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from hf_suite import schema, shipped
from hf_suite.cli.common import Json, given, only_one
from hf_suite.config import RunConfig, layered
from hf_suite.errors import RunError
from hf_suite.record import read_result
from hf_suite.report.difference import difference
from hf_suite.schema import Record, record_of

Given = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[FILE|RUN|NAME] [KEY=VALUE]...",
        help="A config file, a run folder or a shipped config's name, and keys to lay upon it.",
        show_default=False,
    ),
]
Diff = Annotated[bool, typer.Option("--diff", help="Print only what differs from the defaults.", show_default=False)]

TASK, MODEL = "TASK", "MODEL"
"""Stand where a config says neither."""


def config(words: Given = None, diff: Diff = False, as_json: Json = False) -> None:
    """Print the default config, with comments, or that of a file, a run or a shipped config.

    The output is YAML that can be run: put a task and a model into it.
    """
    written = _written(words or [])
    place = next((word for word in words or [] if "=" not in word), "command line")
    complete = layered({"task": TASK, "model": MODEL}, written)
    full = schema.build(RunConfig, complete, place).model_dump(mode="json")
    if diff:
        own = difference(full)
        full = {key: _short(key, own[key]) for key in own if key not in {"task", "model"} or key in written}
    if as_json:
        typer.echo(json.dumps(full, indent=1, ensure_ascii=False))
    elif diff:
        typer.echo(schema.dump_yaml(full) if full else "# the defaults\n", nl=False)
    else:
        typer.echo(commented(RunConfig, full), nl=False)


def _written(words: list[str]) -> dict[str, Any]:
    """What the words say, none of the defaults added; a run folder counts as the config it ran."""
    runs = [word for word in words if "=" not in word and Path(word).is_dir()]
    path, over = given([word for word in words if word not in runs])
    only_one("config", [*([path] if path else []), *runs])
    if runs:
        return layered(_of_run(Path(runs[0])), over)
    return layered(schema.read_yaml(shipped.find("configs", path)) if path else {}, over)


def _of_run(folder: Path) -> dict[str, Any]:
    """The config as it was written, of a finished or a begun run. Raises RunError when it is neither."""
    if (folder / "result.json").is_file():
        return read_result(folder).config
    if (folder / "run.yaml").is_file():
        return schema.read_yaml(folder / "run.yaml")
    raise RunError(
        str(folder), "holds neither result.json nor run.yaml", "give a run folder, a file or a config's name"
    )


def _short(key: str, value: Any) -> Any:
    """`{name: sst2}` as `sst2`."""
    short = {"task": "name", "model": "id"}.get(key)
    only = (
        {name: part for name, part in value.items() if part is not None} if short and isinstance(value, Mapping) else {}
    )
    return only[short] if short and list(only) == [short] else value


def commented(kind: type[Record], data: Mapping[str, Any]) -> str:
    """A record as YAML, each key below its field's docstring; null parts show their own keys as comments."""
    lines: list[str] = []
    for name, field in kind.model_fields.items():
        inner, value = record_of(field.annotation), data[name]
        text = field.description or (inner.__doc__ if inner is not None else None) or ""
        lines += ["", *_comment(text)] if kind is RunConfig and lines else _comment(text)
        if isinstance(value, Mapping) and inner is not None:
            lines += [f"{name}:", *textwrap.indent(commented(inner, value), "  ").splitlines()]
        else:
            lines += schema.dump_yaml({name: value}).splitlines()
        if value is None and inner is not None:
            lines += [f"#   {line}" for line in commented(inner, _defaults(inner)).splitlines()]
    return "\n".join(lines) + "\n"


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(" ".join(text.split()), 98)]


def _defaults(kind: type[Record]) -> dict[str, Any]:
    """A record's defaults; a key without one shows as dots."""
    fields = kind.model_fields.items()
    return {
        name: "..." if field.is_required() else field.get_default(call_default_factory=True) for name, field in fields
    }
