"""A table for people (terminal, Markdown) or for programs (CSV, JSON: all its numbers). Computes and orders nothing."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

from rich import box
from rich.console import Group as Stack
from rich.console import RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from hf_suite.report.groups import Number
from hf_suite.report.lines import Line
from hf_suite.report.table import Table

Format = Literal["terminal", "markdown", "csv", "json"]

_FINE = ("ms for 1", "ms for 32", "weights MB")

UNDEFINED = "undefined"

_COST = ("finetune s", "ms for 1", "ms for 32", "parameters", "trainable", "peak MB", "weights MB")


def terminal(table: Table) -> RenderableType:
    """For Rich's console: a table, with its footnotes and remarks below."""
    columns, rows = _grid(table)
    drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        drawn.add_column(column, overflow="fold", no_wrap=column in {"number", "score"})
    for at, row in enumerate(rows):
        repeated = at > 0 and table.lines[at - 1].task == table.lines[at].task
        drawn.add_row(*(Text(cell) for cell in ["" if repeated else row[0], *row[1:]]))
    return Stack(drawn, *(Text(text, style="dim") for text in _below(table)))


def markdown(table: Table) -> str:
    """A Markdown table, then footnotes and remarks, one paragraph line each."""
    columns, rows = _grid(table)
    lines = [_bar(columns), _bar(["---"] * len(columns)), *(_bar(row) for row in rows)]
    below = [f"- {text}" for text in _below(table)]
    return "\n".join([*lines, *([""] if below else []), *below]) + "\n"


def as_csv(tables: Mapping[str, Table]) -> str:
    """CSV with one line for each number of each folder's table; remarks are lines with the role `remark`."""
    costs = [cost for cost in _COST if any(cost in _costs(table) for table in tables.values())]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*_CSV, *costs, "notes"])
    for folder, table in tables.items():
        writer.writerows([folder, *row] for line in table.lines for row in _csv_rows(line, costs))
        writer.writerows([folder, "remark", *[""] * (len(_CSV) - 2 + len(costs)), remark] for remark in table.remarks)
    return out.getvalue()


_CSV = (
    "folder",
    "role",
    "task",
    "model",
    "config",
    "seeds",
    "planned_seeds",
    "number",
    "split",
    "unit",
    "better",
    "value",
    "sd",
    "headline",
)


def _csv_rows(line: Line, costs: Sequence[str]) -> list[list[Any]]:
    start = [line.role, line.task, line.model, line.config, line.seeds, line.planned_seeds]
    end = [*(line.cost.get(cost) for cost in costs), "; ".join(line.notes)]
    rows = [[*start, *_values(number), "no", *end] for number in line.numbers]
    if not rows:
        return [[*start, "", "", "", "", line.state, "", "no", *end]]
    rows[0][len(start) + len(_values(line.numbers[0]))] = "yes"
    return rows


def as_json(tables: Mapping[str, Table]) -> str:
    """JSON: for each folder `lines`, each with its numbers, headline first, and `remarks`."""
    data = [
        {"folder": folder, "lines": [asdict(line) for line in table.lines], "remarks": list(table.remarks)}
        for folder, table in tables.items()
    ]
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _values(number: Number) -> list[Any]:
    value = UNDEFINED if number.value is None else number.value
    return [
        number.name,
        number.split,
        number.unit,
        number.better or "",
        value,
        "" if number.sd is None else number.sd,
    ]


def _grid(table: Table) -> tuple[list[str], list[list[str]]]:
    """Headings and cells as text; a column in which nothing stands is left out."""
    marks = _marks(table)
    costs = _costs(table)
    columns = ["task", "model", "config", "seeds", "number", "score", "other numbers", *costs]
    rows = [[*_texts(line, marks), *(_amount(line, cost) for cost in costs)] for line in table.lines]
    kept = [at for at in range(len(columns)) if any(row[at] for row in rows)]
    return [columns[at] for at in kept], [[row[at] for at in kept] for row in rows]


def _texts(line: Line, marks: dict[str, int]) -> list[str]:
    head = line.numbers[0] if line.numbers else None
    score = _score(head) if head is not None else line.state
    signs = "".join(f" {_raised(marks[note])}" for note in line.notes)
    others = ", ".join(f"{_name(number, head)} {_score(number)}" for number in line.numbers[1:] if _told(number, head))
    return [
        line.task,
        line.model,
        line.config,
        _seeds(line),
        head.name if head else "",
        score + signs,
        others,
    ]


def _raised(mark: int) -> str:
    return str(mark).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _marks(table: Table) -> dict[str, int]:
    notes = dict.fromkeys(note for line in table.lines for note in line.notes)
    return {note: at for at, note in enumerate(notes, start=1)}


def _below(table: Table) -> list[str]:
    told = all(_told(number, line.numbers[0]) for line in table.lines for number in line.numbers)
    left_out = [] if told else ["of splits after the first the headline alone is shown; --json has all numbers"]
    return [*(f"{_raised(at)} {note}" for note, at in _marks(table).items()), *table.remarks, *left_out]


def _told(number: Number, head: Number | None) -> bool:
    """Whether people are told a number: all of the headline's split, and of every other split the headline's alone."""
    return head is None or number.split == head.split or number.name == head.name


def _name(number: Number, head: Number | None) -> str:
    """The split is named where it is not the headline's."""
    return number.name if head is None or number.split == head.split else f"{number.name} ({number.split})"


def _score(number: Number) -> str:
    """`91.30 ± 0.21`: mean and standard deviation over seeds."""
    sd = f" ± {_value(number, number.sd)}" if number.sd is not None else ""
    return _value(number, number.value) + sd


def _value(number: Number, value: float | None) -> str:
    if value is None:
        return UNDEFINED
    return f"{value:.2f}" if number.unit == "percent" else f"{value:.4g}"


def _seeds(line: Line) -> str:
    if line.seeds is None:
        return ""
    whole = line.planned_seeds in {None, line.seeds}
    return str(line.seeds) if whole else f"{line.seeds} of {line.planned_seeds}"


def _costs(table: Table) -> list[str]:
    return [cost for cost in _COST if any(line.cost for line in table.lines)]


def _amount(line: Line, cost: str) -> str:
    value = line.cost.get(cost)
    if value is None:
        return ""
    return f"{value:,.1f}" if cost in _FINE else f"{value:,.0f}"


def _bar(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("\\", "\\\\").replace("|", "\\|") for cell in cells) + " |"
