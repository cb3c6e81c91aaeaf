"""`hf-suite models`: the architectures, what each can learn by a trained head, and all that one checkpoint can do."""

import dataclasses
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from hf_suite.architectures import ARCHITECTURES, Architecture
from hf_suite.cli.common import Json, Mirror, wide_console

if TYPE_CHECKING:
    from hf_suite.models.about import About

Arch = Annotated[
    str | None,
    typer.Argument(
        metavar="[ARCH|MODEL]",
        help="An architecture's model type, or a checkpoint: a folder, a hub id, package:MODULE/PATH; without it all.",
        show_default=False,
    ),
]
KINDS = ("classification", "question_answering")


def models(arch: Arch = None, mirror: Mirror = None, as_json: Json = False) -> None:
    """List the architectures and what each can learn by a trained head, or look at one, or at a checkpoint.

    `tested`: our tests train, save and reload it. `untested`: transformers has the class, and LoRA finds its layers.
    Of one architecture or checkpoint every kind and protocol is shown: writing, likelihood and guessing, too.
    """
    if arch is None:
        _list(as_json)
        return
    from hf_suite.models.about import about

    found = about(arch, tuple(map(str, mirror or ())))
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(found), indent=1, ensure_ascii=False))
        return
    _show(found)


def _list(as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([_facts(*known) for known in ARCHITECTURES.items()], indent=1, ensure_ascii=False))
        return
    table = Table("architecture", "models", *KINDS, "LoRA adapts", show_edge=False, pad_edge=False)
    for model_type, known in ARCHITECTURES.items():
        marks = [_mark(known, kind) or "-" for kind in KINDS]
        _add(table, [model_type, known.name, *marks, ", ".join(known.targets)])
    wide_console().print(table)


def _facts(model_type: str, known: Architecture) -> dict[str, Any]:
    kinds = {kind: _mark(known, kind) for kind in KINDS}
    return {"architecture": model_type, "models": known.name, "kinds": kinds, "targets": known.targets}


def _mark(known: Architecture, kind: str) -> str | None:
    """`tested`, `untested`, or None where there is no class."""
    return "tested" if kind in known.tested else "untested" if kind in known.untested else None


def _show(found: "About") -> None:
    known = ARCHITECTURES.get(found.architecture)
    name = f" ({known.name})" if known is not None else ""
    limit = f"texts of up to {found.positions:,} tokens" if found.positions is not None else "texts of any length"
    of = "" if found.name == found.architecture else f"{found.name}: "
    typer.echo(f"{of}{found.architecture}{name}, {limit}")
    table = Table(
        "kind", "protocol", "class", "LoRA adapts", "trained in full", "tested", show_edge=False, pad_edge=False
    )
    for ability in found.abilities:
        tested = "yes" if ability.tested else "no"
        cells = [ability.cls or "-", ", ".join(ability.targets) or "-", ", ".join(ability.heads) or "-", tested]
        _add(table, [ability.kind, ability.protocol, *cells])
    wide_console().print(table)
    for ability in found.abilities:
        if ability.note:
            typer.echo(f"- {ability.kind} ({ability.protocol}): {ability.note}")
    for note in found.notes:
        typer.echo(f"- {note}")


def _add(table: Table, cells: Sequence[str]) -> None:
    table.add_row(*(Text(cell, overflow="fold") for cell in cells))
