"""A table, what the user has said of it, and what a rule makes of both. Looks into no column."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hf_suite.errors import ConfigError
from hf_suite.guessing.facts import Column, plain, words
from hf_suite.spec import split_labels

if TYPE_CHECKING:
    import pyarrow


class Ambiguous(ConfigError):
    """More than one column could play a role; `key` is the one to say, `choices` what it may be.

    `several` has those choices that are more than one column.
    """

    def __init__(self, place: str, finding: str, key: str, names: Sequence[str], together: Sequence[str] = ()) -> None:
        self.key, self.several = key, {f"[{','.join(together)}]": list(together)} if together else {}
        self.choices = choices = (*names, *self.several)
        ways = [shlex.quote(f"{key}={choice}") for choice in choices[:2]]
        said = f"say {ways[0]}" + (f" or {ways[1]}" if len(choices) == 2 else "")
        super().__init__(place, finding, said if len(choices) <= 2 else f"{said}, or another of {', '.join(choices)}")


@dataclass(frozen=True)
class Found:
    """What a rule makes of a table: the fields of a task, and a reason for each column and key."""

    facts: dict[str, Any]
    reasons: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What is odd and yet goes."""


@dataclass(frozen=True)
class Asked:
    """A table and what the user has said of it."""

    place: str
    table: "pyarrow.Table"
    columns: Mapping[str, Column]
    said: Mapping[str, Any]
    """Fields of a task that are settled already."""
    names: Mapping[str, list[str]]
    """Column -> the names of its label ids, where the data carry them."""

    def role(self, name: str) -> str | None:
        """The column that the user named for a role."""
        return next(iter(self.several(name)), None)

    def several(self, name: str) -> list[str]:
        """The columns that the user named for a role: mostly one."""
        found = self.said.get("columns", {}).get(name) or []
        return list(map(str, found)) if isinstance(found, list | tuple) else [str(found)]

    def named(self, names: Sequence[str]) -> list[Column]:
        """The columns that bear one of these names, the whole name before a part of it, in the names' order."""
        whole = [column for name in names for column in self.columns.values() if plain(column.name) == plain(name)]
        parts = [column for name in names for column in self.columns.values() if name in words(column.name)]
        return list({column.name: column for column in (*whole, *parts)}.values())

    def labels(self, column: Column, separator: str | None) -> set[Any]:
        """Every label that a row has, of a column of several a row."""
        if column.sort not in {"list", "text"}:
            return set(column.values)
        rows = self.table[column.name].to_pylist()
        return {part for row in rows if row is not None for part in split_labels(row, separator)}
