"""Prompt, prefix and p-tuning: whether a model still reads the right place with vectors before its text."""

from typing import Any

import torch

from hf_suite.errors import ModelError

_SHORT, _LONG = [7, 8, 9], [7, 8, 9, 10, 11, 12]
_TOLERANCE = 1e-4  # of the largest output; padding moves none by more than rounding where it is not read


def check(model: Any, method: str) -> None:
    """Runs a short text alone and beside a longer one. Raises ModelError where that fails or gives other outputs."""
    place, remedy = type(model.get_base_model()).__name__, "take another method, such as lora"
    try:
        alone, beside = _outputs(model.eval(), [_SHORT])[0], _outputs(model, [_SHORT, _LONG])[0]
        loses_segments = _reads_segments(model) and bool((_outputs(model, [_SHORT], segment=1)[0] == alone).all())
    except (ValueError, TypeError, RuntimeError, AttributeError, IndexError, KeyError) as error:
        finding = f"{method} does not work with it in PEFT ({str(error).strip().splitlines()[0][:200]})"
        raise ModelError(place, finding, remedy) from error
    difference = (alone - beside[: len(alone)]).abs().max()
    if not difference <= _TOLERANCE * alone.abs().max():
        finding = f"under {method} in PEFT its outputs depend on the padding beside a text"
        raise ModelError(place, finding, remedy)
    if loses_segments:
        finding = f"under {method} in PEFT it is not told which text a token belongs to (token_type_ids)"
        raise ModelError(place, finding, remedy)


def _reads_segments(model: Any) -> bool:
    return (getattr(model.config, "type_vocab_size", 0) or 0) > 1


def _outputs(model: Any, texts: list[list[int]], *, segment: int = 0) -> torch.Tensor:
    """The first of the model's outputs, one line a text, padded on the right, all of one segment."""
    length = max(map(len, texts))
    pad = model.config.pad_token_id or 0
    ids = torch.tensor([[*text, *[pad] * (length - len(text))] for text in texts])
    mask = torch.tensor([[1] * len(text) + [0] * (length - len(text)) for text in texts])
    segments = {"token_type_ids": torch.full_like(ids, segment)} if _reads_segments(model) else {}
    with torch.inference_mode():
        output: torch.Tensor = model(input_ids=ids, attention_mask=mask, **segments)[0]
    return output
