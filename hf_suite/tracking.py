"""Loss, rate and scores of a run, told to trackers (tensorboard, trackio, ...) by Accelerate. Changes no number."""

import contextlib
import json
import netrc
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from accelerate import tracking

from hf_suite import schema
from hf_suite.errors import ConfigError
from hf_suite.folders import written
from hf_suite.record import Result, Scores
from hf_suite.report.difference import flat
from hf_suite.session import Session

FOLDER = "trackers"
_PROJECT = "hf-suite"
_KNOWN = tracking.LOGGER_TYPE_TO_CLASS


def check(names: Sequence[str]) -> None:
    """Refuses trackers that Accelerate does not know, that are not installed or not logged in. Raises ConfigError."""
    there = {name.value for name in tracking.get_available_trackers()}
    for name in names:
        if name not in _KNOWN:
            raise ConfigError("trackers", f"no tracker {name!r}", _hint(name))
        if name not in there:
            raise ConfigError("trackers", f"{name} is not installed", f"pip install {name.replace('_', '-')}")
        if name == "wandb":
            check_wandb_login()


def check_wandb_login() -> None:
    """Refuses wandb where it would ask for a key in the middle of a run. Raises ConfigError."""
    offline = os.environ.get("WANDB_MODE") in {"offline", "disabled", "dryrun"}
    if offline or os.environ.get("WANDB_API_KEY") or _in_netrc("api.wandb.ai"):
        return
    raise ConfigError("trackers", "wandb has no login", "run `wandb login`, or set WANDB_MODE=offline")


@contextlib.contextmanager
def tracked(session: Session, *, resume: bool) -> Iterator[None]:
    """Lets the config's trackers be told through `session.tell`, on the main process alone.

    They begin with the first number; a resumed run goes on at its step under its old name.
    """
    if not session.config.trackers or not session.is_main:
        yield
        return
    begun = _Begun(session, resume)
    session.tell = begun.tell
    try:
        yield
    finally:
        begun.finish()


def told(session: Session, result: Result) -> Result:
    """Tells the scores of a finished run, and returns its Result."""
    session.tell(session.history[-1]["step"] if session.history else 0, scored(result.scores))
    return result


def scored(scores: Scores) -> dict[str, float | None]:
    """Scores as one mapping: `validation/accuracy`."""
    return {f"{split}/{name}": value for split, found in scores.items() for name, value in found.items()}


class _Begun:
    """Trackers that begin when there is something to tell."""

    def __init__(self, session: Session, resume: bool) -> None:
        self._session, self._resume = session, resume
        self._trackers: list[tracking.GeneralTracker] = []

    def tell(self, step: int, values: Mapping[str, float | None]) -> None:
        if not self._trackers:
            self._start(step)
        for tracker in self._trackers:
            tracker.log({name: value for name, value in values.items() if value is not None}, step=step)

    def finish(self) -> None:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is the command's answer
            for tracker in self._trackers:
                tracker.finish()

    def _start(self, step: int) -> None:
        folder, config = self._session.folder, settings(self._session)
        how = _keywords(folder, config, step=step, resume=self._resume)
        for name in self._session.config.trackers:
            kind = _KNOWN[name]
            places = [str(folder / FOLDER)] if kind.requires_logging_directory else []
            label = name if places else _PROJECT  # what keeps files makes a folder of that name
            self._trackers.append(kind(label, *places, **how.get(name, {})))
        with contextlib.redirect_stdout(sys.stderr):
            for tracker in self._trackers:
                tracker.start()
                if not self._resume:
                    tracker.store_init_configuration(config)


def settings(session: Session) -> dict[str, Any]:
    """The resolved config as trackers take it: dotted keys, plain values; what is null is left out."""
    said = flat(written(session.config))
    named = {**said, "task.name": session.spec.name, "model.id": session.located.name}
    return {key: _plain(value) for key, value in named.items() if value is not None}


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, bool, int, float)) else json.dumps(value)


def _keywords(folder: Path, config: dict[str, Any], *, step: int, resume: bool) -> dict[str, dict[str, Any]]:
    """What each tracker is told of where it writes, its run's name, and what it has of the run from before."""
    name = "/".join(folder.absolute().parts[-4:])  # of a bench's cell: task, model, key and seed
    return {
        "tensorboard": {"purge_step": step} if resume else {},
        # It writes the config down as it begins, before Accelerate has handed it over.
        "trackio": {"name": name, "config": config, "resume": "allow" if resume else "never", "embed": False},
        "wandb": {"name": name, "dir": str(folder / FOLDER)},
    }


def _in_netrc(host: str) -> bool:
    try:
        return netrc.netrc().authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False


def _hint(name: str) -> str:
    return f"{schema.nearest(name, _KNOWN)}there are: {', '.join(sorted(_KNOWN))}"
