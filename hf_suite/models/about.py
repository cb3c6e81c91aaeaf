"""What an architecture or a checkpoint can do, kind by kind and protocol by protocol, found without its weights."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from hf_suite import schema
from hf_suite.adapters import ADAPTERS, Adapter, adapter_class
from hf_suite.architectures import ARCHITECTURES
from hf_suite.config import LoraConfig, ModelConfig
from hf_suite.errors import ModelError
from hf_suite.models.building import head_modules, load
from hf_suite.models.locate import Located, load_config, load_tokenizer, locate, positions, quiet, search_path
from hf_suite.models.wrapping import resolve_targets


@dataclass(frozen=True)
class Ability:
    """How one kind of task is learnt and answered."""

    kind: str
    protocol: str
    cls: str | None
    """The transformers class; None where there is none, or where the tokenizer cannot serve."""
    targets: tuple[str, ...] = ()
    """What LoRA adapts by default."""
    heads: tuple[str, ...] = ()
    """Modules trained in full beside LoRA: the head, and whatever the checkpoint lacks."""
    tested: bool = False
    """Whether our tests train this architecture so, save it and load it again."""
    note: str = ""
    """Why not, or what is missing."""


@dataclass(frozen=True)
class About:
    """An architecture, or a checkpoint of it."""

    name: str
    """The architecture's model type, or the checkpoint's name."""
    architecture: str
    """transformers' model type."""
    positions: int | None
    """The longest text in tokens; None where there is no limit."""
    abilities: tuple[Ability, ...]
    notes: tuple[str, ...]
    """What is settled or missing, as sentences."""


def about(word: str, mirrors: tuple[str, ...] = ()) -> About:
    """Looks at a checkpoint (a folder, a hub id, package:MODULE/PATH) or an architecture by its model type.

    Raises ModelError: neither, with the nearest architecture.
    """
    quiet()
    known = transformers.CONFIG_MAPPING
    places = [Path(word), *(Path(mirror) / word for mirror in search_path(mirrors))]
    if Path(word).is_dir() or (word not in known and ("/" in word or any(place.is_dir() for place in places))):
        return _of_checkpoint(locate(ModelConfig(id=word), mirrors))
    if word not in known:
        hint = schema.nearest(word, [*ARCHITECTURES, *known]) or f"some are: {', '.join(ARCHITECTURES)}; "
        remedy = f"{hint.rstrip('; ')} (a checkpoint is a folder, a hub id or package:MODULE/PATH)"
        raise ModelError(word, "no architecture of that name, and no folder", remedy)
    config = known[word]()
    return About(word, word, positions(config), _abilities(config, None, None), tuple(_config_notes(config)))


def _abilities(config: Any, located: Located | None, tokenizer: Any) -> tuple[Ability, ...]:
    """Every kind and protocol; the several kinds that one adapter answers alike are looked at once."""
    found: dict[type[Adapter], Ability] = {}
    abilities = []
    for kind, protocol in ADAPTERS:
        adapter = adapter_class(kind, protocol, config)
        if adapter not in found:
            found[adapter] = _ability(adapter, (kind, protocol), config, located, tokenizer)
        abilities.append(dataclasses.replace(found[adapter], kind=kind, protocol=protocol))
    return tuple(abilities)


def _of_checkpoint(located: Located) -> About:
    config = load_config(located)
    try:
        tokenizer, said = load_tokenizer(located)
    except ModelError as error:
        tokenizer, said = None, [f"cannot be read: {error.finding}; {error.remedy}"]
    notes = (*said, *_config_notes(config))
    return About(located.name, config.model_type, positions(config), _abilities(config, located, tokenizer), notes)


def _ability(
    adapter: type[Adapter], at: tuple[str, str], config: Any, located: Located | None, tokenizer: Any
) -> Ability:
    kind, protocol = at
    cls = adapter.auto_model(config)
    if cls is None:
        return Ability(kind, protocol, None, note="transformers has no class for it" if protocol == "head" else "")
    try:
        if tokenizer is not None and located is not None:
            adapter.check_tokenizer(tokenizer, located.name)
        model, fresh = _without_weights(cls, config, located)
    except ModelError as error:
        return Ability(kind, protocol, None, note=error.finding)
    heads = tuple(sorted({*(head_modules(model) if adapter.task_head else ()), *fresh}))
    known = ARCHITECTURES.get(config.model_type)
    tested = known is not None and (kind in known.tested if protocol == "head" else protocol in known.protocols)
    try:
        targets = resolve_targets(LoraConfig(), model, heads, type(model).__name__)
    except ModelError as error:
        return Ability(kind, protocol, cls.__name__, (), heads, tested, f"LoRA: {error.finding}; {error.remedy}")
    return Ability(kind, protocol, cls.__name__, targets, heads, tested)


def _without_weights(cls: type[Any], config: Any, located: Located | None) -> tuple[Any, tuple[str, ...]]:
    """The model with no memory behind its weights, and the modules that the checkpoint lacks."""
    if located is not None:
        return load(located, cls, settings={"device_map": "meta"}, keep_head=True)
    with torch.device("meta"):
        return cls(config), ()


def _config_notes(config: Any) -> list[str]:
    notes = []
    if getattr(config, "is_encoder_decoder", False):
        notes.append("end token: a head is read at the one that ends the text; a text that holds it loses it")
    if getattr(config.get_text_config(), "pad_token_id", None) is None:
        notes.append("pad token: the config has none; the tokenizer's is set, or its end token in its place")
    return notes
