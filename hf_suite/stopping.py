"""Stopping: SIGINT and SIGTERM set a flag, looked at where the state can be saved. Saves nothing itself."""

import os
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from accelerate import Accelerator

from hf_suite.errors import Interrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """A context in which the first signal asks to stop and the second ends the process at once."""

    def __init__(self) -> None:
        self._asked = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Stopping":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        if self._asked:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self._asked = number

    @property
    def signal(self) -> int:
        """The signal that this process got, 0 for none."""
        return self._asked

    def asked(self, accelerator: Accelerator) -> int:
        """The signal that any process got, 0 for none; the same on every process, so all must ask at the same point."""
        if accelerator.num_processes == 1:
            return self._asked
        numbers = accelerator.gather(torch.tensor([self._asked], device=accelerator.device))
        return int(numbers.max().item())

    def check(self, accelerator: Accelerator, folder: Path) -> None:
        """Raises Interrupted when a stop was asked for. What is to be kept must be on disk."""
        number = self.asked(accelerator)
        if number:
            raise interrupted(number, folder)


def interrupted(number: int, folder: Path) -> Interrupted:
    """The error that says which signal stopped the run in that folder."""
    name = signal.Signals(number).name
    return Interrupted(str(folder), f"stopped by {name}; the state is saved", "go on with --resume", signal=number)
