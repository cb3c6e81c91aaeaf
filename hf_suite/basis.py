"""Which model a run begins with: ModelConfig, a part of RunConfig. Looks for no checkpoint."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from hf_suite.schema import Record
from hf_suite.spec import Revision


def _frozen(value: Any) -> Any:
    """A list as a tuple: what stands inside a mapping that has a short form is not read as JSON any more."""
    return tuple(value) if isinstance(value, list) else value


PRESETS = ("llama", "gpt2", "qwen3", "mistral", "t5", "bart")
"""Architectures of which a model from scratch can be by its sizes alone."""
VOCABULARY = 8_000
"""Tokens of a tokenizer that is learnt, where nothing says how many."""


class ModelConfig(Record):
    """Which pretrained checkpoint."""

    id: str
    """A folder, a hub id, or `package:MODULE/PATH` (inside an installed package); a path that exists wins."""
    revision: Revision = None
    """A 40-hex commit of a hub id; null takes the newest and records which it was."""
    base: str | None = None
    """Beside an `id` that PEFT saved elsewhere: the base checkpoint; null takes the one that it names."""
    head: Literal["auto", "new"] = "auto"
    """A head that the checkpoint carries is kept where it knows the task's labels; `new` draws one in any case."""
    quantize: Literal["nf4", "int8"] | None = None
    """Hold the base in 4 or 8 bits beside LoRA, for models that memory does not hold otherwise (needs bitsandbytes)."""
    labels: Annotated[tuple[str, ...] | None, BeforeValidator(_frozen)] = None
    """The task's label names in the order of the checkpoint's outputs, for a head that names them LABEL_0, LABEL_1."""
    encoder: str | None = None
    """In place of id: an encoder checkpoint that is to read, beside `decoder`; what neither holds is trained whole."""
    decoder: str | None = None
    """An encoder checkpoint that is to write, attending to `encoder`; it may be the same one."""
    tie: bool = False
    """Whether encoder and decoder begin with the encoder's word embeddings."""
    architecture: str | None = None
    """In place of id, a model from scratch: a preset (llama, gpt2, qwen3, mistral, t5, bart) or the file or
    folder of a transformers config; its tokenizer is learnt from the train split, and all its weights are trained."""
    layers: int = Field(4, ge=1)
    """Of a preset: its layers."""
    hidden: int = Field(256, ge=2)
    """Of a preset: the width of its layers."""
    heads: int | None = Field(None, ge=1)
    """Of a preset: its attention heads; null makes them 64 wide."""
    positions: int = Field(1024, ge=8)
    """Of a preset: the longest text that it can read, in tokens."""
    vocabulary: int | None = Field(None, ge=1)
    """Tokens of the tokenizer that is learnt; null: 8,000, or what the config file says."""

    @model_validator(mode="before")
    @classmethod
    def _from_scratch(cls, data: Any) -> Any:
        """A model from scratch is called by its sizes. Raises ValueError where it is one and is none."""
        if not isinstance(data, dict):
            return data
        sizes = [name for name, usual in _SIZES.items() if data.get(name, usual) != usual]
        if data.get("architecture") is None:
            if sizes:
                raise ValueError(f"{sizes[0]} is of a model from scratch; say architecture too, or leave it out")
            return data
        name = _scratch_name(data)
        others = [key for key in ("encoder", "decoder", "tie", "base", "revision", "quantize") if data.get(key)]
        if others or data.get("id", name) != name:
            raise ValueError(f"{others[0] if others else 'id'} beside architecture; keep one of them")
        return {**data, "id": name}

    @model_validator(mode="before")
    @classmethod
    def _of_halves(cls, data: Any) -> Any:
        """Two halves are called by both their names. Raises ValueError for one half alone."""
        if not isinstance(data, dict) or not {"encoder", "decoder", "tie"} & data.keys():
            return data
        encoder, decoder = data.get("encoder"), data.get("decoder")
        if (encoder is None) != (decoder is None) or (encoder is None and data.get("tie")):
            raise ValueError("half a model; say both encoder and decoder")
        if encoder is None:
            return data
        return {"id": halves_name(str(encoder), str(decoder), tie=bool(data.get("tie"))), **data}


_SIZES = {"layers": 4, "hidden": 256, "heads": None, "positions": 1024, "vocabulary": None}
"""Keys of a model from scratch, and their defaults."""


SAID_BY_NAME = ("id", "encoder", "decoder", "tie", "architecture", *_SIZES)
"""Keys that the name of a model tells."""


def halves_name(encoder: str, decoder: str, *, tie: bool) -> str:
    """`E+D`, or `E+D+tied`."""
    return "+".join([encoder, decoder, *(["tied"] if tie else [])])


def _scratch_name(data: Mapping[str, Any]) -> str:
    """`scratch-llama-4x256-8000` and what else is not the default; of a config file its name without its path."""
    said = {**_SIZES, **{key: value for key, value in data.items() if value is not None}}
    file = Path(str(data["architecture"]))
    if str(file) not in PRESETS:
        name = file.parent.name if file.name == "config.json" else file.name
        return f"scratch-{name}" + (f"-{said['vocabulary']}" if said["vocabulary"] else "")
    more = "".join(f"-{key}{said[key]}" for key in ("heads", "positions") if said[key] != _SIZES[key])
    return f"scratch-{file}-{said['layers']}x{said['hidden']}-{said['vocabulary'] or VOCABULARY}{more}"
