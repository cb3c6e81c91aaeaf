"""How long runs would take here, from a few measured steps of each. Writes nothing and keeps no model."""

import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets import Dataset

from hf_suite import folders
from hf_suite.answering import answer
from hf_suite.config import RunConfig, TrainConfig
from hf_suite.errors import SuiteError
from hf_suite.evaluation import choosing
from hf_suite.experiment import prepared
from hf_suite.loop import course_of, finetune
from hf_suite.parts import Parts, parts
from hf_suite.plan import BenchCell
from hf_suite.session import Progress, Session
from hf_suite.stopping import Stopping

_TRAIN_ROWS = 256
_EVAL_ROWS = 64
_STEPS = 3


@dataclass(frozen=True)
class Cost:
    """What a run would do, and for how long at the speed of its first steps on this machine."""

    rows: dict[str, int]
    """Split -> rows."""
    seconds: float | None
    """None where the run would be refused."""
    steps: int | None = None
    """Optimizer steps; None where nothing is trained, or the run would be refused."""
    refusal: str | None = None


@dataclass(frozen=True)
class _Speed:
    """Seconds that one run takes here: to begin, to finetune in so many steps, and for each row it answers."""

    load: float
    finetune: float
    steps: int
    per_answer: float


def costs(cells: Sequence[BenchCell], output: Path, *, allow_code: bool = False) -> dict[Path, Cost]:
    """What each of these cells of a bench in `output` would cost, by its folder.

    Measured once for all seeds. A cell that would be refused says why; a resumed one counts as a whole one.
    """
    speeds: dict[Path, _Speed | SuiteError] = {}
    alike: dict[Path, Cost] = {}
    for cell in cells:
        again = cell.source if _lost(cell.source, output) else None
        needed = [one for one in (cell.trained, again) if one is not None]
        for one in (one for one in needed if one.folder.parent not in speeds):
            speeds[one.folder.parent] = _tried(one, output, allow_code)
        if cell.folder.parent not in alike:
            alike[cell.folder.parent] = _cost(cell, [speeds[one.folder.parent] for one in needed])
    return {cell.folder: alike[cell.folder.parent] for cell in cells}


def estimate(config: RunConfig, *, resume: bool = False, allow_code: bool = False) -> Cost:
    """Prepares the run, takes a few steps and answers a few rows. Raises SuiteError where the run itself would."""
    speed, found = _measured(config, resume=resume, allow_code=allow_code)
    return Cost(_counted(found), _seconds(speed, config, found), speed.steps or None)


def _tried(cell: BenchCell, output: Path, allow_code: bool) -> _Speed | SuiteError:
    folder = output / cell.folder
    begun, done = (folder / folders.RUN).is_file(), (folder / "result.json").is_file()
    # A finished source is measured again beside its folder, which it may not use, and so is what needs a source first.
    beside = done or cell.config.init_from is not None
    config = cell.config.model_copy(update={"output": str(folder / ".again" if beside else folder), "init_from": None})
    try:
        keys = {"resume": begun and not beside, "allow_code": allow_code, "needs_eval": not cell.is_source}
        return _measured(config, **keys)[0]
    except SuiteError as error:
        return error


def _lost(source: BenchCell | None, output: Path) -> bool:
    """Whether only the Result of a source is left, so that it is trained again."""
    return source is not None and source.done(output) and not (output / source.folder / "model").is_dir()


def _cost(cell: BenchCell, speeds: Sequence[_Speed | SuiteError]) -> Cost:
    """At the speed of the cell's own training, and that of the source which is trained again, if one is."""
    try:
        found = parts(cell.spec, cell.config, needs_eval=not cell.is_source)
    except SuiteError as error:
        return Cost({}, None, refusal=str(error))
    known = [speed for speed in speeds if isinstance(speed, _Speed)]
    if len(known) < len(speeds):
        refusal = next(speed for speed in speeds if isinstance(speed, SuiteError))
        return Cost(_counted(found), None, refusal=str(refusal))
    again = sum(speed.load + speed.finetune for speed in known[1:])
    return Cost(_counted(found), _seconds(known[0], cell.config, found) + again, known[0].steps or None)


def _counted(found: Parts) -> dict[str, int]:
    splits = {"train": found.train, "tune": found.tune, **found.eval}
    return {name: len(split.rows) for name, split in splits.items() if split is not None}


def _seconds(speed: _Speed, config: RunConfig, found: Parts) -> float:
    """Loading, finetuning, and each row as often as it is answered: those that choose the epoch after each of them."""
    answered = sum(len(split.rows) for split in (*found.eval.values(), found.tune) if split is not None)
    if config.train is None:
        return speed.load + answered * speed.per_answer
    choose = found.eval.get(config.train.select_on or "", found.tune)
    rows = len(found.train.rows) if found.train is not None else 0
    train = config.train.lasting(rows, chooses=choose is not None)
    answered += _evaluations(train, speed.steps) * len(choose.rows) if choose is not None else 0
    return speed.load + speed.finetune + answered * speed.per_answer


def _evaluations(config: TrainConfig, steps: int) -> int:
    """How often rows choose, if nothing stops early."""
    return config.epochs if config.eval_every is None else -(-steps // config.eval_every)


def _measured(config: RunConfig, *, resume: bool, allow_code: bool, needs_eval: bool = True) -> tuple[_Speed, Parts]:
    keys = {"resume": resume, "allow_code": allow_code, "needs_eval": needs_eval}
    session = prepared(config, **keys, watch=_silent, stopping=Stopping())
    choosing(session.spec, session.config.train, session.parts)  # refuses what the run would refuse
    return _Speed(session.seconds["load"], *_finetuning(session), _per_answer(session)), session.parts


def _finetuning(session: Session) -> tuple[float, int]:
    """Seconds and steps of the whole training, if all rows are as long as the first."""
    config, train = session.config.train, session.parts.train
    if config is None or train is None:
        return 0.0, 0
    begun = time.perf_counter()
    sample = train.rows.select(range(min(_TRAIN_ROWS, len(train.rows))))
    features = session.adapter.train_features(sample)
    times = len(train.rows) / len(sample)
    encode = (time.perf_counter() - begun) * times
    course = course_of(features, config, seed=0)
    total, mean = round(course.features * times), sum(course.lengths) / len(course.lengths)
    each = config.batch_size or max(1, (config.batch_tokens or 0) // mean)
    steps = math.ceil(total / each) * config.epochs
    steps = min(steps, config.max_steps or steps)
    return encode + steps * min(each, total) * mean * _per_token(session, features, config), steps


def _per_token(session: Session, features: Dataset, config: TrainConfig) -> float:
    """Seconds a token of finetuning: steps differ in length. The first also warms up, and counts only if alone."""
    taken = finetune(session.model, session.adapter, features, config=config, accelerator=session.accelerator, seed=0)
    times, tokens = [time.perf_counter()], [0]
    for step in itertools.islice(taken, 1 + _STEPS):
        times.append(time.perf_counter())
        tokens.append(step.tokens)
    first = 1 if len(times) > 2 else 0
    return (times[-1] - times[first]) / sum(tokens[first + 1 :])


def _per_answer(session: Session) -> float:
    split = next(iter(session.parts.eval.values()), None)
    if split is None:
        return 0.0
    sample = split.rows.select(range(min(_EVAL_ROWS, len(split.rows))))
    begun = time.perf_counter()
    for _ in answer(session.model, session.adapter, sample, accelerator=session.accelerator, batch_size=32):
        pass
    return (time.perf_counter() - begun) / len(sample)


def _silent(progress: Progress) -> None:
    """Nobody watches."""
