"""load(): a run folder -> answers for new rows. Scores nothing and writes nothing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset

from hf_suite import schema
from hf_suite.answering import answer
from hf_suite.errors import DataError
from hf_suite.finished import opened
from hf_suite.kinds import KINDS
from hf_suite.session import Session


class Predictor:
    """A finished run's model, ready to answer."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def answer(self, rows: Sequence[Mapping[str, Any]], *, batch_size: int = 32) -> list[Any]:
        """One answer a row, in the rows' order: a label name, a number, or `{"text", "no_answer"}`.

        Rows have the kind's input roles as keys (`text` and `text_pair`; `question` and `context`). Raises DataError.
        """
        session, kind = self._session, KINDS[self._session.spec.kind]
        if not rows:
            return []
        roles = [role for role in session.spec.columns if role in kind.inputs | {"text_pair"}]
        columns = {role: [_value(row, role, at) for at, row in enumerate(rows)] for role in roles}
        dataset = Dataset.from_dict({"row": list(range(len(rows))), **columns})
        found = answer(session.model, session.adapter, dataset, accelerator=session.accelerator, batch_size=batch_size)
        return [kind.decide(evidence, session.fitted, session.spec) for _, evidence in found]


def load(run: str | Path, *, base: str | None = None, mirrors: tuple[str, ...] = ()) -> Predictor:
    """The model of a finished run folder, on its base checkpoint; `base` says where that lies now.

    Raises RunError, ModelError.
    """
    return Predictor(opened(run, base=base, mirrors=mirrors))


def _value(row: Mapping[str, Any], role: str, at: int) -> str:
    if not isinstance(row, Mapping):
        raise DataError(f"row {at}", f"is {row!r}", f"give a mapping with {role!r}")
    if role not in row:
        hint = schema.nearest(role, row)
        raise DataError(f"row {at}", f"no {role!r}", f"{hint}it has: {', '.join(map(str, row))}")
    if not isinstance(row[role], str):
        raise DataError(f"row {at}", f"{role} is {row[role]!r}", "give a text")
    return row[role]
