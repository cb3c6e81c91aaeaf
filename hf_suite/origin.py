"""Origin: the finished run that another one goes on from; whether it fits, and its weights in the new model."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hf_suite import folders, models
from hf_suite.config import LoraConfig, RunConfig
from hf_suite.errors import ConfigError, RunError
from hf_suite.methods import METHODS
from hf_suite.models import Located
from hf_suite.resolve import Resolved
from hf_suite.spec import TaskSpec, normalized

_SAME = ("method", "rank", "alpha", "targets", "options")
"""Keys of `lora` without which the weights of one run mean nothing in another."""


@dataclass(frozen=True)
class Origin:
    """A finished run, found to fit."""

    folder: Path
    facts: Mapping[str, Any]
    keeps_head: bool
    """Whether its head answers the new task too: the same labels, or a number, or spans."""
    labels: tuple[str, ...] | None
    """The new task's labels in the order of the kept head's outputs."""

    @property
    def weights(self) -> Located:
        """Its saved weights, as a checkpoint."""
        return folders.own_weights(self.folder, self.facts)

    @property
    def note(self) -> str:
        """What is kept of it."""
        knows, asks = (", ".join(labels or ()) for labels in (_labels(self.facts), self.labels))
        anew = f"whose labels are {knows}; a new head answers {asks}" if knows and asks else "with a new head"
        task = self.facts["task"]["name"]
        return f"init_from: goes on from the run of {task}, " + ("head and all" if self.keeps_head else anew)


def origin(config: RunConfig, spec: TaskSpec, resolved: Resolved, base: Located) -> Origin | None:
    """The run of `init_from`, None where none is named. Raises RunError, ConfigError when it does not fit."""
    if config.init_from is None:
        return None
    if config.init_from.startswith("task:"):
        finding = f"{config.init_from} names a task of a suite"
        raise ConfigError("init_from", finding, "give the folder of a finished run")
    folder = Path(config.init_from)
    facts = folders.read_facts(folder)
    if not (folder / "result.json").is_file():
        raise RunError(str(folder), "is no finished run (result.json is missing)", "finish it first, with --resume")
    if facts["base"]["sha256"] != base.sha256:
        finding = f"{folder} was trained on {facts['base']['name']}, whose weights are not those of {base.name}"
        raise ConfigError("init_from", finding, "give the model that it was trained on, or another run")
    _check_lora(folder, facts["config"]["lora"], resolved.config.lora)
    before = TaskSpec(**facts["task"])
    labels = _ordered(spec, _labels(facts))
    same = (before.kind, before.target) == (spec.kind, spec.target) and (spec.labels is None or labels is not None)
    keeps = same and config.model.head == "auto"
    return Origin(folder, facts, keeps, labels if keeps else spec.labels)


def turned(resolved: Resolved, origin: Origin | None) -> Resolved:
    """What is resolved, with the head as it comes from the run that is gone on from."""
    if origin is None:
        return resolved
    model = resolved.config.model.model_copy(update={"labels": origin.labels})
    config = resolved.config.model_copy(update={"model": model})
    # LoRA goes upon the base, so that its head is what it was there; without LoRA the weights are the run's own.
    keep = bool(origin.facts["keep_head"]) if config.lora is not None and origin.keeps_head else origin.keeps_head
    return replace(resolved, config=config, keep_head=keep, notes=(*resolved.notes, origin.note))


def begin(model: Any, origin: Origin, heads: tuple[str, ...]) -> None:
    """Gives a model under LoRA the run's weights, but for its head where that is drawn anew. Raises ModelError."""
    # Below the top stands what only this checkpoint lacks of its backbone, such as a pooler: it goes on.
    own = tuple(name for name in heads if "." not in name)
    models.take_over(model, origin.folder / "model", without=() if origin.keeps_head else own)


def _labels(facts: Mapping[str, Any]) -> tuple[str, ...] | None:
    labels = facts["config"]["model"]["labels"]
    return tuple(labels) if labels is not None else None


def _ordered(spec: TaskSpec, labels: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The task's labels in the order in which the run knows them; None unless they are the same."""
    own = {normalized(label): label for label in spec.labels or ()}
    if labels is None or {normalized(label) for label in labels} != set(own):
        return None
    return tuple(own[normalized(label)] for label in labels)


def _check_lora(folder: Path, before: Mapping[str, Any] | None, now: LoraConfig | None) -> None:
    if before is None and now is None:
        return
    if before is None or now is None:
        how, remedy = ("without LoRA", "say lora=null") if before is None else ("with LoRA", "leave lora=null out")
        raise ConfigError("init_from", f"{folder} was trained {how}", f"{remedy}, or give another run")
    if not METHODS[now.method].continues:
        finding = f"a run by {now.method} keeps the vectors that it learnt, not what made them"
        raise ConfigError("init_from", finding, "take another method")
    old = LoraConfig(**{key: value for key, value in before.items() if value is not None})
    for key in _SAME:
        was, is_now = getattr(old.used(), key), getattr(now, key)
        if was != is_now:
            finding = f"{is_now}, and {folder} was trained with {was}"
            raise ConfigError(f"lora.{key}", finding, "say the same, or give another run")
