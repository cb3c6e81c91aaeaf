"""METHODS: the ways to train few weights beside frozen ones, and how each is said to PEFT, which is not loaded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Method:
    """How our keys are said to PEFT for one method; one without a field there is one that it has no use for."""

    config: str
    """PEFT's config class."""
    rank: str | None = "r"
    alpha: str | None = None
    dropout: str | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """PEFT's fields that make this method of that class."""
    loraplus_ratio: str | None = None
    """The part of a name that tells the matrices which LoRA+ trains at a higher rate, those that begin at zero."""
    divisor: str | None = None
    """PEFT's field that must divide the widths of the adapted layers; the largest up to PEFT's default is taken."""
    layers: Literal["attention", "scaled", "norms"] | None = "attention"
    """What is adapted where `lora.targets` is null: query and value; keys, values and feed-forward; all norms.

    None: no layer at all; vectors of its own are read before the text.
    """
    peft_tasks: frozenset[str] | None = None
    """PEFT's names of the kinds of task that it can be right for; None: all."""
    continues: bool = True
    """Whether what is saved is all of it, so that another run can go on from there."""
    quantizes: bool = False
    """Whether it can train beside a base that is held in 4 or 8 bits."""
    merges: bool = True
    """Whether the result can be written as plain weights."""
    rate: float = 1e-3
    """The peak rate where `train.learning_rate` is null."""


_BEFORE_TEXT: dict[str, Any] = {
    "rank": None,
    "layers": None,
    "peft_tasks": frozenset({"SEQ_CLS", "QUESTION_ANS"}),  # where texts are written, their places would shift
    "merges": False,
}
_TOKENS = {"num_virtual_tokens": 20}
_LORA: dict[str, Any] = {
    "config": "LoraConfig",
    "alpha": "lora_alpha",
    "dropout": "lora_dropout",
    "loraplus_ratio": "lora_B",
}

METHODS: dict[str, Method] = {
    "lora": Method(**_LORA, quantizes=True),
    "dora": Method(**_LORA, fixed={"use_dora": True}),
    "rslora": Method(**_LORA, fixed={"use_rslora": True}, quantizes=True),
    "pissa": Method(**_LORA, fixed={"init_lora_weights": "pissa"}),
    "olora": Method(**_LORA, fixed={"init_lora_weights": "olora"}),
    "gralora": Method("GraloraConfig", alpha="alpha", dropout="gralora_dropout"),
    "psoft": Method("PsoftConfig", alpha="psoft_alpha", dropout="psoft_dropout"),
    "hira": Method("HiraConfig", dropout="hira_dropout"),
    "miss": Method("MissConfig", dropout="miss_dropout"),
    "delora": Method("DeloraConfig"),
    "randlora": Method("RandLoraConfig", dropout="randlora_dropout"),
    "vera": Method("VeraConfig", dropout="vera_dropout", rate=5e-3),
    "vblora": Method("VBLoRAConfig", dropout="vblora_dropout", divisor="vector_length"),
    "unilora": Method("UniLoraConfig", dropout="unilora_dropout", rate=5e-3),
    "tinylora": Method("TinyLoraConfig", dropout="tinylora_dropout", rate=5e-3),
    "loha": Method("LoHaConfig", alpha="alpha"),
    "lokr": Method("LoKrConfig", alpha="alpha"),
    "shira": Method("ShiraConfig"),
    "hra": Method("HRAConfig"),
    "oft": Method("OFTConfig", rank=None, divisor="oft_block_size"),
    "boft": Method("BOFTConfig", rank=None),
    "c3a": Method("C3AConfig", rank=None, divisor="block_size"),
    "fourierft": Method("FourierFTConfig", rank=None, rate=5e-3),
    "waveft": Method("WaveFTConfig", rank=None, rate=5e-3),
    "road": Method("RoadConfig", rank=None, divisor="group_size", rate=3e-3),
    "ia3": Method("IA3Config", rank=None, layers="scaled", rate=5e-3),
    "ln_tuning": Method("LNTuningConfig", rank=None, layers="norms"),
    "prompt": Method("PromptTuningConfig", **_BEFORE_TEXT, fixed=_TOKENS, rate=1e-2),
    "prefix": Method("PrefixTuningConfig", **_BEFORE_TEXT, fixed=_TOKENS, rate=1e-2, continues=False),
    "p_tuning": Method("PromptEncoderConfig", **_BEFORE_TEXT, fixed=_TOKENS, continues=False),
}

REFUSED: dict[str, str] = {
    "adalora": "a model that PEFT reloads under it fails as soon as it is given labels",
    "eva": "it needs a pass over the data before training, without which PEFT trains plain LoRA and says nothing",
    "lora_ga": "it needs gradients from before training, without which PEFT trains plain LoRA and says nothing",
    "corda": "it needs a pass over the data before training, which is not done here",
    "loftq": "it is for quantised bases",
    "pissa_niter": "its random decomposition is drawn anew on loading, so that the reloaded model is another",
}
"""Methods and ways to begin that PEFT knows and that are not offered -> why."""
