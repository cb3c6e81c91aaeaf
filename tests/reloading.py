"""What a process of its own does with saved models: load them on their bases and tell their logits. Holds no test."""

from pathlib import Path
from typing import Any

import torch
import transformers
from datasets import Dataset

from hf_suite import models
from hf_suite.adapters import ADAPTERS, Adapter, take
from hf_suite.config import LoraConfig, RunConfig
from hf_suite.spec import TaskSpec


def logits(model: Any, adapter: Adapter, rows: Any) -> list[float]:
    """Everything that the model says of the rows, as one flat list."""
    batch = adapter.collate(take(features := adapter.eval_features(rows), range(len(features))))
    names = ("input_ids", "attention_mask", "token_type_ids")
    with torch.inference_mode():
        result = model.eval()(**{name: batch[name] for name in names if name in batch})
    found = [result[name] for name in ("logits", "start_logits", "end_logits") if result.get(name) is not None]
    return [number for part in found for number in part.flatten().tolist()]


def reloaded(jobs: dict[str, dict[str, Any]]) -> dict[str, list[float]]:
    """The logits of each saved model, loaded anew, with chance begun somewhere else than in training."""
    transformers.utils.logging.set_verbosity_error()
    torch.manual_seed(987_654)
    return {name: _reloaded(job) for name, job in jobs.items()}


def _reloaded(job: dict[str, Any]) -> list[float]:
    spec, config = TaskSpec(**job["spec"]), RunConfig(**job["config"])
    located = models.Located(Path(job["base"]), "base", None)
    tokenizer, _ = models.load_tokenizer(models.Located(Path(job["folder"]), "saved", None))
    adapter = ADAPTERS[spec.kind, "head"](spec, config, tokenizer)
    model = models.reload(
        Path(job["folder"]),
        located,
        adapter.auto_model(models.load_config(located)),
        settings=adapter.model_settings(),
        pad_token_id=tokenizer.pad_token_id,
        lora=LoraConfig() if job["lora"] else None,
    )
    return logits(model, adapter, Dataset.from_list(job["rows"]))
