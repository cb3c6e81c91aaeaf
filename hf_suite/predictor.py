"""load(): a run folder -> answers for new rows. Scores nothing and writes nothing."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset

from hf_suite import evaluation, files, schema
from hf_suite.answering import answer
from hf_suite.errors import DataError
from hf_suite.finished import opened
from hf_suite.kinds import KINDS, Evidence, read_roles
from hf_suite.session import Session
from hf_suite.spec import TaskSpec

_ROLES = ("text", "text_pair", "question", "context", "source")
"""The order in which texts without names are given; roles of a kind that a package adds come last, as its task has
them."""


class Predictor:
    """A finished run's model, ready to answer; several threads may ask it, one is answered at a time."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._kind = KINDS[session.spec.kind]
        self._lock = threading.Lock()

    @property
    def spec(self) -> TaskSpec:
        """The run's task, with the columns that its texts stand in."""
        return self._session.spec

    @property
    def roles(self) -> list[str]:
        """What answering reads of a row."""
        read = read_roles(self.spec)
        return sorted(read, key=lambda role: _ROLES.index(role) if role in _ROLES else len(_ROLES))

    @property
    def mirrors(self) -> tuple[str, ...]:
        """Where data sets of the hub are looked for first."""
        return self._session.config.mirror

    @property
    def settings(self) -> dict[str, Any]:
        """What else than the weights could change an answer, as JSON has it."""
        keys = {"max_length", "stride", "precision", "generation"}
        return self._session.config.model_dump(mode="json", include=keys)

    def answer(self, rows: Sequence[Mapping[str, Any]], *, batch_size: int = 32) -> list[Any]:
        """One answer a row, in the rows' order: a label name, a number, a text, or `{"text", "no_answer"}`.

        Rows have the kind's input roles as keys (`text` and `text_pair`; `question` and `context`). Raises DataError.
        """
        texts = [[_value(row, role, at) for role in self.roles] for at, row in enumerate(rows)]
        found = self._evidence(texts, range(len(texts)), batch_size=batch_size)
        return [self._kind.decide(evidence, self._session.fitted, self.spec) for evidence in found]

    def predict(self, rows: Any, *, everything: bool = False) -> list[dict[str, Any]]:
        """For each row `prediction`, and `confidence` where the model says how sure it is; see `Kind.told`.

        Rows are mappings with the task's columns or its roles as keys, bare texts where one is read, a pandas
        DataFrame or a datasets.Dataset. Raises DataError.
        """
        if not isinstance(rows, Sequence):
            rows = files.table_of(rows).to_pylist()
        rows = [{self.roles[0]: row} if isinstance(row, str) and len(self.roles) == 1 else row for row in rows]
        texts = []
        for at, row in enumerate(rows):
            if not isinstance(row, Mapping):
                raise DataError(f"row {at}", f"is {row!r}", f"give a mapping with {', '.join(self.roles)}")
            texts.append([_value(row, column, at) for column in self.columns(list(row), f"row {at}").values()])
        return list(self.told(texts, everything=everything))

    def told(
        self,
        texts: Sequence[Sequence[str]],
        *,
        everything: bool = False,
        numbers: Sequence[int] | None = None,
        between: Callable[[int], None] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """The same for rows that are their texts in the order of `roles`.

        `numbers` are those of the rows, by which sampling is seeded: 0, 1, ... where none are given. `between` is told
        how many of the rows are answered, while they are.
        """
        rows, size = range(len(texts)) if numbers is None else numbers, evaluation.batch_size(self._session)
        for evidence in self._evidence(texts, rows, batch_size=size, between=between):
            yield self._kind.told(evidence, self._session.fitted, self.spec, everything=everything)

    def columns(self, there: Sequence[str], place: str) -> dict[str, str]:
        """Role -> the column that holds it: the task's own, else one named like the role. Raises DataError."""
        found = {}
        for role in self.roles:
            own = self.spec.column(role)
            names = [name for name in (own, role) if name in there]
            names += [own] if own.partition(".")[0] in there else []
            if not names:
                wanted = f"{own!r}" if own == role else f"{own!r} or {role!r}"
                remedy = f"{schema.nearest(own, there)}there are: {', '.join(there)}; write task.columns.{role}=COLUMN"
                raise DataError(place, f"no column {wanted}", remedy)
            found[role] = names[0]
        return found

    def _evidence(
        self,
        texts: Sequence[Sequence[str]],
        numbers: Sequence[int],
        *,
        batch_size: int,
        between: Callable[[int], None] | None = None,
    ) -> list[Evidence]:
        """What the model finds in each row, by its number."""
        if not texts:
            return []
        columns = dict(zip(self.roles, map(list, zip(*texts, strict=True)), strict=True))
        dataset = Dataset.from_dict({"row": list(numbers), **columns})
        session = self._session
        with self._lock:
            how = {"accelerator": session.accelerator, "batch_size": batch_size, "between": between}
            found = answer(session.model, session.adapter, dataset, **how)
            return [evidence for _, evidence in found]


def load(
    run: str | Path, *, over: Mapping[str, Any] | None = None, base: str | None = None, mirrors: tuple[str, ...] = ()
) -> Predictor:
    """The model of a finished run folder, on its base checkpoint; `base` says where that lies now.

    `over` lays keys upon the run's config, as of `evaluate_run` (`device`, `task: {columns: {...}}`).
    Raises SuiteError.
    """
    return Predictor(opened(run, over=over, base=base, mirrors=mirrors))


def _value(row: Mapping[str, Any], name: str, at: int) -> str:
    if not isinstance(row, Mapping):
        raise DataError(f"row {at}", f"is {row!r}", f"give a mapping with {name!r}")
    top, *inner = [name] if name in row else name.split(".")
    for field in inner:
        row, top = row.get(top) or {}, field
    if top not in row:
        hint = schema.nearest(name, row)
        raise DataError(f"row {at}", f"no {name!r}", f"{hint}it has: {', '.join(map(str, row))}")
    if not isinstance(row[top], str):
        raise DataError(f"row {at}", f"{name} is {row[top]!r}", "give a text")
    return row[top]
