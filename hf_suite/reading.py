"""How a model reads texts: by what tokenizer, how much at once, and one long text in what blocks. Builds no model."""

from typing import Any

from hf_suite import blocks, data, models
from hf_suite.adapters import Adapter, beginning
from hf_suite.blocks import Blocks
from hf_suite.config import RunConfig
from hf_suite.errors import ConfigError
from hf_suite.models import Located, positions
from hf_suite.parts import train_split
from hf_suite.spec import TaskSpec


def tokenizer_of(spec: TaskSpec, config: RunConfig, located: Located) -> tuple[Any, list[str]]:
    """The checkpoint's tokenizer; of a model from scratch the one that its train split teaches."""
    if located.recipe is None:
        return models.load_tokenizer(located)
    of = config.split.of if config.split is not None else None
    name = of if of is not None else train_split(spec, config)
    learnt = models.furnish(located.folder, data.texts(spec, name, mirrors=config.mirror))
    tokenizer, notes = models.load_tokenizer(located)
    return tokenizer, [learnt, *notes]


def length(
    config: RunConfig, model_config: Any, adapter_class: type[Adapter], located: Located, notes: list[str]
) -> int:
    """What is said, else the usual number within the model's positions, which goes to `notes`. Raises ConfigError."""
    limit = room(config, model_config)
    if config.max_length is None:
        chosen = min(adapter_class.default_length, limit or adapter_class.default_length)
        notes.append(
            f"max_length: {chosen}, the usual length" + (" within the model's positions" if limit == chosen else "")
        )
        return chosen
    check_length(config, model_config, located.name)
    return config.max_length


def room(config: RunConfig, model_config: Any) -> int | None:
    """The longest text, in tokens, that the model has positions for; None where it has no limit."""
    limit = positions(model_config)
    return limit if limit is None or config.lora is None else limit - config.lora.tokens


def check_length(config: RunConfig, model_config: Any, name: str) -> None:
    """Refuses to read more tokens at once than the model `name` has positions for. Raises ConfigError."""
    limit = room(config, model_config)
    if limit is not None and config.max_length is not None and config.max_length > limit:
        own = config.lora.method if config.lora is not None and config.lora.tokens else None
        beside = f" beside those that {own} puts before them" if own else ""
        finding = f"{config.max_length} tokens, and {name} has positions for {limit}{beside}"
        raise ConfigError("max_length", finding, f"say max_length={limit} or less")


def blocks_of(
    spec: TaskSpec,
    config: RunConfig,
    *,
    located: Located,
    tokenizer: Any,
    adapter_class: type[Adapter],
) -> Blocks | None:
    """How a split that is one text (document: split) is cut; None where rows are rows. Raises ConfigError, ModelError.

    A block has `max_length` tokens; in evaluation all but `stride` of them are new.
    """
    if spec.document != "split":
        return None
    read = length(config, models.load_config(located), adapter_class, located, [])
    shared, begin = min(config.stride, read // 2), beginning(tokenizer)
    return blocks.of_tokenizer(tokenizer, begin=begin, length=read, shared=shared, place=located.name)
