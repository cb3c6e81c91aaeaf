"""Session: what the steps of one run share, and the progress that is told of it. Does nothing itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import accelerate

from hf_suite import models
from hf_suite.adapters import Adapter
from hf_suite.config import RunConfig
from hf_suite.metrics.base import RowId
from hf_suite.parts import Parts
from hf_suite.resolve import Resolved
from hf_suite.spec import TaskSpec
from hf_suite.stopping import Stopping


@dataclass(frozen=True)
class Progress:
    """What `watch` is told: a stage, how far it is, and a sentence or a loss."""

    stage: str
    """note, finetune, evaluate or answer."""
    done: int = 0
    total: int = 0
    more: bool = False
    """Whether there may be more than `total`: of a file of rows that is not read to its end yet."""
    loss: float | None = None
    note: str = ""


Watch = Callable[[Progress], None]
Tell = Callable[[int, Mapping[str, float | None]], None]
"""Told numbers by name, after so many steps."""


def _nobody(step: int, values: Mapping[str, float | None]) -> None:
    """No tracker is asked for."""


@dataclass
class Session:
    """A run in progress: made by `prepared` (new) or `opened` (a finished run folder)."""

    folder: Path
    written: RunConfig
    """The config as the user wrote it."""
    written_spec: TaskSpec
    """The task as its file and the user wrote it."""
    resolved: Resolved
    parts: Parts
    located: models.Located
    tokenizer: Any
    adapter: Adapter
    accelerator: accelerate.Accelerator
    model: Any
    parameters: dict[str, int]
    """Number of parameters: all, and trainable."""
    watch: Watch
    stopping: Stopping
    times: dict[str, float] = field(default_factory=dict)
    """Parts of parameters' names -> the multiple of the learning rate there; the first that fits counts, else 1."""
    seconds: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    kept: int | None = None
    """The step whose weights are kept; None where nothing was trained."""
    events: list[str] = field(default_factory=list)
    """Sentences for the Result on what happened on the way."""
    tokens: int = 0
    """Real tokens finetuned on."""
    latency: dict[str, float] = field(default_factory=dict)
    """Features answered at once -> milliseconds."""
    weights_bytes: int | None = None
    lineage: tuple[dict[str, Any], ...] = ()
    """The runs that the weights come from, oldest first."""
    origin_sha256: str | None = None
    """The content of the weights of the run that this one goes on from."""
    fitted: dict[str, float] = field(default_factory=dict)
    leaked: Mapping[str, frozenset[RowId]] = field(default_factory=dict)
    """Eval split -> its rows whose texts stand in train, too."""
    tell: Tell = _nobody
    """The config's trackers."""

    @property
    def spec(self) -> TaskSpec:
        """The resolved task."""
        return self.resolved.spec

    @property
    def config(self) -> RunConfig:
        """The resolved config."""
        return self.resolved.config

    @property
    def init_from(self) -> str | None:
        """`init_from` as it is recorded: the task of the run, never a path; which run it was stands in the lineage."""
        said = self.written.init_from
        return said if said is None or said.startswith("task:") else f"task:{self.lineage[-1]['task']}"

    @property
    def is_main(self) -> bool:
        """Whether this process writes."""
        return bool(self.accelerator.is_main_process)

    def happened(self, text: str) -> None:
        """Tells the watcher a sentence and keeps it, once, for the Result."""
        if text not in self.events:
            self.events.append(text)
            self.note(text)

    def note(self, text: str) -> None:
        """Tells the watcher a sentence."""
        self.watch(Progress("note", note=text))
