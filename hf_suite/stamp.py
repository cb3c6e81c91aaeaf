"""What made a number: content keys, versions, commit, device, and the caveats that follow. Computes no score."""

import hashlib
import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from hf_suite import data, folders, memory, scoring
from hf_suite import spec as specs
from hf_suite.adapters import ADAPTERS, with_protocol
from hf_suite.config import RunConfig
from hf_suite.evaluation import Evaluation
from hf_suite.kinds import KINDS
from hf_suite.metrics import METRICS
from hf_suite.record import PROTOCOL, Headline
from hf_suite.session import Session
from hf_suite.spec import TaskSpec

_LIBRARIES = ("accelerate", "datasets", "hf-suite", "numpy", "peft", "tokenizers", "torch", "transformers")
_NOT_CONTENT = {"task", "seed", "model", "data", "init_from"}  # what they name stands in the key by its content
_NOT_OF_TASK: Any = {"published": True, "checked": True, "source": {"files": True}}  # what only documents it, and where
_OF_LINEAGE = ("task", "id", "seed", "caveats")  # what of a run counts in the id of those that come from it


def cell_key(spec: TaskSpec, config: RunConfig, *, model: str, mirrors: tuple[str, ...]) -> str:
    """12 hex digits: sha256 of task, config as written, the model's and the data's content, and our protocol version.

    Seed, fold, folder names and mirrors do not count, and neither do defaults, so that a new key changes no old cell.
    A train split that the run does not read counts as null.
    """
    cut = config.split.of if config.split is not None else None
    own_train = config.split is None or "train" not in config.split.shares
    trains = config.train is not None or config.tune is not None or bool(config.shots)
    reads = {spec.source.train: trains and own_train}
    reads |= dict.fromkeys((*spec.source.eval, cut), True)
    version = ADAPTERS[spec.kind, str(with_protocol(spec.kind, config).protocol)].version
    written = {key: value for key, value in folders.written(config).items() if key not in _NOT_CONTENT}
    if "split" in written:
        written["split"] = {key: value for key, value in written["split"].items() if key != "fold"}
    content = {
        **config.model.model_dump(include={"head", "quantize"}, exclude_defaults=True),
        **({} if version == 1 else {"adapter": version}),
        **({"limits": ["train", "tune"]} if config.limit is not None and config.splits_tune else {}),
        **({"plugins": added} if (added := plugins(spec, config)) else {}),
        "task": spec.model_dump(mode="json", exclude_defaults=True, exclude=_NOT_OF_TASK),
        "config": written,
        "labels": config.model.labels,
        "model": model,
        "data": {
            name: data.identify(spec, name, mirrors=mirrors) if reads[name] else None
            for name in sorted(filter(None, reads))
        },
        "protocol": PROTOCOL,
    }
    return digest(content)[:12]


def _fold(config: RunConfig) -> list[int]:
    """Which fold a run is of, where it is of one."""
    return [config.split.fold] if config.split is not None and config.split.fold is not None else []


def digest(content: Any) -> str:
    """sha256 of a value's canonical JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def content(session: Session) -> dict[str, str]:
    """Hashes of what a state of training belongs to: the task, the model before training, the rows."""
    splits = [session.parts.train, session.parts.tune, *session.parts.eval.values()]
    origin = {} if session.origin_sha256 is None else {"init_from": session.origin_sha256}
    return {
        **origin,
        "task": digest(session.spec.model_dump(mode="json", exclude=_NOT_OF_TASK)),
        "model": session.located.sha256,
        "rows": digest([[split.sha256, split.revision, len(split.rows)] for split in splits if split is not None]),
    }


def facts(session: Session) -> dict[str, Any]:
    """The fields of a Result that say what made it."""
    spec, config, written = session.written_spec, session.config, session.written
    mirrors = tuple(written.mirror)
    key = cell_key(spec, written, model=session.located.sha256, mirrors=mirrors)
    splits = {"train": session.parts.train, "tune": session.parts.tune, **session.parts.eval}
    shots = session.parts.shots
    finetune = session.seconds.get("finetune")
    lineage = [{name: run[name] for name in _OF_LINEAGE if name in run} for run in session.lineage]
    return {
        "id": digest([key, written.seed, lineage, *_fold(written)])[:16],
        "task": session.spec.facts(),
        "config": _named(folders.written(written), session),
        "resolved": _named(config.model_dump(mode="json", exclude=set(folders.WHERE)), session),
        "seed": written.seed,
        "rows": {name: len(split.rows) for name, split in splits.items() if split is not None},
        "expected_rows": {name: n if spec.document == "row" else None for name, n in spec.source.rows.items()},
        "model": {
            "id": session.located.name,
            "revision": session.located.revision,
            "sha256": session.located.sha256,
            **session.parameters,
        },
        "data": {
            "id": spec.source.id,
            "revision": _revision(session),
            "sha256": {split.name: split.sha256 for split in (*splits.values(), shots) if split is not None},
        },
        "shots": shots.rows["row"][:] if shots is not None else [],
        "seconds": {name: round(value, 2) for name, value in session.seconds.items()},
        "latency_ms": session.latency,
        "tokens_per_second": round(session.tokens / finetune, 1) if finetune else None,
        "peak_memory_bytes": peak_memory(session.accelerator),
        "weights_bytes": session.weights_bytes,
        "precision": config.precision,
        "device": device_name(session.accelerator.device),
        "threads": torch.get_num_threads(),
        "processes": session.accelerator.num_processes,
        "versions": versions() | plugins(spec, config),
        **commit(),
    }


def headline(spec: TaskSpec, scores: Mapping[str, Mapping[str, float | None]]) -> Headline:
    """The task's headline on its first eval split; without one, no score."""
    split = next(iter(scores), "")
    return Headline(name=spec.headline, split=split, score=scores.get(split, {}).get(spec.headline))


def caveats(session: Session, found: Evaluation) -> list[str]:
    """What keeps the numbers from being the plain ones, besides what `parts` said of the rows."""
    out = list(session.parts.caveats)
    train = session.config.train
    if train is not None and train.select_on in session.parts.eval:
        what = "epoch" if train.eval_every is None else "step"
        out.append(f"{what} selected on {train.select_on}, which it reports")
    if train is not None and train.max_steps is not None:
        out.append(f"max_steps {train.max_steps:,}")
    out.extend(
        f"{name}: {counts['truncated']:,} rows longer than max_length {session.config.max_length} were cut"
        for name, counts in found.counts.items()
        if counts.get("truncated")
    )
    out.extend(
        f"{name}: {counts['end_in_text']:,} rows held {session.tokenizer.eos_token}, which was dropped from the text"
        for name, counts in found.counts.items()
        if counts.get("end_in_text")
    )
    out.extend(_absent(session, found))
    cut = session.config.split
    if session.located.recipe is not None and cut is not None and cut.of == session.spec.source.train:
        out.append(f"the tokenizer is learnt from all of {cut.of}, the rows to score included")
    out.extend(_leaking(session, found))
    out.extend(_written(session, found))
    out += _origin(session)
    for run in session.lineage:
        again = set(out) if run["task"] == session.spec.name else set()  # the same rows have the same caveats
        out += [f"from the run of {run['task']}: {caveat}" for caveat in run["caveats"] if caveat not in again]
    return out


def _leaking(session: Session, found: Evaluation) -> list[str]:
    """Rows to score whose texts stand in train, and the headline without them."""
    out = []
    for name, counts in found.counts.items():
        score = found.unleaked.get(name, {}).get(session.spec.headline)
        without = f"without them {session.spec.headline} {score:.2f}" if score is not None else "no others are left"
        if counts.get("leaked"):
            rows = f"{counts['leaked']:,.0f} of {len(found.references[name]):,} rows"
            out.append(f"{name}: {rows} stand in train too; {without}")
    return out


def _absent(session: Session, found: Evaluation) -> list[str]:
    """Labels that no row has, which metrics over labels count in their own way."""
    labels = session.spec.labels or ()
    return [
        f"{name}: {counts['absent_labels']} of {len(labels)} labels are in no row"
        for name, counts in found.counts.items()
        if counts.get("absent_labels")
    ]


def _written(session: Session, found: Evaluation) -> list[str]:
    """What stands between the answers of a model that writes and what it could say."""
    out, limit = [], session.config.generation.get("max_new_tokens")
    for name, counts in found.counts.items():
        rows = len(session.parts.eval[name].rows)
        if counts.get("cut_answers"):
            out.append(f"{name}: {counts['cut_answers']:,} of {rows:,} answers met the limit of {limit} tokens")
        if counts.get("unreadable"):
            out.append(f"{name}: {counts['unreadable']:,} of {rows:,} answers say nothing that can be one")
        if counts.get("targets_not_writable"):
            lost = f"{counts['targets_not_writable']:,} of {rows:,} targets cannot be written to the letter"
            out.append(f"{name}: {lost}{_bound(session.spec, counts.get('best_reachable'))}")
        if 2 * counts.get("other_script", 0) > counts.get("scripts_compared", 0):
            which = f"{counts['other_script']} of the first {counts['scripts_compared']}"
            out.append(f"{name}: {which} answers with letters are in another script than their targets")
    return out


def _bound(spec: TaskSpec, best: float | None) -> str:
    """What targets that cannot be written leave of the headline, a percentage or an error rate in percent."""
    if best is None:
        return ""
    perfect = 0.0 if scoring.units(spec)[spec.headline].better == "lower" else 100.0
    if round(best, 2) == perfect:  # other capitals, of which ROUGE knows nothing
        return f", which costs {spec.headline} nothing"
    return f"; {spec.headline} gets no better than {best:.2f}"


def _origin(session: Session) -> list[str]:
    """The run that this one went on from, with its score."""
    runs = [run for run in session.lineage if f"task:{run['task']}" == session.init_from]
    if session.config.init_from is None or not runs:  # null where the model is turned to another task
        return []
    headline = runs[-1]["headline"]
    score = "undefined" if headline["score"] is None else f"{headline['score']:.2f}"
    return [f"goes on from a run of {runs[-1]['task']} ({headline['name']} {score})"]


def versions() -> dict[str, str]:
    """Python and the libraries that numbers come from; torch says its build, too, which its package may not."""
    found = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    return {"python": platform.python_version(), **found, "torch": str(torch.__version__)}


def plugins(spec: TaskSpec, config: RunConfig) -> dict[str, str]:
    """The packages that bring the task's kind, adapter and metrics, where the suite does not."""
    protocol = str(with_protocol(spec.kind, config).protocol)
    found = {f"kind {spec.kind}": KINDS.source(spec.kind)}
    found |= {f"adapter {spec.kind}.{protocol}": ADAPTERS.source((spec.kind, protocol))}
    found |= {f"metric {name}": METRICS.source(name) for name in spec.metric_names()}
    return {name: source for name, source in found.items() if source is not None}


def commit() -> dict[str, Any]:
    """The checkout's commit and whether tracked files differ from it; nulls for an installed package."""
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return {"commit": None, "dirty": None}

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, check=False
        ).stdout.strip()

    return {
        "commit": git("rev-parse", "HEAD") or None,
        "dirty": bool(git("status", "--porcelain", "--untracked-files=no")),
    }


def peak_memory(accelerator: Accelerator) -> int:
    """The most bytes that any one process held: on its GPU where it computes on one, else in memory."""
    held = memory.peak(accelerator.device)
    return int(accelerator.gather(torch.tensor([held], device=accelerator.device)).max())


def device_name(device: torch.device) -> str:
    """The GPU's name, or the processor's and what it does fast."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"{device.type} ({platform.machine()}, {torch.backends.cpu.get_cpu_capability()})"


def _named(config: dict[str, Any], session: Session) -> dict[str, Any]:
    """The config with the model under the name that it is recorded by, never an absolute path."""
    if config["model"].get("architecture"):
        config = {**config, "model": {**config["model"], "architecture": Path(config["model"]["architecture"]).name}}
    halves = zip(("encoder", "decoder"), session.located.halves, strict=False)  # none, or both
    names = {"id": session.located.name, **dict(halves)}
    return {
        **config,
        "model": {**config["model"], **names},
        "task": {**({} if specs.is_whole(config["task"]) else config["task"]), "name": session.spec.name},
        **({} if session.init_from is None else {"init_from": session.init_from}),
    }


def _revision(session: Session) -> str | None:
    splits = [session.parts.train, *session.parts.eval.values()]
    found = [split.revision for split in splits if split is not None and split.revision is not None]
    return found[0] if found else session.spec.source.revision
