"""The run folder: whether it may be used, and run.yaml and model/ in it. Computes no score."""

import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hf_suite import cutting, data, launch, models, schema, split
from hf_suite.adapters import take
from hf_suite.config import RunConfig
from hf_suite.data import Split
from hf_suite.errors import ConfigError, DataError, RunError, SuiteError
from hf_suite.models.saved import largest_difference
from hf_suite.record import read_json, read_result, read_rows, sync, sync_all, write_json, write_rows
from hf_suite.session import Session
from hf_suite.spec import TaskSpec

WHERE = ("output", "mirror", "processes", "trackers")
"""Keys that say where a run is done and to whom it is told, which is no part of what it is."""
FACTS = "hf_suite.json"
RUN = "run.yaml"
ROWS = "rows.parquet"
RELOAD_TOLERANCE = 1e-6
_PROBE_ROWS = 8


def place(config: RunConfig) -> Path:
    """The run folder: `output`, else a new one under runs/. Raises ConfigError where processes would make several."""
    if not config.output and launch.started() > 1:
        raise ConfigError("output", "no folder is named, and a launcher started several processes", "say --output DIR")
    task = Path(config.task["name"]).stem
    return Path(config.output) if config.output else Path("runs") / f"{task}-{time.strftime('%Y%m%d-%H%M%S')}"


def written(config: RunConfig) -> dict[str, Any]:
    """The config as it was written: only what differs from the defaults, without where it runs."""
    return config.model_dump(mode="json", exclude_defaults=True, exclude=set(WHERE))


def check(folder: Path, config: RunConfig, *, resume: bool) -> None:
    """Refuses a folder that this run may not use; writes nothing. Raises RunError."""
    if (folder / "result.json").is_file():
        raise RunError(str(folder), "holds a finished run", "give another folder with --output")
    began = (folder / RUN).is_file()
    if began and not resume:
        raise RunError(
            str(folder), "holds a half-finished run", "go on with --resume, or give another folder with --output"
        )
    if began:
        _check_same(folder, config)
    elif resume:
        raise RunError(str(folder), "holds no run to resume", "leave --resume out to begin one")
    elif folder.is_dir() and any(not path.name.startswith(".") for path in folder.iterdir()):
        raise RunError(str(folder), "is not empty and holds no run", "give another folder with --output")
    check_writable(folder)


def check_writable(folder: Path) -> None:
    """Refuses a folder that cannot be made or written into. Raises RunError."""
    parent = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not parent.is_dir():
        raise RunError(str(folder), f"{parent} is a file", "give another folder with --output")
    try:
        tempfile.TemporaryFile(dir=parent).close()
    except OSError as error:
        raise RunError(str(folder), "cannot be written to", "give a folder of your own with --output") from error


def begin(folder: Path, config: RunConfig) -> None:
    """Makes the folder with run.yaml, from which --resume and `config --diff` read."""
    folder.mkdir(parents=True, exist_ok=True)
    for stray in folder.glob(".result.json.*"):  # of a process that was killed while it wrote
        stray.unlink()
    temporary = folder / f".{RUN}"
    temporary.write_text(schema.dump_yaml(written(config)), "utf-8")
    temporary.replace(folder / RUN)


def keep_rows(session: Session) -> None:
    """Writes rows.parquet where rows were cut, so that a later evaluation takes the same however rows are cut then."""
    found = {"train": session.parts.train, "tune": session.parts.tune, **session.parts.eval}
    if session.config.split is not None or session.parts.tune is not None:
        write_rows(
            session.folder / ROWS, {name: part.rows["row"][:] for name, part in found.items() if part is not None}
        )


def keep_model(session: Session) -> None:
    """Writes model/, loads it on a fresh base and compares the outputs of a batch. Raises RunError when they differ."""
    final, temporary = session.folder / "model", session.folder / ".model"
    if session.is_main:
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            _save_proven(session, temporary)
        except SuiteError:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        sync_all(temporary)
        shutil.rmtree(final, ignore_errors=True)
        temporary.rename(final)
        sync(session.folder)
    session.accelerator.wait_for_everyone()


def _save_proven(session: Session, folder: Path) -> None:
    session.weights_bytes = models.save(session.model, session.tokenizer, folder, base=session.written.model.id)
    keep_facts(session, folder)
    difference = _reload_difference(session, folder)
    if not difference <= RELOAD_TOLERANCE:  # nan is no proof either
        finding = f"the saved weights, loaded on a fresh base, give other outputs (largest difference {difference:.2g})"
        raise RunError(str(session.folder), finding, "nothing was kept of it but the checkpoints; please report this")


def keep_facts(session: Session, folder: Path) -> None:
    """Writes what the weights do not say: task, config, fitted values and the base."""
    named = {"init_from": session.init_from, "trackers": ()}
    config = session.config.model_copy(update={"output": None, "mirror": (), "processes": 1, **named})
    facts = {
        "task": session.spec.model_dump(mode="json"),
        "config": config.model_dump(mode="json"),
        "written_config": written(session.written.model_copy(update=named)),
        "written_task": session.written_spec.model_dump(mode="json"),
        "keep_head": session.resolved.keep_head,
        "fitted": session.fitted,
        "leaked": {name: sorted(ids, key=str) for name, ids in session.leaked.items()},
        "parameters": session.parameters,
        "base": {
            "id": session.written.model.id,
            "name": session.located.name,
            "revision": session.located.revision,
            "sha256": session.located.sha256,
            "halves": session.located.halves,
        },
    }
    write_json(folder / FACTS, facts)


def own_weights(folder: Path, facts: Mapping[str, Any]) -> models.Located:
    """The model of a finished run that trained all weights, under the name of what it began with."""
    base = facts["base"]
    halves = tuple(base.get("halves", ()))
    return models.Located(folder / "model", str(base["name"]), base["revision"], halves=halves)


def read_facts(folder: Path) -> dict[str, Any]:
    """What keep_facts wrote. Raises RunError when the folder is no finished run."""
    path = folder / "model" / FACTS
    if not path.is_file():
        raise RunError(
            str(folder), f"is no finished run (model/{FACTS} is missing)", "give the output folder of a training"
        )
    facts: dict[str, Any] = read_json(path)
    return facts


def leaked(
    folder: Path, facts: Mapping[str, Any], spec: TaskSpec, evals: Mapping[str, Split], *, mirrors: tuple[str, ...]
) -> dict[str, frozenset[int | str]]:
    """Eval split -> its rows whose texts the run learnt: of its own rows as it noted, of other rows and other tasks
    where what it learnt is still at hand without the hub."""
    own = schema.build(TaskSpec, facts["written_task"], FACTS)
    if (spec.name, spec.source) == (own.name, own.source):
        return {name: frozenset(ids) for name, ids in facts.get("leaked", {}).items()}
    try:
        return cutting.leaked(own, _learnt(folder, facts, own, mirrors), spec, evals)
    except DataError:  # they are gone, or others now
        return {}


def _learnt(folder: Path, facts: Mapping[str, Any], own: TaskSpec, mirrors: tuple[str, ...]) -> Split | None:
    """The rows that a run learnt; None where they are not at hand, or are blocks of one text. Raises DataError."""
    cut = facts["config"]["split"] or {"shares": {}, "folds": None}
    of = str(cut["of"] if cut["folds"] is not None or "train" in cut["shares"] else own.source.train)
    if own.document == "split" or not data.at_hand(own, of, mirrors=mirrors):
        return None
    whole, kept = data.rows(own, of, mirrors=mirrors), folder / ROWS
    if kept.is_file():
        return cutting.again(whole, read_rows(kept).get("train", []))
    return cutting.select(whole, split.first(len(whole.rows), facts["config"]["limit"], own.name))


def lineage(folder: Path, facts: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """A finished run, after those that its own weights come from."""
    task, model = facts["task"]["name"], facts["base"]["name"]
    if not (folder / "result.json").is_file():  # stopped between training and scoring: the weights are whole
        return ({"task": task, "id": None, "caveats": []},)
    result = read_result(folder)
    own = {"task": task, "id": result.id, "seed": result.seed, "caveats": result.caveats}
    return (*result.lineage, {**own, "model": model, "headline": result.headline.model_dump()})


def remove_checkpoints(folder: Path) -> None:
    """Drops checkpoints/, once the Result is written."""
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)


def _check_same(folder: Path, config: RunConfig) -> None:
    before, now = schema.read_yaml(folder / RUN), written(config)
    keys = sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))
    if keys:
        finding = f"began with another config (other: {', '.join(keys)})"
        raise RunError(str(folder), finding, "resume with the config it began with (run.yaml), or give another folder")


def check_content(folder: Path, before: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Refuses to go on with a state of another task, model or rows than there are now. Raises RunError."""
    others = [name for name in now if before.get(name) != now[name]]
    if others:
        finding = f"began with other content ({', '.join(others)})"
        raise RunError(str(folder), finding, "put it back as it was, or begin anew in another folder")


def _reload_difference(session: Session, folder: Path) -> float:
    split = next(iter(session.parts.eval.values()), session.parts.train)
    if split is None:
        return 0.0
    features = session.adapter.eval_features(split.rows.select(range(min(_PROBE_ROWS, len(split.rows)))))
    batch = session.adapter.collate(take(features, range(len(features))))
    batch = {name: value.to(session.accelerator.device) for name, value in batch.items()}
    base = session.located if session.config.lora is not None else None
    fresh = models.reload(
        folder,
        base,
        session.resolved.cls,
        settings=session.adapter.model_settings(),
        lora=session.config.lora,
        pad_token_id=session.tokenizer.pad_token_id,
    ).to(session.accelerator.device)
    session.model.eval()
    outputs = []
    for model in (session.model, fresh):
        with models.inference(), session.accelerator.autocast():
            outputs.append(session.adapter.outputs(model, batch))
    return largest_difference(*outputs)
