"""Several processes for one run: started, followed and ended together. Knows no model; what they do stands in `rank`.

Each gets the environment that torchrun would give it, so a run does not know who started it. torchrun itself prints a
banner for each error and kills processes 30 seconds after a signal, be their state saved or not; hence this.
"""

import contextlib
import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed
from accelerate.utils import patch_environment

from hf_suite import errors
from hf_suite.errors import ConfigError, Interrupted, RunError, SuiteError
from hf_suite.session import Progress, Watch
from hf_suite.stopping import Stopping

log = logging.getLogger(__name__)

JOB = "job.json"
_PATIENCE = 10.0  # seconds that the others have to say what they met, once one has failed
_TAIL = 2000  # characters


@dataclass
class _Rank:
    """One started process."""

    process: subprocess.Popen[bytes]
    folder: Path
    number: int

    def report(self) -> dict[str, Any] | None:
        """What it said of its failure; None when it said nothing."""
        file = self.folder / f"{self.number}.json"
        return json.loads(file.read_text("utf-8")) if file.is_file() else None

    def tail(self) -> str:
        """The end of what it printed."""
        return (self.folder / f"{self.number}.log").read_text("utf-8", errors="replace")[-_TAIL:].strip()


_FSDP, _OFFLOAD, _DEEPSPEED = "ACCELERATE_USE_FSDP", "FSDP_OFFLOAD_PARAMS", "ACCELERATE_USE_DEEPSPEED"
"""Variables by which `accelerate launch` hands on what its config file asks for."""


def started() -> int:
    """The processes of this run that a launcher has started, this one among them; 1 where there is none."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def needed(processes: int) -> bool:
    """Whether this process must start others for a run of so many. Raises ConfigError where a launcher started others.

    Under torchrun or `accelerate launch` their number counts, and the key may be left out.
    """
    if started() > 1 and processes not in (1, started()):
        finding = f"{processes} are asked for, and the launcher started {started()}"
        raise ConfigError("processes", finding, "leave it to the launcher")
    return started() == 1 and processes > 1


def shards() -> bool:
    """Whether an Accelerate config file asks for FSDP 2, which here is `train.shard`.

    Raises ConfigError for what it may ask besides that is another way to hold a model in parts.
    """
    told = {name: os.environ.get(name, "false").lower() == "true" for name in (_DEEPSPEED, _FSDP, _OFFLOAD)}
    if told[_DEEPSPEED]:
        finding = "asks for DeepSpeed, which would do the optimizer's steps and the saving in place of this loop"
        raise ConfigError("accelerate's config file", finding, "take it out, and say train.shard=true")
    if told[_FSDP] and os.environ.get("FSDP_VERSION", "1") != "2":
        raise ConfigError("accelerate's config file", "asks for FSDP 1", "write fsdp_version: 2")
    if told[_FSDP] and told[_OFFLOAD]:
        finding = "asks FSDP to keep weights on the CPU, which this loop does not"
        raise ConfigError("accelerate's config file", finding, "write fsdp_offload_params: false")
    return told[_FSDP]


def unwrapped() -> contextlib.AbstractContextManager[None]:
    """While it lasts, Accelerate does not wrap a model, and transformers loads it whole on every process.

    Raises ConfigError as `shards` does.
    """
    shards()
    return patch_environment(**{_FSDP: "false"})


def check(processes: int, device: str, *, gpus: int, cores: int) -> None:
    """Refuses more processes than GPUs, and warns of more than cores. Raises ConfigError."""
    if device != "cpu" and processes > gpus:
        there = "there is 1 GPU" if gpus == 1 else f"there are {gpus} GPUs"
        raise ConfigError("processes", f"{processes} are asked for, and {there}", f"say processes={gpus} or device=cpu")
    if device == "cpu" and processes > cores:
        log.warning("processes: %d on %d cores are slower than %d", processes, cores, cores)


def together(function: str, job: Mapping[str, Any], *, processes: int, device: str, watch: Watch) -> None:
    """Does a job of `rank.FUNCTIONS` in several processes; returns when all have done it.

    `watch` is told what process 0 tells. Raises the SuiteError that one met; Interrupted when a signal stopped them;
    RunError when the system ended one; RuntimeError with the traceback of anything else.
    """
    cores = available_cores()
    check(processes, device, gpus=torch.cuda.device_count() if device == "cuda" else 1, cores=cores)
    with Stopping() as stopping, tempfile.TemporaryDirectory(prefix="hf-suite-") as name:
        folder = Path(name)
        (folder / JOB).write_text(json.dumps({"function": function, "job": job}), "utf-8")
        with _ranks(folder, processes, max(1, cores // processes)) as (ranks, told):
            _follow(ranks, told, watch=watch, stopping=stopping)
            _raise(ranks, stopping.signal)


def available_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def _ranks(folder: Path, processes: int, threads: int) -> Iterator[tuple[list[_Rank], int]]:
    """The processes, and where process 0 tells its progress; whatever still runs at the end is killed."""
    # This process holds the store at which they meet, as torchrun does: no port is chosen before it is bound.
    store = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    common = {
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(store.port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
    }
    environment = {"OMP_NUM_THREADS": str(threads), **os.environ, **common}
    told, telling = os.pipe()
    ranks: list[_Rank] = []
    try:
        for number in range(processes):
            own = {"RANK": str(number), "LOCAL_RANK": str(number)}
            ranks.append(_rank(folder, number, environment | own, telling if number == 0 else None))
        os.close(telling)
        yield ranks, told
    finally:
        os.close(told)
        for rank in ranks:
            with rank.process as process:
                process.kill()


def _rank(folder: Path, number: int, environment: Mapping[str, str], telling: int | None) -> _Rank:
    """Starts one process in a session of its own: a Ctrl-C reaches this process alone, and is passed on once."""
    words = [sys.executable, "-P", "-m", "hf_suite.rank", str(folder)]
    with (folder / f"{number}.log").open("wb") as printed:
        process = subprocess.Popen(
            words if telling is None else [*words, str(telling)],
            env=environment,
            stdin=subprocess.PIPE,  # closed when this process is gone, however it ended
            stdout=printed,
            stderr=printed,
            pass_fds=[] if telling is None else [telling],
            start_new_session=True,
        )
    return _Rank(process, folder, number)


def _follow(ranks: list[_Rank], told: int, *, watch: Watch, stopping: Stopping) -> None:
    """Passes on progress and a signal, until all have ended or one has failed and the others had their time."""
    passed_on, failed, take = False, None, _lines(told)
    while any(rank.process.poll() is None for rank in ranks):
        _tell(take(), watch)
        if stopping.signal and not passed_on:
            passed_on = True
            _pass_on(stopping.signal, ranks)
        if failed is None and any(rank.process.poll() for rank in ranks):
            failed = time.monotonic()
        if failed is not None and time.monotonic() - failed > _PATIENCE:
            break
    _tell(take(), watch)


def _pass_on(number: int, ranks: list[_Rank]) -> None:
    for rank in ranks:
        rank.process.send_signal(number)


def _lines(told: int) -> Callable[[], list[bytes]]:
    """Gives the whole lines that have come since it was asked last; waits for some, a tenth of a second."""
    rest = b""
    selector = selectors.DefaultSelector()
    selector.register(told, selectors.EVENT_READ)

    def take() -> list[bytes]:
        nonlocal rest
        if not selector.get_map():
            time.sleep(0.1)
            return []
        if not selector.select(timeout=0.1):
            return []
        chunk = os.read(told, 1 << 16)
        if not chunk:
            selector.unregister(told)
        *whole, rest = (rest + chunk).split(b"\n")
        return whole

    return take


def _tell(lines: list[bytes], watch: Watch) -> None:
    for line in map(json.loads, lines):
        if "log" in line:
            logging.getLogger(line["log"]).log(line["level"], "%s", line["message"])
        else:
            watch(Progress(**line))


def _raise(ranks: list[_Rank], stopped: int) -> None:
    """Raises what made the processes fail: an error of the user's first, then what ended one, then bugs of ours."""
    reports = [report for rank in ranks if (report := rank.report()) is not None]
    said = sorted(reports, key=lambda report: report["time"])
    for report in said:
        if report["error"] is not None:
            raise _error(report)
    ended = [rank for rank in ranks if (rank.process.poll() or 0) < 0 and rank.report() is None]
    if stopped and ended:
        finding = f"stopped by {signal.Signals(stopped).name} before the run began"
        raise Interrupted("processes", finding, "run the same command again", signal=stopped)
    if ended:
        name = signal.Signals(-ended[0].process.returncode).name
        finding = f"process {ended[0].number} of {len(ranks)} was ended by {name}"
        remedy = "see whether memory ran out; a training goes on with --resume"
        raise RunError("processes", finding, remedy)
    if said:
        raise RuntimeError(f"process {said[0]['rank']} of {len(ranks)} failed\n{said[0]['traceback']}")
    for rank in ranks:
        if rank.process.poll() != 0:
            raise RuntimeError(f"process {rank.number} of {len(ranks)} ended with {rank.process.poll()}\n{rank.tail()}")


def _error(report: Mapping[str, Any]) -> SuiteError:
    """The error as the process raised it."""
    place, finding, remedy = report["args"]
    if report["error"] == "Interrupted":
        return Interrupted(place, finding, remedy, signal=report["signal"])
    error: SuiteError = getattr(errors, report["error"])(place, finding, remedy)
    return error
