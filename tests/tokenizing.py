"""Tokenizers of the tiny checkpoints, each made once and shared by the architectures of a family. Holds no test."""

import functools
import json
import string
from collections.abc import Callable, Sequence
from typing import Any

import tokenizers
import transformers

_PLAIN = (
    "a an and are as at book bright by cat city dark day dog dull entails every film fine for garden good grey has he "
    "house in is it its less like loud man many more night no not of old on one one or park plain play quiet red "
    "river road sad she slow small some song story street sun swift tale that the there they this to town train tree "
    "two under very walks was water what when where which while who why window with woman wonderful young"
)
WORDS = tuple(_PLAIN.split())
_CHARACTERS = string.ascii_letters + string.digits + string.punctuation + "éüß日本"


def _wordpiece(special: Sequence[str]) -> dict[str, int]:
    # Written out, since training a WordPiece vocabulary gives other ids each time.
    pieces = [*special, *_unique(_CHARACTERS.lower(), WORDS)]
    pieces += [f"##{character}" for character in _unique(_CHARACTERS.lower()) if character not in string.punctuation]
    return {piece: at for at, piece in enumerate(pieces)}


@functools.cache
def _bert() -> Any:
    return transformers.BertTokenizer(vocab=_wordpiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))


@functools.cache
def _mpnet() -> Any:
    return transformers.MPNetTokenizer(vocab=_wordpiece(["<s>", "<pad>", "</s>", "<unk>", "[UNK]", "<mask>"]))


def _unigram(special: Sequence[str]) -> list[tuple[str, float]]:
    words = [(f"▁{word}", -4.0) for word in _unique(WORDS) if len(word) > 1]
    spaced = [(f"▁{character}", -7.0) for character in _unique(_CHARACTERS)]
    return [
        *((piece, 0.0) for piece in special),
        ("▁", -6.0),
        *words,
        *spaced,
        *((c, -8.0) for c in _unique(_CHARACTERS)),
    ]


@functools.cache
def _deberta_v2() -> Any:
    return transformers.DebertaV2Tokenizer(vocab=_unigram(["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]), unk_id=3)


@functools.cache
def _xlnet() -> Any:
    special = ["<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>"]
    return transformers.XLNetTokenizer(vocab=_unigram(special))


@functools.cache
def _t5() -> Any:
    return transformers.T5Tokenizer(vocab=_unigram(["<pad>", "</s>", "<unk>"]), extra_ids=2)


@functools.cache
def _mt5() -> Any:
    return transformers.T5Tokenizer(vocab=_unigram(["<pad>", "</s>", "<unk>"]), extra_ids=0)


@functools.cache
def _albert() -> Any:
    return transformers.AlbertTokenizer(vocab=_unigram(["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]))


@functools.cache
def _xlm_roberta() -> Any:
    return transformers.XLMRobertaTokenizer(vocab=_unigram(["<s>", "<pad>", "</s>", "<unk>", "<mask>"]))


@functools.cache
def _camembert() -> Any:
    special = ["<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>", "<mask>"]
    return transformers.CamembertTokenizer(vocab=_unigram(special))


def _byte_level(special: list[str]) -> Any:
    """A byte-level BPE; training one gives the same bytes each time."""
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
    )
    made.train_from_iterator([" ".join(WORDS)] * 3, trainer)
    return made


@functools.cache
def _modernbert() -> Any:
    made = _byte_level(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask"],
    )


def _trained(cls: type[Any], special: list[str], **keywords: Any) -> Any:
    model = json.loads(_byte_level(special).to_str())["model"]
    return cls(vocab=model["vocab"], merges=[tuple(merge) for merge in model["merges"]], **keywords)


@functools.cache
def _gpt2() -> Any:
    return _trained(transformers.GPT2Tokenizer, ["<|endoftext|>"])


@functools.cache
def _qwen2() -> Any:
    return _trained(transformers.Qwen2Tokenizer, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])


@functools.cache
def _deberta() -> Any:
    return _trained(transformers.DebertaTokenizer, ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"])


@functools.cache
def _roberta() -> Any:
    return _trained(transformers.RobertaTokenizer, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"])


@functools.cache
def _llama() -> Any:
    """BPE over characters with bytes to fall back on, as SentencePiece writes it; puts <s> first."""
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *_unique(_CHARACTERS)]
    merges: list[tuple[str, str]] = []
    for word in _unique(WORDS):
        left = "▁"
        for character in word:
            if left + character not in pieces:
                merges.append((left, character))
                pieces.append(left + character)
            left += character
    return transformers.LlamaTokenizer(
        vocab={piece: at for at, piece in enumerate(pieces)}, merges=merges, add_bos_token=True
    )


def _unique(*parts: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(piece for part in parts for piece in part))


TOKENIZERS: dict[str, Callable[[], Any]] = {
    "bert": _bert,
    "deberta-v2": _deberta_v2,
    "modernbert": _modernbert,
    "t5": _t5,
    "gpt2": _gpt2,
    "llama": _llama,
    "roberta": _roberta,
    "xlm-roberta": _xlm_roberta,
    "camembert": _camembert,
    "distilbert": _bert,
    "albert": _albert,
    "electra": _bert,
    "deberta": _deberta,
    "deberta-v3": _deberta_v2,
    "mpnet": _mpnet,
    "bart": _roberta,
    "mt5": _mt5,
    "qwen2": _qwen2,
    "qwen3": _qwen2,
    "mistral": _llama,
    "xlnet": _xlnet,
}
"""Architecture -> its tokenizer."""
