"""A base held in 4 or 8 bits by bitsandbytes while LoRA trains beside it: how it is asked for. Loads nothing."""

import importlib.util
from collections.abc import Sequence
from typing import Any

import torch
import transformers

from hf_suite.errors import ModelError

# NF4 with its scales quantised too, and arithmetic in fp32: QLoRA (arXiv 2305.14314, sections 2 and 3).
_SETTINGS: dict[str, dict[str, Any]] = {
    "nf4": {
        "load_in_4bit": True,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_use_double_quant": True,
        "bnb_4bit_compute_dtype": torch.float32,
    },
    "int8": {"load_in_8bit": True},
}


def check(quantize: str | None) -> None:
    """Raises ModelError where the library that quantises is not installed."""
    if quantize is not None and importlib.util.find_spec("bitsandbytes") is None:
        raise ModelError("model.quantize", "bitsandbytes is not installed", "pip install bitsandbytes")


def settings(quantize: str | None, whole: Sequence[str]) -> dict[str, Any]:
    """Keyword arguments for `from_pretrained`; the modules in `whole` keep all their bits, as what is trained must."""
    if quantize is None:
        return {}
    config = transformers.BitsAndBytesConfig(**_SETTINGS[quantize], llm_int8_skip_modules=list(whole) or None)
    return {"quantization_config": config}
