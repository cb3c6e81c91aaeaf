"""Every null and auto becomes the value that is used, once, with its reason. Nothing after this guesses."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from hf_suite import precision as precisions
from hf_suite import rates
from hf_suite.adapters import Adapter, Given, own_protocol
from hf_suite.config import RunConfig
from hf_suite.errors import ConfigError, ModelError
from hf_suite.kinds import KINDS
from hf_suite.methods import METHODS
from hf_suite.models import Located, load_generation, positions
from hf_suite.parts import Parts
from hf_suite.reading import length
from hf_suite.spec import Scale, TaskSpec, normalized

CARRIED = "hf_suite"
"""The key of an exported checkpoint's config under which stands what transformers has no name for."""


@dataclass(frozen=True)
class Resolved:
    """Task and config without open questions, and what was settled how."""

    spec: TaskSpec
    config: RunConfig
    cls: type[Any]
    """The model class."""
    keep_head: bool
    """Whether the checkpoint's own task head is taken over."""
    notes: tuple[str, ...]
    fitted: Mapping[str, float] = field(default_factory=dict)
    """What was fitted (a threshold) when the checkpoint was exported, where it answers as it is."""


class NamelessLabels(ModelError):
    """A finished head whose outputs are LABEL_0, LABEL_1, ...: which is which must be said, never guessed."""


def resolve(
    spec: TaskSpec,
    config: RunConfig,
    *,
    parts: Parts,
    located: Located,
    model_config: Any,
    tokenizer: Any,
    adapter_class: type[Adapter],
) -> Resolved:
    """Settles labels, scale, lengths, rates, device and what the adapter asks. Raises ModelError, ConfigError."""
    spec = KINDS[spec.kind].under(spec, config.protocol)
    cls = adapter_class.auto_model(model_config)
    if cls is None:
        known = f"{type(model_config).__name__.removesuffix('Config')} has no class for {spec.kind}"
        known += f" by {config.protocol}" if config.protocol != own_protocol(spec.kind) else ""
        raise ModelError(located.name, known, adapter_class.wants)
    notes: list[str] = []
    finished = (getattr(model_config, "architectures", None) or [""])[0] == cls.__name__
    keep_head, labels = True, None
    if adapter_class.task_head:
        keep_head, labels = _head(spec, config, located, model_config, finished, notes)
        spec = _scaled(spec, parts, keep_head, notes)
    if config.train is None and not keep_head:
        finding = f"carries no head for {spec.kind}, and train is null"
        raise ModelError(
            located.name, finding, "finetune it first (hf-suite train), or give a model that carries its head"
        )
    chosen = length(config, model_config, adapter_class, located, notes)
    own = adapter_class.settle(spec, config, _given(parts, located, model_config, tokenizer, chosen))
    notes += own.notes
    parts.caveats.extend(own.caveats)
    config = config.model_copy(update={"max_length": chosen, **own.over})
    over = {
        "model": config.model.model_copy(update={"labels": labels}),
        "end_in_text": end_in_text(config, model_config),
        "device": device(config),
        "lora": config.lora.used() if config.lora is not None else None,
        "precision": _precision(config, model_config, notes),
        "train": _train(config, spec, parts, notes),
        "tune": config.tune if parts.tune is not None else None,
    }
    fitted = _carried(spec, config, parts, model_config, notes) if keep_head else {}
    return Resolved(spec, config.model_copy(update=over), cls, keep_head, tuple(notes), fitted)


def _given(parts: Parts, located: Located, model_config: Any, tokenizer: Any, length: int) -> Given:
    return Given(
        name=located.name,
        model_config=model_config,
        generation=load_generation(located, model_config),
        tokenizer=tokenizer,
        positions=positions(model_config),
        max_length=length,
        train=parts.train.rows if parts.train is not None else None,
        shots=list(parts.shots.rows) if parts.shots is not None else (),
    )


def device(config: RunConfig) -> str:
    """cpu, cuda or mps. Raises ConfigError when the one asked for is not there."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if config.device == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    if not there[config.device]:
        have = ", ".join(name for name in there if there[name])
        raise ConfigError(
            "device", f"{config.device} is asked for and this torch sees none", f"here: {have}; say device=auto"
        )
    return config.device


def end_in_text(config: RunConfig, model_config: Any) -> Literal["keep", "drop"]:
    """What becomes of an end token that stands in a text. Raises ConfigError where T5's or BART's heads would trip."""
    if not getattr(model_config, "is_encoder_decoder", False):
        return config.end_in_text or "keep"
    if config.end_in_text == "keep":
        finding = "an encoder-decoder reads its head at the one end token that ends a text"
        raise ConfigError("end_in_text", finding, "say drop, or leave the key out")
    return "drop"


def precision(config: RunConfig, model_config: Any, *, trains: bool) -> tuple[str, str | None]:
    """What to compute in, and what there is to say of it. Raises ConfigError."""
    where = device(config)
    fast = precisions.fast_bf16(where)
    return precisions.settled(config.precision, where, fast=fast, model_type=model_config.model_type, trains=trains)


def _precision(config: RunConfig, model_config: Any, notes: list[str]) -> str:
    settled, note = precision(config, model_config, trains=config.train is not None)
    notes += [note] if note is not None else []
    return settled


def _head(
    spec: TaskSpec, config: RunConfig, located: Located, model_config: Any, finished: bool, notes: list[str]
) -> tuple[bool, tuple[str, ...] | None]:
    """Whether to keep the checkpoint's head, and the task's label names in the order of the model's outputs."""
    if config.model.head == "new":
        _check_new(config)
        notes.append("head: a new one, as model.head says")
        return False, spec.labels if spec.target != "number" else None
    if spec.target == "number" or spec.labels is None:
        return finished and (spec.labels is None and (spec.target != "number" or model_config.num_labels == 1)), None
    if not finished and config.model.labels is not None:
        finding = f"{located.name} carries no head whose outputs they could name"
        raise ConfigError("model.labels", finding, "leave the key out")
    if not finished:
        return False, spec.labels
    other = _other_target(spec, model_config)
    if other is not None and config.train is None:
        raise ModelError(located.name, f"its head answers {other}", "finetune it first (hf-suite train)")
    if other is not None:
        notes.append(f"labels: the checkpoint's head answers {other}; a new head takes its place")
        return False, spec.labels
    names = [str(model_config.id2label[at]) for at in sorted(model_config.id2label)]
    said = config.model.labels
    order = matched(spec, names) if said is None else _said(spec, said, len(names))
    if order is not None and config.train is not None and not set(order).issuperset(spec.labels):
        notes.append(f"labels: the checkpoint's head knows {', '.join(order)}, merged; a new head takes its place")
        return False, spec.labels
    if order is not None:
        how = "matched by name" if said is None else "as model.labels says"
        notes.append(f"labels: the checkpoint's head knows {', '.join(order)}; {how}")
        return True, order
    if len(names) == len(spec.labels) and all(name.startswith("LABEL_") for name in names):
        raise NamelessLabels(located.name, f"its head's outputs are named {', '.join(names)}", "say which is which")
    if config.train is None:
        finding = f"its head knows {', '.join(names)}, the task {', '.join(spec.labels)}"
        raise ModelError(located.name, finding, "say model.labels=[...] in the order of its outputs, or finetune it")
    notes.append(f"labels: the checkpoint's head knows {', '.join(names)}; a new head takes its place")
    return False, spec.labels


def _other_target(spec: TaskSpec, model_config: Any) -> str | None:
    """What a finished head answers where that is not what the task asks; None where it does not say."""
    targets = {"single_label_classification": "label", "multi_label_classification": "labels", "regression": "number"}
    found = targets.get(str(getattr(model_config, "problem_type", None)), spec.target)
    said = {"label": "one label a row", "labels": "several labels a row", "number": "a number"}
    return None if found == spec.target else said[found]


def _check_new(config: RunConfig) -> None:
    """Refuses a new head where nothing would train it, or where its outputs are named already. Raises ConfigError."""
    if config.train is None:
        raise ConfigError("model.head", "new, and train is null: it would answer by chance", "leave it out, or train")
    if config.model.labels is not None:
        finding = "they name the outputs of a head that model.head=new replaces"
        raise ConfigError("model.labels", finding, "leave one of them out")


def matched(spec: TaskSpec, names: Sequence[str]) -> tuple[str, ...] | None:
    """A model's label names in the task's spelling, merged ones included; None unless they are the task's labels."""
    known = {normalized(label): label for label in (*(spec.labels or ()), *spec.merge)}
    order = tuple(known.get(normalized(name), "") for name in names)
    whole = {spec.merge.get(label, label) for label in order} == set(spec.labels or ())
    return order if whole and len(set(order)) == len(order) else None


def _said(spec: TaskSpec, labels: tuple[str, ...], outputs: int) -> tuple[str, ...]:
    known = {normalized(label): label for label in (*spec.labels, *spec.merge)} if spec.labels else {}
    for label in labels:
        if normalized(label) not in known:
            raise ConfigError(
                "model.labels", f"{label!r} is no label of {spec.name}", f"they are: {', '.join(known.values())}"
            )
    if len(labels) != outputs:
        raise ConfigError(
            "model.labels", f"{len(labels)} names for {outputs} outputs", "name each output once, in order"
        )
    order = matched(spec, labels)
    if order is None:
        listed = ", ".join(labels)
        raise ConfigError(
            "model.labels", f"{listed} are not all labels of {spec.name}", "name each output once, in order"
        )
    return order


def _scaled(spec: TaskSpec, parts: Parts, keep_head: bool, notes: list[str]) -> TaskSpec:
    if spec.target != "number" or spec.scale is not None:
        return spec
    if keep_head or parts.train is None:
        notes.append("scale: the checkpoint's own")
        return spec.model_copy(update={"scale": Scale(mean=0.0, sd=1.0)})
    numbers = parts.train.rows["label"][:]
    mean = math.fsum(numbers) / len(numbers)
    deviation = math.sqrt(math.fsum((number - mean) ** 2 for number in numbers) / len(numbers))
    notes.append(
        f"scale: train labels have mean {mean:.4g} and standard deviation {deviation:.4g}; learnt standardised"
    )
    return spec.model_copy(update={"scale": Scale(mean=mean, sd=deviation or 1.0)})


def _carried(
    spec: TaskSpec, config: RunConfig, parts: Parts, model_config: Any, notes: list[str]
) -> Mapping[str, float]:
    """What an exported checkpoint's config says was fitted, where nothing is fitted anew."""
    said = getattr(model_config, CARRIED, None)
    fitted = said.get("fitted", {}) if isinstance(said, Mapping) else {}
    fits = KINDS[spec.kind].fits(spec, config.protocol)
    if not fitted or config.train is not None or parts.tune is not None or not fits:
        return {}
    notes.extend(f"{name}: {value:.4g}, as the checkpoint's config says" for name, value in fitted.items())
    return fitted


def _train(config: RunConfig, spec: TaskSpec, parts: Parts, notes: list[str]) -> Any:
    if config.train is None:
        return None
    rates.check(config.train)
    over: Mapping[str, Any] = {}
    chooses = parts.tune is not None or config.train.select_on is not None
    lasting = config.train.lasting(len(parts.train.rows) if parts.train is not None else 0, chooses=chooses)
    if lasting.epochs != config.train.epochs:
        notes.append(f"train.epochs: {lasting.epochs}, which makes {config.train.min_steps} steps of so few rows")
    if config.train.learning_rate is None:
        rate, how = _usual_rate(config)
        notes.append(f"train.learning_rate: {rate:g}, the usual one {how}")
        over = {"learning_rate": rate}
    if KINDS[spec.kind].fits(spec, config.protocol):
        notes.append("tune: rows cut off train fit the task's threshold")
    return lasting.model_copy(update=over)


def _usual_rate(config: RunConfig) -> tuple[float, str]:
    """The peak rate where none is said, and what it is usual with."""
    if config.lora is not None:
        return METHODS[config.lora.method].rate, f"with {_spoken(config.lora.method)}"
    if config.model.architecture is not None:
        return 1e-3, "for a model from scratch"
    alone = config.train is not None and config.train.freeze == "all_but_head"
    return (1e-3, "for a head alone") if alone else (5e-5, "without LoRA")


def _spoken(method: str) -> str:
    return {"lora": "LoRA"}.get(method, method)
