"""How long a run would take here, from a few measured steps of it. Writes nothing and keeps no model."""

import itertools
import time
from dataclasses import dataclass

from hf_suite import batching
from hf_suite.answering import answer
from hf_suite.config import RunConfig
from hf_suite.experiment import prepared
from hf_suite.loop import finetune
from hf_suite.session import Progress, Session
from hf_suite.stopping import Stopping

_TRAIN_ROWS = 256
_EVAL_ROWS = 64


@dataclass(frozen=True)
class Cost:
    """What a run would do, and for how long at the speed of its first steps on this machine."""

    rows: dict[str, int]
    seconds: float


def estimate(config: RunConfig) -> Cost:
    """Prepares the run, takes three steps and answers a few rows. Raises SuiteError where the run itself would."""
    session = prepared(config, resume=False, allow_code=True, watch=_silent, stopping=Stopping())
    splits = {"train": session.parts.train, "tune": session.parts.tune, **session.parts.eval}
    rows = {name: len(split.rows) for name, split in splits.items() if split is not None}
    answered = sum(count for name, count in rows.items() if name != "train")
    return Cost(rows, _training(session) + answered * _seconds_per_answer(session))


def _training(session: Session) -> float:
    config, train = session.config.train, session.parts.train
    if config is None or train is None:
        return 0.0
    sample = train.rows.select(range(min(_TRAIN_ROWS, len(train.rows))))
    features = session.adapter.train_features(sample)
    total = round(len(features) / len(sample) * len(train.rows))
    steps = batching.steps_in(total, batch_size=config.batch_size, epochs=config.epochs, max_steps=config.max_steps)
    taken = finetune(session.model, session.adapter, features, config=config, accelerator=session.accelerator, seed=0)
    next(taken)  # the first step also warms up
    begun = time.perf_counter()
    measured = sum(1 for _ in itertools.islice(taken, 3))
    return steps * (time.perf_counter() - begun) / max(1, measured)


def _seconds_per_answer(session: Session) -> float:
    split = next(iter(session.parts.eval.values()))
    sample = split.rows.select(range(min(_EVAL_ROWS, len(split.rows))))
    begun = time.perf_counter()
    for _ in answer(session.model, session.adapter, sample, accelerator=session.accelerator, batch_size=32):
        pass
    return (time.perf_counter() - begun) / len(sample)


def _silent(progress: Progress) -> None:
    """Nobody watches."""
