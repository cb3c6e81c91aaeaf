"""Pretrained checkpoints: where they are, how they become a model, how a finetuned one is kept. Knows no task."""

from hf_suite.models.building import Built, build
from hf_suite.models.locate import Located, load_config, load_tokenizer, locate, positions
from hf_suite.models.saved import inference, reload, save
from hf_suite.models.wrapping import resolve_targets

__all__ = [
    "Built",
    "Located",
    "build",
    "inference",
    "load_config",
    "load_tokenizer",
    "locate",
    "positions",
    "reload",
    "resolve_targets",
    "save",
]
