"""The `model/` folder of a run: what changed, written so that a fresh process gets the very same model back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import peft
import safetensors
import safetensors.torch
import torch

from hf_suite.config import LoraConfig
from hf_suite.errors import ModelError, RunError
from hf_suite.models.building import load
from hf_suite.models.locate import Located, quiet
from hf_suite.models.wrapping import still_peft, under

ADAPTER = "adapter_model.safetensors"


def save(model: Any, tokenizer: Any, folder: Path, *, base: str) -> int:
    """Writes weights (LoRA and heads, or all) and tokenizer into `folder`; returns their bytes. Raises RunError."""
    bad = [
        name for name, value in model.state_dict().items() if value.is_floating_point() and not value.isfinite().all()
    ]
    if bad:
        raise RunError(
            str(folder), f"{len(bad)} tensors are not finite ({bad[0]}, ...)", "nothing was saved; lower the rate"
        )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder)
    if isinstance(model, peft.PeftModel):
        state = peft.get_peft_model_state_dict(model, save_embedding_layers=False)
        safetensors.torch.save_file(
            {name: value.contiguous().clone() for name, value in state.items()}, folder / ADAPTER
        )
        config = model.peft_config["default"]
        config.base_model_name_or_path = base
        config.save_pretrained(folder)
        if model.get_base_model().can_generate():
            model.get_base_model().generation_config.save_pretrained(folder)
    else:
        model.save_pretrained(folder)
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def reload(
    folder: Path,
    base: Located | None,
    cls: type[Any],
    *,
    settings: dict[str, Any],
    pad_token_id: int,
    lora: LoraConfig | None,
) -> Any:
    """The saved model on a fresh base, in eval mode. Raises ModelError when the folder does not fit the base."""
    quiet()
    if lora is None:
        model, fresh = load(Located(folder, folder.name, None), cls, settings=settings, keep_head=True)
        if fresh:
            raise ModelError(str(folder), f"{', '.join(fresh)} are not in the saved weights", "train again")
    else:
        if base is None:
            raise ModelError(str(folder), "LoRA weights without their base", "give the base checkpoint")
        model, _ = load(base, cls, settings=settings, keep_head=False)
        model = _attached(model, folder)
    model.config.pad_token_id = pad_token_id
    return model.eval()


def take_over(model: Any, folder: Path, *, without: Sequence[str]) -> None:
    """Copies the weights saved in `folder` into a model wrapped alike, but for these modules. Raises ModelError."""
    saved = safetensors.torch.load_file(folder / ADAPTER)
    own = peft.get_peft_model_state_dict(model, save_embedding_layers=False)
    left = tuple(f"{root}.{name}" for name in without for root in ("base_model", "base_model.model"))
    shapes = {name: value.shape for name, value in own.items() if not under(name, left)}
    odd = sorted(name for name, shape in shapes.items() if name not in saved or saved[name].shape != shape)
    if odd:
        finding = f"its weights do not fit {type(model.get_base_model()).__name__} ({odd[0]}, ...)"
        raise ModelError(str(folder), finding, "go on from a run of the same kind of task")
    with still_peft():
        peft.set_peft_model_state_dict(model, {**own, **{name: saved[name] for name in shapes}})


def _attached(model: Any, folder: Path) -> Any:
    _check_heads(model, folder)
    try:
        with still_peft():
            return peft.PeftModel.from_pretrained(model, folder)
    except (KeyError, RuntimeError, OSError, ValueError) as error:
        finding = f"its LoRA weights do not fit the base ({str(error).strip().splitlines()[0][:200]})"
        raise ModelError(str(folder), finding, "give the base that they were trained on") from error


def _check_heads(model: Any, folder: Path) -> None:
    """Refuses a head of another shape than the model's, such as one of another number of labels. Raises ModelError."""
    if not (folder / ADAPTER).is_file():
        return
    own = {name: tuple(value.shape) for name, value in model.named_parameters()}
    with safetensors.safe_open(folder / ADAPTER, "pt") as file:
        names = sorted(file.keys())
        saved = {name.removeprefix("base_model.model."): tuple(file.get_slice(name).get_shape()) for name in names}
    for name, shape in saved.items():
        if shape != own.get(name, shape):
            finding = f"its {name} has shape {_times(shape)}, and the task's {_times(own[name])}"
            raise ModelError(str(folder), finding, "use it for a task with as many labels as it was trained on")


def _times(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


def inference() -> Any:
    """A context in which models answer and no gradient is kept."""
    return torch.inference_mode()


def largest_difference(first: Sequence[Any], second: Sequence[Any]) -> float:
    """The largest absolute difference between two nested sequences of numbers; inf where their shapes differ."""
    left, right = _flat(first), _flat(second)
    if len(left) != len(right):
        return float("inf")
    return float((torch.tensor(left) - torch.tensor(right)).abs().max()) if left else 0.0


def _flat(value: Any) -> list[float]:
    return [number for part in value for number in _flat(part)] if isinstance(value, (list, tuple)) else [float(value)]
