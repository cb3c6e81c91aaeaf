"""The trials of a sweep: settings to try, all of a grid or as many as Optuna draws. Runs none and picks none."""

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hf_suite import schema
from hf_suite.errors import ConfigError

if TYPE_CHECKING:
    import optuna

Settings = dict[str, Any]
"""Dotted config keys with the values of one trial."""

_NOT_SWEPT = {"task", "data", "split", "tune", "eval_limit", "train.select_on", "train.select_metric"}
"""Keys that say which rows score a trial: with another, two trials could not be compared."""


@dataclass(frozen=True)
class Span:
    """Any number from `low` to `high`."""

    low: int | float
    high: int | float

    @property
    def log(self) -> bool:
        """Whether it is drawn evenly in its logarithm: a decimal above 0."""
        return isinstance(self.low, float) and self.low > 0


Space = dict[str, tuple[Any, ...] | Span]
"""Key -> the values to try."""


def space(said: Mapping[str, Any], *, trials: int | None, place: str = "--sweep") -> Space:
    """What to try: for each key a list of values, or `a..b` for any number between (whole, where both are).

    Raises ConfigError: a key that may not be swept, a range that is none, or one that nothing draws from.
    """
    found = {key: _choices(f"{place} {key}", value) for key, value in said.items()}
    for key, choices in found.items():
        if key in _NOT_SWEPT or key.partition(".")[0] in _NOT_SWEPT:
            finding = "says which rows score a trial, so that trials could not be compared"
            raise ConfigError(f"{place} {key}", finding, "sweep how the model is trained")
        if isinstance(choices, Span) and trials is None:
            remedy = "say how many with --trials N, or list values as a,b,c"
            raise ConfigError(f"{place} {key}", "a range has no end of values", remedy)
    if trials is not None and not found:
        raise ConfigError("--trials", "nothing is swept", "say what with --sweep KEY=VALUES")
    return found


def _choices(place: str, value: Any) -> tuple[Any, ...] | Span:
    if isinstance(value, str) and ".." in value:
        return _span(place, value)
    values = tuple(value) if isinstance(value, list | tuple) else (value,)
    if len({repr(one) for one in values}) < 2:
        raise ConfigError(place, "one value is no choice", "give several as a,b,c, or a range as a..b")
    return values


def _span(place: str, text: str) -> Span:
    low, high = (schema.parse(part, place) for part in text.split("..", 1))
    if not all(isinstance(end, int | float) and not isinstance(end, bool) for end in (low, high)) or low >= high:
        raise ConfigError(place, f"{text!r} is no range", "write it as a..b, two numbers with a below b")
    return Span(low, high) if isinstance(low, int) and isinstance(high, int) else Span(float(low), float(high))


def words(texts: Sequence[str]) -> dict[str, Any]:
    """`["train.learning_rate=3e-4,1e-3", "lora.rank=4..16"]` as lists of values and texts of ranges."""
    said: dict[str, Any] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or key in said:
            finding = "is given twice" if key in said else "is not KEY=VALUES"
            raise ConfigError(f"--sweep {key}", finding, "write it as --sweep train.learning_rate=3e-4,1e-3,2e-3")
        is_range = re.fullmatch(r"[^,\s]+\.\.[^,\s]+", value) is not None
        said[key] = value if is_range else schema.parse(f"[{value}]", f"--sweep {key}")
    return said


def spoken(said: Mapping[str, Any], trials: int | None) -> str:
    """A sweep in words: `train.learning_rate=0.0003,0.001`, and how many trials were drawn."""
    listed = (f"{key}={_values(value)}" for key, value in said.items())
    return " ".join(listed) + (f" in {trials} trials" if trials is not None else "")


def _values(value: Any) -> str:
    return ",".join(map(_value, value)) if isinstance(value, list | tuple) else _value(value)


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def grid(found: Space) -> list[Settings]:
    """Each combination of the listed values, the last key changing fastest; one without settings for no sweep."""
    listed = [choices for choices in found.values() if not isinstance(choices, Span)]
    return [dict(zip(found, values, strict=True)) for values in itertools.product(*listed)]


class Study:
    """Trials that Optuna draws, each in the light of the scores of those before; the same seed draws the same."""

    def __init__(self, found: Space, *, trials: int, seed: int) -> None:
        """Raises ConfigError where Optuna is not installed."""
        try:
            import optuna
        except ImportError as error:
            raise ConfigError("--trials", "needs Optuna", "pip install optuna") from error
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.left = trials
        self._found = {key: _distribution(choices) for key, choices in found.items()}
        self._listed = {key: choices for key, choices in found.items() if not isinstance(choices, Span)}
        self._study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
        self._scores: dict[str, float | None] = {}
        self._trial: optuna.Trial | None = None

    def ask(self) -> Settings | None:
        """The next settings to try, none twice; None when all trials are drawn."""
        while self.left:
            self.left -= 1
            self._trial = self._study.ask(self._found)
            settings = self._settings(self._trial)
            if repr(settings) not in self._scores:
                return settings
            self._end(self._scores[repr(settings)])
        return None

    def tell(self, score: float | None) -> None:
        """What the settings last asked for scored, higher being better; None where they gave no score."""
        if self._trial is not None:
            self._scores[repr(self._settings(self._trial))] = score
            self._end(score)

    def _settings(self, trial: "optuna.Trial") -> Settings:
        drawn = trial.params
        return {key: self._listed[key][drawn[key]] if key in self._listed else drawn[key] for key in self._found}

    def _end(self, score: float | None) -> None:
        import optuna

        failed = optuna.trial.TrialState.FAIL if score is None else None
        self._study.tell(self._trial, score, state=failed)


def _distribution(choices: tuple[Any, ...] | Span) -> "optuna.distributions.BaseDistribution":
    """Listed values are drawn by their place in the list, since a value may be null or a mapping."""
    from optuna import distributions

    if not isinstance(choices, Span):
        return distributions.CategoricalDistribution(range(len(choices)))
    if isinstance(choices.low, int) and isinstance(choices.high, int):
        return distributions.IntDistribution(choices.low, choices.high)
    return distributions.FloatDistribution(choices.low, choices.high, log=choices.log)
