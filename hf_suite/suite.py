"""bench(): many runs, only the missing ones. A cell is a run folder; plans and skips by the files alone, makes no table."""

import logging
import shutil
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hf_suite import config as configs
from hf_suite import data, kinds, models, schema, shipped, stamp
from hf_suite import spec as specs
from hf_suite.config import ModelConfig, RunConfig, SuiteConfig
from hf_suite.errors import ConfigError, Interrupted, RunError, SuiteError
from hf_suite.experiment import run
from hf_suite.finished import evaluate_run
from hf_suite.record import read_result, write_json
from hf_suite.report.cells import Bench, PlannedCell
from hf_suite.session import Progress
from hf_suite.spec import TaskSpec

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BenchCell:
    """One run that a bench means to do."""

    folder: Path
    """Below the bench's folder: task / model / key / seed."""
    spec: TaskSpec
    config: RunConfig
    config_name: str
    source: "BenchCell | None" = None
    """The cell whose model answers this one, where the task has no train split."""

    def done(self, output: Path) -> bool:
        """Whether its Result is there and readable."""
        if not (output / self.folder / "result.json").is_file():
            return False
        read_result(output / self.folder)
        return True


@dataclass(frozen=True)
class Plan:
    """The cells of a bench, sources before those that need them, and the tasks that it cannot do."""

    suite: str
    mean: str | None
    cells: tuple[BenchCell, ...]
    skipped: dict[str, str]


@dataclass
class Outcome:
    """How a bench ended: folders of the cells by what became of them."""

    done: list[Path] = field(default_factory=list)
    """With a Result, also from before."""
    failed: dict[Path, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


BenchWatch = Callable[[BenchCell, str, Progress | None], None]
"""Told of each cell: `begun`, `progress`, `done`, `kept` (from before), `failed`."""


def bench(suite: str | SuiteConfig, *, models: Sequence[str], output: str | Path, seeds: Sequence[int] | None = None,
          mirrors: Sequence[str] = (), over: Mapping[str, Any] | None = None, watch: BenchWatch | None = None) -> Outcome:  # fmt: skip
    """Runs every cell that has no Result yet; one that fails is recorded in failure.json and the others go on.

    `over` lays config keys upon every cell. Killed and called again, it does what is missing. Raises ConfigError for a suite
    that cannot be, Interrupted when asked to stop.
    """
    place, watch = Path(output), watch or _silent
    planned = plan(suite, models=models, seeds=seeds, mirrors=mirrors, over=over)
    write_json(place / "bench.json", _bench_file(planned).model_dump(mode="json"))
    outcome = Outcome(skipped=planned.skipped)
    for cell in planned.cells:
        if cell.done(place):
            watch(cell, "kept", None)
            outcome.done.append(cell.folder)
            continue
        watch(cell, "begun", None)
        reason = _run_cell(cell, place, watch)
        if reason is None:
            outcome.done.append(cell.folder)
        else:
            outcome.failed[cell.folder] = reason
        watch(cell, "done" if reason is None else "failed", None)
    return outcome


def plan(suite: str | SuiteConfig, *, models: Sequence[str], seeds: Sequence[int] | None = None, mirrors: Sequence[str] = (),
         over: Mapping[str, Any] | None = None) -> Plan:  # fmt: skip
    """All cells of a suite for these models, done or not; reads no rows and no weights but to tell their content."""
    if not models:
        raise ConfigError("bench", "no model", "name at least one with --model")
    declared = configs.read_suite(suite) if isinstance(suite, str) else suite
    cells: dict[Path, BenchCell] = {}
    skipped: dict[str, str] = {}
    names = [declared.config] if isinstance(declared.config, str) else declared.config
    for model in models:
        for config_name in names:
            for seed in seeds if seeds is not None else declared.seeds:
                maker = _Maker(declared, model, config_name, seed, tuple(mirrors), over or {})
                for task in declared.tasks:
                    for cell in maker.cells(task, skipped):
                        cells.setdefault(cell.folder, cell)
    name = Path(suite).stem if isinstance(suite, str) else "suite"
    return Plan(name, declared.mean, tuple(cells.values()), skipped)


def slug(name: str) -> str:
    """A model's name as a folder's: injective, one path part."""
    return quote(name.replace("~", "%7E"), safe="/%").replace("/", "~")


@dataclass(frozen=True)
class _Maker:
    """Makes the cells of one model, config and seed."""

    suite: SuiteConfig
    model: str
    config_name: str
    seed: int
    mirrors: tuple[str, ...]
    over: Mapping[str, Any]

    def cells(self, task: str, skipped: dict[str, str]) -> Iterator[BenchCell]:
        """The cell of a task, after its source's; nothing, and a reason, where the data are not at hand."""
        spec = specs.read(task)
        kinds.check(spec)
        reason = self._missing(spec)
        source = None
        if reason is None and spec.trained_on is not None:
            *before, source = [*self.cells(spec.trained_on, skipped), None]
            yield from before
            source = before[-1] if before else None
            reason = (
                None
                if source is not None
                else f"its source {spec.trained_on} cannot be trained: {skipped[spec.trained_on]}"
            )
        if reason is not None:
            skipped[spec.name] = reason
            return
        config = self._config(task, spec)
        located = models.locate(config.model, self.mirrors)
        key = stamp.cell_key(spec, config, model=located.sha256, mirrors=self.mirrors)
        if source is not None:
            key = stamp.digest([key, str(source.folder)])[:12]
        folder = Path(spec.name, slug(located.name), key, f"seed-{self.seed}")
        yield BenchCell(folder, spec, config, self.config_name, source)

    def _config(self, task: str, spec: TaskSpec) -> RunConfig:
        """The config file, then what the suite says for the task, then the command line."""
        base = schema.read_yaml(shipped.find("configs", self.config_name))
        differs: dict[str, Any] = {}
        for key, value in (self.suite.tasks.get(task) or {}).items():
            differs = schema.merged(differs, schema.nested(key, value))
        own = {"task": task, "model": self.model, "seed": self.seed, "mirror": self.mirrors}
        data = configs.layered(configs.layered(configs.layered(base, differs), dict(self.over)), own)
        if spec.source.train is None and "split" not in data:
            data["train"] = None
        return schema.build(RunConfig, data, f"{task} in the suite")

    def _missing(self, spec: TaskSpec) -> str | None:
        """Why the task has no data here; None when it can be trained or scored."""
        wanted = spec.source.eval or (spec.source.train,)
        if any(data.identify(spec, name, mirrors=self.mirrors) for name in wanted if name):
            return None
        return f"no eval split at hand ({', '.join(name for name in wanted if name)})"


def _run_cell(cell: BenchCell, output: Path, watch: BenchWatch) -> str | None:
    """Runs or resumes one cell; the reason when it fails, which is also recorded in its folder."""
    folder = output / cell.folder
    (folder / "failure.json").unlink(missing_ok=True)

    def told(progress: Progress) -> None:
        watch(cell, "progress", progress)

    try:
        if cell.source is None:
            resume = (folder / "run.yaml").is_file()
            run(cell.config.model_copy(update={"output": str(folder)}), resume=resume, watch=told)
        else:
            evaluate_run(
                _source_run(cell.source, output, watch),
                task=cell.config.task["name"],
                mirrors=cell.config.mirror,
                output=folder,
                watch=told,
            )
    except Interrupted:
        raise
    except SuiteError as error:
        return _failed(folder, str(error), None)
    except Exception as error:  # a bug of ours in one cell must not cost the others; the whole of it is kept
        log.exception("cell %s", cell.folder)
        return _failed(folder, f"{type(error).__name__}: {error}", traceback.format_exc())
    return None


def _source_run(source: BenchCell, output: Path, watch: BenchWatch) -> Path:
    """The source's run folder with its model, trained again when only the Result is left of it. Raises RunError."""
    folder = output / source.folder
    if (folder / "model").is_dir():
        return folder
    if not source.done(output):
        raise RunError(str(source.folder), "the run that this task needs has failed", "see its failure.json")
    again = output / ".sources" / source.folder
    if not (again / "result.json").is_file():
        resume = (again / "run.yaml").is_file()
        run(
            source.config.model_copy(update={"output": str(again)}),
            resume=resume,
            watch=lambda step: watch(source, "progress", step),
        )
    return again


def _failed(folder: Path, reason: str, trace: str | None) -> str:
    write_json(folder / "failure.json", {"reason": reason, "traceback": trace})
    return reason


def _bench_file(planned: Plan) -> Bench:
    cells = tuple(
        PlannedCell(
            folder=str(cell.folder),
            task=cell.spec.name,
            model=cell.config.model.id,
            config=cell.config_name,
            seed=cell.config.seed,
        )
        for cell in planned.cells
    )
    return schema.build(
        Bench, {"suite": planned.suite, "mean": planned.mean, "cells": cells, "skipped": planned.skipped}, "bench.json"
    )


def remove_sources(output: Path) -> None:
    """Drops the models that were trained again only to answer other tasks."""
    shutil.rmtree(output / ".sources", ignore_errors=True)


def _silent(cell: BenchCell, state: str, progress: Progress | None) -> None:
    """Nobody watches."""
