"""A bench in a folder of the test's own, and what it left there. Holds no test."""

import shutil

import world
import yaml

from hf_suite import schema
from hf_suite.config import SuiteConfig
from hf_suite.record import read_result
from hf_suite.suite import bench

SHORT = {"device": "cpu", "max_length": 32, "train": {"max_steps": 3, "batch_size": 8, "learning_rate": 0.01}}


def make(folder, checkpoint):
    """A world with the checkpoint `bert` and short.yaml beside it, to be changed."""
    shutil.copytree(checkpoint, folder / "bert")
    (folder / "short.yaml").write_text(yaml.safe_dump(SHORT))
    return world.make(folder)


def suite(own, *tasks, **differs):
    """Tasks of the world with short.yaml; `differs` says what differs for one."""
    said = {str(own.tasks[task]): differs.get(task) for task in tasks}
    return schema.build(SuiteConfig, {"tasks": said, "config": str(own.mirror.parent / "short.yaml")}, "suite.yaml")


def done(own, *tasks, models=("bert",), output="bench", differs=None, **keywords):
    """Runs a bench in the test's folder: its outcome, and what was told of each cell."""
    place, told = own.mirror.parent, []
    outcome = bench(
        suite(own, *tasks, **(differs or {})),
        models=[str(place / model) for model in models],
        output=place / output,
        mirrors=[str(own.mirror)],
        watch=lambda cell, state, progress: told.append((cell.spec.name, state)) if progress is None else None,
        **keywords,
    )
    return outcome, told


def results(own, output="bench"):
    """Every Result of a bench by its task."""
    found = (own.mirror.parent / output).rglob("seed-*/result.json")
    return {path.parts[-5]: read_result(path) for path in found}


def made(own, output="bench"):
    """What tells whether a Result was written anew: inode and time of each."""
    stats = {path: path.stat() for path in (own.mirror.parent / output).rglob("seed-*/result.json")}
    return {path: (stat.st_ino, stat.st_mtime_ns) for path, stat in stats.items()}
