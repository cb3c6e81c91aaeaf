"""ADAPTERS: how a model does a kind of task under a protocol. Knows transformers, never peft or the training loop."""

from typing import Any

from hf_suite.adapters.base import Adapter, Batch, Feature, Given, Settled, Strip, take
from hf_suite.adapters.document import DocumentAdapter, beginning
from hf_suite.adapters.generation import EncoderDecoderAdapter
from hf_suite.adapters.head import HeadAdapter
from hf_suite.adapters.likelihood import LikelihoodAdapter
from hf_suite.adapters.masked import MaskedAdapter
from hf_suite.adapters.prompting import DecoderAdapter
from hf_suite.adapters.span import SpanAdapter
from hf_suite.config import RunConfig
from hf_suite.errors import ConfigError
from hf_suite.plugins import Registry, lacks

ADAPTERS: Registry[tuple[str, str], type[Adapter]] = Registry(
    "hf_suite.adapters",
    {
        ("classification", "head"): HeadAdapter,
        ("question_answering", "head"): SpanAdapter,
        ("translation", "generation"): EncoderDecoderAdapter,
        ("summarization", "generation"): EncoderDecoderAdapter,
        ("text2text", "generation"): EncoderDecoderAdapter,
        ("classification", "generation"): EncoderDecoderAdapter,
        ("question_answering", "generation"): EncoderDecoderAdapter,
        ("classification", "likelihood"): LikelihoodAdapter,
        ("language_modeling", "likelihood"): DocumentAdapter,
        ("language_modeling", "masked"): MaskedAdapter,
    },
    wants=lambda value: lacks(Adapter, value, but=frozenset({"counts"})),
    key=lambda name: tuple(name.split(".")) if name.count(".") == 1 else None,
)
"""(kind, protocol) -> adapter. The first protocol of a kind is its own: the one that is taken where none is said."""

DECODERS: dict[type[Adapter], type[Adapter]] = {EncoderDecoderAdapter: DecoderAdapter}
"""Adapter -> the one that does the same with a decoder alone."""

__all__ = [
    "ADAPTERS",
    "Adapter",
    "Batch",
    "Feature",
    "Given",
    "Settled",
    "Strip",
    "adapter_class",
    "beginning",
    "own_protocol",
    "take",
    "with_protocol",
]


def own_protocol(kind: str) -> str:
    """The protocol of a kind where none is said."""
    return next(protocol for of, protocol in ADAPTERS if of == kind)


def with_protocol(kind: str, config: RunConfig) -> RunConfig:
    """The config with the protocol that it says, else the kind's own. Raises ConfigError where the kind has no such."""
    there = [protocol for of, protocol in ADAPTERS if of == kind]
    if config.protocol is not None and config.protocol not in there:
        raise ConfigError("protocol", f"{kind} has no {config.protocol!r}", f"it has: {', '.join(there)}")
    return config.model_copy(update={"protocol": config.protocol or own_protocol(kind)})


def adapter_class(kind: str, protocol: str | None, model_config: Any) -> type[Adapter]:
    """The adapter for a kind, a settled protocol and an architecture."""
    found = ADAPTERS[kind, str(protocol)]
    other = DECODERS.get(found, found)
    return other if found.auto_model(model_config) is None and other.auto_model(model_config) is not None else found
