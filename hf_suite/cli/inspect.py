"""`hf-suite inspect`: where a finished run is right and wrong: by label, label against label, and its worst rows."""

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from hf_suite.cli.common import Json, tell_next, wide_console
from hf_suite.report import inspection
from hf_suite.report.inspection import Inspection, WorstRow

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A finished run or evaluation folder.", show_default=False)]
Worst = Annotated[int, typer.Option("--worst", min=0, help="How many rows to show.")]
_MATRIX = 15
"""More labels than these are shown as the pairs that are confused most."""
_PAIRS = 20


def inspect(run: Run, worst: Worst = 10, as_json: Json = False) -> None:
    """Show each label's precision, recall and F1, which labels are taken for which, and the worst rows.

    Reads what the run left; needs no model. Worst is what is farthest from its reference, of equals what the model was
    surest of; of spans and texts by F1 of words.
    """
    found = inspection.inspect(run, worst=worst)
    if as_json:
        typer.echo(json.dumps([split.as_json() for split in found], indent=1, ensure_ascii=False))
        return
    console = wide_console()
    for split in found:
        _show(split, console)
    place = shlex.quote(str(run))
    ways = [f"hf-suite check {place}"] if any(split.confusion for split in found) else []
    ways += [f"hf-suite predict {place} new.csv -o answers.csv"] if (run / "model").is_dir() else []
    tell_next(*ways)


def _show(split: Inspection, console: Console) -> None:
    typer.echo(f"{split.split}: {split.right:,} of {split.rows:,} rows are all right")
    if split.classes:
        console.print(_classes(split))
    if 0 < len(split.confusion) <= _MATRIX:
        typer.echo("\nrows are what is right, columns what was said")
        console.print(_matrix(split))
    elif split.confusion:
        typer.echo("\nconfused most")
        console.print(_pairs(split))
    if split.worst:
        typer.echo("\nworst rows")
        console.print(_worst(split.worst))


def _classes(split: Inspection) -> Table:
    table = Table("label", "precision", "recall", "F1", "rows", "said", show_edge=False, pad_edge=False)
    for line in split.classes:
        shares = [f"{value:.1f}" if value is not None else "-" for value in (line.precision, line.recall, line.f1)]
        table.add_row(Text(line.label), *shares, f"{line.support:,}", f"{line.said:,}")
    return table


def _matrix(split: Inspection) -> Table:
    said = list(next(iter(split.confusion.values())))
    table = Table("", *map(escape, said), show_edge=False, pad_edge=False)
    for gold, line in split.confusion.items():
        cells = [Text(f"{count:,}", style="bold" if name == gold else "") for name, count in line.items()]
        table.add_row(Text(gold), *cells)
    return table


def _pairs(split: Inspection) -> Table:
    pairs = [
        (count, gold, said)
        for gold, line in split.confusion.items()
        for said, count in line.items()
        if count and said != gold
    ]
    table = Table("is", "was said to be", "rows", show_edge=False, pad_edge=False)
    for count, gold, said in sorted(pairs, key=lambda pair: -pair[0])[:_PAIRS]:
        table.add_row(Text(gold), Text(said), f"{count:,}")
    return table


def _worst(rows: tuple[WorstRow, ...]) -> Table:
    table = Table("row", "off by", "sure", "said", "is", "text", show_edge=False, pad_edge=False)
    for row in rows:
        sure = f"{row.confidence:.2f}" if row.confidence is not None else ""
        words = (str(row.row), f"{row.miss:.3g}", sure, _cut(row.answer), _cut(row.reference), row.text[:80])
        table.add_row(*map(Text, words))
    return table


def _cut(value: object) -> str:
    text = inspection.shown(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
