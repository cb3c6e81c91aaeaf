"""A finished run folder, opened again: its model, ready to answer rows or to be scored on a task. Trains nothing."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hf_suite import files, folders, kinds, launch, models, schema
from hf_suite import spec as specs
from hf_suite.adapters import adapter_class
from hf_suite.adapting import made_accelerator
from hf_suite.blocks import Blocks
from hf_suite.config import RunConfig
from hf_suite.errors import ConfigError, Interrupted, ModelError, RunError
from hf_suite.experiment import alone, counted, finished, now
from hf_suite.metrics.base import RowId
from hf_suite.models import Located
from hf_suite.parts import Parts, parts
from hf_suite.reading import blocks_of, check_length
from hf_suite.record import Result, read_result, read_rows
from hf_suite.resolve import Resolved, device, matched, precision
from hf_suite.session import Progress, Session, Watch
from hf_suite.spec import TaskSpec
from hf_suite.stopping import Stopping

MAY_DIFFER = ("task", "eval_limit", "device", "precision", "max_length", "stride", "processes", "generation")
"""Keys that say how a finished model answers; all others were settled when it was trained."""


def evaluate_run(
    run: str | Path,
    *,
    task: str | None = None,
    data: str | None = None,
    over: Mapping[str, Any] | None = None,
    base: str | None = None,
    mirrors: tuple[str, ...] = (),
    output: Path | None = None,
    allow_code: bool = False,
    watch: Watch | None = None,
) -> Result:
    """Scores a finished run's model again: on its own task (the same rows), or on another that its labels fit.

    With `data` it is its own task on other rows, with the same columns: a file, folder, pattern or URL.
    `over` lays keys upon the run's config (`eval_limit`, `task: {...}`, `device`); `base` says where the base
    checkpoint lies now. Writes RUN/eval/<task>/, or `output`, and returns the Result, whose lineage names the run.
    Raises SuiteError.
    """
    started = now()
    with launch.unwrapped(), Stopping() as stopping:
        asked = _asked(Path(run), task, _with_rows(task, data, over or {}), mirrors)
        place = output or Path(run) / "eval" / (files.stem(data) if data is not None else asked.spec.name)
        _check_place(place)
        if launch.needed(asked.config.processes):
            job = {
                "run": str(run),
                "task": task,
                "data": data,
                "over": dict(over or {}),
                "base": base,
                "mirrors": mirrors,
                "output": str(place),
                "allow_code": allow_code,
            }
            processes, where = asked.config.processes, device(asked.config)
            launch.together("evaluate_run", job, processes=processes, device=where, watch=watch or _silent)
            return read_result(place)
        session = _session(asked, base=base, watch=watch or _silent, stopping=stopping)
        session.folder = place
        return _alone(session, started, allow_code)


def _alone(session: Session, started: str, allow_code: bool) -> Result:
    try:
        with alone(session):
            return finished(session, started=started, allow_code=allow_code)
    except Interrupted as error:
        finding = error.finding.partition(";")[0]
        raise Interrupted(str(session.folder), finding, "run the same command again", signal=error.signal) from error


def opened(
    run: str | Path,
    *,
    over: Mapping[str, Any] | None = None,
    base: str | None = None,
    mirrors: tuple[str, ...] = (),
    with_rows: bool = False,
) -> Session:
    """The run's model on its base, ready to answer, with its eval rows where they are asked for. Raises SuiteError."""
    asked = _asked(Path(run), None, over or {}, mirrors)
    return _session(asked, base=base, watch=_silent, stopping=Stopping(), with_rows=with_rows)


@dataclass(frozen=True)
class _Asked:
    """A finished run, turned to the task that it is to answer."""

    folder: Path
    facts: Mapping[str, Any]
    """What the run folder says of its model."""
    spec: TaskSpec
    """The task, with the model's labels and scale."""
    written_spec: TaskSpec
    """The task as its file says it."""
    config: RunConfig
    """The run's resolved config, but for what was asked."""


def _session(asked: _Asked, *, base: str | None, watch: Watch, stopping: Stopping, with_rows: bool = True) -> Session:
    folder, facts, spec, config = asked.folder, asked.facts, asked.spec, asked.config
    located = _base(folder, facts, config, base)
    tokenizer, _ = models.load_tokenizer(Located(folder / "model", folder.name, None))
    model_config = models.load_config(located)
    chosen = adapter_class(spec.kind, config.protocol, model_config)
    chosen.check_config(spec, config)
    arithmetic, note = precision(config, model_config, trains=False)
    if note is not None:
        watch(Progress("note", note=note))
    config = config.model_copy(update={"precision": arithmetic})
    accelerator = made_accelerator(config, model_config, trains=False)
    check_length(config, model_config, located.name)
    models.check_ids(tokenizer, model_config, str(folder))
    cls = chosen.auto_model(model_config)
    if cls is None:
        raise ModelError(str(folder), f"its model has no class for {spec.kind}", "name a task of the run's own kind")
    adapter = chosen(spec, config, tokenizer)
    blocks = blocks_of(spec, config, located=located, tokenizer=tokenizer, adapter_class=chosen)
    kept = {"settings": adapter.model_settings(), "pad_token_id": tokenizer.pad_token_id, "lora": config.lora}
    rows = _rows(asked, blocks) if with_rows else Parts(None, None, {}, [])
    model = models.reload(folder / "model", located, cls, **kept).to(accelerator.device)
    return Session(
        folder=folder,
        written=_written(asked),
        written_spec=asked.written_spec,
        resolved=Resolved(spec, config, cls, bool(facts["keep_head"]), ()),
        parts=rows,
        located=located,
        tokenizer=tokenizer,
        adapter=adapter,
        accelerator=accelerator,
        model=model,
        parameters={**counted(model), "trainable": facts["parameters"]["trainable"]},
        watch=watch,
        stopping=stopping,
        weights_bytes=sum(path.stat().st_size for path in (folder / "model").glob("*.safetensors")),
        lineage=folders.lineage(folder, facts),
        leaked=folders.leaked(folder, facts, asked.written_spec, rows.eval, mirrors=config.mirror),
        fitted=facts["fitted"] if _keeps(spec, asked.config) else {},
    )


def _with_rows(task: str | None, data: str | None, over: Mapping[str, Any]) -> Mapping[str, Any]:
    """`over` with these rows as the only ones that the run's own task scores. Raises ConfigError."""
    if data is None:
        return over
    if task is not None:
        raise ConfigError("--data", f"beside --task {task}, which has rows", "keep one of them")
    word = files.lasting(data) or str(Path(data).expanduser().absolute())
    source = {"path": files.stem(data), "files": {"eval": [word]}, "eval": ["eval"], "subset": None, "revision": None}
    return schema.merged(over, {"task": {"source": source}})


def _keeps(spec: TaskSpec, config: RunConfig) -> bool:
    """Whether what the run fitted serves the task that is asked for."""
    kind = kinds.KINDS[spec.kind]
    return kind.fits(spec, config.protocol) or kind.gains(spec, config.protocol)


def _asked(folder: Path, task: str | None, over: Mapping[str, Any], mirrors: tuple[str, ...]) -> _Asked:
    """Reads the run and turns it to the task. Raises RunError, ConfigError, ModelError."""
    facts = folders.read_facts(folder)
    for key in over:
        if key not in MAY_DIFFER:
            remedy = f"of a finished run may differ: {', '.join(MAY_DIFFER)}"
            raise ConfigError(key, "was settled when the run was trained", remedy)
    # The run's device was the best one there; here it may be another.
    settled = {**facts["config"], "device": facts["written_config"].get("device", "auto")}
    on_task = {key: value for key, value in over.get("task", {}).items() if key != "name"}
    laid = {**{key: value for key, value in over.items() if key != "task"}, "mirror": mirrors}
    config = schema.build(RunConfig, schema.merged(settled, laid), "command line")
    own = schema.build(TaskSpec, facts["task"], folders.FACTS)
    written = _other(facts, own, task, on_task)
    if written is not None:
        return _turned(folder, facts, own, written, config, name=str(task), over=over)
    written = schema.build(TaskSpec, schema.merged(facts["written_task"], on_task), folders.FACTS)
    spec = schema.build(TaskSpec, schema.merged(facts["task"], on_task), folders.FACTS)
    kinds.check(spec)
    own_rows = {"split": None} if "files" in on_task.get("source", {}) else {}
    update = {"task": schema.merged(config.task, on_task), **own_rows}
    return _Asked(folder, facts, spec, written, config.model_copy(update=update))


def _other(facts: Mapping[str, Any], own: TaskSpec, task: str | None, on_task: dict[str, Any]) -> TaskSpec | None:
    """The task that is asked for, when it is not the run's own."""
    if task is None or task == own.name:
        return None
    if specs.read(task).model_dump(mode="json") == facts["written_task"]:
        return None
    written = specs.read(task, on_task)
    kinds.check(written)
    return written


def _turned(
    folder: Path,
    facts: Mapping[str, Any],
    own: TaskSpec,
    written: TaskSpec,
    config: RunConfig,
    *,
    name: str,
    over: Mapping[str, Any],
) -> _Asked:
    """The run turned to another task of its kind, whose labels are matched by name. Raises ModelError."""
    if _learnt(written) != _learnt(own):
        raise ModelError(
            name, f"is {_learnt(written)}, and the run learnt {_learnt(own)}", "name a task of the run's own kind"
        )
    labels = config.model.labels
    if labels is not None:
        labels = matched(written, labels)
    if labels is None and config.model.labels is not None:
        knows, asks = ", ".join(config.model.labels), ", ".join(written.labels or ())
        finding = f"its labels are {asks}, and the run knows {knows}"
        raise ModelError(name, finding, "say task.merge.LABEL=LABEL, or train on it")
    update = {
        "task": {**over.get("task", {}), "name": name},
        "split": None,
        "tune": None,
        "limit": None,
        "train": None,
        "init_from": None,
        "eval_limit": over.get("eval_limit"),
        "model": config.model.model_copy(update={"labels": labels}),
    }
    spec = kinds.KINDS[own.kind].under(written.model_copy(update={"scale": own.scale}), config.protocol)
    return _Asked(folder, facts, spec, written, config.model_copy(update=update))


def _learnt(spec: TaskSpec) -> str:
    pair = f" from {spec.languages['source']} to {spec.languages['target']}" if spec.languages else ""
    return spec.kind + {"number": " of numbers", "labels": " with several labels"}.get(spec.target, "") + pair


def _check_place(folder: Path) -> None:
    """Refuses a folder that holds anything but an earlier evaluation. Raises RunError."""
    if (folder / folders.RUN).is_file() or (folder / "model").is_dir():
        raise RunError(str(folder), "holds a run", "give another folder with --output")
    own = {"result.json", "answers.parquet"}
    if folder.is_dir() and any(path.name not in own and not path.name.startswith(".") for path in folder.iterdir()):
        raise RunError(str(folder), "is not empty and holds no evaluation", "give another folder with --output")
    folders.check_writable(folder)


def _written(asked: _Asked) -> RunConfig:
    """What the user wrote for the run, turned to what is asked now."""
    base = schema.build(RunConfig, asked.facts["written_config"], folders.FACTS)
    own = {name: getattr(asked.config, name) for name in ("task", "split", "eval_limit", "mirror", "device")}
    before = asked.facts["config"]
    # Resolved values stand in for written ones only where they were asked for.
    changed = {
        name: getattr(asked.config, name)
        for name in ("precision", "max_length", "stride")
        if getattr(asked.config, name) != before.get(name)
    }
    now, then = asked.config.generation, before.get("generation") or {}
    said = {key: now.get(key) for key in {**then, **now} if now.get(key) != then.get(key)}
    return base.model_copy(update={**own, **changed, "generation": {**base.generation, **said}})


def _rows(asked: _Asked, blocks: Blocks | None) -> Parts:
    """The rows to score; none are trained or fitted on. A text is cut as the run cut it, however much is read now."""
    config, spec = asked.config.model_copy(update={"train": None, "tune": None}), asked.written_spec
    how = dataclasses.replace(blocks, size=asked.facts["config"]["max_length"]) if blocks is not None else None
    found = parts(spec, config, cut_before=_cut_before(asked), blocks=how)
    return dataclasses.replace(found, train=None, tune=None, caveats=[*found.caveats, *_changed(asked, found)])


def _cut_before(asked: _Asked) -> list[RowId] | None:
    """The rows that the run set apart for eval, where it cut a split and they are asked for again."""
    split, before = asked.config.split, asked.facts["config"]
    kept = asked.folder / folders.ROWS
    if split is None or split.model_dump(mode="json") != before["split"] or before["eval_limit"] is not None:
        return None
    name = "eval" if split.of == asked.written_spec.source.train else str(split.of)
    return read_rows(kept).get(name) if kept.is_file() else None


def _changed(asked: _Asked, found: Parts) -> list[str]:
    """A sentence for each split of the run whose file holds other content than it did then."""
    if asked.written_spec.name != asked.facts["task"]["name"] or not (asked.folder / "result.json").is_file():
        return []
    before = read_result(asked.folder).data.get("sha256") or {}
    names = {part.name for part in found.eval.values() if before.get(part.name, part.sha256) != part.sha256}
    return [f"{name}: the rows are not those that the run had" for name in sorted(names)]


def _base(folder: Path, facts: Mapping[str, Any], config: RunConfig, moved: str | None) -> Located:
    """The base checkpoint, proven to be the one that was trained on; of a run without LoRA its own weights."""
    base = facts["base"]
    if config.lora is None:
        return folders.own_weights(folder, facts)
    model = config.model.model_copy(update={"id": moved or base["id"], "revision": base["revision"]})
    try:
        located = models.locate(model, config.mirror)
    except ModelError as error:
        remedy = "say where the base checkpoint lies now, with --model or --mirror"
        raise ModelError(error.place, error.finding, remedy) from error
    if located.sha256 != base["sha256"]:
        finding = f"the base {located.name} has other weights than the run was trained on"
        raise ModelError(str(folder), finding, "put the checkpoint of then back, or say with --model where it lies now")
    return located if located.name == base["name"] else dataclasses.replace(located, name=base["name"])


def _silent(progress: Progress) -> None:
    """Nobody watches."""
