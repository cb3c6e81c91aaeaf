"""Where the files that come with the suite are: tasks, configs, suites, demo data. Reads none of them."""

import os
from pathlib import Path

from hf_suite.errors import ConfigError
from hf_suite.schema import nearest

_FOLDERS = {  # name -> (inside the wheel, in a checkout)
    "tasks": ("_tasks", "tasks"),
    "configs": ("_configs", "configs"),
    "suites": ("_suites", "benchmarks/suites"),
    "demo-data": ("_demo-data", "benchmarks/demo-data"),
}


def folder(name: str) -> Path:
    """The folder of that name: inside the installed package, else at the root of the checkout."""
    package = Path(__file__).parent
    inside, checkout = _FOLDERS[name]
    return package / inside if (package / inside).is_dir() else package.parent / checkout


def files(name: str) -> dict[str, Path]:
    """Every shipped YAML file of one folder by its stem, sorted by name; of tasks also those of HF_SUITE_TASKS.

    Raises ConfigError where a folder of HF_SUITE_TASKS is none, or a name of its files is taken.
    """
    found = _yaml(folder(name))
    for own in _folders_of_ones_own() if name == "tasks" else ():
        if not own.is_dir():
            raise ConfigError(TASKS, f"{own} is no folder", "name folders of task files, separated as in PATH")
        more = _yaml(own)
        for stem in sorted(found.keys() & more.keys()):
            raise ConfigError(str(more[stem]), f"the name {stem} is taken by {found[stem]}", "rename the file")
        found |= more
    return dict(sorted(found.items()))


TASKS = "HF_SUITE_TASKS"


def _folders_of_ones_own() -> list[Path]:
    return [Path(word) for word in os.environ.get(TASKS, "").split(os.pathsep) if word]


def _yaml(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.rglob("*.yaml"))}


def find(name: str, word: str) -> Path:
    """A file by its path, or a shipped one by its stem. Raises ConfigError with the nearest name."""
    if word.endswith((".yaml", ".yml")) or "/" in word:
        if Path(word).is_file():
            return Path(word)
        raise ConfigError(word, "no such file", f"give a path to a YAML file or one of: {_listed(name)}")
    shipped = files(name)
    if word not in shipped:
        hint = nearest(word, shipped)
        raise ConfigError(word, f"no {_SINGULAR[name]} of that name", f"{hint}there are: {_listed(name)}")
    return shipped[word]


_SINGULAR = {"tasks": "task", "configs": "config", "suites": "suite"}


def _listed(name: str) -> str:
    return ", ".join(files(name))
