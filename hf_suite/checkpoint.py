"""Checkpoints: save and resume, by safetensors and JSON alone. Knows no task; nothing else knows what is inside one."""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from hf_suite.errors import RunError
from hf_suite.loop import State
from hf_suite.record import sync, sync_all, write_json

log = logging.getLogger(__name__)

_WEIGHTS, _OPTIMIZER, _PROGRESS, _MANIFEST = (
    "weights.safetensors",
    "optimizer.safetensors",
    "progress.json",
    "MANIFEST.json",
)


def save(folder: Path, state: State, progress: Mapping[str, Any], *, name: str = "step", keep: int = 2) -> Path:
    """Writes `<name>-<step>` whole or not at all, then removes all but the `keep` newest up to it of that name.

    Written beside its place, synced, renamed; the manifest holds each file's sha256. Raises RunError for weights
    that are not finite.
    """
    bad = [key for key, value in state.weights.items() if not value.isfinite().all()]
    if bad:
        raise RunError(
            f"step {state.step}", f"weights are not finite ({bad[0]}, ...)", "nothing was saved; lower the rate"
        )
    final = folder / f"{name}-{state.step}"
    temporary = folder / f".tmp-{name}-{state.step}-{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        safetensors.torch.save_file(state.weights, temporary / _WEIGHTS)
        safetensors.torch.save_file(state.optimizer, temporary / _OPTIMIZER)
        write_json(temporary / _PROGRESS, {**progress, "step": state.step})
        write_json(
            temporary / _MANIFEST, {part: _sha256(temporary / part) for part in (_WEIGHTS, _OPTIMIZER, _PROGRESS)}
        )
        sync_all(temporary)
        shutil.rmtree(final, ignore_errors=True)
        temporary.rename(final)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync(folder)
    # Later ones are damaged (else they would have been resumed from), and must not push this one out.
    for old in [path for path in found(folder, name) if _number(path, name) <= state.step][keep:]:
        shutil.rmtree(old)
    return final


def found(folder: Path, name: str = "step") -> list[Path]:
    """The checkpoints of that name, newest first."""
    paths = [path for path in folder.glob(f"{name}-*") if path.name.removeprefix(f"{name}-").isdigit()]
    return sorted(paths, key=lambda path: _number(path, name), reverse=True)


def newest(folder: Path) -> tuple[State, dict[str, Any]] | None:
    """State and progress of the newest whole checkpoint; damaged ones are passed over with a warning.

    None where there is none at all. Raises RunError when all of them are damaged.
    """
    for stray in folder.glob(".tmp-*"):
        shutil.rmtree(stray, ignore_errors=True)
    paths = found(folder)
    for path in paths:
        damage = damaged(path)
        if damage is None:
            return load(path)
        log.warning("%s: %s; going on from the one before", path, damage)
    if paths:
        raise RunError(
            str(paths[0]), f"{damaged(paths[0])}, and no older checkpoint is whole", "use another output folder"
        )
    return None


def damaged(path: Path) -> str | None:
    """What is wrong with a checkpoint, in words; None when it is whole."""
    try:
        manifest = json.loads((path / _MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        manifest = None
    if not isinstance(manifest, dict):
        return f"{_MANIFEST} is missing or unreadable"
    for name in (_WEIGHTS, _OPTIMIZER, _PROGRESS):
        if not (path / name).is_file():
            return f"{name} is missing"
        if _sha256(path / name) != manifest.get(name):
            return f"{name} is not what was written (its sha256 differs)"
    return None


def load(path: Path) -> tuple[State, dict[str, Any]]:
    """State and progress of one checkpoint. Raises RunError when it is damaged."""
    damage = damaged(path)
    if damage is not None:
        raise RunError(str(path), damage, "resume from an older checkpoint, or use another output folder")
    progress = json.loads((path / _PROGRESS).read_text("utf-8"))
    weights, moments = (safetensors.torch.load_file(path / name) for name in (_WEIGHTS, _OPTIMIZER))
    return State(progress["step"], weights, moments), progress


def put(model: Any, weights: Mapping[str, torch.Tensor]) -> None:
    """Copies saved weights into the model's parameters of the same names."""
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, value in weights.items():
            parameters[name].copy_(value)


def _number(path: Path, name: str) -> int:
    return int(path.name.removeprefix(f"{name}-"))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
