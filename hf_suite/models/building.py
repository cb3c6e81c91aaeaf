"""A checkpoint -> a model whose every fresh part is known, wrapped when LoRA is asked for. Knows no task."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import transformers

from hf_suite.config import LoraConfig, TrainConfig
from hf_suite.errors import ModelError
from hf_suite.methods import METHODS
from hf_suite.models import freezing, peft_folder, quantised, scratch
from hf_suite.models.locate import Located
from hf_suite.models.wrapping import bare, check_wrapped, under, wrapped

log = logging.getLogger(__name__)

_HEADED = ("ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering", "ForMultipleChoice")


@dataclass(frozen=True)
class Built:
    """A model and which of its parts did not come from the checkpoint."""

    model: Any
    """The transformers model, wrapped by PEFT where LoRA was asked for."""
    fresh: tuple[str, ...]
    """Modules with freshly initialised weights."""
    heads: tuple[str, ...]
    """Modules trained in full beside LoRA: those that are no backbone, and whatever is fresh."""


def build(
    located: Located,
    cls: type[Any],
    *,
    settings: dict[str, Any],
    keep_head: bool,
    lora: LoraConfig | None,
    peft_task: str,
    pad_token_id: int,
    freeze: str = "none",
    task_head: bool = True,
    gradient_checkpointing: bool = False,
) -> Built:
    """Loads the checkpoint into `cls` in fp32 and wraps it by `lora`, or freezes what `freeze` says. Raises ModelError.

    `keep_head` takes over the checkpoint's own task head; otherwise it is made anew. `task_head` says that the last
    layer is the task's, so that it is trained in full beside LoRA; else only what is fresh is. With
    `gradient_checkpointing` the layers compute their activations again in the backward pass, under the same dropout.
    """
    model, fresh = load(located, cls, settings=settings, keep_head=keep_head)
    model.config.pad_token_id = pad_token_id
    heads = tuple(sorted({*(head_modules(model) if task_head else ()), *fresh}))
    if gradient_checkpointing:
        _compute_again(model, located.name)
    if lora is None:
        freezing.freeze(model, freeze, heads, located.name)
        return Built(model, fresh, heads)
    adapted = wrapped(model, lora, heads, peft_task)
    check_wrapped(adapted, fresh, located.name)
    return Built(adapted, fresh, heads)


def rate_times(built: Built, train: TrainConfig | None, lora: LoraConfig | None) -> dict[str, float]:
    """Parts of parameters' names -> by what `train.learning_rate` is multiplied there; the first that fits counts."""
    times: dict[str, float] = {}
    if train is not None and train.learning_rate is not None and train.head_learning_rate is not None:
        names = [name for name, parameter in built.model.named_parameters() if parameter.requires_grad]
        heads = [name for name in names if under(bare(name), built.heads)]
        times = dict.fromkeys(heads, train.head_learning_rate / train.learning_rate)
    faster = METHODS[lora.method].loraplus_ratio if lora is not None else None
    if faster is not None and lora is not None and lora.loraplus_ratio is not None:
        times[faster] = lora.loraplus_ratio
    return times


def _compute_again(model: Any, place: str) -> None:
    """Turns gradient checkpointing on. Raises ModelError for an architecture that does not know it."""
    try:
        model.activation_checkpointing_enable()
    except ValueError as error:
        finding = f"{type(model).__name__} cannot compute activations again"
        raise ModelError(
            place, finding, "leave train.gradient_checkpointing out; lower train.micro_batch_size"
        ) from error


def load(located: Located, cls: type[Any], *, settings: dict[str, Any], keep_head: bool) -> tuple[Any, tuple[str, ...]]:
    """The model with the checkpoint's weights, in fp32 and eval mode, and the names of its fresh modules."""
    model, fresh = _loaded(located, cls, settings=settings, keep_head=keep_head)
    if located.quantize is None:
        return model, fresh
    whole = (*head_modules(model), *fresh)  # known only now; what is trained in full must keep all its bits
    return _loaded(located, cls, settings=settings, keep_head=keep_head, whole=whole)


def _loaded(
    located: Located, cls: type[Any], *, settings: dict[str, Any], keep_head: bool, whole: Sequence[str] = ()
) -> tuple[Any, tuple[str, ...]]:
    settings = {**settings, **quantised.settings(located.quantize, whole)}
    model, missing, unexpected = _load(located, cls, settings, {})
    if _lost_backbone(missing):  # a causal LM's `model.` is `transformer.` in Llama's and Qwen's span classes
        first = {name.split(".")[0] for name in unexpected}
        again = {
            rf"^{prefix}\.": f"{cls.base_model_prefix}." for prefix in first & {"model", "transformer", "base_model"}
        }
        if again:
            model, missing, unexpected = _load(located, cls, settings, again)
    lost = _lost_backbone(missing) or _lost_embeddings(model, missing)
    if lost:
        count = f"{len(lost)} of {len(model.state_dict())} tensors"
        finding = f"{count} of {cls.__name__} are not in the checkpoint ({lost[0]}, ...)"
        raise ModelError(located.name, finding, "take a checkpoint whose weights belong to its config.json")
    if located.peft is not None:
        heads = head_modules(model)
        base = located.folder.name
        model, given = peft_folder.merged_into(model, located.peft, heads=heads, keep_head=keep_head, base=base)
        missing -= given
    _check_finite(model, located)
    if not keep_head and _carries_head(located):
        missing |= _head_made_anew(model)
    return model.eval(), _modules_of(model, missing)


def _load(
    located: Located, cls: type[Any], settings: dict[str, Any], renamed: dict[str, str]
) -> tuple[Any, set[str], set[str]]:
    if located.recipe is not None:
        return scratch.fresh(located.folder, cls, settings), set(), set()
    mapping = {"key_mapping": renamed} if renamed else {}
    try:
        model, info = cls.from_pretrained(
            located.folder,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            **settings,
            **mapping,
        )
    except (OSError, ValueError, RuntimeError) as error:
        finding = f"its weights cannot be loaded ({str(error).strip().splitlines()[0][:200]})"
        raise ModelError(
            located.name, finding, "give a folder with model.safetensors that belongs to its config.json"
        ) from error
    missing = set(info["missing_keys"]) | {key[0] for key in info["mismatched_keys"]}
    return model, missing, set(info["unexpected_keys"])


def _check_finite(model: Any, located: Located) -> None:
    """Refuses weights that hold nan or inf, from which no number can be trusted. Raises ModelError."""
    weights = dict(model.named_parameters())
    held = {name: value for name, value in weights.items() if value.is_floating_point() and not value.is_meta}
    bad = [name for name, value in held.items() if not value.isfinite().all()]
    if bad:
        finding = f"{len(bad)} of {len(weights)} tensors hold nan or inf ({bad[0]}, ...)"
        raise ModelError(located.name, finding, "take an earlier checkpoint of that training, or fetch it again")


def _carries_head(located: Located) -> bool:
    """Whether the checkpoint was finetuned: its head belongs to a task."""
    config = transformers.AutoConfig.from_pretrained(located.folder)
    return (getattr(config, "architectures", None) or [""])[0].endswith(_HEADED)


def _head_made_anew(model: Any) -> set[str]:
    """Draws the head's weights as for a new model; their names."""
    heads = head_modules(model)
    for module in (module for head in heads for module in model.get_submodule(head).modules()):
        for parameter in module.parameters(recurse=False):
            parameter._is_hf_initialized = False  # what is marked as loaded, transformers does not draw
        model._init_weights(module)
    return {name for name, _ in model.named_parameters() if under(name, heads)}


def head_modules(model: Any) -> tuple[str, ...]:
    """The top-level modules with weights that are no part of the backbone."""
    prefix = model.base_model_prefix
    if type(model.config) not in transformers.AutoModel._model_mapping:  # two halves, which are all there is
        return ()
    if hasattr(model, prefix):
        backbone = {prefix}
    else:
        with torch.device("meta"):
            backbone = {name for name, _ in transformers.AutoModel.from_config(model.config).named_children()}
    return tuple(
        name
        for name, module in model.named_children()
        if name not in backbone and any(True for _ in module.parameters())
    )


def _lost_backbone(missing: set[str]) -> list[str]:
    """Missing tensors that stand in a stack of layers, and so cannot be a head or a pooler.

    Attention to an encoder is no loss of a decoder that was an encoder until now.
    """
    return sorted(name for name in missing if re.search(r"\.\d+\.(?!crossattention\.)", name))


def _lost_embeddings(model: Any, missing: set[str]) -> list[str]:
    """Missing tensors of embeddings, which come with any checkpoint whose weights belong to its config."""
    modules = dict(model.named_modules())
    return sorted(name for name in missing if isinstance(modules.get(name.rpartition(".")[0]), torch.nn.Embedding))


def _modules_of(model: Any, missing: set[str]) -> tuple[str, ...]:
    """The modules to train in full so that every missing tensor is trained: heads whole, else the smallest module."""
    modules, heads = dict(model.named_modules()), head_modules(model)
    found = {name.split(".")[0] if name.split(".")[0] in heads else name.rpartition(".")[0] for name in missing}
    found = {name for name in found if name in modules}
    return tuple(sorted(name for name in found if not under(name, found - {name})))
