"""A loaded model and a LoraConfig -> the model under PEFT, every fresh part trained and saved. Loads no checkpoint."""

import contextlib
import copy
import itertools
import math
import re
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import peft
import torch
import transformers

from hf_suite import schema
from hf_suite.config import LoraConfig
from hf_suite.errors import ConfigError, ModelError
from hf_suite.methods import METHODS, REFUSED, Method
from hf_suite.models import virtual_tokens

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
    ("query_key_value",),
    ("qkv_proj",),
)


# Keys, values and what enters the second feed-forward layer, which (IA)3 rescales (arXiv 2205.05638, section 3.3).
_SCALED = (
    ("key", "value", "output.dense"),
    ("key", "value", "ffn_output"),
    ("key_proj", "value_proj", "output.dense"),
    ("k_proj", "v_proj", "down_proj"),
    ("k_proj", "v_proj", "fc2"),
    ("k_lin", "v_lin", "lin2"),
    ("k", "v", "wo"),
    ("k", "v", "output.dense"),
    ("c_attn", "mlp.c_proj"),
    ("Wqkv", "mlp.Wo"),
    ("in_proj", "output.dense"),
)
_PEFT_WARNS = (
    (".*is_gradient_checkpointing.*", FutureWarning),  # asked for under a name that transformers 6 drops
    ("Failed to load the CUDA extension.*", UserWarning),  # BOFT looks for a faster way first
    ("Setting boft_n_butterfly_factor to 1.*", UserWarning),  # and says what is our default
    ("Unsupported layer type.*", UserWarning),  # norms, which have no inputs and outputs to be read
)
# PEFT's own class for spans hands everything on but token_type_ids, and says nothing; its plain class hands on all.
_LOSES_SEGMENTS = frozenset({"QUESTION_ANS"})
_FEEDFORWARD = frozenset(names[-1] for names in _SCALED)
_USUAL = {"attention": _QUERY_VALUE, "scaled": _SCALED, "norms": ()}


def resolve_targets(lora: LoraConfig, model: Any, heads: Sequence[str], place: str) -> tuple[str, ...]:
    """The layers that the method adapts, by the last part of their names. Raises ModelError when there are none."""
    layers = METHODS[lora.method].layers or "attention"
    names = [name for name, module in model.named_modules() if _adaptable(module, layers) and not under(name, heads)]
    inside = {name.rpartition(".")[2] for name in names}
    listed = ", ".join(sorted(inside))
    if lora.targets is None and layers == "norms":
        return tuple(sorted(inside))
    if lora.targets is None:
        known = next((usual for usual in _USUAL[layers] if all(_named(names, last) for last in usual)), None)
        if known is None:
            what = "query and value" if layers == "attention" else "key, value and feed-forward"
            raise ModelError(place, f"no known {what} layers", f"set lora.targets to some of: {listed}")
        return known
    for name in lora.targets:
        if not _named(names, name):
            hint = schema.nearest(name, inside)
            raise ModelError("lora.targets", f"no layer {name!r} in {place}", f"{hint}there are: {listed}")
    return tuple(lora.targets)


def wrapped(model: Any, lora: LoraConfig, heads: Sequence[str], peft_task: str) -> Any:
    """The model under PEFT. Raises ConfigError for options that PEFT refuses, ModelError for what cannot be."""
    method = METHODS[lora.method]
    if method.peft_tasks is not None and peft_task not in method.peft_tasks:
        finding = f"{lora.method} is offered for classification and question answering alone"
        raise ModelError("lora.method", finding, "take another method, such as lora")
    config = _peft_config(lora, model, heads, peft_task)
    try:
        with still_peft():
            adapted = peft.get_peft_model(model, config)
    except (ValueError, TypeError, RuntimeError) as error:
        finding = f"PEFT refuses them ({str(error).strip().splitlines()[0][:200]})"
        remedy = f"see the fields of PEFT's {METHODS[lora.method].config}"
        raise ConfigError("lora.options", finding, remedy) from error
    if method.layers is None:
        virtual_tokens.check(adapted, lora.method)
    return adapted


def _peft_config(lora: LoraConfig, model: Any, heads: Sequence[str], peft_task: str) -> peft.PeftConfig:
    method = METHODS[lora.method]
    cls = getattr(peft, method.config)
    known = set(cls.__dataclass_fields__)
    _check_options(lora, known)
    targets = resolve_targets(lora, model, heads, type(model).__name__) if method.layers is not None else ()
    widths = _widths(model, targets, heads)
    _check_rank(lora, widths)
    fields = {
        "task_type": None if peft_task in _LOSES_SEGMENTS and method.layers is not None else peft_task,
        **{at: value for at, value in _own(lora, method) if at is not None},
        **method.fixed,
        "target_modules": list(targets),
        "modules_to_save": list(heads),
        "exclude_modules": _outside(heads),
        "fan_in_fan_out": any(isinstance(module, transformers.pytorch_utils.Conv1D) for module in model.modules()),
        "feedforward_modules": [name for name in targets if name in _FEEDFORWARD],
    }
    if method.divisor is not None:
        most = cls.__dataclass_fields__[method.divisor].default
        fields[method.divisor] = _largest_divisor(math.gcd(*itertools.chain(*widths.values())), most)
    if "exclude_modules" not in known:
        _check_outside(lora, targets, model, heads)
    fields = {name: value for name, value in fields.items() if name in known}
    return cls(**{**fields, **copy.deepcopy(lora.options)})  # PEFT adds to the lists that it is given


def _own(lora: LoraConfig, method: Method) -> tuple[tuple[str | None, float | None], ...]:
    """Our keys that the method has a use for, under PEFT's names."""
    return (method.rank, lora.rank), (method.alpha, lora.alpha), (method.dropout, lora.dropout)


def _check_options(lora: LoraConfig, known: set[str]) -> None:
    cls = METHODS[lora.method].config
    for name in lora.options:
        if name not in known:
            remedy = schema.nearest(name, known).strip() or "see PEFT"
            raise ConfigError("lora.options", f"PEFT's {cls} has no field {name!r}", remedy)
    begin = str(lora.options.get("init_lora_weights"))
    refused = next((name for name in REFUSED if begin.startswith(name)), None)
    if refused is not None:
        finding = f"init_lora_weights={begin} is not offered: {REFUSED[refused]}"
        raise ConfigError("lora.options", finding, "leave it out, or say lora.method=pissa")


def _check_rank(lora: LoraConfig, widths: Mapping[str, tuple[int, int]]) -> None:
    """Refuses a rank that the narrowest adapted layer cannot have: nothing would be low about it."""
    if METHODS[lora.method].rank is None or lora.rank is None or not widths:
        return
    name = min(widths, key=lambda at: min(widths[at]))
    if lora.rank > min(widths[name]):
        finding = f"{lora.rank}, and {name} is {min(widths[name])} wide"
        raise ConfigError("lora.rank", finding, f"say lora.rank={min(widths[name])} or less")


def _check_outside(lora: LoraConfig, targets: Sequence[str], model: Any, heads: Sequence[str]) -> None:
    """Refuses targets that are also names in a head, for a method that cannot leave those out."""
    inside = [name for name, module in model.named_modules() if _adaptable(module, "attention") and under(name, heads)]
    also = next((name for name in inside if any(_named([name], target) for target in targets)), None)
    if also is not None:
        finding = f"they also name {also} of the head, which {lora.method} cannot leave out"
        raise ConfigError("lora.targets", finding, "name others, or take another method")


def _widths(model: Any, targets: Sequence[str], heads: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Inputs and outputs of each adapted layer; of norms none."""
    return {
        name: _sides(module)
        for name, module in model.named_modules()
        if _adaptable(module, "attention")
        and not under(name, heads)
        and any(_named([name], target) for target in targets)
    }


def _sides(module: Any) -> tuple[int, int]:
    """The smaller and the larger side of a layer, whose weight may be packed into fewer numbers than it stands for."""
    linear = isinstance(module, torch.nn.Linear)
    sides = (module.in_features, module.out_features) if linear else tuple(module.weight.shape)
    return min(sides), max(sides)


def _largest_divisor(number: int, most: int) -> int:
    return next(size for size in range(min(number, most), 0, -1) if number % size == 0)


def _outside(heads: Sequence[str]) -> str | None:
    """A pattern for all that stands in a head."""
    listed = "|".join(re.escape(name) for name in heads)
    return rf"(.*\.)?({listed})(\..*)?" if heads else None


def check_wrapped(model: Any, fresh: Sequence[str], place: str) -> None:
    """Refuses a wrapping that adapts nothing, or would leave a fresh part untrained or unsaved."""
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    if all(".modules_to_save." in name for name in trained):
        raise ModelError(place, "LoRA adapts no layer", "set lora.targets to layers of this model")
    saved = set(peft.get_peft_model_state_dict(model, save_embedding_layers=False))
    for module in fresh:
        if not any(f"{module}.modules_to_save." in name for name in trained):
            raise ModelError(place, f"the fresh part {module} would stay untrained", "leave it out of lora.options")
        if not any(f"{module}." in name for name in saved):
            raise ModelError(place, f"the fresh part {module} would not be saved", "leave it out of lora.options")


@contextlib.contextmanager
def still_peft() -> Iterator[None]:
    """Hides the warnings that PEFT itself raises when it wraps, of which none asks anything of us."""
    # SHiRA makes sparse weights, of which torch warns unless it is told what is its default: not to check them.
    torch.sparse.check_sparse_tensor_invariants.disable()
    with warnings.catch_warnings():
        for message, kind in _PEFT_WARNS:
            warnings.filterwarnings("ignore", message, kind)
        yield


def _adaptable(module: Any, layers: str) -> bool:
    if layers == "norms":
        return type(module).__name__.endswith("Norm")
    return isinstance(module, (torch.nn.Linear, transformers.pytorch_utils.Conv1D))


def _named(names: Sequence[str], last: str) -> bool:
    """Whether one of these modules' names ends so, part by part."""
    return any(name == last or name.endswith(f".{last}") for name in names)


def bare(name: str) -> str:
    """A parameter's name without what PEFT puts before it: more around adapted layers than beside prompts."""
    return name.removeprefix("base_model.").removeprefix("model.") if name.startswith("base_model.") else name


def under(name: str, heads: Collection[str]) -> bool:
    """Whether a module's name is one of these modules or inside one."""
    return any(name == head or name.startswith(f"{head}.") for head in heads)
