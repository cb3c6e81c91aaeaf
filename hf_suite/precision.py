"""What a model computes in: fp32, bf16 or fp16, as asked or as the device does fast and the model bears."""

import torch

from hf_suite.errors import ConfigError

# Trained in bf16 or fp32, they reach numbers beyond 65,504: transformers issues 5651, 11461, 11735 and 14189, and
# DeBERTa's issue 77.
OVERFLOWS_FP16 = frozenset(
    {"t5", "mt5", "umt5", "longt5", "pegasus", "pegasus_x", "bigbird_pegasus", "deberta", "deberta-v2"}
)
"""transformers' names of the architectures that must not compute in fp16."""


def fast_bf16(device: str) -> bool:
    """Whether this device computes in bf16 by instructions of its own: without them a CPU is 30 times slower."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device == "cpu" and bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def settled(asked: str, device: str, *, fast: bool, model_type: str, trains: bool) -> tuple[str, str | None]:
    """The precision to compute in, and a sentence where it was chosen or is unwise. Raises ConfigError.

    `fast` is what `fast_bf16` says of the device. fp16 is for answering on a GPU: training in it would need its loss
    scaled.
    """
    overflows = model_type in OVERFLOWS_FP16
    if asked == "auto":
        return _chosen(device, fast=fast, overflows=overflows, trains=trains)
    if asked == "fp16" and device == "cpu":
        raise ConfigError("precision", "fp16 is asked for on a CPU, which has no fast one", "say precision=auto")
    if asked == "fp16" and trains:
        finding = "fp16 is asked for in training, and its small gradients would vanish"
        raise ConfigError("precision", finding, "say precision=auto")
    if asked == "fp16" and overflows:
        return asked, f"precision: fp16, as asked, though models of type {model_type} overflow in it"
    if asked == "bf16" and not fast:
        return asked, f"precision: bf16, as asked, though this {device} has no instructions for it: fp32 is faster here"
    return asked, None


def _chosen(device: str, *, fast: bool, overflows: bool, trains: bool) -> tuple[str, str]:
    if fast:
        return "bf16", f"precision: bf16, which this {device} computes by instructions of its own"
    if device == "cuda" and not (overflows or trains):
        return "fp16", "precision: fp16, since this cuda has no bf16 of its own and nothing is trained"
    return "fp32", f"precision: fp32, since this {device} has no bf16 of its own"
