"""What a bug report needs to say of where it happened, without secrets; and a run of three steps to see what works."""

import importlib.metadata
import os
import platform
import string
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import datasets
import huggingface_hub
import torch
import transformers

from hf_suite import machine, stamp
from hf_suite.config import RunConfig
from hf_suite.experiment import run
from hf_suite.predictor import load

_ALWAYS = (
    "torch",
    "transformers",
    "datasets",
    "peft",
    "accelerate",
    "evaluate",
    "huggingface-hub",
    "tokenizers",
    "safetensors",
    "numpy",
    "pyarrow",
    "pydantic",
)
_PERHAPS = ("bitsandbytes", "deepspeed", "sentencepiece", "tensorboard", "trackio", "wandb")
_SWITCHES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES")
_TINY = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}


def facts() -> dict[str, Any]:
    """Versions, processor, GPUs, places and switches. No token, password or user name: the home folder reads `~`."""
    found = {
        "hf-suite": {"version": importlib.metadata.version("hf-suite"), **stamp.commit()},
        "python": platform.python_version(),
        "system": platform.platform(),
        "versions": {name: version for name in (*_ALWAYS, *_PERHAPS) if (version := _version(name)) is not None}
        | {"torch": str(torch.__version__)},
        "cuda": torch.version.cuda,
        "processor": machine.processor(),
        "gpus": machine.accelerators(),
        "places": {
            "HF_HOME": huggingface_hub.constants.HF_HOME,
            "checkpoints": huggingface_hub.constants.HF_HUB_CACHE,
            "datasets": str(datasets.config.HF_DATASETS_CACHE),
            "HF_SUITE_MIRROR": os.environ.get("HF_SUITE_MIRROR"),
            "hub": _without_login(huggingface_hub.constants.ENDPOINT),
        },
        "switches": {name: os.environ.get(name) for name in _SWITCHES},
    }
    return _shortened(found, str(Path.home()))


def smoke() -> Iterator[str]:
    """Yields what it is about to do, and does it: a tiny model made here, three steps, saved, loaded, asked.

    Needs no network. Raises what goes wrong.
    """
    with tempfile.TemporaryDirectory(prefix="hf-suite-smoke-") as place:
        folder = Path(place)
        yield "make a tiny BERT"
        _tiny(folder / "bert")
        yield "finetune it by LoRA for three steps, save it, load it again and score it"
        train = {"max_steps": 3, "batch_size": 8}
        keys = {"task": "demo_reviews", "model": str(folder / "bert"), "train": train, "limit": 32, "eval_limit": 16}
        run(RunConfig(**keys, max_length=32, output=str(folder / "run")))
        yield "answer with the saved model"
        load(folder / "run").answer([{"text": "The garden was in bloom."}])


def _tiny(folder: Path) -> None:
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = [*string.ascii_lowercase, *string.digits, *string.punctuation]
    pieces = [*marks, *letters, *(f"##{letter}" for letter in letters)]
    tokenizer = transformers.BertTokenizer(vocab={piece: at for at, piece in enumerate(pieces)})
    model = transformers.BertModel(transformers.BertConfig(vocab_size=len(pieces), **_TINY))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _without_login(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _shortened(value: Any, home: str) -> Any:
    """The same, with the home folder as `~` wherever it stands."""
    if isinstance(value, dict):
        return {key: _shortened(inner, home) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shortened(inner, home) for inner in value]
    return value.replace(home, "~") if isinstance(value, str) and len(home) > 1 else value
