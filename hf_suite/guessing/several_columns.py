"""Columns of 0 and 1 that each say of one label whether a row has it: which they are, and what is learnt from them.

Knows no other way to write labels down.
"""

from collections.abc import Sequence

from hf_suite import indicators
from hf_suite.guessing.asked import Asked
from hf_suite.guessing.facts import Column


def find(able: Sequence[Column]) -> list[Column]:
    """Those of these columns that are labels, where there are two or more: what else than 0 and 1 stands in one of them
    is a slip of the pen, which reading refuses."""
    found = [column for column in able if column.indicates]
    return found if len(found) > 1 and any(column.distinct == 2 for column in found) else []


def read(asked: Asked, names: Sequence[str]) -> tuple[str, str, dict[str, str], tuple[str, ...]]:
    """What a row has (`task.target`), why, how many rows have each label, and what is odd. Raises DataError."""
    columns = {name: asked.table[name] for name in names}
    rows = indicators.labels(columns, target="labels", place=asked.place).to_pylist()
    known = [labels for labels in rows if labels is not None]
    single = all(len(labels) == 1 for labels in known)
    target = asked.said.get("target", "label" if single else "labels")
    learnt = "one label a row, since each has exactly one" if single else "several labels a row"
    reason = f"{len(names)} columns of 0 and 1: {learnt}; for one of them alone say task.columns.label={names[0]}"
    each = {name: f"{sum(name in labels for labels in known):,} of {len(known):,} rows have it" for name in names}
    constant = [
        column for column in asked.columns.values()
        if column.name not in names and column.values and column.sort in {"whole", "boolean"} and column.distinct == 1
    ]  # fmt: skip
    notes = tuple(f"{asked.place}: {one.name!r} is {one.values[0]} in all rows, so it is no label" for one in constant)
    return target, reason, each, notes
