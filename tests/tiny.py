"""Tiny random checkpoints, saved as those architectures' checkpoints are found in the wild. Holds no test."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizing import TOKENIZERS

ARCHITECTURES = ("bert", "deberta-v2", "modernbert", "t5", "gpt2", "llama")
"""Six that each break LoRA in another way."""
OTHERS = (
    "roberta",
    "xlm-roberta",
    "camembert",
    "distilbert",
    "albert",
    "electra",
    "deberta",
    "deberta-v3",
    "mpnet",
    "bart",
    "mt5",
    "qwen2",
    "qwen3",
    "mistral",
)
"""More of them, by transformers' name of the architecture; DeBERTa v3 is its v2 with other settings."""

# What is published under such a name: a language model, whose own head no task uses.
_USUAL = {
    "bert": "BertForMaskedLM",
    "deberta-v2": "DebertaV2ForMaskedLM",
    "modernbert": "ModernBertForMaskedLM",
    "t5": "T5ForConditionalGeneration",
    "gpt2": "GPT2LMHeadModel",
    "llama": "LlamaForCausalLM",
    "roberta": "RobertaForMaskedLM",
    "xlm-roberta": "XLMRobertaForMaskedLM",
    "camembert": "CamembertForMaskedLM",
    "distilbert": "DistilBertForMaskedLM",
    "albert": "AlbertForMaskedLM",
    "electra": "ElectraForPreTraining",
    "deberta": "DebertaForMaskedLM",
    "deberta-v3": "DebertaV2ForMaskedLM",
    "mpnet": "MPNetForMaskedLM",
    "bart": "BartForConditionalGeneration",
    "mt5": "MT5ForConditionalGeneration",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "mistral": "MistralForCausalLM",
    "xlnet": "XLNetLMHeadModel",
}


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
    tokenizer = TOKENIZERS[architecture]()
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
    of_tokenizer = {
        name: getattr(tokenizer, name)
        for name in ("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id")
        if getattr(tokenizer, name, None) is not None
    }
    settings = {"vocab_size": len(tokenizer), **of_tokenizer, **_SIZES[architecture], **over}
    return transformers.AutoConfig.for_model(MODEL_TYPES.get(architecture, architecture), **settings)


MODEL_TYPES = {"deberta-v3": "deberta-v2"}

_COMMON = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 512,
}
_OFFSET = _COMMON | {"max_position_embeddings": 514}
_GROUPED = _COMMON | {"num_key_value_heads": 1}
_DEBERTA = {
    "relative_attention": True,
    "pos_att_type": ["p2c", "c2p"],
    "max_relative_positions": -1,
    "position_biased_input": False,
    "pooler_hidden_size": 32,
}
_DEBERTA_V2 = _DEBERTA | {"position_buckets": 16, "share_att_key": True, "norm_rel_ebd": "layer_norm"}
_T5 = {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2, "decoder_start_token_id": 0}
_SIZES: dict[str, dict[str, Any]] = {
    "bert": _COMMON,
    "deberta-v2": _COMMON | _DEBERTA_V2,
    "modernbert": _COMMON | {"local_attention": 16, "global_attn_every_n_layers": 2},
    "t5": _T5,
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 512},
    "llama": _GROUPED,
    "roberta": _OFFSET,
    "xlm-roberta": _OFFSET,
    "camembert": _OFFSET,
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
    "albert": _COMMON | {"embedding_size": 16},
    "electra": _COMMON | {"embedding_size": 16},
    "deberta": _COMMON | _DEBERTA,
    "deberta-v3": _COMMON | _DEBERTA_V2 | {"legacy": False, "pos_att_type": "p2c|c2p", "type_vocab_size": 0},
    "mpnet": _OFFSET,
    "bart": {
        "d_model": 32,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": 64,
        "decoder_ffn_dim": 64,
        "max_position_embeddings": 512,
        "decoder_start_token_id": 2,
    },
    "mt5": _T5 | {"feed_forward_proj": "gated-gelu"},
    "qwen2": _GROUPED,
    "qwen3": _GROUPED | {"head_dim": 16},
    "mistral": _GROUPED,
    "xlnet": {"d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 64},
}
