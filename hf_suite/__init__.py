"""Finetuning and evaluation on Hugging Face libraries: the public names, each loaded when it is first used.

`import hf_suite` loads nothing else, so that it costs nothing to ask for one name.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hf_suite.config import RunConfig, SuiteConfig
    from hf_suite.errors import SuiteError
    from hf_suite.evaluation_modules import metric_path
    from hf_suite.experiment import run
    from hf_suite.exporting import export
    from hf_suite.finished import evaluate_run
    from hf_suite.predictor import load
    from hf_suite.record import Result
    from hf_suite.scoring import score
    from hf_suite.spec import TaskSpec
    from hf_suite.suite import bench

    __version__: str

__all__ = [
    "Result",
    "RunConfig",
    "SuiteConfig",
    "SuiteError",
    "TaskSpec",
    "__version__",
    "bench",
    "evaluate_run",
    "export",
    "load",
    "metric_path",
    "run",
    "score",
]

_HOMES = {
    "Result": "hf_suite.record",
    "RunConfig": "hf_suite.config",
    "SuiteConfig": "hf_suite.config",
    "SuiteError": "hf_suite.errors",
    "TaskSpec": "hf_suite.spec",
    "bench": "hf_suite.suite",
    "evaluate_run": "hf_suite.finished",
    "export": "hf_suite.exporting",
    "load": "hf_suite.predictor",
    "metric_path": "hf_suite.evaluation_modules",
    "run": "hf_suite.experiment",
    "score": "hf_suite.scoring",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("hf-suite")
    if name not in _HOMES:
        raise AttributeError(f"module 'hf_suite' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
