"""Several documents in one full block, none of which is read by another. Learns nothing; a model must bear it."""

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch

from hf_suite.adapters import costs
from hf_suite.adapters.base import Batch, Feature, padded
from hf_suite.errors import ModelError

_LETS = 1e-4
"""Share of the largest logit by which a document may change beside another: rounding."""


def packed(windows: Iterable[Mapping[str, Any]], room: int) -> Iterator[dict[str, Any]]:
    """Blocks of up to `room` tokens to read, each filled with whole windows, those that are long before the others.

    A block is a feature as a window is, of which `pieces` tells how long the windows in it are; its `row` names their
    rows. Each window goes into the block in which it leaves least room (best-fit decreasing); an empty one into none.
    """
    blocks: list[list[dict[str, Any]]] = []
    with_room: dict[int, list[int]] = {}
    saying = (dict(window) for window in windows if window["scored"])
    for window in sorted(saying, key=lambda window: -int(window["length"])):
        left = min((size for size, held in with_room.items() if held and size >= window["length"]), default=0)
        if not left:
            left = room
            with_room.setdefault(room, []).append(len(blocks))
            blocks.append([])
        at = with_room[left].pop()
        blocks[at].append(window)
        with_room.setdefault(left - window["length"], []).append(at)
    for block in blocks:
        yield {
            "row": ", ".join(str(row) for row in dict.fromkeys(window["row"] for window in block)),
            "input_ids": [token for window in block for token in window["input_ids"]],
            "scored": sum(window["scored"] for window in block),
            "length": sum(window["length"] for window in block),
            "pieces": [window["length"] for window in block],
        }


def collated(features: Sequence[Feature], fill: int) -> Batch:
    """Blocks in a batch: every token but the first of a window is a target, and positions tell the windows apart."""
    batch = costs.collated([_line(feature) for feature in features], fill)
    length = batch.pop("attention_mask").shape[1]
    where = [positions(feature["pieces"], length) for feature in features]
    return {**batch, "position_ids": padded(where, fill=0, left=False, length=length)}


def _line(feature: Feature) -> dict[str, Any]:
    """What is read, and what follows each token of it in its own window."""
    read, target, at = list[int](), list[int](), 0
    for length in feature["pieces"]:
        window = feature["input_ids"][at : at + length + 1]
        read, target, at = read + window[:-1], target + window[1:], at + length + 1
    return {"input_ids": read, "target": target, "scored": len(target), "length": len(read)}


def positions(pieces: Sequence[int], length: int) -> list[int]:
    """Where each token of a block stands in its own window; what fills the block up is a window of its own."""
    filled = [*pieces, length - sum(pieces)]
    return [at for piece in filled for at in range(piece)]


def check(model: Any, place: str) -> None:
    """Refuses a model in which a document changes beside another one. Raises ModelError.

    Positions that begin again tell transformers where a document begins, and no attention mask may be given beside.
    Whether an architecture heeds them is tried, with two short texts.
    """
    plain = model.get_base_model() if hasattr(model, "get_base_model") else model
    if "position_ids" not in inspect.signature(plain.forward).parameters:
        raise _refusal(place, f"{type(plain).__name__} takes no positions, by which documents in one block are told")
    ids = [at % plain.config.vocab_size for at in (7, 5, 11, 6, 9, 8, 10, 7)]
    trained, device = model.training, next(model.parameters()).device
    model.eval()
    with torch.no_grad():
        alone = model(input_ids=torch.tensor([ids[4:]], device=device), use_cache=False).logits[0]
        where = torch.tensor([positions([4, 4], 8)], device=device)
        beside = model(input_ids=torch.tensor([ids], device=device), position_ids=where, use_cache=False).logits[0, 4:]
    model.train(trained)
    if not float((alone - beside).abs().max()) <= _LETS * max(1.0, float(alone.abs().max())):
        raise _refusal(
            place, f"{type(plain).__name__} reads across the documents of one block, whatever their positions"
        )


def _refusal(place: str, finding: str) -> ModelError:
    return ModelError(place, finding, "leave train.pack out, or take another architecture (Llama, Qwen, GPT-2)")
