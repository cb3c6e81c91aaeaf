"""A model from nothing: its config by a preset or a file, its tokenizer learnt from texts. Loads no weights."""

import atexit
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import tokenizers
import transformers

from hf_suite import schema
from hf_suite.basis import PRESETS, VOCABULARY, ModelConfig
from hf_suite.errors import ConfigError, ModelError

PAD, BEGIN, END = "<pad>", "<s>", "</s>"
"""The tokens 0, 1 and 2 of every tokenizer that is learnt here."""
_VERSION = 1  # raised when the same recipe would make another model
_NO_RECIPE = ("transformers_version", "_name_or_path")
_WIDTH = 64  # of an attention head, where nothing is said


def _grouped(model: ModelConfig, heads: int) -> dict[str, Any]:
    return {
        "hidden_size": model.hidden,
        "num_hidden_layers": model.layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "intermediate_size": -(-model.hidden * 8 // 3 // 32) * 32,
        "max_position_embeddings": model.positions,
        "tie_word_embeddings": True,
    }


def _gpt2(model: ModelConfig, heads: int) -> dict[str, Any]:
    return {"n_embd": model.hidden, "n_layer": model.layers, "n_head": heads, "n_positions": model.positions}


def _qwen3(model: ModelConfig, heads: int) -> dict[str, Any]:
    return {**_grouped(model, heads), "head_dim": model.hidden // heads}


def _mistral(model: ModelConfig, heads: int) -> dict[str, Any]:
    return {**_grouped(model, heads), "sliding_window": None}


def _t5(model: ModelConfig, heads: int) -> dict[str, Any]:
    sizes = {"d_model": model.hidden, "d_kv": model.hidden // heads, "d_ff": 4 * model.hidden}
    return {**sizes, "num_layers": model.layers, "num_heads": heads}


def _bart(model: ModelConfig, heads: int) -> dict[str, Any]:
    halves = {f"{half}_layers": model.layers for half in ("encoder", "decoder")}
    halves |= {f"{half}_attention_heads": heads for half in ("encoder", "decoder")}
    halves |= {f"{half}_ffn_dim": 4 * model.hidden for half in ("encoder", "decoder")}
    return {"d_model": model.hidden, **halves, "max_position_embeddings": model.positions}


SIZES: dict[str, Callable[[ModelConfig, int], dict[str, Any]]] = {
    "llama": _grouped,
    "gpt2": _gpt2,
    "qwen3": _qwen3,
    "mistral": _mistral,
    "t5": _t5,
    "bart": _bart,
}
"""Each of PRESETS -> the sizes in its config; an encoder-decoder has the layers in each half."""


def drafted(model: ModelConfig) -> tuple[Path, str]:
    """A folder of this process's own with the config, and what stands for the recipe.

    Raises ConfigError, ModelError.
    """
    config = _preset(model) if model.architecture in PRESETS else _read(model)
    config.pad_token_id, config.bos_token_id, config.eos_token_id = 0, 1, 2
    if config.is_encoder_decoder:
        config.decoder_start_token_id = 0 if config.model_type in ("t5", "mt5", "umt5") else 2
    config.architectures = None
    folder = Path(tempfile.mkdtemp(prefix="hf-suite-scratch-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    config.save_pretrained(folder)
    said = {name: value for name, value in config.to_dict().items() if name not in _NO_RECIPE}
    digest = hashlib.sha256(json.dumps([_VERSION, said], sort_keys=True, default=str).encode()).hexdigest()
    return folder, digest


def furnish(folder: Path, texts: Iterable[str]) -> str:
    """Learns the tokenizer of a drafted model from texts and writes it beside the config; a sentence on it.

    Byte-level BPE, which knows every text and is the same each time. A config of more tokens than the texts give is
    written again with as many as there are. Raises ModelError where there is no text, or another tokenizer is read.
    """
    config = transformers.AutoConfig.from_pretrained(folder)
    tokenizer = _learnt(texts, config.vocab_size, ends=config.is_encoder_decoder)
    tokenizer.save_pretrained(folder)
    _check_own(tokenizer, folder, config.model_type)
    asked, config.vocab_size = config.vocab_size, len(tokenizer)
    config.save_pretrained(folder)
    few = f", of {asked:,} asked for, since the texts give no more" if len(tokenizer) < asked else ""
    return f"tokenizer: byte-level BPE of {len(tokenizer):,} tokens{few}, learnt from the train split"


def _check_own(tokenizer: Any, folder: Path, architecture: str) -> None:
    """Refuses an architecture that transformers gives a tokenizer of its own class, whatever is saved (Qwen2)."""
    opened = transformers.AutoTokenizer.from_pretrained(folder)
    if not opened.is_fast or opened.backend_tokenizer.to_str() != tokenizer.backend_tokenizer.to_str():
        finding = (
            f"transformers reads every tokenizer of {architecture} as {type(opened).__name__}, not as it is learnt"
        )
        raise ModelError("model.architecture", finding, f"take another: {', '.join(PRESETS)}")


def fresh(folder: Path, cls: type[Any], settings: dict[str, Any]) -> Any:
    """The model with weights that are drawn, all of them, from torch's generator as it stands."""
    config, rest = transformers.AutoConfig.from_pretrained(folder, return_unused_kwargs=True, **settings)
    return cls.from_pretrained(None, config=config, state_dict={}, **rest)


def _preset(model: ModelConfig) -> Any:
    heads = model.heads or max(1, model.hidden // _WIDTH)
    if model.hidden % heads or model.hidden // heads % 2:
        finding = f"{model.hidden} are not {heads} heads of an even width"
        raise ConfigError("model.hidden", finding, f"say a multiple of {2 * heads}, or other model.heads")
    if model.vocabulary is not None and model.vocabulary < _LEAST:
        finding = f"{model.vocabulary}, and bytes alone with {PAD}, {BEGIN} and {END} are {_LEAST}"
        raise ConfigError("model.vocabulary", finding, "say more")
    settings = SIZES[str(model.architecture)](model, heads)
    vocabulary = model.vocabulary or VOCABULARY
    return transformers.AutoConfig.for_model(model.architecture, vocab_size=vocabulary, **settings)


_LEAST = 256 + 3


def _read(model: ModelConfig) -> Any:
    """The config in a file or folder. Raises ConfigError where there is none, ModelError where it cannot be read."""
    word = str(model.architecture)
    path = Path(word).expanduser()
    file = path / "config.json" if path.is_dir() else path
    if not file.is_file():
        hint = schema.nearest(word, PRESETS)
        remedy = f"{hint}there are: {', '.join(PRESETS)}; or give a config.json"
        raise ConfigError("model.architecture", f"no preset {word!r}, and no such file", remedy)
    sizes = [name for name in ("layers", "hidden", "heads", "positions") if getattr(model, name) != _usual(name)]
    if sizes:
        raise ConfigError(f"model.{sizes[0]}", f"{file.name} says it already", "leave it out")
    try:
        config = transformers.AutoConfig.from_pretrained(file)
    except (OSError, ValueError, KeyError) as error:
        finding = f"is no config that transformers reads ({str(error).strip().splitlines()[0][:200]})"
        raise ModelError(word, finding, "give the config.json of an architecture that it knows") from error
    config.vocab_size = model.vocabulary or config.vocab_size
    return config


def _usual(name: str) -> Any:
    return ModelConfig.model_fields[name].default


def _learnt(texts: Iterable[str], vocabulary: int, *, ends: bool) -> Any:
    """A tokenizer of at most so many tokens; `ends` puts the end after each text, as encoder-decoders read it."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    if ends:
        tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
            single=f"$A {END}", pair=f"$A {END} $B {END}", special_tokens=[(END, 2)]
        )
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, BEGIN, END],
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_saying(texts), trainer)
    special = {"pad_token": PAD, "bos_token": BEGIN, "eos_token": END}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)


def _saying(texts: Iterable[str]) -> Iterator[str]:
    """The texts that say something. Raises ModelError where none does."""
    empty = True
    for text in texts:
        if text.strip():
            empty = False
            yield text
    if empty:
        raise ModelError("model.vocabulary", "the train split has no text to learn it from", "give texts")
