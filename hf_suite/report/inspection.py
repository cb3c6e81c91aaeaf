"""Inspection: where a run is right and wrong, by label and by row, from its files alone. Prints nothing."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hf_suite.errors import RunError
from hf_suite.kinds import KINDS
from hf_suite.record import Result, read_answers, read_result
from hf_suite.spec import TaskSpec

NOTHING = "(none)"
"""What stands for an answer that is no label."""


@dataclass(frozen=True)
class ClassLine:
    """How one label fares, in percent; None where there is nothing to divide by."""

    label: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int
    """Rows that have it."""
    said: int
    """Rows that were given it."""


@dataclass(frozen=True)
class WorstRow:
    """A row whose answer is far from its reference."""

    row: int | str
    miss: float
    """As of Kind.miss."""
    confidence: float | None
    answer: Any
    reference: Any
    text: str
    """How it begins; empty in files of earlier versions."""


@dataclass(frozen=True)
class Inspection:
    """One split of a run."""

    split: str
    rows: int
    right: int
    classes: tuple[ClassLine, ...]
    confusion: Mapping[str, Mapping[str, int]]
    """Label -> what its rows were given -> rows; empty where a row may have several, or there are no labels."""
    worst: tuple[WorstRow, ...]
    """The farthest from right first, of equals the most confident."""

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)


def inspect(folder: Path, *, worst: int = 10) -> list[Inspection]:
    """Each eval split of a finished run, or of an evaluation. Raises RunError, ConfigError."""
    result = read_result(folder)
    path = folder / "answers.parquet"
    if not path.is_file():
        raise RunError(str(path), "is missing, and holds what was answered", "give the folder of a finished run")
    splits: dict[str, list[dict[str, Any]]] = {}
    for line in read_answers(path):
        splits.setdefault(line["split"], []).append(line)
    return [_inspected(name, lines, result, worst) for name, lines in splits.items()]


def _inspected(name: str, lines: Sequence[Mapping[str, Any]], result: Result, many: int) -> Inspection:
    spec = TaskSpec(**result.task)
    rows = [_row(line, spec, result.fitted) for line in lines]
    labels = spec.labels or ()
    pairs = [(_listed(line["answer"]), _listed(line["reference"])) for line in lines] if labels else []
    return Inspection(
        split=name,
        rows=len(rows),
        right=sum(row.miss == 0 for row in rows),
        classes=tuple(_class(label, pairs) for label in labels),
        confusion=confusion(pairs, labels) if spec.target == "label" else {},
        worst=tuple(sorted((row for row in rows if row.miss > 0), key=_badness)[:many]),
    )


def _row(line: Mapping[str, Any], spec: TaskSpec, fitted: Mapping[str, float]) -> WorstRow:
    kind = KINDS[spec.kind]
    return WorstRow(
        row=line["row"],
        miss=kind.miss(line["answer"], line["reference"], spec),
        confidence=kind.told(line["evidence"], fitted, spec).get("confidence"),
        answer=line["answer"],
        reference=line["reference"],
        text=line.get("text", ""),
    )


def _badness(row: WorstRow) -> tuple[float, float]:
    return -row.miss, -(row.confidence or 0.0)


def _listed(labels: Any) -> tuple[str, ...]:
    return tuple(labels) if isinstance(labels, list) else (labels,)


def _class(label: str, pairs: Iterable[tuple[Sequence[str], Sequence[str]]]) -> ClassLine:
    outcomes = Counter((label in said, label in gold) for said, gold in pairs)
    hit, false, missed = outcomes[True, True], outcomes[True, False], outcomes[False, True]
    return ClassLine(
        label=label,
        precision=_percent(hit, hit + false),
        recall=_percent(hit, hit + missed),
        f1=_percent(2 * hit, 2 * hit + false + missed),
        support=hit + missed,
        said=hit + false,
    )


def confusion(pairs: Iterable[tuple[Sequence[str], Sequence[str]]], labels: Sequence[str]) -> dict[str, dict[str, int]]:
    """Label -> what its rows were given -> how many; NOTHING stands last, where an answer was no label."""
    found = Counter((gold[0], said[0] if said[0] in labels else NOTHING) for said, gold in pairs)
    given = [*labels, *([NOTHING] if any(said == NOTHING for _, said in found) else [])]
    return {gold: {said: found[gold, said] for said in given} for gold in labels}


def _percent(part: int, whole: int) -> float | None:
    return 100.0 * part / whole if whole else None


def shown(value: Any) -> str:
    """An answer or a reference in one line."""
    if isinstance(value, Mapping) and "text" in value:
        return str(value["text"]) or NOTHING
    if isinstance(value, list):
        return " | ".join(map(str, value)) or NOTHING
    if isinstance(value, str):
        return value or NOTHING
    return f"{value:.4g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)
