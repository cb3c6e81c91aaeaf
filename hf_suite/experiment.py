"""One run: config -> Result. Does the steps in turn: fetch, resolve, finetune, answer, score, record; owns none."""

import contextlib
import datetime
import functools
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from accelerate.utils import gather_object

from hf_suite import (
    cutting,
    folders,
    interop,
    kinds,
    launch,
    locking,
    models,
    own,
    record,
    scoring,
    stamp,
    tracking,
    training,
)
from hf_suite import origin as origins
from hf_suite.adapters import packing
from hf_suite.adapting import Adapted, adapted
from hf_suite.config import RunConfig
from hf_suite.errors import ModelError, RunError
from hf_suite.evaluation import Evaluation, by_words, choosing, evaluate
from hf_suite.latency import latency
from hf_suite.record import Result
from hf_suite.resolve import device
from hf_suite.session import Progress, Session, Watch
from hf_suite.stopping import Stopping


def run(
    config: RunConfig,
    *,
    resume: bool = False,
    allow_code: bool = False,
    needs_eval: bool = True,
    watch: Watch | None = None,
) -> Result:
    """Finetunes (unless `train` is null) and scores; writes the run folder and returns its Result.

    With `processes` above 1 it starts that many and waits for them; `watch` is told what the first of them tells.
    With `needs_eval=False` a task of which no eval split is at hand is trained all the same, for others to go on from;
    its Result has no score.

    Raises SuiteError: ConfigError, DataError, ModelError, RunError; Interrupted after SIGINT or SIGTERM, with the state
    saved.
    """
    config = _sharded(own.settled(config))
    config = config.model_copy(update={"output": str(folders.place(config))})
    how = {"resume": resume, "allow_code": allow_code, "needs_eval": needs_eval}
    if launch.needed(config.processes):
        job, where = {"config": config.model_dump(mode="json"), **how}, device(config)
        launch.together("run", job, processes=config.processes, device=where, watch=watch or _silent)
        return record.read_result(folders.place(config))
    started = now()
    locking.check_free(folders.place(config))
    with launch.unwrapped(), Stopping() as stopping:
        session = prepared(config, **how, watch=watch or _silent, stopping=stopping)
        choosing(session.spec, session.config.train, session.parts)
        session.accelerator.wait_for_everyone()  # or one process would find the folder that another has just begun
        begin = functools.partial(_begin, session, resume)
        with alone(session, begin), tracking.tracked(session, resume=resume):
            if session.config.train is not None:
                training.train(session, resume=resume)
            return tracking.told(session, finished(session, started=started, allow_code=allow_code))


def prepared(
    config: RunConfig, *, resume: bool, allow_code: bool, watch: Watch, stopping: Stopping, needs_eval: bool = True
) -> Session:
    """Steps 1 to 6, from files to a built model: what can be refused is refused here, and nothing is written."""
    folder = folders.place(config)
    folders.check(folder, config, resume=resume)
    begun = time.perf_counter()
    run = adapted(config, allow_code=allow_code, needs_eval=needs_eval)
    resolved, origin = run.resolved, run.origin
    built = _built(run)
    session = Session(
        folder=folder,
        written=config,
        written_spec=run.spec,
        resolved=resolved,
        parts=run.parts,
        located=run.located,
        tokenizer=run.tokenizer,
        adapter=run.adapter,
        accelerator=run.accelerator,
        model=built.model.to(run.accelerator.device),
        parameters=counted(built.model),
        watch=watch,
        stopping=stopping,
        fitted=dict(resolved.fitted),
        lineage=folders.lineage(origin.folder, origin.facts) if origin is not None else (),
        origin_sha256=origin.weights.sha256 if origin is not None else None,
        leaked=cutting.leaked(resolved.spec, run.parts.train, resolved.spec, run.parts.eval),
        times=models.rate_times(built, resolved.config.train, resolved.config.lora),
    )
    session.seconds["load"] = time.perf_counter() - begun
    for note in (*run.notes, *_empty(session)):
        session.note(note)
    return session


def finished(session: Session, *, started: str, allow_code: bool) -> Result:
    """Steps 8 to 11: answers, fit, scores and Result, in the session's folder; then the checkpoints go."""
    if not session.parts.eval:
        session.happened(f"trained and not scored: no eval split of {session.spec.name} is at hand")
    begun = time.perf_counter()
    found = evaluate(session)
    session.seconds["evaluate"] = time.perf_counter() - begun
    by_words(session, found)
    for split in list(session.parts.eval.values())[:1] if session.is_main else ():
        session.latency = latency(session.model, session.adapter, split.rows, accelerator=session.accelerator)
    for entry in (entry for entry in session.history if found.scores and entry["step"] == session.kept):
        entry["eval"] = found.scores
    if session.is_main:
        record.write_answers(session.folder / "answers.parquet", found.lines)
    result = _result(session, found, started=started, allow_code=allow_code)
    if session.is_main:
        if (session.folder / "model").is_dir():
            folders.keep_facts(session, session.folder / "model")
        record.write_result(session.folder, result)
        folders.remove_checkpoints(session.folder)
    session.accelerator.wait_for_everyone()
    return result


def _sharded(config: RunConfig) -> RunConfig:
    """The same with `train.shard` where the launcher asks for it. Raises ConfigError."""
    if not launch.shards() or config.train is None:
        return config
    return config.model_copy(update={"train": config.train.model_copy(update={"shard": True})})


def counted(model: Any) -> dict[str, int]:
    """Number of parameters: all, and those that are trained."""
    sizes = [(_size(parameter), parameter.requires_grad) for parameter in model.parameters()]
    return {"parameters": sum(size for size, _ in sizes), "trainable": sum(size for size, trained in sizes if trained)}


def _size(parameter: Any) -> int:
    """The numbers that a parameter stands for: two to a byte where it is held in 4 bits."""
    packed = getattr(parameter, "quant_state", None)
    return parameter.numel() if packed is None else math.prod(packed.shape)


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


@contextlib.contextmanager
def alone(session: Session, begin: Callable[[], None] | None = None) -> Iterator[None]:
    """The session's folder locked against other runs, then begun. Raises RunError, on every process of this run."""
    with contextlib.ExitStack() as held:
        refusals: list[RunError | None] = gather_object([_refusal(session, held, begin) if session.is_main else None])
        for refusal in filter(None, refusals):
            raise refusal
        yield


def _refusal(session: Session, held: contextlib.ExitStack, begin: Callable[[], None] | None) -> RunError | None:
    """Why the folder cannot be had now; None when it is locked and begun."""
    try:
        held.enter_context(locking.locked(session.folder))
        if begin is not None:
            begin()
    except RunError as error:
        return error
    return None


def _begin(session: Session, resume: bool) -> None:
    folders.check(session.folder, session.written, resume=resume)  # another process may have been there since
    folders.begin(session.folder, session.written)
    folders.keep_rows(session)


def _built(run: Adapted) -> models.Built:
    """Step 6: the model as the run begins with it, drawn by the seed where it is fresh."""
    resolved, origin, adapter = run.resolved, run.origin, run.adapter
    train, lora = resolved.config.train, resolved.config.lora
    torch.manual_seed(resolved.config.seed)
    built = models.build(
        origin.weights if origin is not None and lora is None else run.located,
        resolved.cls,
        settings=adapter.model_settings(),
        keep_head=resolved.keep_head,
        peft_task=adapter.peft_task,
        task_head=adapter.task_head,
        lora=lora if train is not None else None,
        freeze=train.freeze if train is not None else "none",
        pad_token_id=run.tokenizer.pad_token_id,
        gradient_checkpointing=train is not None and train.gradient_checkpointing,
    )
    if train is None and not adapter.task_head and built.fresh:
        finding = f"lacks {', '.join(built.fresh)}, which would answer by chance, and train is null"
        raise ModelError(
            run.located.name, finding, "give a checkpoint that carries it, or finetune it (hf-suite train)"
        )
    if origin is not None and lora is not None:
        origins.begin(built.model, origin, built.heads)
    if train is not None and train.pack:
        packing.check(built.model, run.located.name)
    return built


def _result(session: Session, found: Evaluation, *, started: str, allow_code: bool) -> Result:
    """The Result; metrics of the user's own are computed here, after the answers are on disk."""
    units = {name: (unit.name, unit.better) for name, unit in scoring.units(session.spec).items()}
    signatures = dict(found.signatures)
    if allow_code and any(name.startswith("evaluate:") for name in session.spec.metric_names()):
        signatures |= interop.add(session.spec, found.answers, found.references, found.scores, units)
    return Result(
        **stamp.facts(session),
        scores=found.scores,
        unleaked=found.unleaked,
        headline=stamp.headline(session.spec, found.scores),
        baseline=found.baseline,
        bag_of_words=found.bag_of_words,
        units=units,
        caveats=stamp.caveats(session, found),
        history=session.history,
        events=session.events,
        fitted=found.fitted,
        signatures=signatures,
        lineage=list(session.lineage),
        counts=found.counts,
        started=started,
        finished=now(),
    )


def _empty(session: Session) -> list[str]:
    spec, kind = session.spec, kinds.KINDS[session.spec.kind]
    splits = {"train": session.parts.train, **session.parts.eval}
    texts = {name: split.rows.select_columns([*spec.columns]) for name, split in splits.items() if split is not None}
    counts = {name: kind.empty_inputs(rows) for name, rows in texts.items()}
    return [f"{name}: {count:,} rows have an empty text" for name, count in counts.items() if count]


def _silent(progress: Progress) -> None:
    """Nobody watches."""
