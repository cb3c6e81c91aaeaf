"""What of a model stays as it is when no PEFT method is used: its embeddings, its first layers, all but its head."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from hf_suite.errors import ModelError
from hf_suite.models.wrapping import under


def freeze(model: Any, how: str, heads: Sequence[str], place: str) -> None:
    """Freezes what `train.freeze` says; `heads` are always trained. Raises ModelError when there is no such part."""
    frozen = list(_frozen(model, how, heads, place))
    for name, parameter in model.named_parameters():
        if under(name, frozen) and not under(name, heads):
            parameter.requires_grad_(False)


def _frozen(model: Any, how: str, heads: Sequence[str], place: str) -> Iterator[str]:
    """The names of the modules to freeze."""
    if how == "none":
        return
    if how == "all_but_head":
        yield from (name for name, _ in model.named_children())
        return
    yield from (name for name, module in model.named_modules() if isinstance(module, torch.nn.Embedding))
    _, _, number = how.partition(":")
    if number:
        yield from _first(model, int(number), heads, place)


def _first(model: Any, number: int, heads: Sequence[str], place: str) -> Iterator[str]:
    """The first layers of each stack: encoder and decoder have one each."""
    stacks: list[str] = []
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.ModuleList) and not under(name, [*stacks, *heads]):
            stacks.append(name)
    deep = min((len(model.get_submodule(name)) for name in stacks), default=0)
    if number > deep:
        raise ModelError("train.freeze", f"first:{number}, and {place} has {deep} layers", f"say first:{deep} or less")
    for name in stacks:
        yield from (f"{name}.{at}" for at in range(number))
