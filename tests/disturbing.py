"""Runs that are killed or stopped in a process of their own, and whether two runs are the same. Holds no test."""

import json
import os
import signal
from pathlib import Path

import apart
import pytest
import world

from hf_suite import experiment, record

# 48 rows to train on and 16 that choose the epoch: 6 steps an epoch, 18 in all, a checkpoint every 4 and at each end.
OVER = {
    "tune": {"share": 0.25},
    "train": {"max_steps": None, "epochs": 3, "save_every": 4, "select_on": "tune", "learning_rate": 0.02},
}
STEPS = 18


def config(small_world, model, output, **over):
    """The run that is disturbed here."""
    return world.run_config(small_world, "reviews", model, **{**OVER, **over}, output=str(output))


def run(config, log, at=None, resume=False):
    """A run that writes its losses to a file, and kills its process when it tells of `at` (stage, how manieth)."""
    told = {}

    def watch(progress):
        told[progress.stage] = told.get(progress.stage, 0) + 1
        if progress.stage == "finetune":
            with Path(log).open("a") as file:
                file.write(json.dumps([progress.done, progress.loss]) + "\n")
        if at == (progress.stage, told[progress.stage]):
            os.kill(os.getpid(), signal.SIGKILL)

    experiment.run(config, resume=resume, watch=watch)


def run_apart(config, log, at=None, resume=False):
    """The exit code of such a run in a process of its own."""
    return apart.run(run, config, log, at, resume)


def losses(log):
    """Step -> loss; a step that was done again must have found the same."""
    found = {}
    for line in Path(log).read_text().splitlines():
        step, loss = json.loads(line)
        assert found.setdefault(step, loss) == loss
    return found


def weights(folder):
    return (folder / "model" / "adapter_model.safetensors").read_bytes()


def content(folder):
    """What a run found, without when and where."""
    result = record.read_result(folder).model_dump(mode="json")
    measured = ("seconds", "tokens_per_second", "peak_memory_bytes", "latency_ms", "started", "finished")
    measured += ("commit", "dirty")
    return {name: value for name, value in result.items() if name not in measured}


def assert_same_run(folder, log, whole):
    """The run in `folder` ended as that in `whole`, to the last bit, and left as little behind."""
    assert losses(log) == losses(f"{whole}.log")
    assert weights(folder) == weights(whole)
    assert (folder / "answers.parquet").read_bytes() == (whole / "answers.parquet").read_bytes()
    assert content(folder) == content(whole)
    assert sorted(path.name for path in folder.iterdir()) == [
        "answers.parquet",
        "model",
        "result.json",
        "rows.parquet",  # which rows were tune's
        "run.yaml",
    ]


@pytest.fixture(scope="module")
def whole(small_world, tiny_checkpoint, tmp_path_factory):
    """The folder of a run that nobody disturbed, with dropout on; its losses are beside it."""
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    run(config(small_world, tiny_checkpoint("bert"), folder), f"{folder}.log")
    assert sorted(losses(f"{folder}.log")) == list(range(1, STEPS + 1))
    return folder


@pytest.fixture
def disturbed(small_world, tiny_checkpoint, tmp_path):
    """A config like that of `whole` with a folder of its own, the folder, and the log."""
    folder = tmp_path / "run"
    return config(small_world, tiny_checkpoint("bert"), folder), folder, tmp_path / "log"
