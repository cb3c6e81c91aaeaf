"""ADAPTERS: how a model does a kind of task under a protocol. Knows transformers, never peft or the training loop."""

from hf_suite.adapters.base import Adapter, Batch, Feature, take
from hf_suite.adapters.head import HeadAdapter
from hf_suite.adapters.span import SpanAdapter

ADAPTERS: dict[tuple[str, str], type[Adapter]] = {
    ("classification", "head"): HeadAdapter,
    ("question_answering", "head"): SpanAdapter,
}

__all__ = ["ADAPTERS", "Adapter", "Batch", "Feature", "take"]
