"""answer(): rows -> evidence, a block at a time. Decides and scores nothing."""

import itertools
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from datasets import Dataset

from hf_suite import batching, memory
from hf_suite.adapters import Adapter, take
from hf_suite.errors import RunError
from hf_suite.kinds import Evidence
from hf_suite.metrics.base import RowId

log = logging.getLogger(__name__)

_BLOCK = 2048  # rows whose features and outputs are in memory at once


@dataclass
class _Room:
    """How many features this process has room for at once."""

    size: int
    note: Callable[[str], None]


def answer(
    model: Any,
    adapter: Adapter,
    rows: Dataset,
    *,
    accelerator: Accelerator,
    batch_size: int,
    between: Callable[[int], None] | None = None,
    note: Callable[[str], None] = log.warning,
) -> Iterator[tuple[RowId, Evidence]]:
    """Every row's id and evidence, in row order, the same on every process.

    Planned batches are dealt to the processes whole, so that a batch holds the same rows whatever their number; one
    that memory does not hold is answered in parts, and `note` is told. `between` is called on all processes after each
    round of batches with the number of rows answered, and may raise. Raises RunError when the model's numbers are not
    finite, or memory does not hold one row.
    """
    model.eval()
    room, told = _Room(batch_size, note), between or _nobody
    for at in range(0, len(rows), _BLOCK):
        block = rows.select(range(at, min(at + _BLOCK, len(rows))))
        features = adapter.eval_features(block)
        plan = batching.eval_plan(features["length"][:], batch_size=batch_size)
        outputs: dict[int, Any] = {}
        for planned, done in _dealt(plan, accelerator):
            outputs.update(_outputs(model, adapter, features, planned, accelerator=accelerator, room=room))
            told(at + len(block) * done // len(features))
        yield from _evidence(adapter, block, features, dict(gather_object(list(outputs.items()))))


def _nobody(rows: int) -> None:
    """Nobody is told how many rows are answered."""


def _dealt(plan: batching.Plan, accelerator: Accelerator) -> Iterator[tuple[Sequence[int], int]]:
    """This process's batch of each round, empty where the last is too small for it, and the features done by then."""
    done = 0
    for at in range(0, len(plan), accelerator.num_processes):
        dealt = plan[at : at + accelerator.num_processes]
        done += sum(map(len, dealt))
        yield next(iter(dealt[accelerator.process_index :]), []), done


def _outputs(
    model: Any, adapter: Adapter, features: Dataset, planned: Sequence[int], *, accelerator: Accelerator, room: _Room
) -> dict[int, Any]:
    """One output for each feature of a batch, by its index."""
    found: dict[int, Any] = {}
    while len(found) < len(planned):
        part = planned[len(found) :][: room.size]
        batch = {name: value.to(accelerator.device) for name, value in adapter.collate(take(features, part)).items()}
        try:
            with torch.inference_mode(), accelerator.autocast():
                found.update(zip(part, adapter.outputs(model, batch), strict=True))
        except (RuntimeError, MemoryError) as error:  # torch's CPU allocator raises a plain RuntimeError
            refusal = RunError(f"row {features[part[0]]['row']}", "memory does not hold it alone", "lower max_length")
            room.size = memory.smaller(error, len(part), refusal)
            room.note(f"memory does not hold {len(part)} features at once; answered {room.size} at once from here on")
            memory.free()
    return found


def _evidence(
    adapter: Adapter, block: Dataset, features: Dataset, outputs: Mapping[int, Any]
) -> Iterator[tuple[RowId, Evidence]]:
    numbered = itertools.groupby(enumerate(features["row"][:]), key=lambda pair: pair[1])
    grouped = {row: [at for at, _ in group] for row, group in numbered}
    for row in block:
        places = grouped[row["row"]]
        evidence = adapter.evidence(row, take(features, places), [outputs[at] for at in places])
        if not _finite(evidence):
            raise RunError(
                f"row {row['row']}", "the model's output is not finite", "use precision=fp32, or look at this row"
            )
        yield row["row"], evidence


def _finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_finite, value))
    return not isinstance(value, float) or math.isfinite(value)
