"""What is done when memory runs out: whether an error says so, and how many features are tried next.

And how much of it a run held at most.
"""

import contextlib
import re
import resource
import sys
from pathlib import Path

import torch
from accelerate.utils import memory

from hf_suite.errors import SuiteError

FIRST_TOKENS = 16_384
"""Padded tokens of the largest first micro-batch: more keeps no device busier, and takes gigabytes of activations."""


def first_size(share: int, longest: int) -> int:
    """Features per forward pass where the user names no number: the share of a process, within FIRST_TOKENS."""
    return min(share, max(1, FIRST_TOKENS // max(1, longest)))


def ran_out(error: BaseException) -> bool:
    """Whether an error says that memory, the device's or the machine's, is exhausted."""
    known = isinstance(error, (MemoryError, torch.OutOfMemoryError))
    return known or (isinstance(error, Exception) and memory.should_reduce_batch_size(error))


def smaller(error: Exception, size: int, refusal: SuiteError) -> int:
    """Half of `size`, after memory ran out on so many features. Raises the refusal at 1, and any other error again."""
    if not ran_out(error):
        raise error
    if size == 1:
        raise refusal from error
    return size // 2


def free() -> None:
    """Gives back what an attempt left behind."""
    memory.clear_device_cache(garbage_collection=True)


def forget_peak() -> None:
    """Lets `peak` begin anew, so that a run does not tell the memory of those before it in its process.

    Off Linux, or where the system forbids it, nothing can, and `peak` stays that of the whole process.
    """
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.reset_peak_memory_stats()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # 5: the high-water mark (proc_pid_clear_refs(5))


def peak(device: torch.device) -> int:
    """The most bytes that this process held since `forget_peak`: on its GPU where that is the device."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    with contextlib.suppress(OSError):
        found = re.search(r"^VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
        if found is not None:
            return int(found[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
