"""answer(): rows -> evidence, a block at a time. Decides and scores nothing."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from datasets import Dataset

from hf_suite import batching
from hf_suite.adapters import Adapter, take
from hf_suite.errors import RunError
from hf_suite.kinds import Evidence
from hf_suite.metrics.base import RowId

_BLOCK = 2048  # rows whose features and outputs are in memory at once


def answer(
    model: Any, adapter: Adapter, rows: Dataset, *, accelerator: Accelerator, batch_size: int
) -> Iterator[tuple[RowId, Evidence]]:
    """Every row's id and evidence, in row order, the same on every process.

    Planned batches are dealt to the processes whole, so that a batch holds the same rows whatever their number. Raises
    RunError when the model's numbers are not finite.
    """
    model.eval()
    for at in range(0, len(rows), _BLOCK):
        block = rows.select(range(at, min(at + _BLOCK, len(rows))))
        features = adapter.eval_features(block)
        outputs = _outputs(model, adapter, features, accelerator=accelerator, batch_size=batch_size)
        yield from _evidence(adapter, block, features, outputs)


def _outputs(
    model: Any, adapter: Adapter, features: Dataset, *, accelerator: Accelerator, batch_size: int
) -> list[Any]:
    """One output for each feature, in the features' order."""
    found: list[tuple[int, Any]] = []
    for at, planned in enumerate(batching.eval_plan(features["length"][:], batch_size=batch_size)):
        if at % accelerator.num_processes != accelerator.process_index:
            continue
        batch = {name: value.to(accelerator.device) for name, value in adapter.collate(take(features, planned)).items()}
        with torch.inference_mode(), accelerator.autocast():
            found.extend(zip(planned, adapter.outputs(model, batch), strict=True))
    gathered = dict(gather_object(found))
    return [gathered[at] for at in range(len(features))]


def _evidence(
    adapter: Adapter, block: Dataset, features: Dataset, outputs: list[Any]
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
