"""An encoder-decoder from two encoder checkpoints: each half loaded by itself, so that what neither holds is seen."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import transformers

from hf_suite.errors import ConfigError, ModelError


@functools.cache
def joined(encoder: Path, decoder: Path, *, tie: bool) -> Path:
    """A folder of this process's own with a checkpoint of both halves, which lacks what neither half holds.

    Cross-attention, a projection between two widths and a missing output layer are left out of it, so that whoever
    loads it finds them missing and trains them in full. Its bytes depend on the halves alone. With `tie` both halves
    have the encoder's word embeddings. Raises ConfigError for two vocabularies, ModelError for a half that cannot be
    one.
    """
    tokenizer = _one_vocabulary(encoder, decoder, tie=tie)
    folder = Path(tempfile.mkdtemp(prefix="hf-suite-halves-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    reads = _encoder(encoder)
    writes, missing = _decoder(decoder)
    config = transformers.EncoderDecoderConfig.from_encoder_decoder_configs(
        reads.config,
        writes.config,
        decoder_start_token_id=_first(tokenizer),
        eos_token_id=_last(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        architectures=["EncoderDecoderModel"],
    )
    weights = {f"encoder.{name}": value for name, value in reads.state_dict().items()}
    weights |= {f"decoder.{name}": value for name, value in writes.state_dict().items() if name not in missing}
    if tie:
        shared = reads.get_input_embeddings().weight
        own = {id(value): name for name, value in writes.named_parameters()}
        weights[f"decoder.{own[id(writes.get_input_embeddings().weight)]}"] = shared
    config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    safetensors.torch.save_file(
        {name: value.detach().clone().contiguous() for name, value in weights.items()},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    return folder


def _one_vocabulary(encoder: Path, decoder: Path, *, tie: bool) -> Any:
    """The tokenizer of both halves. Raises ConfigError where they have two."""
    own, other = (transformers.AutoTokenizer.from_pretrained(folder) for folder in (encoder, decoder))
    if own.get_vocab() != other.get_vocab():
        finding = f"{encoder.name} and {decoder.name} have two vocabularies"
        if tie:
            raise ConfigError("model.tie", f"{finding}, whose embeddings cannot be one", "say tie: false")
        remedy = "take two checkpoints with one vocabulary"
        raise ConfigError("model.decoder", f"{finding}, and texts are read and written with one tokenizer", remedy)
    return own


def _encoder(folder: Path) -> Any:
    config = transformers.AutoConfig.from_pretrained(folder)
    if getattr(config, "is_encoder_decoder", False):
        raise ModelError(folder.name, "is an encoder-decoder itself", "say model.id, or give two encoders")
    torch.manual_seed(0)  # a pooler that the checkpoint lacks is read by nobody, but stands in the bytes
    return transformers.AutoModel.from_pretrained(folder, dtype=torch.float32)


def _decoder(folder: Path) -> tuple[Any, set[str]]:
    """The half that writes, with cross-attention, and the names of its tensors that the checkpoint lacks."""
    config = transformers.AutoConfig.from_pretrained(folder)
    cls = transformers.AutoModelForCausalLM._model_mapping.get(type(config), None)
    if cls is None or not hasattr(config, "add_cross_attention"):
        finding = f"{type(config).__name__.removesuffix('Config')} cannot attend to an encoder"
        raise ModelError(folder.name, finding, "take a BERT, RoBERTa or Electra as decoder")
    config.is_decoder, config.add_cross_attention = True, True
    model, info = cls.from_pretrained(folder, config=config, dtype=torch.float32, output_loading_info=True)
    return model, set(info["missing_keys"])


def _first(tokenizer: Any) -> int | None:
    return tokenizer.cls_token_id if tokenizer.cls_token_id is not None else tokenizer.bos_token_id


def _last(tokenizer: Any) -> int | None:
    return tokenizer.sep_token_id if tokenizer.sep_token_id is not None else tokenizer.eos_token_id
