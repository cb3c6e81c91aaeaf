"""One process at a time: two runs, benches or evaluations never share a folder, and a killed one blocks none."""

import os
import platform
import signal
from pathlib import Path

import apart
import benching
import pytest
import world

from hf_suite import experiment
from hf_suite.errors import RunError
from hf_suite.finished import evaluate_run
from hf_suite.locking import check_free, locked
from hf_suite.suite import bench

HOLDER = f"process {os.getpid()} on {platform.node()}"
WAY = "wait until it ends, or give another folder with --output"


def refusal(function, *args, **keywords):
    with pytest.raises(RunError) as error:
        function(*args, **keywords)
    return str(error.value)


def held(folder):
    with locked(folder):
        pass


def killed(folder):
    """Dies with the lock."""
    with locked(folder):
        os.kill(os.getpid(), signal.SIGKILL)


def tried(folder):
    """What another process says."""
    try:
        held(Path(folder))
    except RunError as error:
        return str(error)
    return "free"


def test_a_folder_is_another_processs_while_it_is_locked_and_free_afterwards(tmp_path):
    folder = tmp_path / "run"
    with locked(folder):
        assert apart.call(tried, str(folder)) == f"{folder}: {HOLDER} is at work in it; {WAY}"
        assert refusal(check_free, folder) == f"{folder}: {HOLDER} is at work in it; {WAY}"
    assert apart.call(tried, str(folder)) == "free"
    assert list(folder.iterdir()) == []


def test_the_lock_of_a_killed_process_holds_nobody_up(tmp_path):
    assert apart.run(killed, tmp_path) == -9
    assert (tmp_path / ".lock").is_file()
    check_free(tmp_path)
    held(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_free_and_not_made(tmp_path):
    check_free(tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("resume", [False, True])
def test_a_run_refuses_a_folder_in_which_another_is_at_work(small_world, tiny_checkpoint, tmp_path, resume):
    config = world.run_config(small_world, "reviews", tiny_checkpoint("bert"), output=str(tmp_path / "run"))
    said = []

    def watch(progress):
        if (progress.stage, progress.done) == ("finetune", 2):
            said.append(refusal(experiment.run, config, resume=resume))

    experiment.run(config, watch=watch)
    assert said == [f"{tmp_path / 'run'}: {HOLDER} is at work in it; {WAY}"]
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "answers.parquet",
        "model",
        "result.json",
        "run.yaml",
    ]
    with locked(tmp_path / "run" / "eval" / "reviews"):
        message = refusal(evaluate_run, tmp_path / "run", mirrors=config.mirror)
    assert message == f"{tmp_path / 'run' / 'eval' / 'reviews'}: {HOLDER} is at work in it; {WAY}"


def test_a_bench_refuses_a_folder_in_which_another_is_at_work(tiny_checkpoint, tmp_path):
    own = benching.make(tmp_path, tiny_checkpoint("bert"))
    keys = {"models": [str(tmp_path / "bert")], "output": tmp_path / "bench", "mirrors": [str(own.mirror)]}
    suite = benching.suite(own, "reviews")
    with locked(tmp_path / "bench"):
        assert refusal(bench, suite, **keys) == f"{tmp_path / 'bench'}: {HOLDER} is at work in it; {WAY}"
    assert len(bench(suite, **keys).done) == 1
    assert not (tmp_path / "bench" / ".lock").exists()
