"""A bench's sweep: which trials its cells begin with, and which follow from their scores. Makes and runs no cell."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from hf_suite import trials
from hf_suite.config import RunConfig, TuneConfig
from hf_suite.errors import ConfigError
from hf_suite.spec import TaskSpec
from hf_suite.trials import Settings, Study

Cell = TypeVar("Cell")


class Sweep(Generic[Cell]):
    """The trials of a bench, by the folder of the cell that tries them.

    Each study draws by the same seed, so that all models meet the same trials, until Optuna has scores enough (ten) to
    go by each model's own.
    """

    def __init__(self, said: Mapping[str, Any], count: int | None) -> None:
        """Raises ConfigError for what cannot be swept."""
        self.space = trials.space(said, trials=count)
        self.words = trials.spoken(said, count)
        self.count = count
        self.first = trials.grid(self.space) if count is None else [self._study()[1]]
        """What is tried before any score is known."""
        self._open: dict[Path, tuple[Study, Callable[[Settings], list[Any]]]] = {}

    def check_beside(self, given: Collection[str]) -> None:
        """Refuses to sweep a key that is given. Raises ConfigError."""
        for key in self.space:
            if key in given:
                raise ConfigError(f"--sweep {key}", f"{key} is given as well", "keep one of the two")

    def begin(self, folder: Path, again: Callable[[Settings], list[Cell]]) -> None:
        """A cell tries the first settings; `again` makes the cells for others, the last of them in its place."""
        if self.count is not None:
            self._open[folder] = self._study()[0], again

    def follow(self, folder: Path, score: float | None) -> list[Cell]:
        """A cell has ended, with that score on tune (higher is better): the cells of the next trial."""
        if folder not in self._open:
            return []
        study, again = self._open.pop(folder)
        study.tell(score)
        settings = study.ask()
        cells = again(settings) if settings is not None else []
        if cells:
            self._open[cells[-1].folder] = study, again
        return cells

    def _study(self) -> tuple[Study, Settings]:
        study = Study(self.space, trials=self.count or 0, seed=0)
        return study, study.ask() or {}


def on_tune(config: RunConfig, spec: TaskSpec) -> RunConfig:
    """The config of a trial: it is picked on tune rows, which are cut off train where nothing else does so.

    Raises ConfigError where other rows choose the weights.
    """
    train = config.train
    if train is None:
        return config
    if train.select_on not in (None, "tune"):
        finding = f"{train.select_on}, and a sweep picks on tune"
        raise ConfigError("train.select_on", finding, "leave it out, or say tune")
    if config.tune is not None or config.splits_tune:
        return config
    return config.model_copy(update={"tune": TuneConfig(group=spec.columns.get("title"))})
