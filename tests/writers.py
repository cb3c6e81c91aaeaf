"""Tiny random checkpoints that write: encoder-decoders as they are found in the wild. Holds no test."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sentencepiece
import tokenizing
import torch
import transformers

_SIZES = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "max_position_embeddings": 64,
    "init_std": 0.3,
}
_T5_SIZES = {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2, "initializer_factor": 1.0}
T5_TAUGHT = {
    "summarization": {"prefix": "summarize: ", "max_length": 200},
    "translation_en_to_de": {
        "prefix": "translate English to German: ",
        "max_length": 300,
        "num_beams": 4,
        "early_stopping": True,
    },
}

ENCODER_DECODERS = ("t5", "mt5", "umt5", "bart", "mbart50", "mbart", "marian", "m2m_100", "nllb", "pegasus")


def writer(folder: Path, architecture: str, *, seed: int = 0, **over: Any) -> Path:
    """Saves model, tokenizer and generation config into `folder`; `over` goes to the model's config."""
    transformers.utils.logging.disable_progress_bar()
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer, name, facts = _MAKERS[architecture](folder)
    config = transformers.AutoConfig.for_model(
        name, vocab_size=_size(tokenizer), pad_token_id=tokenizer.pad_token_id, **(facts | over)
    )
    torch.manual_seed(seed)
    model = transformers.AutoModelForSeq2SeqLM.from_config(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _size(tokenizer: Any) -> int:
    codes = getattr(tokenizer, "lang_code_to_id", {})
    return max([len(tokenizer), *(at + 1 for at in codes.values())])


def _t5(folder: Path) -> tuple[Any, str, dict[str, Any]]:
    return (
        tokenizing.TOKENIZERS["t5"](),
        "t5",
        _T5_SIZES | {"decoder_start_token_id": 0, "task_specific_params": T5_TAUGHT},
    )


def _mt5(folder: Path) -> tuple[Any, str, dict[str, Any]]:
    return tokenizing.TOKENIZERS["mt5"](), "mt5", _T5_SIZES | {"decoder_start_token_id": 0}


def _umt5(folder: Path) -> tuple[Any, str, dict[str, Any]]:
    return tokenizing.TOKENIZERS["mt5"](), "umt5", _T5_SIZES | {"decoder_start_token_id": 0}


def _bart(folder: Path) -> tuple[Any, str, dict[str, Any]]:
    facts = {"bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2, "forced_eos_token_id": None}
    return tokenizing.TOKENIZERS["bart"](), "bart", _SIZES | facts


def _pieces() -> list[tuple[str, float]]:
    return tokenizing._unigram(["<unk>", "<s>", "</s>"])


def _mbart50(folder: Path) -> tuple[Any, str, dict[str, Any]]:
    facts = {"bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2, "forced_eos_token_id": None}
    return transformers.MBart50Tokenizer(vocab=_pieces()), "mbart", _SIZES | facts


def _mbart(folder: Path) -> tuple[Any, str, dict[str, Any]]:
    facts = {"bos_token_id": 0, "eos_token_id": 2, "forced_eos_token_id": None}
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    return transformers.MBartTokenizer(vocab=tokenizing._unigram(special)), "mbart", _SIZES | facts


def _nllb(folder: Path) -> tuple[Any, str, dict[str, Any]]:
    llama = json.loads(tokenizing.TOKENIZERS["llama"]().backend_tokenizer.to_str())["model"]
    old = [piece for piece in llama["vocab"] if not piece.startswith("<")]
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *old]
    tokenizer = transformers.NllbTokenizer(
        vocab={piece: at for at, piece in enumerate(pieces)}, merges=[tuple(merge) for merge in llama["merges"]]
    )
    facts = {"bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2}
    return tokenizer, "m2m_100", _SIZES | facts


def _pegasus(folder: Path) -> tuple[Any, str, dict[str, Any]]:
    special = ["<pad>", "</s>", "<unk>", "<mask_1>", "<mask_2>", *(f"<unk_{at}>" for at in range(2, 103))]
    facts = {"eos_token_id": 1, "decoder_start_token_id": 0, "forced_eos_token_id": None}
    return transformers.PegasusTokenizer(vocab=tokenizing._unigram(special)), "pegasus", _SIZES | facts


def sentence_pieces(folder: Path) -> list[str]:
    """Trains source.spm in `folder` on the tiny vocabulary's words; its pieces."""
    text = folder / "words.txt"
    text.write_text("\n".join([" ".join(tokenizing.WORDS)] * 20 + list(tokenizing.WORDS)), "utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(folder / "source"), vocab_size=120, hard_vocab_limit=False,
        minloglevel=2, num_threads=1,
    )  # fmt: skip
    (folder / "source.model").rename(folder / "source.spm")
    for stray in (text, folder / "source.vocab"):
        stray.unlink()
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "source.spm"))
    return [model.id_to_piece(at) for at in range(model.get_piece_size())]


def _marian(folder: Path, marks: tuple[str, ...] = ()) -> tuple[Any, str, dict[str, Any]]:
    learnt = [piece for piece in sentence_pieces(folder) if piece not in ("<unk>", "<s>", "</s>")]
    pieces = ["</s>", "<unk>", *marks, *learnt, "<pad>"]
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({piece: at for at, piece in enumerate(pieces)}), "utf-8")
    source = str(folder / "source.spm")
    tokenizer = transformers.MarianTokenizer(source, source, str(vocabulary), source_lang="en", target_lang="de")
    pad = len(pieces) - 1
    facts = {"eos_token_id": 0, "decoder_start_token_id": pad, "forced_eos_token_id": None, "bad_words_ids": [[pad]]}
    return tokenizer, "marian", _SIZES | facts


def _many(folder: Path) -> tuple[Any, str, dict[str, Any]]:
    return _marian(folder, (">>de<<", ">>fra<<"))


def _m2m(folder: Path) -> tuple[Any, str, dict[str, Any]]:
    learnt = [piece for piece in sentence_pieces(folder) if piece not in ("<unk>", "<s>", "</s>")]
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *learnt]
    vocabulary = folder / "vocab.json"
    vocabulary.write_text(json.dumps({piece: at for at, piece in enumerate(pieces)}), "utf-8")
    tokenizer = transformers.M2M100Tokenizer(str(vocabulary), str(folder / "source.spm"))
    facts = {"bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2}
    return tokenizer, "m2m_100", _SIZES | facts


_MAKERS: dict[str, Callable[[Path], tuple[Any, str, dict[str, Any]]]] = {
    "t5": _t5,
    "mt5": _mt5,
    "umt5": _umt5,
    "bart": _bart,
    "mbart50": _mbart50,
    "mbart": _mbart,
    "marian": _marian,
    "marian-many": _many,
    "m2m_100": _m2m,
    "nllb": _nllb,
    "pegasus": _pegasus,
}
