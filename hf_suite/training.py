"""The finetuning of one run: steps, checkpoints, which weights are kept, an early stop. Reports no score."""

import dataclasses
import functools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datasets import Dataset

from hf_suite import checkpoint, folders, memory, sharding, stamp, tracking
from hf_suite.batching import Course
from hf_suite.config import TrainConfig
from hf_suite.errors import RunError
from hf_suite.evaluation import select
from hf_suite.loop import State, Step, course_of, finetune
from hf_suite.session import Progress, Session
from hf_suite.stopping import interrupted


def train(session: Session, *, resume: bool) -> None:
    """Finetunes with checkpoints, puts the best weights back, saves the model and proves that it reloads.

    Raises RunError; Interrupted, with the state saved.
    """
    config, rows = session.config.train, session.parts.train
    if config is None or rows is None:
        raise RunError(session.spec.name, "nothing to train on", "say train=null to evaluate only")
    start, progress = _begun(session, resume=resume)
    begun = time.perf_counter()
    features = session.adapter.train_features(rows.rows)
    session.seconds["encode"] = time.perf_counter() - begun
    course = course_of(features, config, seed=session.config.seed)
    _settle(session, config, progress["micro_batch_size"] or _first_size(session, config, course))
    clock = time.perf_counter() - progress["seconds"]
    for step in _steps(session, features, course.steps, start, progress):
        progress["losses"].append(step.loss)
        session.tokens += step.tokens
        session.watch(Progress("finetune", step.step, step.steps, loss=step.loss))
        session.tell(step.step, {"loss": step.loss, "learning_rate": step.learning_rate})
        _note_memory(session, step, progress)
        ends = _ends_stretch(step, config)
        if ends:
            _end_stretch(session, step, progress)
        stop = session.stopping.asked(session.accelerator)
        if stop or ends or _saves(step, config):
            progress["seconds"] = time.perf_counter() - clock
            _save(session, step.state(), progress)
        if stop:
            raise interrupted(stop, session.folder)
    session.seconds["finetune"] = time.perf_counter() - clock
    _put_best(session, config, progress["best"])
    session.kept = progress["best"]["step"] if progress["best"] is not None else session.history[-1]["step"]
    folders.keep_model(session)


def _begun(session: Session, *, resume: bool) -> tuple[State | None, dict[str, Any]]:
    """The state to go on from, None at the beginning, and the progress up to it. Raises RunError."""
    content, versions = stamp.content(session), stamp.versions() | {"processes": str(session.accelerator.num_processes)}
    saved = checkpoint.newest(session.folder / "checkpoints") if resume else None
    fresh: dict[str, Any] = {"best": None, "losses": [], "seconds": 0.0, "micro_batch_size": None, "events": []}
    if saved is None:
        return None, {**fresh, "content": content, "versions": versions}
    state, progress = saved[0], {**fresh, **saved[1]}
    folders.check_content(session.folder, progress["content"], content)
    others = [f"{name} {old}" for name, old in progress["versions"].items() if versions.get(name) != old]
    if others:
        session.parts.caveats.append(f"begun with {', '.join(others)}")
    session.history, session.tokens, session.events = progress["history"], progress["tokens"], progress["events"]
    session.note(f"resumed after step {state.step}")
    if progress["best"] is not None:
        _best(session, progress["best"])  # damage is told before the training goes on, not at its end
    return state, progress


def _first_size(session: Session, config: TrainConfig, course: Course) -> int:
    """Features per forward pass: the number that the user gave, else the share of a process if it is not too large."""
    if config.micro_batch_size is not None:
        return config.micro_batch_size
    processes, longest = session.accelerator.num_processes, max(course.lengths)
    share = -(-course.largest // processes)
    if config.batch_tokens is not None and config.batch_tokens <= memory.FIRST_TOKENS * processes:
        return share
    size = memory.first_size(share, longest)
    if size < share:
        session.note(
            f"train.micro_batch_size: {size}, so that a forward pass reads at most {memory.FIRST_TOKENS:,} padded "
            f"tokens (the longest feature has {longest:,})"
        )
    return size


def _settle(session: Session, config: TrainConfig, size: int) -> None:
    """Puts the micro-batch size that is used into the resolved config."""
    settled = session.config.model_copy(update={"train": config.model_copy(update={"micro_batch_size": size})})
    session.resolved = dataclasses.replace(session.resolved, config=settled)


def _note_memory(session: Session, step: Step, progress: dict[str, Any]) -> None:
    """Tells and keeps that a step was done again in smaller micro-batches."""
    config = session.config.train
    if config is not None and step.micro_batch_size != config.micro_batch_size:
        session.happened(
            f"memory did not hold step {step.step} in micro-batches of {config.micro_batch_size}; "
            f"micro-batches of {step.micro_batch_size} from there on"
        )
        progress["micro_batch_size"] = step.micro_batch_size
        _settle(session, config, step.micro_batch_size)


def _steps(
    session: Session, features: Dataset, total: int, start: State | None, progress: dict[str, Any]
) -> Iterator[Step]:
    """The steps that are left of `total`, up to an early stop."""
    config = session.config.train
    if config is None:
        return
    if _stops_early(session, config, progress["best"], total):  # before it was resumed
        return
    twin = sharding.sharded(session.model, session.accelerator) if config.shard else session.model
    steps = finetune(
        twin,
        session.adapter,
        features,
        config=config,
        accelerator=session.accelerator,
        seed=session.config.seed,
        times=session.times,
        start=start,
    )
    device, due = session.accelerator.device, functools.partial(_ends_stretch, config=config)
    for step in sharding.followed(steps, twin, session.model, device=device, due=due):
        yield step
        if _stops_early(session, config, progress["best"], total):
            return


def _stops_early(session: Session, config: TrainConfig, best: dict[str, Any] | None, total: int) -> bool:
    """Whether the patience is at an end before the training is: told by the history alone, and so also on resuming."""
    since = best["step"] if best is not None else 0
    waited = [entry for entry in session.history if "scores" in entry and entry["step"] > since]
    if config.early_stopping is None or len(waited) < config.early_stopping or waited[-1]["step"] >= total:
        return False
    ((on, scores),) = waited[-1]["scores"].items()
    session.happened(
        f"stopped early, after step {waited[-1]['step']} of {total}: "
        f"no better {next(iter(scores))} on {on} in {len(waited)} evaluation{'s' * (len(waited) > 1)}"
    )
    return True


def _saves(step: Step, config: TrainConfig) -> bool:
    """Whether a checkpoint is due after this step."""
    return step.ends_epoch if config.save_every is None else step.step % config.save_every == 0


def _ends_stretch(step: Step, config: TrainConfig) -> bool:
    """Whether an entry of the history ends with this step."""
    if config.eval_every is None:
        return step.ends_epoch
    return step.step % config.eval_every == 0 or step.step == step.steps


def _end_stretch(session: Session, step: Step, progress: dict[str, Any]) -> None:
    """Adds to the history; where rows choose, scores them and keeps the weights that are best so far."""
    losses, best = progress["losses"], progress["best"]
    progress["losses"] = []
    entry: dict[str, Any] = {"epoch": step.epoch + 1, "step": step.step, "train_loss": sum(losses) / len(losses)}
    session.history.append(entry)
    chosen = select(session)
    if chosen is not None:
        entry["scores"] = {chosen.split: {chosen.number: chosen.score}}
    session.note(_said(entry, session))
    if chosen is None:
        return
    session.tell(step.step, tracking.scored(entry["scores"]))
    if chosen.score is None or (best is not None and not chosen.better_than(best["score"])):
        return
    weights = State(step.step, step.state().weights, {})
    if session.is_main:
        checkpoint.save(session.folder / "checkpoints", weights, {}, name="best", keep=2)
    session.accelerator.wait_for_everyone()
    progress["best"] = {"step": step.step, "score": chosen.score, "epoch": step.epoch + 1, "on": chosen.split}


def _said(entry: dict[str, Any], session: Session) -> str:
    """`epoch 2 of 3, after step 40: train loss 2.3012, tune bits_per_byte 1.9120`."""
    train = session.config.train
    epochs = f" of {train.epochs}" if train is not None else ""
    scored = [
        f"{split} {name} " + ("undefined" if score is None else f"{score:.4f}")
        for split, found in entry.get("scores", {}).items()
        for name, score in found.items()
    ]
    told = ", ".join([f"train loss {entry['train_loss']:.4f}", *scored])
    return f"epoch {entry['epoch']}{epochs}, after step {entry['step']:,}: {told}"


def _put_best(session: Session, config: TrainConfig, best: dict[str, Any] | None) -> None:
    """Puts the weights that scored best back into the model. Raises RunError when they are damaged."""
    if best is None:
        return
    checkpoint.put(session.model, _best(session, best).weights)
    what = f"epoch {best['epoch']}" if config.eval_every is None else f"step {best['step']}"
    session.note(f"{what} scored best on {best['on']} and is kept")


def _best(session: Session, best: dict[str, Any]) -> State:
    """The weights that scored best so far. Raises RunError when they are damaged: nothing else holds them."""
    path: Path = session.folder / "checkpoints" / f"best-{best['step']}"
    damage = checkpoint.damaged(path)
    if damage is not None:
        finding = f"{damage}, and the weights that scored best so far are nowhere else"
        raise RunError(str(path), finding, "run again into another output folder")
    return checkpoint.load(path)[0]


def _save(session: Session, state: State, progress: dict[str, Any]) -> None:
    if session.is_main:
        progress = {**progress, "history": session.history, "tokens": session.tokens, "events": session.events}
        checkpoint.save(session.folder / "checkpoints", state, progress)
    session.accelerator.wait_for_everyone()
