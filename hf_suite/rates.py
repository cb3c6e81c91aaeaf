"""The learning rate of each step: a pure function of the step, up over the warmup and then by a schedule."""

import math
from collections.abc import Callable

from hf_suite.config import TrainConfig
from hf_suite.errors import ConfigError


def check(config: TrainConfig) -> None:
    """Refuses a rate that a weight cannot take: AdamW's first step is ten times as large. Raises ConfigError."""
    for key, rate in {"learning_rate": config.learning_rate, "head_learning_rate": config.head_learning_rate}.items():
        if rate is not None and rate > 1e37:
            finding = f"{rate:g} is more than a weight of 32 bits can hold"
            raise ConfigError(f"train.{key}", finding, "give a rate below 1")


def learning_rate(done: int, steps: int, config: TrainConfig) -> float:
    """The rate of the step after `done` of `steps`: up in a line over the warmup, then by the schedule."""
    peak = config.learning_rate or 0.0
    warmup = math.ceil(config.warmup * steps) if config.warmup < 1 else int(config.warmup)
    if done < warmup:
        return peak * (done + 1) / (warmup + 1)
    return SCHEDULES[config.schedule](peak, done, warmup, steps)


def _constant(peak: float, done: int, warmup: int, steps: int) -> float:
    """The peak."""
    return peak


def _linear(peak: float, done: int, warmup: int, steps: int) -> float:
    """Down in a line, to 0 after the last step, as for BERT (arXiv 1810.04805, appendix A.2)."""
    return peak * (steps - done) / max(1, steps - warmup)


def _cosine(peak: float, done: int, warmup: int, steps: int) -> float:
    """Down by half a cosine: equation 5 of SGDR (arXiv 1608.03983) without restarts and with 0 as the lowest rate."""
    return peak * (1 + math.cos(math.pi * (done - warmup) / max(1, steps - warmup))) / 2


def _inverse_sqrt(peak: float, done: int, warmup: int, steps: int) -> float:
    """By the root of the step's number (from 1): equation 3 of arXiv 1706.03762, scaled so that the peak is the peak.

    It does not depend on the number of steps.
    """
    return peak * math.sqrt((warmup + 1) / (done + 1))


SCHEDULES: dict[str, Callable[[float, int, int, int], float]] = {
    "linear": _linear,
    "constant": _constant,
    "cosine": _cosine,
    "inverse_sqrt": _inverse_sqrt,
}
"""Name -> the rate after the warmup, from the peak, the steps done, those of the warmup, and all."""
