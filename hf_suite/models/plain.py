"""A run's model as a plain transformers one: updates merged in fp32, and a number's scale. Knows no task."""

from pathlib import Path
from typing import Any

import peft
import torch
import transformers

from hf_suite.errors import ModelError
from hf_suite.models.building import head_modules
from hf_suite.models.wrapping import still_peft


def merged(model: Any, place: str) -> Any:
    """The model without PEFT, its updates added to its weights, in place. Raises ModelError.

    Never into quantised weights: what is added to those is rounded away, or lands on the wrong scale.
    """
    if not isinstance(model, peft.PeftModel):
        return model
    if any(not parameter.is_floating_point() for parameter in model.parameters()):
        raise ModelError(place, "its weights are quantised, and merging would spoil them", "give the base in fp32")
    method = str(getattr(model.peft_config["default"].peft_type, "value", "PEFT")).lower()
    if model.active_peft_config.is_prompt_learning:
        finding = f"{method} learns what is put before the text, and there are no weights to merge it into"
        raise ModelError(place, finding, "use the run folder itself")
    untold = isinstance(model, peft.PeftModelForQuestionAnswering)
    try:
        with still_peft():
            plain = model.merge_and_unload(safe_merge=True)
    except (ValueError, RuntimeError, AttributeError) as error:
        reason = str(error).strip().splitlines()[0][:200]
        raise ModelError(place, f"{method} cannot be merged ({reason})", "use the run folder itself") from error
    for name, module in list(plain.named_modules()):
        if isinstance(module, peft.utils.ModulesToSaveWrapper):  # which LN tuning leaves in its place
            plain.set_submodule(name, module.modules_to_save[module.active_adapter])
    if untold:
        _level_token_types(plain)
    return plain


def rescale(model: Any, *, mean: float, sd: float, place: str) -> None:
    """Makes the model's one output `sd * output + mean`, exactly, by its last layer. Raises ModelError."""
    layers = [
        layer
        for head in head_modules(model)
        for layer in model.get_submodule(head).modules()
        if isinstance(layer, torch.nn.Linear) and layer.out_features == model.config.num_labels
    ]
    if len(layers) != 1:
        finding = f"{len(layers)} layers of {type(model).__name__} could give its number, so none can take its scale"
        raise ModelError(place, finding, "use the run folder itself")
    layer = layers[0]
    if layer.bias is None and mean != 0:
        finding = f"the labels' mean {mean:.4g} needs a bias, and the last layer of {type(model).__name__} has none"
        remedy = "train with task.scale.mean=0 task.scale.sd=1, or use the run folder itself"
        raise ModelError(place, finding, remedy)
    with torch.no_grad():
        layer.weight.copy_(layer.weight.double() * sd)
        if layer.bias is not None:
            layer.bias.copy_(layer.bias.double() * sd + mean)


def write_plain(model: Any, tokenizer: Any, folder: Path) -> None:
    """Weights, configs and tokenizer, as transformers keeps them."""
    folder.mkdir(parents=True)
    # Else weights that were renamed to be loaded (a causal LM's for spans) would go back to names that are not found.
    model.save_pretrained(folder, save_original_format=False)
    tokenizer.save_pretrained(folder)


def read_plain(folder: Path, cls: type[Any]) -> tuple[Any, Any]:
    """Model, in eval mode, and tokenizer, by transformers alone."""
    return cls.from_pretrained(folder).eval(), transformers.AutoTokenizer.from_pretrained(folder)


def _level_token_types(model: Any) -> None:
    """Makes every token's type count as the first: PEFT's forward for spans takes the types and does not hand them on.

    Without it the merged model would be told what the run's was not, and answer otherwise.
    """
    for name, module in model.named_modules():
        if name.endswith("token_type_embeddings"):
            with torch.no_grad():
                module.weight.copy_(module.weight[:1].expand_as(module.weight))
