"""What this machine has: processor, threads, memory and GPUs, and what they do fast. Runs no model."""

import os
import platform
from pathlib import Path
from typing import Any

import torch

from hf_suite.precision import fast_bf16


def processor() -> dict[str, Any]:
    """Its kind, the instructions that torch uses, cores (here, and those that this process may use), and threads."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "name": _processor_name(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "usable cores": usable,
        "threads": torch.get_num_threads(),
        "fast bf16": fast_bf16("cpu"),
        "memory": _gib(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")),
    }


def accelerators() -> list[dict[str, Any]]:
    """GPUs, each with its memory and whether bf16 is fast there."""
    found = [torch.cuda.get_device_properties(at) for at in range(torch.cuda.device_count())]
    gpus = [{"name": gpu.name, "memory": _gib(gpu.total_memory), "fast bf16": fast_bf16("cuda")} for gpu in found]
    return [*gpus, *([{"name": "mps"}] if torch.backends.mps.is_available() else [])]


def _processor_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.is_file() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
