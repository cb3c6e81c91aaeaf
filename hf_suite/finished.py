"""A finished run folder, opened again: its model, ready to answer rows or to be scored on a task. Trains nothing."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hf_suite import folders, kinds, models, schema
from hf_suite import spec as specs
from hf_suite.adapters import ADAPTERS
from hf_suite.config import RunConfig
from hf_suite.errors import ModelError, RunError
from hf_suite.experiment import counted, finished, made_accelerator, now
from hf_suite.models import Located
from hf_suite.parts import Parts, parts
from hf_suite.record import Result, read_result
from hf_suite.resolve import Resolved, matched
from hf_suite.session import Progress, Session, Watch
from hf_suite.spec import TaskSpec
from hf_suite.stopping import Stopping


def evaluate_run(run: str | Path, *, task: str | None = None, over: Mapping[str, Any] | None = None, mirrors: tuple[str, ...] = (),
                 output: Path | None = None, allow_code: bool = False, watch: Watch | None = None) -> Result:  # fmt: skip
    """Scores a finished run's model again: on its own task (the same rows), or on another that its labels fit.

    `over` lays keys upon the run's config (`eval_limit`, `task: {...}`, `device`). Writes RUN/eval/<task>/, or `output`, and
    returns the Result, whose lineage names the run. Raises SuiteError.
    """
    started = now()
    with Stopping() as stopping:
        session = opened(run, task=task, over=over, mirrors=mirrors, watch=watch, stopping=stopping)
        session.folder = output or Path(run) / "eval" / session.spec.name
        session.folder.mkdir(parents=True, exist_ok=True)
        return finished(session, started=started, allow_code=allow_code)


def opened(run: str | Path, *, task: str | None = None, over: Mapping[str, Any] | None = None, mirrors: tuple[str, ...] = (),
           watch: Watch | None = None, stopping: Stopping | None = None, with_rows: bool = True) -> Session:  # fmt: skip
    """The run's model on a fresh base, with the rows that `task` (its own by default) scores. Raises SuiteError."""
    folder = Path(run)
    facts = folders.read_facts(folder)
    spec, config, written_spec = _asked(facts, task, over or {}, mirrors)
    accelerator = made_accelerator(config)
    located = _base(folder, facts, config)
    tokenizer, _ = models.load_tokenizer(Located(folder / "model", folder.name, None))
    adapter_class = ADAPTERS[spec.kind, config.protocol]
    cls = adapter_class.auto_model(models.load_config(located))
    if cls is None:
        raise ModelError(str(folder), f"its model has no class for {spec.kind}", "name a task of the run's own kind")
    resolved = Resolved(spec, config, cls, bool(facts["keep_head"]), ())
    adapter = adapter_class(spec, config, tokenizer)
    model = models.reload(
        folder / "model",
        located,
        cls,
        settings=adapter.model_settings(),
        pad_token_id=tokenizer.pad_token_id,
        lora=config.lora,
    ).to(accelerator.device)
    session = Session(
        folder=folder, written=_written(facts, config), written_spec=written_spec, resolved=resolved, located=located,
        parts=_rows(written_spec, config) if with_rows else Parts(None, None, {}, []), tokenizer=tokenizer, adapter=adapter,
        accelerator=accelerator, model=model, parameters={**counted(model), "trainable": facts["parameters"]["trainable"]},
        watch=watch or _silent, stopping=stopping or Stopping(),
        weights_bytes=sum(path.stat().st_size for path in (folder / "model").glob("*.safetensors")),
        lineage=(_source(folder, facts),), fitted=facts["fitted"] if task in (None, facts["task"]["name"]) else {},
    )  # fmt: skip
    return session


def _asked(facts: Mapping[str, Any], task: str | None, over: Mapping[str, Any],
           mirrors: tuple[str, ...]) -> tuple[TaskSpec, RunConfig, TaskSpec]:  # fmt: skip
    """The task to answer, with the model's labels and scale; the run's config turned to it; the task as written."""
    own = schema.build(TaskSpec, facts["task"], folders.FACTS)
    config = schema.build(RunConfig, schema.merged(facts["config"], {**over, "mirror": mirrors}), "command line")
    on_task = {key: value for key, value in over.get("task", {}).items() if key != "name"}
    if task is None or task == own.name:
        written = schema.build(TaskSpec, schema.merged(facts["written_task"], on_task), folders.FACTS)
        spec = schema.build(TaskSpec, schema.merged(facts["task"], on_task), folders.FACTS)
        kinds.check(spec)
        return spec, config.model_copy(update={"task": {**config.task, **on_task}}), written
    written = specs.read(task, on_task)
    kinds.check(written)
    if written.kind != own.kind or written.target != own.target:
        raise ModelError(
            task, f"is {written.kind}, and the run learnt {own.kind}", "name a task of the run's own kind and target"
        )
    labels = config.model.labels
    if labels is not None:
        labels = matched(written, labels)
        if labels is None:
            knows, asks = ", ".join(config.model.labels or ()), ", ".join(written.labels or ())
            raise ModelError(
                task, f"its labels are {asks}, and the run knows {knows}", "say task.merge.LABEL=LABEL, or train on it"
            )
    update = {
        "task": {"name": task, **on_task}, "split": None, "tune": None, "limit": None, "train": None,
        "eval_limit": over.get("eval_limit"), "model": config.model.model_copy(update={"labels": labels}),
    }  # fmt: skip
    return written.model_copy(update={"scale": own.scale}), config.model_copy(update=update), written


def _written(facts: Mapping[str, Any], config: RunConfig) -> RunConfig:
    """What the user wrote for the run, turned to the task that is answered now."""
    base = schema.build(RunConfig, facts["written_config"], folders.FACTS)
    return base.model_copy(
        update={name: getattr(config, name) for name in ("task", "split", "eval_limit", "mirror", "device")}
    )


def _rows(spec: TaskSpec, config: RunConfig) -> Parts:
    """The rows to score; none are trained or fitted on."""
    found = parts(spec, config.model_copy(update={"train": None, "tune": None}))
    return dataclasses.replace(found, train=None, tune=None)


def _base(folder: Path, facts: Mapping[str, Any], config: RunConfig) -> Located:
    """The base checkpoint, proven to be the one that was trained on; of a run without LoRA its own weights."""
    base = facts["base"]
    if config.lora is None:
        return Located(folder / "model", base["name"], base["revision"])
    model = config.model.model_copy(update={"id": base["id"], "revision": base["revision"]})
    located = models.locate(model, config.mirror)
    if located.sha256 != base["sha256"]:
        finding = f"the base {base['name']} has other weights than the run was trained on"
        raise ModelError(str(folder), finding, "put the checkpoint of then back in its place")
    return located


def _source(folder: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    try:
        result = read_result(folder)
    except RunError:  # stopped between training and scoring: the weights are whole all the same
        return {"task": facts["task"]["name"], "id": None, "caveats": []}
    return {"task": facts["task"]["name"], "id": result.id, "seed": result.seed, "caveats": result.caveats}


def _silent(progress: Progress) -> None:
    """Nobody watches."""
