"""How long a model takes to answer one feature, and 32 at once: medians after a warm-up. Keeps no answer."""

import statistics
import time
from typing import Any

import torch
from accelerate import Accelerator
from datasets import Dataset

from hf_suite import memory
from hf_suite.adapters import Adapter, take

SIZES = (1, 32)
_TIMES = 9  # batches of each size
_SECONDS = 3.0  # after which no further batch of that size is begun
_SLOW = 20.0  # seconds that a batch may take, going by those of one feature


def latency(model: Any, adapter: Adapter, rows: Dataset, *, accelerator: Accelerator) -> dict[str, float]:
    """Milliseconds a batch by its size, from tokens to outputs, over the first features of these rows.

    A size is left out where memory does not hold it, or where it would take too long (a decoder that writes). Features
    come again where the rows have too few.
    """
    model.eval()
    features = adapter.eval_features(rows.select(range(min(len(rows), 2 * max(SIZES)))))
    found: dict[str, float] = {}
    for size in SIZES:
        is_slow = size * found.get("1", 0.0) > 1000 * _SLOW
        value = None if is_slow else _tried(model, adapter, features, size, accelerator)
        found |= {str(size): round(value, 3)} if value is not None else {}
    return found


def _tried(model: Any, adapter: Adapter, features: Dataset, size: int, accelerator: Accelerator) -> float | None:
    try:
        return _median(model, adapter, features, size, accelerator)
    except (RuntimeError, MemoryError) as error:
        if not memory.ran_out(error):
            raise
        memory.free()
        return None


def _median(model: Any, adapter: Adapter, features: Dataset, size: int, accelerator: Accelerator) -> float:
    times: list[float] = []
    begun = time.perf_counter()
    for at in range(1 + _TIMES):
        if len(times) > 1 and time.perf_counter() - begun > _SECONDS:
            break
        places = [(at * size + offset) % len(features) for offset in range(size)]
        batch = {key: value.to(accelerator.device) for key, value in adapter.collate(take(features, places)).items()}
        start = time.perf_counter()
        with torch.inference_mode(), accelerator.autocast():
            adapter.outputs(model, batch)
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times[1:])
