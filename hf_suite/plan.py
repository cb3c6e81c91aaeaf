"""What a bench sets out to do: suite, models, configs and seeds -> cells with their folders. Runs none of them."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from hf_suite import config as configs
from hf_suite import data, kinds, models, own, parts, schema, stamp
from hf_suite import spec as specs
from hf_suite.config import ModelConfig, RunConfig, SuiteConfig
from hf_suite.errors import ConfigError, MissingData, ModelError, SuiteError
from hf_suite.record import read_result
from hf_suite.report.difference import flat
from hf_suite.spec import TaskSpec
from hf_suite.sweep import Sweep, on_tune
from hf_suite.trials import Settings
from hf_suite.variants import Declared, Model, Variant, check_keys, of_bench


@dataclass(frozen=True)
class BenchCell:
    """One run that a bench means to do."""

    folder: Path
    """Below the bench's folder: task / model / key / seed."""
    spec: TaskSpec
    config: RunConfig
    config_name: str
    model: str
    """The checkpoint by the name that its Result bears: never an absolute path."""
    source: "BenchCell | None" = None
    """The cell whose model answers this one, where the task has no train split, or that it goes on from."""
    is_source: bool = False
    """Whether another cell needs its model, so that it is trained also where no eval split is at hand."""
    trial: Settings = field(default_factory=dict)
    """Of a sweep: the settings that this cell tries."""

    @property
    def trained(self) -> "BenchCell":
        """The cell whose training answers this one: itself, or its source."""
        return self.source if self.source is not None and self.config.train is None else self

    def done(self, output: Path) -> bool:
        """Whether its Result is there. Raises RunError, ConfigError when it cannot be read."""
        if not (output / self.folder / "result.json").is_file():
            return False
        read_result(output / self.folder)
        return True

    def serves(self, output: Path) -> bool:
        """Whether its Result is all that is wanted: with scores, unless it is only to be gone on from."""
        return self.done(output) and (self.is_source or bool(read_result(output / self.folder).scores))


@dataclass(frozen=True)
class Plan:
    """The cells of a bench, sources before those that need them, and the tasks that it cannot do."""

    suite: str
    mean: str | None
    median: bool
    cells: tuple[BenchCell, ...]
    skipped: dict[str, str]
    """Task -> why its rows are not at hand, or cannot be scored."""
    sweep: str = ""
    """What is tried, in words; empty where nothing is."""
    trials: int | None = None
    """So many trials of each model are drawn, of which `cells` has the first."""
    follow: Callable[[Path, float | None], list[BenchCell]] | None = None
    """A cell that has ended, and its score (higher is better) -> the cells of the next trial, where one goes by it."""


class _Absent(models.Located):
    """A model that is nowhere to be found: it has a name, and no content."""

    @property
    def sha256(self) -> str:
        return ""


class _Found(NamedTuple):
    """The cell of one task, after its source's; none, and the reason, where its rows cannot be scored."""

    task: str
    cells: list[BenchCell]
    reason: str | None


class _Needed(NamedTuple):
    """The task whose run another needs first."""

    name: str
    how: str
    """What for, in words."""
    place: str
    """Where that is said."""


def plan(
    suite: str | SuiteConfig,
    *,
    models: Sequence[Model],
    seeds: Sequence[int] | None = None,
    mirrors: Sequence[str] = (),
    over: Mapping[str, Any] | None = None,
    output: Path | None = None,
    absent: bool = False,
    name: str = "suite",
) -> Plan:
    """All cells of a suite, done or not; `models` are for tasks that name none, `name` is for a suite without a file.

    Keys of `over` that name a model (`model.architecture`, `model.encoder`) are one model more.

    Reads no weights but to tell their content, and the eval rows only of tasks that are not done in `output`: one whose
    rows are not at hand or all without labels is skipped. With `absent` a model that is nowhere has cells all the same,
    which can be listed but not run. Raises ConfigError, ModelError.
    """
    declared = configs.read_suite(suite) if isinstance(suite, str) else suite
    check_keys(over or {}, "command line")
    named, rest = of_bench(declared, models, over or {})
    sweep = _sweep(declared, over or {})
    planner = _Planner(Declared(declared, rest, tuple(mirrors)), output, absent)
    skipped: dict[str, str] = {}
    cells: dict[Path, BenchCell] = {}
    chosen = seeds if seeds is not None else declared.seeds
    for task, variant in planner.declared.variants(named, chosen, sweep.first):
        found = planner.find(task, variant)
        if found.reason is not None:
            skipped[found.task] = found.reason
        for cell in found.cells:
            cells.setdefault(cell.folder, cell)
        for cell in (cell for cell in found.cells if cell.spec.name == found.task):
            sweep.begin(cell.folder, functools.partial(planner.again, task, variant, cell.folder.name))
    name = Path(suite).stem if isinstance(suite, str) else name
    trials, follow = declared.trials, sweep.follow if declared.trials is not None else None
    return Plan(
        name, declared.mean, declared.median, tuple(cells.values()), skipped, sweep.words, trials=trials, follow=follow
    )


def _sweep(declared: SuiteConfig, over: Mapping[str, Any]) -> Sweep[BenchCell]:
    """What the suite tries. Raises ConfigError for a key that the bench sets, or that is given besides."""
    sweep: Sweep[BenchCell] = Sweep(declared.sweep, declared.trials)
    for key in sweep.space:
        check_keys(schema.nested(key, None), "--sweep")
    sweep.check_beside(flat(over))
    return sweep


def slug(name: str) -> str:
    """A model's name as a folder's: one path part, and never that of another name."""
    return quote(name, safe="/+").replace("~", "%7E").replace("/", "~")


@dataclass
class _Planner:
    """Makes cells, and keeps what is the same for many: where a model is, whether a task has rows."""

    declared: Declared
    output: Path | None
    absent: bool
    located: dict[ModelConfig, models.Located] = field(default_factory=dict)
    reasons: dict[tuple[str, str, bool], str | None] = field(default_factory=dict)

    def find(self, task: str, variant: Variant, after: tuple[str, ...] = (), *, is_source: bool = False) -> _Found:
        """The cells that a task of the suite, or one that others go on from, needs; `after` are the tasks before it."""
        config, spec, as_it_is = self._config(task, variant)
        if spec.name in after:
            round_ = ", ".join([*after[after.index(spec.name) :], spec.name])
            raise ConfigError(f"{after[-1]} in the suite: init_from", f"goes round: {round_}", "let one begin afresh")
        before: list[BenchCell] = []
        reason = None
        needed = None if as_it_is else _needed(task, spec, config)
        if needed is not None:
            source = self.find(self._source(task, needed), variant, (*after, spec.name), is_source=True)
            before = source.cells
            reason = f"{source.task}, {needed.how}: {source.reason}" if source.reason is not None else None
        source_cell = before[-1] if before else None
        if variant.trial and config.train is None and not before:
            finding = "is not trained, so that no score on tune picks a trial"
            raise ConfigError(spec.name, finding, "leave it out, or sweep nothing")
        cells = [self._cell(spec, each, variant, source_cell) for each in _by_fold(config)]
        cells = [replace(cell, is_source=is_source) for cell in cells]
        if self.output is None or not all(cell.serves(self.output) for cell in cells):
            reason = self._reason(task, cells[0]) or reason
        return _Found(spec.name, [*before, *cells] if reason is None else [], reason)

    def again(self, task: str, variant: Variant, draw: str, trial: Settings) -> list[BenchCell]:
        """One cell (a seed, and a fold) with the settings of another trial, after those that it needs."""
        found = self.find(task, variant._replace(trial=trial))
        return [cell for cell in found.cells if cell.spec.name != found.task or cell.folder.name == draw]

    def _cell(self, spec: TaskSpec, config: RunConfig, variant: Variant, source: BenchCell | None) -> BenchCell:
        if config.model not in self.located:
            self.located[config.model] = self._locate(config.model)
        located = self.located[config.model]
        key = stamp.cell_key(spec, config, model=located.sha256, mirrors=self.declared.mirrors)
        if source is not None:
            key = stamp.digest([key, str(source.folder.parent)])[:12]
        fold = config.split.fold if config.split is not None else None
        draw = f"seed-{variant.seed}" + (f"-fold-{fold}" if fold is not None else "")
        folder = Path(spec.name, slug(located.name), key, draw)
        return BenchCell(folder, spec, config, variant.config, located.name, source, trial=variant.trial)

    def _locate(self, model: ModelConfig) -> models.Located:
        try:
            return models.locate(model, self.declared.mirrors)
        except ModelError:
            if not self.absent:
                raise
            return _Absent(Path(), model.id, None)

    def _config(self, task: str, variant: Variant) -> tuple[RunConfig, TaskSpec, bool]:
        """The config of a task's cell, the task, and whether nothing is to be trained."""
        said = self.declared.keys(task, variant)
        spec = specs.of(said["task"])
        kinds.check(spec)
        as_it_is = said.get("train", {}) is None
        trains = spec.source.train is not None or "split" in said
        if not trains and spec.trained_on is None:
            said["train"] = None
        config = own.settled(schema.build(RunConfig, said, f"{task} in the suite"))
        if not trains:  # by the cell of another task, so that nothing speaks against a model from scratch
            config = config.model_copy(update={"train": None})
        return on_tune(config, spec) if variant.trial else config, spec, as_it_is

    def _source(self, task: str, needed: "_Needed") -> str:
        """The task whose run this one needs: as the suite writes it, else beside its own file, else shipped."""
        name = needed.name
        beside = Path(task).with_name(f"{name}.yaml")
        own = str(beside) if Path(task).is_file() and beside.is_file() else name
        found = next((word for word in self.declared.suite.tasks if Path(word).stem == name), own)
        if specs.read(found).source.train is None:
            raise ConfigError(needed.place, f"{name} has no train split", "name the task that is trained")
        return found

    def _reason(self, task: str, cell: BenchCell) -> str | None:
        """Why the rows of a task cannot be trained on or scored here; None where they can, or its run must say it."""
        at = (task, cell.config_name, cell.is_source)
        if at not in self.reasons:
            self.reasons[at] = self._looked(cell.spec, cell.config, needs_eval=not cell.is_source)
        return self.reasons[at]

    def _looked(self, spec: TaskSpec, config: RunConfig, *, needs_eval: bool) -> str | None:
        try:
            parts.parts(spec, config.model_copy(update={"train": None, "tune": None}), needs_eval=needs_eval)
        except MissingData as error:
            return f"{error.place}: {error.finding}"
        except SuiteError:  # wrong rather than absent: the cell fails, and its run says why
            return None
        train = spec.source.train
        if config.train is None or config.split is not None or train is None:
            return None
        return None if data.identify(spec, train, mirrors=self.declared.mirrors) else f"no train split {train} at hand"


def _needed(task: str, spec: TaskSpec, config: RunConfig) -> _Needed | None:
    """What a task needs first: the run that it goes on from, or that answers it. Raises ConfigError."""
    if config.init_from is not None:
        place = f"{task} in the suite: init_from"
        word, _, name = config.init_from.partition(":")
        if word != "task" or not name:
            finding = f"{config.init_from} is no task"
            raise ConfigError(place, finding, "a bench goes on from a run of its own: say task:NAME")
        return _Needed(name, "which it goes on from", place)
    if spec.trained_on is not None:
        return _Needed(spec.trained_on, "which it is trained on", f"{spec.name}.trained_on")
    return None


def _by_fold(config: RunConfig) -> list[RunConfig]:
    """A config for each fold, where it asks for folds and not for one of them."""
    split = config.split
    if split is None or split.folds is None or split.fold is not None:
        return [config]
    return [config.model_copy(update={"split": split.model_copy(update={"fold": fold})}) for fold in range(split.folds)]
