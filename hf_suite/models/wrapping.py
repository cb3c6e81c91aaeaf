"""A loaded model and a LoraConfig -> the model under PEFT, every fresh part trained and saved. Loads no checkpoint."""

import contextlib
import copy
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import peft
import torch
import transformers

from hf_suite import schema
from hf_suite.config import LoraConfig
from hf_suite.errors import ConfigError, ModelError

# The attention's query and value under the names that architectures give them; the first that a model has are taken.
_QUERY_VALUE = (
    ("query", "value"),
    ("query_proj", "value_proj"),
    ("q_proj", "v_proj"),
    ("q_lin", "v_lin"),
    ("q", "v"),
    ("Wqkv",),
    ("c_attn",),
    ("in_proj",),
)


def resolve_targets(lora: LoraConfig, model: Any, heads: Sequence[str], place: str) -> tuple[str, ...]:
    """The layers that LoRA adapts, by the last part of their names. Raises ModelError when there are none."""
    inside = {
        name.split(".")[-1] for name, module in model.named_modules() if _adaptable(module) and not under(name, heads)
    }
    listed = ", ".join(sorted(inside))
    if lora.targets is None:
        known = next((names for names in _QUERY_VALUE if inside.issuperset(names)), None)
        if known is None:
            raise ModelError(place, "no known query and value layers", f"set lora.targets to some of: {listed}")
        return known
    for name in lora.targets:
        if name not in inside:
            hint = schema.nearest(name, inside)
            raise ModelError("lora.targets", f"no layer {name!r} in {place}", f"{hint}there are: {listed}")
    return tuple(lora.targets)


def wrapped(model: Any, lora: LoraConfig, heads: Sequence[str], peft_task: str) -> Any:
    """The model under LoRA. Raises ConfigError for options that PEFT refuses."""
    try:
        with still_peft():
            return peft.get_peft_model(model, _peft_config(lora, model, heads, peft_task))
    except (ValueError, TypeError) as error:
        finding = f"PEFT refuses them ({str(error).strip().splitlines()[0][:200]})"
        raise ConfigError("lora.options", finding, "see the fields of PEFT's LoraConfig") from error


def _peft_config(lora: LoraConfig, model: Any, heads: Sequence[str], peft_task: str) -> peft.LoraConfig:
    known = set(peft.LoraConfig.__dataclass_fields__)
    for name in lora.options:
        if name not in known:
            raise ConfigError(
                "lora.options",
                f"PEFT's LoraConfig has no field {name!r}",
                schema.nearest(name, known).strip() or "see PEFT",
            )
    outside = "|".join(re.escape(name) for name in heads)
    fields = {
        "task_type": peft_task,
        "r": lora.rank,
        "lora_alpha": lora.alpha,
        "lora_dropout": lora.dropout,
        "target_modules": list(resolve_targets(lora, model, heads, type(model).__name__)),
        "modules_to_save": list(heads),
        "exclude_modules": rf"(.*\.)?({outside})(\..*)?" if heads else None,
        "fan_in_fan_out": any(isinstance(module, transformers.pytorch_utils.Conv1D) for module in model.modules()),
    }
    return peft.LoraConfig(**{**fields, **copy.deepcopy(lora.options)})  # PEFT adds to the lists that it is given


def check_wrapped(model: Any, fresh: Sequence[str], place: str) -> None:
    """Refuses a wrapping that adapts nothing, or would leave a fresh part untrained or unsaved."""
    adapted = [name for name, _ in model.named_parameters() if "lora_" in name]
    if not adapted:
        raise ModelError(place, "LoRA adapts no layer", "set lora.targets to layers of this model")
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    saved = set(peft.get_peft_model_state_dict(model, save_embedding_layers=False))
    for module in fresh:
        if not any(f"{module}.modules_to_save." in name for name in trained):
            raise ModelError(place, f"the fresh part {module} would stay untrained", "leave it out of lora.options")
        if not any(f"{module}." in name for name in saved):
            raise ModelError(place, f"the fresh part {module} would not be saved", "leave it out of lora.options")


@contextlib.contextmanager
def still_peft() -> Iterator[None]:
    """Hides the warning that PEFT itself raises on each wrapping: it asks under a name that transformers 6 drops."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing.*", FutureWarning)
        yield


def _adaptable(module: Any) -> bool:
    return isinstance(module, (torch.nn.Linear, transformers.pytorch_utils.Conv1D))


def under(name: str, heads: Sequence[str]) -> bool:
    """Whether a module's name is one of these modules or inside one."""
    return any(name == head or name.startswith(f"{head}.") for head in heads)
