"""Cells: what runs left in a folder, finished, failed, begun or only planned. Reads files, writes none."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from hf_suite import schema
from hf_suite.errors import RunError, SuiteError
from hf_suite.record import Result, read_json, read_result
from hf_suite.report.difference import settings
from hf_suite.schema import Record
from hf_suite.spec import TaskSpec

State = Literal["done", "unscored", "failed", "begun", "planned", "skipped"]

_MARKS = {"result.json", "failure.json", "run.yaml"}
_INSIDE_RUN = {"model", "checkpoints"}


class PlannedCell(Record):
    """One run that a bench means to do."""

    folder: str
    """Its run folder, relative to the bench's."""
    task: str
    model: str
    """The checkpoint, by the name that its Result bears."""
    config: str
    """The suite's name for the config."""
    seed: int
    sweep: str = ""
    """What the bench tries for each model, in words; empty where it tries nothing."""
    trial: dict[str, Any] = Field(default_factory=dict)
    """Dotted key -> the value that this cell tries."""


class Bench(Record):
    """What a bench set out to do. `bench.json` holds exactly this."""

    suite: str
    """The suite's name."""
    mean: Literal["glue", "tasks"] | None = None
    """How the suite's one number is made."""
    median: bool = False
    """Whether each line also tells the median over seeds."""
    cells: tuple[PlannedCell, ...] = ()
    """All cells, done or not."""
    skipped: dict[str, str] = Field(default_factory=dict)
    """Task -> why it cannot be run."""


@dataclass(frozen=True)
class Cell:
    """One run folder, whatever has become of it."""

    folder: Path
    state: State
    task: str
    model: str = ""
    seed: int | None = None
    reason: str = ""
    """Why it failed or was skipped."""


@dataclass(frozen=True)
class Swept:
    """The sweep that a cell was picked from."""

    keys: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Done(Cell):
    """A run folder with a Result."""

    result: Result = field(kw_only=True)
    spec: TaskSpec = field(kw_only=True)
    swept: Swept | None = None
    """Where it stands for all trials of a sweep."""
    source: Result | None = None
    """The run whose model it scored again, where that is at hand."""
    notes: tuple[str, ...] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """How it was done: dotted keys that differ from the defaults; what was swept by the sweep as a whole."""
        own = settings(self.result.config)
        if self.source is not None:
            own = {key: value for key, value in own.items() if not _settled(key, value, self.source)}
        if self.swept is None:
            return own
        return {key: value for key, value in own.items() if key not in self.swept.keys} | {"sweep": self.swept.text}


def _settled(key: str, value: Any, source: Result) -> bool:
    """Whether nobody said it, neither of the run nor of the evaluation: the run itself settled how it writes."""
    group, _, name = key.partition(".")
    found, said = (config.get("generation") or {} for config in (source.resolved, source.config))
    return group == "generation" and name not in said and name in found and found[name] == value


def collect(folder: Path) -> list[Cell]:
    """Every cell at or below a folder, in the order of the plan, then by path; also while a bench still runs.

    A file that cannot be read is a failed cell, so that it neither hides the others nor vanishes. Raises
    RunError when the folder is absent or holds no cell.
    """
    if not folder.is_dir():
        raise RunError(str(folder), "no such folder", "give the folder of a run or of a bench")
    plan: dict[Path, PlannedCell] = {}
    skipped: list[Cell] = []
    for place, bench in benches(folder).items():
        plan |= {place / cell.folder: cell for cell in bench.cells}
        skipped += [Cell(place, "skipped", task, reason=reason) for task, reason in bench.skipped.items()]
    found = [_cell(path, plan.get(path)) for path in dict.fromkeys([*plan, *_run_folders(folder)])]
    if not found and not skipped:
        raise RunError(str(folder), "holds no run", "give the folder of a run or of a bench")
    return found + skipped


def benches(folder: Path) -> dict[Path, Bench]:
    """Every bench at or below a folder, by its own folder. Raises RunError, ConfigError for a broken file."""
    places = [place for place, names in _walk(folder) if "bench.json" in names]
    return {place: schema.build(Bench, read_json(place / "bench.json"), str(place / "bench.json")) for place in places}


def _run_folders(folder: Path) -> list[Path]:
    return [place for place, names in _walk(folder) if not _MARKS.isdisjoint(names)]


def _walk(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Folders and their files, sorted; one that vanishes on the way is passed over (temporary ones do)."""
    for place, folders, names in os.walk(folder):
        closed = set() if _MARKS.isdisjoint(names) else _INSIDE_RUN
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in closed)
        yield Path(place), names


def _cell(folder: Path, planned: PlannedCell | None) -> Cell:
    if (folder / "result.json").is_file():
        return _done(folder, planned)
    if (folder / "failure.json").is_file():
        return _without(folder, planned, "failed", _reason(folder))
    return _without(folder, planned, "begun" if (folder / "run.yaml").is_file() else "planned", "")


def _done(folder: Path, planned: PlannedCell | None) -> Cell:
    try:
        result = read_result(folder)
        spec = schema.build(TaskSpec, result.task, str(folder / "result.json"))
    except SuiteError as error:
        return _without(folder, planned, "failed", str(error))
    if not result.scores:  # trained for others to go on from
        return Cell(folder, "unscored", spec.name, str(result.model.get("id", "")), result.seed)
    return Done(folder, "done", spec.name, str(result.model.get("id", "")), result.seed, result=result, spec=spec)


def _reason(folder: Path) -> str:
    try:
        failure = read_json(folder / "failure.json")
    except RunError as error:
        return str(error)
    return str(failure.get("reason", "")) if isinstance(failure, Mapping) else str(failure)


def _without(folder: Path, planned: PlannedCell | None, state: State, reason: str) -> Cell:
    """A cell without a Result is named by the plan, else by the bench's layout: task/model/key/seed-n[-fold-k]."""
    if planned is not None:
        return Cell(folder, state, planned.task, planned.model, planned.seed, reason)
    task, model, _, name = ["", "", "", *folder.parts][-4:]
    seed = re.fullmatch(r"seed-(\d+)(?:-fold-\d+)?", name)
    if seed is None:
        return Cell(folder, state, folder.name, reason=reason)
    return Cell(folder, state, task, model, int(seed[1]), reason)
