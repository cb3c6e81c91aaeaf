"""One of a run's several processes, as `launch` starts it: reads its job, does it, says what it met. Prints nothing.

`python -m hf_suite.rank FOLDER [DESCRIPTOR]`: the job stands in FOLDER; process 0 writes its progress and the
library's log to DESCRIPTOR, as JSON lines.
"""

import dataclasses
import json
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

import torch.distributed

from hf_suite import errors, schema
from hf_suite.config import RunConfig
from hf_suite.errors import SuiteError
from hf_suite.experiment import run
from hf_suite.finished import evaluate_run
from hf_suite.launch import JOB
from hf_suite.session import Progress, Watch


def _run(job: Mapping[str, Any], watch: Watch) -> None:
    config = schema.build(RunConfig, job["config"], "job")
    keys = {name: job[name] for name in ("resume", "allow_code", "needs_eval")}
    run(config, **keys, watch=watch)


def _evaluate_run(job: Mapping[str, Any], watch: Watch) -> None:
    folders = {"mirrors": tuple(job["mirrors"]), "output": Path(job["output"])}
    evaluate_run(**{**job, **folders}, watch=watch)


FUNCTIONS: dict[str, Callable[[Mapping[str, Any], Watch], None]] = {"run": _run, "evaluate_run": _evaluate_run}
"""What a job may ask for."""


def main() -> None:
    """Does the job; where it fails, FOLDER says why."""
    threading.Thread(target=_end_with_launcher, daemon=True).start()
    folder, rank = Path(sys.argv[1]), int(os.environ["RANK"])
    asked = json.loads((folder / JOB).read_text("utf-8"))
    try:
        FUNCTIONS[asked["function"]](asked["job"], _telling() if rank == 0 else _silent)
    except Exception as error:
        (folder / f"{rank}.json").write_text(json.dumps(_report(error, rank)), "utf-8")
        raise
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _end_with_launcher() -> None:
    """Ends this process when the launcher is gone: a run that is begun again must be the only one in its folder."""
    os.read(0, 1)  # not sys.stdin, whose lock would be held when the interpreter ends
    os.kill(os.getpid(), signal.SIGKILL)


def _telling() -> Watch:
    """A `watch` that writes to the launcher, to which the library's log and Python's warnings go as well."""
    out = os.fdopen(int(sys.argv[2]), "w", encoding="utf-8", buffering=1)
    logging.basicConfig(level=logging.WARNING, handlers=[_Passing(out)])
    logging.captureWarnings(True)
    logging.getLogger("hf_suite").setLevel(logging.INFO)

    def told(progress: Progress) -> None:
        out.write(json.dumps(dataclasses.asdict(progress)) + "\n")

    return told


class _Passing(logging.Handler):
    """Writes each record as a JSON line."""

    def __init__(self, out: TextIO) -> None:
        super().__init__()
        self.out = out

    def emit(self, record: logging.LogRecord) -> None:
        line = {"log": record.name, "level": record.levelno, "message": record.getMessage()}
        self.out.write(json.dumps(line) + "\n")


def _report(error: Exception, rank: int) -> dict[str, Any]:
    """What the launcher needs to raise the error again; `error` is null for one that is a bug of ours."""
    own = next((kind.__name__ for kind in type(error).__mro__ if kind.__name__ in vars(errors)), None)
    return {
        "rank": rank,
        "time": time.time(),
        "error": own if isinstance(error, SuiteError) else None,
        "args": [error.place, error.finding, error.remedy] if isinstance(error, SuiteError) else [],
        "signal": getattr(error, "signal", 0),
        "traceback": "".join(traceback.format_exception(error)),
    }


def _silent(progress: Progress) -> None:
    """Only process 0 tells."""


if __name__ == "__main__":
    main()
