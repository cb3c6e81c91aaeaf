"""What a suite and a command line say together: models, configs and seeds, and the keys of each cell. Plans none."""

import itertools
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from hf_suite import config as configs
from hf_suite import schema, shipped
from hf_suite import spec as specs
from hf_suite.config import ModelConfig, SuiteConfig
from hf_suite.errors import ConfigError
from hf_suite.trials import Settings

log = logging.getLogger(__name__)

_OF_THE_BENCH = {
    "seed": "say --seeds K, or `seeds:` in the suite",
    "output": "say --output DIR for the whole bench",
    "mirror": "say --mirror DIR for the whole bench",
    "task.name": "name tasks in the suite",
    "model.id": "name models with --model",
}
"""Keys that a bench sets for each cell -> how to say what is meant."""

Model = str | Mapping[str, Any]
"""An id, or the keys of `model` that say another: two halves, or one from scratch."""
_NAMING = ("id", "encoder", "architecture")


class Variant(NamedTuple):
    """What one cell differs in from others of its task."""

    model: Model
    config: str
    seed: int
    trial: Settings


def names_model(*layers: Mapping[str, Any] | None) -> bool:
    """Whether keys say which model, and not only how to take it."""
    said = [configs.layered(schema.unflat(layer or {}), {}).get("model") or {} for layer in layers]
    return any(key in model for model in said for key in _NAMING)


def of_bench(
    declared: SuiteConfig, models: Sequence[Model], over: Mapping[str, Any]
) -> tuple[Sequence[Model], dict[str, Any]]:
    """The models for tasks that name none, and the keys that are left for every cell.

    Keys that name a model beside those `models` are one model more; the suite's own count where nothing else is said.
    Raises ConfigError where a task is left without a model.
    """
    rest = dict(over)
    recipes = [rest.pop("model")] if names_model(over) else []
    found = [*models, *recipes] or list(declared.models)
    if not found and not all(names_model(said) for said in declared.tasks.values()):
        raise ConfigError("bench", "no model is named", "name at least one with --model")
    return found or [""], rest  # "" where every task names its own


@dataclass(frozen=True)
class Declared:
    """A suite, the keys that are said for all its cells, and where data and models lie."""

    suite: SuiteConfig
    over: Mapping[str, Any]
    mirrors: tuple[str, ...]

    def variants(
        self, models: Sequence[Model], seeds: Sequence[int], trials: Sequence[Settings]
    ) -> Iterator[tuple[str, Variant]]:
        """Every task with every model, config, seed and trial, but for what _unfit names."""
        names = [self.suite.config] if isinstance(self.suite.config, str) else self.suite.config
        for model in models:
            left_out = self._left_out(model, names)
            every = itertools.product(names, seeds, self.suite.tasks, trials)
            for config, seed, task, trial in (each for each in every if (each[2], each[0]) not in left_out):
                yield task, Variant(model, config, seed, trial)

    def keys(self, task: str, variant: Variant) -> dict[str, Any]:
        """Config file, model, suite, command line and trial, each laid on the one before. Raises ConfigError."""
        differs = schema.unflat(self.suite.tasks.get(task) or {})
        check_keys({key: said for key, said in differs.items() if key != "model"}, f"{task} in the suite")
        model = {} if names_model(differs) else {"model": variant.model}
        cell = {"task": task, "seed": variant.seed, "mirror": self.mirrors, "output": None}
        said = schema.read_yaml(shipped.find("configs", variant.config))
        for layer in (model, differs, dict(self.over), schema.unflat(variant.trial), cell):
            said = configs.layered(said, layer)
        return said

    def _left_out(self, model: Model, names: Sequence[str]) -> set[tuple[str, str]]:
        """Task and config of the cells that a model cannot have; none where it could have none, which is refused."""
        cells = list(itertools.product(self.suite.tasks, names))
        said = {at: self.keys(at[0], Variant(model, at[1], 0, {})) for at in cells}
        reasons = {at: reason for at in cells if (reason := _unfit(said[at])) is not None}
        if len(reasons) == len(cells):
            return set()
        for (task, config), reason in reasons.items():
            name = schema.build(ModelConfig, said[task, config]["model"], f"{task} in the suite").id
            log.info("%s by %s is left out for %s: %s", Path(task).stem, Path(config).stem, name, reason)
        return set(reasons)


def check_keys(said: Mapping[str, Any], place: str) -> None:
    """Refuses a key that the bench itself sets. Raises ConfigError."""
    long = configs.layered(dict(said), {})
    for key, remedy in _OF_THE_BENCH.items():
        head, _, rest = key.partition(".")
        if head in long and (not rest or (isinstance(long[head], Mapping) and rest in long[head])):
            raise ConfigError(f"{place}: {key}", "a bench sets it for each cell", remedy)


def _unfit(said: Mapping[str, Any]) -> str | None:
    """Why a config makes nothing of a model of which all or some is drawn; None where it does, or nothing is drawn."""
    model, spec = said["model"], specs.of(said["task"])
    if not {"architecture", "encoder"} & model.keys():
        return None
    if said.get("train", {}) is None:
        return "untrained, what is drawn of it answers by chance"
    if spec.source.train is None and spec.trained_on is None and "split" not in said:
        return "the task has no rows to train it on"
    if "architecture" in model and said.get("lora") is not None:
        return "beside drawn weights that are frozen, PEFT learns nothing"
    return None
