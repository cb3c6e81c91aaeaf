"""Pretrained checkpoints: where they are, how they become a model, how a finetuned one is kept. Knows no task."""

from hf_suite.models.building import Built, build, rate_times
from hf_suite.models.locate import Located, check_ids, load_config, load_generation, load_tokenizer, locate, positions
from hf_suite.models.plain import merged, read_plain, rescale, write_plain
from hf_suite.models.saved import inference, reload, save, take_over
from hf_suite.models.scratch import furnish
from hf_suite.models.wrapping import resolve_targets

__all__ = [
    "Built",
    "Located",
    "build",
    "check_ids",
    "furnish",
    "inference",
    "load_config",
    "load_generation",
    "load_tokenizer",
    "locate",
    "merged",
    "positions",
    "rate_times",
    "read_plain",
    "reload",
    "rescale",
    "resolve_targets",
    "save",
    "take_over",
    "write_plain",
]
