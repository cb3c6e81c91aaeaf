"""`hf-suite export`: a finished run as a plain transformers folder, and how near its answers are to the run's."""

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from hf_suite import record
from hf_suite import spec as specs
from hf_suite.cli.common import Json, Mirror, tell_next, wide_console
from hf_suite.cli.progress import log_to_stderr

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A finished run folder.", show_default=False)]
Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="The folder to make; it must not be there.", show_default=False)
]
Base = Annotated[str | None, typer.Option("--model", help="Where the base checkpoint lies now.", show_default=False)]


def export(run: Run, folder: Folder, base: Base = None, mirror: Mirror = None, as_json: Json = False) -> None:
    """Write a run's model as transformers alone can load it: merged, with labels, tokenizer and a model card.

    Run and export answer the same rows; where they differ, nothing is written.
    """
    log_to_stderr()
    from hf_suite import exporting
    from hf_suite.parity import OUTPUTS

    parity = exporting.export(run, folder, base=base, mirrors=tuple(str(place) for place in mirror or ()))
    if as_json:
        typer.echo(json.dumps({"folder": str(folder), **parity.as_json()}, indent=1))
        return
    table = Table("split", "rows", "number", "run", "export", show_edge=False, pad_edge=False)
    for split, scores in parity.before.items():
        for name, score in scores.items():
            words = (split, f"{parity.rows[split]:,}", name, _number(score), _number(parity.after[split][name]))
            table.add_row(*(Text(word) for word in words))
    wide_console().print(table)
    moved = f"outputs differ by at most {parity.relative:.1e} of the largest ({OUTPUTS:g} is allowed)"
    typer.echo(f"{moved}; {parity.changed:,} rows have another answer")
    typer.echo(f"written to {folder}")
    place, task = shlex.quote(str(folder)), record.read_result(run).task["name"]
    tell_next(f"hf-suite eval {place} --task {task}" if task in specs.names() else f"hf-suite models {place}")


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.2f}"
