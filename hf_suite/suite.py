"""bench(): many runs, only the missing ones. A cell is a run folder; knows what to do from `plan`, makes no table."""

import logging
import shutil
import signal
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hf_suite import folders, launch, schema
from hf_suite.config import SuiteConfig
from hf_suite.errors import ConfigError, Interrupted, MissingData, RunError, SuiteError
from hf_suite.experiment import run
from hf_suite.finished import MAY_DIFFER, evaluate_run
from hf_suite.locking import locked
from hf_suite.plan import BenchCell, Plan, plan
from hf_suite.record import read_json, read_result, write_json
from hf_suite.report.cells import Bench, PlannedCell
from hf_suite.report.trials import rank
from hf_suite.session import Progress
from hf_suite.stopping import Stopping
from hf_suite.variants import Model

log = logging.getLogger(__name__)

FILE = "bench.json"
FAILURE = "failure.json"
_SOURCES = ".sources"


@dataclass
class Outcome:
    """How a bench ended: the cells' folders, below the bench's, by what became of them."""

    done: list[Path] = field(default_factory=list)
    """With a Result, also from before."""
    failed: dict[Path, str] = field(default_factory=dict)
    """Folder -> reason."""
    skipped: dict[str, str] = field(default_factory=dict)
    """Task -> reason."""


BenchWatch = Callable[[BenchCell, str, Progress | None], None]
"""Told of each cell: `begun`, `progress`, `done`, `kept` (done before), `failed`, `skipped`."""


def bench(
    suite: str | SuiteConfig,
    *,
    models: Sequence[Model],
    output: str | Path,
    seeds: Sequence[int] | None = None,
    mirrors: Sequence[str] = (),
    over: Mapping[str, Any] | None = None,
    allow_code: bool = False,
    watch: BenchWatch | None = None,
) -> Outcome:
    """Runs every cell of a suite that has no Result yet; one that fails is recorded and the others go on.

    `over` lays config keys upon every cell; those that name a model are one more of `models`, which takes ids and the
    keys of such models. Killed and called again, it does what is missing. Raises ConfigError for a
    suite that cannot be, ModelError for a model that is not there, Interrupted when asked to stop.
    """
    planned = plan(suite, models=models, seeds=seeds, mirrors=mirrors, over=over, output=Path(output))
    return do(planned, Path(output), allow_code=allow_code, watch=watch)


def do(planned: Plan, output: Path, *, allow_code: bool = False, watch: BenchWatch | None = None) -> Outcome:
    """Runs the cells of a plan that have no Result, in its order. Raises RunError, ConfigError, Interrupted."""
    if launch.started() > 1:
        finding = f"a launcher started {launch.started()} processes of it"
        raise ConfigError("bench", finding, f"start it once, with --processes {launch.started()}")
    folders.check_writable(output)
    outcome = Outcome(skipped=dict(planned.skipped))
    work = _Bench(planned, output, allow_code, watch or _silent, outcome, list(planned.cells))
    with Stopping() as stopping, locked(output):
        write_json(output / FILE, work.file())
        while (cell := work.next()) is not None:
            number = stopping.signal or work.settle(cell)
            if number:
                finding = f"stopped by {signal.Signals(number).name}; what is done is kept"
                raise Interrupted(str(output), finding, "run the same command again to go on", signal=number)
    if not work.outcome.failed:
        shutil.rmtree(output / _SOURCES, ignore_errors=True)
    return work.outcome


@dataclass(frozen=True)
class _Bench:
    """A bench at work."""

    plan: Plan
    output: Path
    allow_code: bool
    watch: BenchWatch
    outcome: Outcome
    cells: list[BenchCell]
    """Those of the plan, then those that follow from the scores of others."""
    settled: set[Path] = field(default_factory=set)

    def next(self) -> BenchCell | None:
        """The first cell that is not settled; None where all are."""
        return next((cell for cell in self.cells if cell.folder not in self.settled), None)

    def settle(self, cell: BenchCell) -> int:
        """Sees to it that a cell has its Result or a reason, and tells; returns the signal that asked to stop, or 0."""
        self.settled.add(cell.folder)
        if cell.done(self.output):
            folders.remove_checkpoints(self.output / cell.folder)  # left where a kill came right after the Result
            self.outcome.done.append(cell.folder)
            self.watch(cell, "kept", None)
            self._follow(cell)
            return 0
        self.watch(cell, "begun", None)
        try:
            state = self._tried(cell)
        except Interrupted as error:
            return error.signal
        self.watch(cell, state, None)
        self._follow(cell)
        return 0

    def _follow(self, cell: BenchCell) -> None:
        """Adds the next trial, where one goes by the score of this cell."""
        if self.plan.follow is None or cell.spec.name in self.outcome.skipped:
            return
        trained = self.output / cell.trained.folder
        score = rank(read_result(trained)) if (trained / "result.json").is_file() else None
        after = self.plan.follow(cell.folder, score)
        if after:
            self.cells.extend(after)
            write_json(self.output / FILE, self.file())

    def _tried(self, cell: BenchCell) -> str:
        (self.output / cell.folder / FAILURE).unlink(missing_ok=True)
        try:
            self._run(cell)
        except Interrupted:
            raise
        except MissingData as error:
            self.outcome.skipped[cell.spec.name] = f"{error.place}: {error.finding}"
            write_json(self.output / FILE, self.file())
            return "skipped"
        except SuiteError as error:
            return self._failed(cell, str(error), None)
        except Exception as error:  # a bug of ours in one cell must not cost the others; the whole of it is kept
            log.exception("cell %s", cell.folder)
            return self._failed(cell, f"{type(error).__name__}: {error}", traceback.format_exc())
        self.outcome.done.append(cell.folder)
        return "done"

    def _run(self, cell: BenchCell) -> None:
        def told(progress: Progress) -> None:
            self.watch(cell, "progress", progress)

        folder = self.output / cell.folder
        if cell.source is None or cell.trained is cell:
            self._finetune(cell, folder, told)
            return
        evaluate_run(
            self._source_run(cell.source),
            task=cell.config.task["name"],
            over=_on_task(cell),
            mirrors=cell.config.mirror,
            output=folder,
            allow_code=self.allow_code,
            watch=told,
        )

    def _finetune(self, cell: BenchCell, folder: Path, told: Callable[[Progress], None]) -> None:
        """Runs a cell, or goes on with it where a folder has been begun."""
        before = str(self._source_run(cell.source)) if cell.source is not None else None
        config = cell.config.model_copy(update={"output": str(folder), "init_from": before})
        begun = (folder / folders.RUN).is_file()
        if begun:  # its name is its content, wherever model and task file lie today
            folders.begin(folder, config)
        run(config, resume=begun, allow_code=self.allow_code, needs_eval=not cell.is_source, watch=told)

    def _source_run(self, source: BenchCell) -> Path:
        """The source's run folder with its model, trained again when only the Result is left. Raises RunError."""
        folder = self.output / source.folder
        if not source.done(self.output):
            reason = self.outcome.skipped.get(source.spec.name)
            if reason is not None and source.folder not in self.outcome.failed:
                raise MissingData(source.spec.name, reason, "give a mirror that has it")
            raise RunError(str(source.folder), "the run that this task needs has failed", f"see its {FAILURE}")
        if (folder / "model").is_dir():
            return folder
        again = self.output / _SOURCES / source.folder
        if not (again / "result.json").is_file():
            self._finetune(source, again, lambda progress: self.watch(source, "progress", progress))
        return again

    def _failed(self, cell: BenchCell, reason: str, trace: str | None) -> str:
        self.outcome.failed[cell.folder] = reason
        write_json(self.output / cell.folder / FAILURE, {"reason": reason, "traceback": trace})
        return "failed"

    def file(self) -> dict[str, Any]:
        """What bench.json says: the plan, and what else earlier benches of the suite finished here.

        That is other models' cells, and those of other sweeps.
        """
        cells = {
            str(cell.folder): PlannedCell(
                folder=str(cell.folder),
                task=cell.spec.name,
                model=cell.model,
                config=cell.config_name,
                seed=cell.config.seed,
                sweep=self.plan.sweep if cell.trial else "",
                trial=cell.trial,
            )
            for cell in self.cells
            if cell.spec.name not in self.outcome.skipped
        }
        now = {(cell.model, cell.config, cell.sweep) for cell in cells.values()}
        for cell in _before(self.output, self.plan.suite):
            if (cell.model, cell.config, cell.sweep) in now or cell.folder in cells:
                continue
            if (self.output / cell.folder / "result.json").is_file():
                cells[cell.folder] = cell
        plan = self.plan
        facts = {"suite": plan.suite, "mean": plan.mean, "median": plan.median, "cells": tuple(cells.values())}
        return Bench(**facts, skipped=self.outcome.skipped).model_dump(mode="json")


def _before(output: Path, suite: str) -> tuple[PlannedCell, ...]:
    """The cells of the bench.json that is there, when it is of the same suite."""
    if not (output / FILE).is_file():
        return ()
    bench = schema.build(Bench, read_json(output / FILE), str(output / FILE))
    return bench.cells if bench.suite == suite else ()


def _on_task(cell: BenchCell) -> dict[str, Any]:
    """The keys of a cell that count when its source's model answers."""
    said = folders.written(cell.config)
    return {key: said[key] for key in MAY_DIFFER if key in said} | {"processes": cell.config.processes}


def _silent(cell: BenchCell, state: str, progress: Progress | None) -> None:
    """Nobody watches."""
