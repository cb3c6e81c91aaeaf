"""ARCHITECTURES: what each can learn by a trained head, where LoRA goes in it, and how much of that our tests prove.

Loads no model. What else it can do, by writing, likelihood or guessing, is found in transformers when it is asked for.
"""

from dataclasses import dataclass

_BOTH = ("classification", "question_answering")
_TEXT = ("classification",)


@dataclass(frozen=True)
class Architecture:
    """What an architecture can learn by a trained head, and which of its layers LoRA adapts unless told otherwise."""

    name: str
    """As it is spoken of; several where they share transformers' classes."""
    targets: tuple[str, ...]
    """What LoRA adapts, by the last part of the layers' names."""
    tested: tuple[str, ...] = ()
    """Kinds that our tests train on a tiny model, save, and load in a fresh process on a base with other heads."""
    protocols: tuple[str, ...] = ()
    """Protocols besides `head` under which our tests train a tiny model, save it and load it again."""
    untested: tuple[str, ...] = ()
    """Kinds for which transformers has a class in which the targets are found: no test has run them."""


_QUERY, _Q_PROJ, _Q, _Q_LIN = ("query", "value"), ("q_proj", "v_proj"), ("q", "v"), ("q_lin", "v_lin")

# By transformers' model type (`model_type` in config.json).
ARCHITECTURES: dict[str, Architecture] = {
    "albert": Architecture("ALBERT", _QUERY, tested=_BOTH),
    "bart": Architecture("BART", _Q_PROJ, tested=_BOTH, protocols=("generation",)),
    "bert": Architecture("BERT, MiniLM, E5, BGE", _QUERY, tested=_BOTH, protocols=("masked",)),
    "big_bird": Architecture("BigBird", _QUERY, untested=_BOTH),
    "bloom": Architecture("BLOOM", ("query_key_value",), untested=_BOTH),
    "camembert": Architecture("CamemBERT", _QUERY, tested=_BOTH),
    "convbert": Architecture("ConvBERT", _QUERY, untested=_BOTH),
    "data2vec-text": Architecture("data2vec", _QUERY, untested=_BOTH),
    "deberta": Architecture("DeBERTa", ("in_proj",), tested=_BOTH),
    "deberta-v2": Architecture("DeBERTa v2 and v3", ("query_proj", "value_proj"), tested=_BOTH),
    "distilbert": Architecture("DistilBERT", _Q_LIN, tested=_BOTH, protocols=("masked",)),
    "electra": Architecture("ELECTRA", _QUERY, tested=_BOTH),
    "ernie": Architecture("ERNIE", _QUERY, untested=_BOTH),
    "eurobert": Architecture("EuroBERT", _Q_PROJ, untested=_TEXT),
    "falcon": Architecture("Falcon", ("query_key_value",), untested=_BOTH),
    "flaubert": Architecture("FlauBERT", _Q_LIN, untested=_BOTH),
    "gemma": Architecture("Gemma", _Q_PROJ, untested=_TEXT),
    "gemma2": Architecture("Gemma 2", _Q_PROJ, untested=_TEXT),
    "gemma3_text": Architecture("Gemma 3", _Q_PROJ, untested=_TEXT),
    "gpt2": Architecture("GPT-2", ("c_attn",), tested=_BOTH, protocols=("generation", "likelihood")),
    "gpt_neox": Architecture("GPT-NeoX, Pythia", ("query_key_value",), untested=_BOTH),
    "llama": Architecture("Llama", _Q_PROJ, tested=_BOTH, protocols=("generation",)),
    "longformer": Architecture("Longformer", _QUERY, untested=_BOTH),
    "mbart": Architecture("mBART", _Q_PROJ, untested=_BOTH, protocols=("generation",)),
    "megatron-bert": Architecture("Megatron-BERT", _QUERY, untested=_BOTH),
    "mistral": Architecture("Mistral", _Q_PROJ, tested=_BOTH, protocols=("generation",)),
    "mobilebert": Architecture("MobileBERT", _QUERY, untested=_BOTH),
    "modernbert": Architecture("ModernBERT", ("Wqkv",), tested=_BOTH),
    "mpnet": Architecture("MPNet", _Q, tested=_BOTH),
    "mt5": Architecture("mT5", _Q, tested=_BOTH, protocols=("generation",)),
    "nomic_bert": Architecture("Nomic BERT", _Q_PROJ, untested=_TEXT),
    "olmo2": Architecture("OLMo 2", _Q_PROJ, untested=_TEXT),
    "opt": Architecture("OPT", _Q_PROJ, untested=_BOTH),
    "phi3": Architecture("Phi-3", ("qkv_proj",), untested=_TEXT),
    "qwen2": Architecture("Qwen2 and Qwen2.5", _Q_PROJ, tested=_BOTH, protocols=("generation",)),
    "qwen3": Architecture("Qwen3", _Q_PROJ, tested=_BOTH, protocols=("generation",)),
    "rembert": Architecture("RemBERT", _QUERY, untested=_BOTH),
    "roberta": Architecture("RoBERTa", _QUERY, tested=_BOTH, protocols=("masked",)),
    "roformer": Architecture("RoFormer", _QUERY, untested=_BOTH),
    "smollm3": Architecture("SmolLM3", _Q_PROJ, untested=_BOTH),
    "t5": Architecture("T5, Flan-T5", _Q, tested=_BOTH, protocols=("generation",)),
    "umt5": Architecture("UMT5", _Q, untested=_BOTH, protocols=("generation",)),
    "xlm": Architecture("XLM", _Q_LIN, untested=_BOTH),
    "xlm-roberta": Architecture("XLM-R", _QUERY, tested=_BOTH),
    "xlm-roberta-xl": Architecture("XLM-R XL", _QUERY, untested=_BOTH),
}
