"""Trips: a model is trained, saved, and loaded anew in a fresh process on a base with other heads. Holds no test."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import apart
import reloading
import safetensors.torch
import torch
import world
from making import LORA, built, part, train

from hf_suite import models

TASKS = {"classification": "pairs", "question_answering": "questions"}
# The first name of the tensors that a task's model takes over; whatever else a checkpoint holds is some head.
_BACKBONES = (
    *("bert.", "roberta.", "distilbert.", "albert.", "electra.", "deberta.", "mpnet."),
    *("model.", "transformer.", "shared.", "encoder.", "decoder."),
)


class Case(NamedTuple):
    """Who goes on a trip."""

    architecture: str
    kind: str
    base: str = "usual"
    """What the base checkpoint carries: `usual` (a language model's head) or `headed` (a task's)."""
    lora: bool = True

    def __str__(self) -> str:
        return " ".join([*self[:3], "lora" if self.lora else "full"])


class Trip(NamedTuple):
    """What is left of a trip, before the model is loaded anew."""

    folder: Path
    """Holds `base` and `saved`."""
    built: models.Built
    untrained: list[float]
    logits: list[float]
    still: list[str]
    """The parameters that training left as they were."""
    randomised: list[str]
    """The tensors of the base that were drawn anew."""
    job: dict[str, Any]
    """What `reloading.reloaded` is told."""


def out(case: Case, root: Path, tiny_checkpoint: Callable[..., Path], small_world: world.World) -> Trip:
    """The way out: three steps of training, saved; then the base's heads are drawn anew."""
    task, folder = TASKS[case.kind], root / str(case).replace(" ", "-")
    labels = world.PAIR_LABELS if case.kind == "classification" else None
    head = {"head": case.kind, "labels": labels} if case.base == "headed" else {}
    shutil.copytree(tiny_checkpoint(case.architecture, **head), folder / "base")
    made = part(small_world, folder / "base", task)
    torch.manual_seed(1)
    ready = built(made, lora=LORA if case.lora else None)
    before = {name: value.detach().clone() for name, value in ready.model.named_parameters()}
    config = world.run_config(small_world, task, folder / "base")
    rows = made.rows.select(range(4))
    untrained = reloading.logits(ready.model, made.adapter, rows)
    train(ready.model, made, config.train)
    models.save(ready.model, made.tokenizer, folder / "saved", base="somewhere")
    job = {
        "base": str(folder / "base"),
        "folder": str(folder / "saved"),
        "lora": case.lora,
        "spec": made.adapter.spec.model_dump(),
        "config": config.model_dump(),
        "rows": [dict(row) for row in rows],
    }
    return Trip(
        folder=folder,
        built=ready,
        untrained=untrained,
        logits=reloading.logits(ready.model, made.adapter, rows),
        still=[name for name, value in ready.model.named_parameters() if torch.equal(value, before[name])],
        randomised=randomise_heads(folder / "base"),
        job=job,
    )


def back(trips: dict[str, Trip]) -> dict[str, list[float]]:
    """The way back: the logits of each saved model, all loaded by one fresh process."""
    return apart.call(reloading.reloaded, {name: trip.job for name, trip in trips.items()})


def farthest(first: Sequence[float], second: Sequence[float]) -> float:
    """The largest difference between two lists of logits."""
    return max(abs(a - b) for a, b in zip(first, second, strict=True))


def untrained_parts(trip: Trip) -> list[str]:
    """The tensors of fresh parts that training left as they were."""
    copies = [f"{module}.modules_to_save.default." for module in trip.built.fresh]
    return [name for name in trip.still if any(copy in name for copy in copies)]


def unsaved_parts(trip: Trip) -> set[str]:
    """The tensors of fresh parts that are not in the saved adapter."""
    model = trip.built.model.get_base_model()
    own = {
        f"base_model.model.{module}.{name}"
        for module in trip.built.fresh
        for name, _ in model.get_submodule(module).modules_to_save["default"].named_parameters()
    }
    return own - set(saved_names(trip))


def saved_names(trip: Trip) -> list[str]:
    """The names of the tensors in the saved adapter."""
    return list(safetensors.torch.load_file(trip.folder / "saved" / "adapter_model.safetensors"))


def randomise_heads(folder: Path) -> list[str]:
    """Draws anew whatever in a checkpoint is no part of its backbone; the names of those tensors."""
    file = folder / "model.safetensors"
    weights = safetensors.torch.load_file(file)
    heads = [name for name in weights if not name.startswith(_BACKBONES)]
    for name in heads:
        weights[name] = torch.randn(weights[name].shape, generator=torch.Generator().manual_seed(42))
    safetensors.torch.save_file(weights, file, metadata={"format": "pt"})
    return heads
