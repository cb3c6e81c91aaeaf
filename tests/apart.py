"""Functions run in fresh processes, which may be killed, or be two that train together. Holds no test.

They are forked from a server that has the libraries imported and has computed nothing: no process inherits an
Accelerator, a thread of torch's, or the time of an import.
"""

import functools
import json
import multiprocessing
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

_LIBRARIES = ["hf_suite.cli", "hf_suite.experiment", "hf_suite.finished", "pytest"]


def run(function: Callable[..., Any], *args: Any) -> int:
    """Calls a function of a module in a process of its own and returns the exit code, -9 after SIGKILL."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_LIBRARIES)
    process = context.Process(target=function, args=args)
    process.start()
    process.join()
    return process.exitcode


def call(function: Callable[..., Any], *args: Any) -> Any:
    """What the function returns in a process of its own, as JSON gives it back."""
    with tempfile.TemporaryDirectory() as folder:
        assert run(_answered, Path(folder) / "0", function, args) == 0
        return json.loads((Path(folder) / "0").read_text())


def together(function: Callable[..., Any], *args: Any, processes: int) -> list[Any]:
    """What the function returns in each of several processes that know of each other, by rank."""
    if processes == 1:
        return [call(function, *args)]
    with tempfile.TemporaryDirectory() as folder:
        assert run(_launched, Path(folder), function, args, processes) == 0
        return [json.loads((Path(folder) / str(rank)).read_text()) for rank in range(processes)]


def launched(function: Callable[..., Any], *args: Any, **keywords: Any) -> None:
    """Calls the function in two processes that know of each other; for use inside a process of `run`."""
    import accelerate

    accelerate.debug_launcher(functools.partial(function, *args, **keywords), num_processes=2)


def _launched(folder: Path, function: Callable[..., Any], args: tuple[Any, ...], processes: int) -> None:
    import accelerate

    accelerate.debug_launcher(_ranked, (folder, function, args), num_processes=processes)


def _ranked(folder: Path, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    import torch.distributed

    _answered(folder / str(torch.distributed.get_rank()), function, args)


def _answered(file: Path, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    file.write_text(json.dumps(function(*args)))
