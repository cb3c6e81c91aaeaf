"""What every test starts from: no network, one thread, caches in a folder of the session's own."""

import os
import tempfile
from pathlib import Path

import pytest

_HOME = tempfile.TemporaryDirectory(prefix="hf-suite-tests-")

# Before any import of the libraries, which read them once.
os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_HOME=_HOME.name,
    OMP_NUM_THREADS="1",
    TOKENIZERS_PARALLELISM="false",
)


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory):
    """`tiny_checkpoint(architecture, ...)`: a folder that is only read, made once; keywords as of `tiny.checkpoint`."""
    import tiny

    folders: dict[str, Path] = {}

    def checkpoint(architecture, **keywords):
        key = repr((architecture, sorted(keywords.items())))
        if key not in folders:
            folders[key] = tiny.checkpoint(tmp_path_factory.mktemp("tiny") / architecture, architecture, **keywords)
        return folders[key]

    return checkpoint


@pytest.fixture(scope="session")
def small_world(tmp_path_factory):
    """The mirror and task files of `world.make`, only read."""
    import world

    return world.make(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="session")
def runs(tmp_path_factory, small_world, tiny_checkpoint):
    """`runs(task)`: the folder of a finished run, only read; made once."""
    import world

    import hf_suite

    made: dict[str, Path] = {}

    def run(name):
        if name not in made:
            made[name] = tmp_path_factory.mktemp("runs") / name
            hf_suite.run(world.run_config(small_world, name, tiny_checkpoint("bert"), output=str(made[name])))
        return made[name]

    return run
