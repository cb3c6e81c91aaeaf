"""A folder that PEFT saved elsewhere, as a checkpoint: its base, its head, and its weights merged into the base."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import peft
import safetensors
import safetensors.torch
import transformers

from hf_suite.errors import ModelError
from hf_suite.models.wrapping import still_peft, under

CONFIG, WEIGHTS, _OURS = "adapter_config.json", "adapter_model.safetensors", "hf_suite.json"
_ROOT = "base_model.model."
_CLASSES = {
    "SEQ_CLS": transformers.AutoModelForSequenceClassification,
    "QUESTION_ANS": transformers.AutoModelForQuestionAnswering,
}
_HEADS = ("classifier", "score", "classification_head", "qa_outputs")
"""What PEFT's users save beside the method's own weights."""


def found(folder: Path) -> bool:
    """Whether the folder holds what PEFT saves, and no whole checkpoint."""
    return (folder / CONFIG).is_file() and not (folder / "config.json").is_file()


def base_of(folder: Path, said: str | None) -> str:
    """The base checkpoint: the one that is said, else the one that the folder names. Raises ModelError."""
    if not (folder / WEIGHTS).is_file():
        raise ModelError(str(folder), f"has {CONFIG} but no {WEIGHTS}", "save it again by PEFT's save_pretrained")
    base = said or _read(folder / CONFIG).get("base_model_name_or_path")
    if not base:
        raise ModelError(str(folder), "is what PEFT saves, and names no base", "say model.base=MODEL")
    return str(base)


def with_head(config: Any, folder: Path) -> Any:
    """The base's config, told of the head that the folder holds: its class, and its outputs by name."""
    outputs = _outputs(folder)
    cls = _CLASSES.get(str(_read(folder / CONFIG).get("task_type")))
    if outputs is None or cls is None or type(config) not in cls._model_mapping:
        return config
    config.architectures = [cls._model_mapping[type(config)].__name__]
    if config.num_labels != outputs:
        config.num_labels = outputs  # names them LABEL_0, LABEL_1, ...
    labels = _labels(folder)
    if labels is not None and len(labels) == outputs:
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: at for at, label in enumerate(labels)}
    return config


def merged_into(model: Any, folder: Path, *, heads: Sequence[str], keep_head: bool, base: str) -> tuple[Any, set[str]]:
    """The base with the folder's weights merged in fp32, and the names of the tensors that it gave whole.

    The head is left out unless it is to be kept. Raises ModelError where they belong to another base.
    """
    config, saved = peft.PeftConfig.from_pretrained(folder), safetensors.torch.load_file(folder / WEIGHTS)
    if config.is_prompt_learning:
        finding = "puts vectors before the text, which no weight of the base can take up"
        raise ModelError(str(folder), finding, "take another PEFT method")
    config.inference_mode = False
    own = tuple(f"{_ROOT}{head}" for head in heads)
    taken = {name: value for name, value in saved.items() if keep_head or not under(name, own)}
    with still_peft():
        adapted = peft.PeftModel(model, config)
        there = peft.get_peft_model_state_dict(adapted, save_embedding_layers=False)
        _check_fits(folder, base, taken, there, own)
        peft.set_peft_model_state_dict(adapted, {**there, **taken})
        model = adapted.merge_and_unload()
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    names = set(model.state_dict())
    return model, {name.removeprefix(_ROOT) for name in taken} & names


def _check_fits(
    folder: Path, base: str, taken: Mapping[str, Any], there: Mapping[str, Any], heads: Sequence[str]
) -> None:
    strange = [name for name, value in taken.items() if name not in there or there[name].shape != value.shape]
    lacking = [name for name in there if name not in taken and not under(name, heads)]
    odd = sorted([*strange, *lacking])
    if odd:
        finding = f"its weights do not fit the base {base} ({odd[0].removeprefix(_ROOT)}, ...)"
        raise ModelError(str(folder), finding, "say with model.base on which base it was trained")


def _outputs(folder: Path) -> int | None:
    """How many outputs the saved head has; None where no head is saved. The last layer of a head is its narrowest."""
    with safetensors.safe_open(folder / WEIGHTS, framework="numpy") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118 (no mapping)
    widths = [
        shape[0]
        for name, shape in shapes.items()
        if len(shape) == 2 and name.endswith("weight") and "lora_" not in name and set(name.split(".")) & set(_HEADS)
    ]
    return min(widths, default=None)


def _labels(folder: Path) -> list[str] | None:
    """The label names, where the folder is the model/ of a run of ours."""
    if not (folder / _OURS).is_file():
        return None
    labels: list[str] | None = _read(folder / _OURS)["config"]["model"]["labels"]
    return labels


def _read(path: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ModelError(str(path), f"is no JSON ({error})", "save it again") from error
    return facts
