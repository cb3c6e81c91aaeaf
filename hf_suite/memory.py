"""What is done when memory runs out: whether an error says so, and how many features are tried next."""

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
