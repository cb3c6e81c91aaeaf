"""What the doctor looks at: the rows of each split as the data have them, and which column plays which role."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy

from hf_suite.doctor import equal, minhash
from hf_suite.doctor.findings import Place
from hf_suite.doctor.minhash import Numbers
from hf_suite.guessing import facts
from hf_suite.kinds import read_roles
from hf_suite.spec import TaskSpec

if TYPE_CHECKING:
    import pyarrow

_BLOCK = 10_000
_ENDINGS = {".parquet": {".parquet", ".pq", ".arrow"}, ".jsonl": {".jsonl", ".json", ".ndjson"}}
"""What can be written -> endings of what is read."""


@dataclass(frozen=True)
class Lengths:
    """What a model's tokenizer makes of the rows; handed in, since the doctor knows no tokenizer."""

    model: str
    max_length: int
    tokens: Mapping[str, Numbers]
    """Split -> tokens of each row, special ones counted."""
    unknown: Mapping[str, Numbers]
    """Split -> tokens of each row that stand for what the tokenizer does not know."""
    windows: bool = False
    """Whether rows that are too long are read in windows, and not cut."""


@dataclass(frozen=True)
class Part:
    """The rows of one split, nothing refused or mended."""

    name: str
    table: "pyarrow.Table"
    """All columns, under the data's own names."""
    roles: Mapping[str, "pyarrow.ChunkedArray"]
    """Role -> its column; labels are texts as they are written, lists where a row has several."""

    def __len__(self) -> int:
        return len(self.table)

    def facts(self, spec: TaskSpec) -> dict[str, Any]:
        """Rows and columns: what each holds, how many of its values are there and differ, and its role."""
        role = {name: role for role in spec.columns for name in spec.columns_of(role)}
        listed = [
            {"name": one.name, "role": role.get(one.name), "holds": one.sort}
            | {"filled": one.filled, "distinct": one.distinct, "words": round(one.words, 1)}
            for one in facts.columns(self.table).values()
        ]
        return {"rows": len(self), "columns": listed}

    def texts(self, role: str) -> Iterator[str | None]:
        """A role's texts in the order of the rows, few in memory; a list of texts is read as one."""
        column = self.roles[role]
        for start in range(0, len(column), _BLOCK):
            for value in column.slice(start, _BLOCK).to_pylist():
                yield value if value is None or isinstance(value, str) else _joined(value)

    def rows(self, roles: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        """The texts of several roles, row by row; one that is not there is empty."""
        for texts in zip(*(self.texts(role) for role in roles), strict=True):
            yield tuple(text or "" for text in texts)


@dataclass(frozen=True)
class Subject:
    """Some data, the task that they are for, and what else is at hand."""

    word: str
    """How a command names the data: `reviews.csv`, `--task sst2`."""
    spec: TaskSpec
    parts: tuple[Part, ...]
    lengths: Lengths | None = None
    notes: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """The roles that are texts to read, in the task's order."""
        return read_roles(self.spec)

    @property
    def mended(self) -> tuple[str, ...]:
        """Those that `clean` changes: a context stays where answers are counted off in it."""
        return tuple(role for role in self.inputs if role != "context" or "answers" not in self.spec.columns)

    def of_mended(self, texts: tuple[str | None, ...]) -> list[str | None]:
        """Of the texts of `inputs` those of `mended`."""
        return [text for role, text in zip(self.inputs, texts, strict=True) if role in self.mended]

    @property
    def train(self) -> Part | None:
        """The rows to learn from, where there are any."""
        return next((part for part in self.parts if part.name == self.spec.source.train), None)

    @property
    def held_out(self) -> tuple[Part, ...]:
        """The other splits."""
        return tuple(part for part in self.parts if part.name != self.spec.source.train)

    @property
    def total(self) -> int:
        """Rows of all splits."""
        return sum(map(len, self.parts))

    def each(self) -> Iterator[tuple[str, int, tuple[str | None, ...]]]:
        """Split, number in it and texts of each row; None where one is not there."""
        for part in self.parts:
            for row, texts in enumerate(zip(*(part.texts(role) for role in self.inputs), strict=True)):
                yield part.name, row, texts

    def mend(self, fix: str, *, mends: bool) -> str:
        """The command that mends texts; where they stand in contexts alone, what to do in its place."""
        return self.clean(fix) if mends else "mend these contexts in the file, and the answers counted off in them"

    def clean(self, *fixes: str) -> str:
        """The command that mends: one split becomes one file, several become a folder."""
        name = (self._path.name.partition(".")[0] or "data").replace("*", "all")
        out = f"{name}-clean" + (self.ending if len(self.parts) == 1 else "")
        return f"hf-suite clean {self.word} -o {shlex.quote(out)} --fix {','.join(fixes)}"

    @property
    def ending(self) -> str:
        """How files of such rows are best written."""
        return next((end for end, names in _ENDINGS.items() if set(self._path.suffixes) & names), ".csv")

    @property
    def _path(self) -> PurePath:
        first = shlex.split(self.word)[1 if self.word.startswith("--") else 0]
        return PurePath(re.split(r"[?#]", first)[0])

    def place(self, number: int) -> Place:
        """A row by its number when all splits stand in one line."""
        for part in self.parts:
            if number < len(part):
                return Place(part.name, number)
            number -= len(part)
        raise IndexError(number)

    @cached_property
    def splits(self) -> Numbers:
        """The split of each row when all stand in one line: 0 for train, where there is one."""
        return numpy.repeat(numpy.arange(len(self.parts)), [len(part) for part in self.parts])

    @cached_property
    def first_equal(self) -> Numbers:
        """For each row of all splits in one line, the number of the first with equal texts; its own where none is."""
        rows = enumerate(texts for part in self.parts for texts in part.rows(self.inputs))
        # Rows without a text are a finding of their own, and equal none.
        keys = (equal.key(texts) if any(map(str.strip, texts)) else number for number, texts in rows)
        return equal.firsts(numpy.fromiter(keys, dtype=numpy.uint64, count=self.total))

    @cached_property
    def near(self) -> minhash.Near:
        """For each row of all splits in one line, an earlier one that is nearly equal; rows of equal texts are one."""
        alone = numpy.flatnonzero(self.first_equal == numpy.arange(self.total))
        found = minhash.near(self.texts_of, alone, total=self.total, splits=self.splits)
        lead, own = found.in_train[self.first_equal], numpy.arange(self.total)
        return minhash.Near(found.within, numpy.where(lead == self.first_equal, own, lead))

    def texts_of(self, numbers: Numbers) -> Iterator[tuple[str, ...]]:
        """The texts of some rows, by their numbers in one line, sorted; few are in memory."""
        starts = numpy.cumsum([0, *map(len, self.parts)])
        for part, start, end in zip(self.parts, starts[:-1], starts[1:], strict=True):
            chosen = numbers[(numbers >= start) & (numbers < end)] - start
            for at in range(0, len(chosen), _BLOCK):
                taken = chosen[at : at + _BLOCK]
                yield from replace(part, roles={role: part.roles[role].take(taken) for role in self.inputs}).rows(
                    self.inputs
                )


def _joined(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
