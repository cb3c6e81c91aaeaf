"""What tokens cost a model: sequences of which the last tokens are targets, in batches. Knows no kind of task."""

from collections.abc import Sequence
from typing import Any

import torch
from datasets import Dataset
from torch.nn import functional

from hf_suite.adapters.base import Batch, Feature, Strip, padded

_LOGITS = 1 << 28  # logits that may be in memory at once when scoring: a gigabyte

COLUMNS = ("row", "input_ids", "target", "scored", "length")
"""Of a feature: what is read, what follows each token of it, and how many of the last of those count."""


def collated(features: Sequence[Feature], fill: int) -> Batch:
    """Sequences and their targets padded on the right, where positions stay what they are."""
    length = max(feature["length"] for feature in features)
    ids = [feature["input_ids"] for feature in features]
    masks = [[0] * (len(line["target"]) - line["scored"]) + [1] * line["scored"] for line in features]
    return {
        "input_ids": padded(ids, fill=fill, left=False, length=length),
        "attention_mask": padded([[1] * len(line) for line in ids], fill=0, left=False, length=length),
        "target": padded([line["target"] for line in features], fill=fill, left=False, length=length),
        "target_mask": padded(masks, fill=0, left=False, length=length),
    }


def shown(feature: Feature) -> list[Strip]:
    """What is read up to its last target; the loss falls on the targets that count."""
    ids = [feature["input_ids"][0], *feature["target"]]
    return [Strip("reads", ids, range(len(ids) - feature["scored"], len(ids)))]


def costs(model: Any, batch: Batch, **settings: bool) -> list[tuple[float, int]]:
    """Of each sequence the nats that its targets cost, and their number; `settings` are the model's own."""
    rows, length = batch["input_ids"].shape
    together = max(1, _LOGITS // (length * model.config.get_text_config().vocab_size))
    found = []
    for at in range(0, rows, together):
        part = {name: value[at : at + together] for name, value in batch.items()}
        scores = logits(model, part, **settings).float().transpose(1, 2)
        nats = functional.cross_entropy(scores, part["target"], reduction="none").double()
        found += (nats * part["target_mask"]).sum(dim=1).tolist()
    return list(zip(found, batch["target_mask"].sum(dim=1).tolist(), strict=True))


def logits(model: Any, batch: Batch, **settings: bool) -> torch.Tensor:
    """(sequences, tokens, vocabulary)."""
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask", "position_ids") if name in batch}
    found: torch.Tensor = model(**inputs, **settings).logits
    return found


def learnt(windows: Dataset, targets: Sequence[int]) -> Dataset:
    """The windows that have something to learn, by the number of each one's targets; the first alone where none has."""
    return windows if all(targets) else windows.select([at for at, many in enumerate(targets) if many] or [0])
