"""Tiny random checkpoints, saved as those architectures' checkpoints are found in the wild. Holds no test."""

import json
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tokenizers
import torch
import transformers

_PLAIN = (
    "a an and are as at book bright by cat city dark day dog dull entails every film fine for garden good grey has he "
    "house in is it its less like loud man many more night no not of old on one one or park plain play quiet red "
    "river road sad she slow small some song story street sun swift tale that the there they this to town train tree "
    "two under very walks was water what when where which while who why window with woman wonderful young"
)
WORDS = tuple(_PLAIN.split())
_CHARACTERS = string.ascii_letters + string.digits + string.punctuation + "éüß日本"

# What is published under such a name: a language model, whose own head no task uses.
_USUAL = {
    "bert": "BertForMaskedLM",
    "deberta-v2": "DebertaV2ForMaskedLM",
    "modernbert": "ModernBertForMaskedLM",
    "t5": "T5ForConditionalGeneration",
    "gpt2": "GPT2LMHeadModel",
    "llama": "LlamaForCausalLM",
    "roberta": "RobertaForMaskedLM",
    "xlnet": "XLNetLMHeadModel",
}
ARCHITECTURES = ("bert", "deberta-v2", "modernbert", "t5", "gpt2", "llama")


def checkpoint(
    folder: Path,
    architecture: str,
    *,
    head: str | None = None,
    labels: Sequence[str] | int | None = None,
    seed: int = 0,
    **over: Any,
) -> Path:
    """Saves model and tokenizer into `folder` and returns it.

    `head` is None (the architecture's usual checkpoint, a language model), `backbone` (the bare model, which has a
    pooler where the architecture knows one), `classification` or `question_answering`. `labels` names the outputs of a
    classification; a number leaves them LABEL_0, LABEL_1, ... `over` goes to the model's config.
    """
    transformers.utils.logging.disable_progress_bar()
    tokenizer = _TOKENIZERS[architecture]()
    config = _config(architecture, tokenizer, over)
    if isinstance(labels, int):
        config.num_labels = labels
    elif labels is not None:
        config.id2label = dict(enumerate(labels))
        config.label2id = {name: at for at, name in enumerate(labels)}
    torch.manual_seed(seed)
    model = _class(architecture, head, config)(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _class(architecture: str, head: str | None, config: Any) -> type[Any]:
    if head is None:
        return getattr(transformers, _USUAL[architecture])
    auto = {
        "backbone": transformers.AutoModel,
        "classification": transformers.AutoModelForSequenceClassification,
        "question_answering": transformers.AutoModelForQuestionAnswering,
    }[head]
    return auto._model_mapping[type(config)]


def _config(architecture: str, tokenizer: Any, over: dict[str, Any]) -> Any:
    common = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 512,
        "pad_token_id": tokenizer.pad_token_id,
    }
    sizes: dict[str, dict[str, Any]] = {
        "bert": common,
        "roberta": common | {"max_position_embeddings": 514},
        "deberta-v2": common
        | {
            "relative_attention": True,
            "pos_att_type": ["p2c", "c2p"],
            "position_buckets": 16,
            "max_relative_positions": -1,
            "position_biased_input": False,
            "share_att_key": True,
            "norm_rel_ebd": "layer_norm",
            "pooler_hidden_size": 32,
        },
        "modernbert": common
        | {
            "bos_token_id": tokenizer.cls_token_id,
            "eos_token_id": tokenizer.sep_token_id,
            "cls_token_id": tokenizer.cls_token_id,
            "sep_token_id": tokenizer.sep_token_id,
            "local_attention": 16,
            "global_attn_every_n_layers": 2,
        },
        "t5": {
            "vocab_size": len(tokenizer),
            "d_model": 32,
            "d_kv": 16,
            "d_ff": 64,
            "num_layers": 2,
            "num_heads": 2,
            "decoder_start_token_id": tokenizer.pad_token_id,
        },
        "gpt2": {
            "vocab_size": len(tokenizer),
            "n_embd": 32,
            "n_layer": 2,
            "n_head": 2,
            "n_positions": 512,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
        },
        "xlnet": {
            "vocab_size": len(tokenizer),
            "d_model": 32,
            "n_layer": 2,
            "n_head": 2,
            "d_inner": 64,
            "pad_token_id": tokenizer.pad_token_id,
        },
        "llama": common
        | {
            "num_key_value_heads": 1,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
        },
    }
    return transformers.AutoConfig.for_model(architecture, **(sizes[architecture] | over))


def _wordpiece() -> Any:
    # Written out, since training a WordPiece vocabulary gives other ids each time.
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *_unique(_CHARACTERS.lower(), WORDS)]
    pieces += [f"##{character}" for character in _unique(_CHARACTERS.lower()) if character not in string.punctuation]
    return transformers.BertTokenizer(vocab={piece: at for at, piece in enumerate(pieces)})


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


def _deberta() -> Any:
    return transformers.DebertaV2Tokenizer(vocab=_unigram(["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]), unk_id=3)


def _xlnet() -> Any:
    special = ["<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>"]
    return transformers.XLNetTokenizer(vocab=_unigram(special))


def _t5() -> Any:
    return transformers.T5Tokenizer(vocab=_unigram(["<pad>", "</s>", "<unk>"]), extra_ids=2)


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


def _gpt2() -> Any:
    return _trained(transformers.GPT2Tokenizer, ["<|endoftext|>"])


def _roberta() -> Any:
    return _trained(transformers.RobertaTokenizer, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"])


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


_TOKENIZERS = {
    "bert": _wordpiece,
    "deberta-v2": _deberta,
    "modernbert": _modernbert,
    "t5": _t5,
    "gpt2": _gpt2,
    "llama": _llama,
    "roberta": _roberta,
    "xlnet": _xlnet,
}
