"""Runs of two processes by `--processes` that are killed or stopped end, once resumed, as one that nobody disturbed."""

import json
import os
import signal
from pathlib import Path

import apart
import disturbing
import psutil
import pytest
from disturbing import STEPS, assert_same_run, config, losses, run_apart
from test_stopping import command

import hf_suite
from hf_suite import folders
from hf_suite.errors import RunError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def whole(small_world, tiny_checkpoint, tmp_path_factory):
    """The folder of a run of two processes that nobody disturbed, with dropout on; its losses are beside it."""
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    disturbing.run(config(small_world, tiny_checkpoint("bert"), folder, processes=2), f"{folder}.log")
    assert sorted(losses(f"{folder}.log")) == list(range(1, STEPS + 1))
    return folder


@pytest.fixture
def disturbed(small_world, tiny_checkpoint, tmp_path):
    folder = tmp_path / "run"
    return config(small_world, tiny_checkpoint("bert"), folder, processes=2), folder, tmp_path / "log"


def killed(settings, log, number):
    """A run whose launcher gets a signal twice at step 7; the numbers of its processes stand beside the log."""

    def watch(progress):
        if progress.stage == "finetune" and progress.done == 7:
            numbers = [one.pid for one in psutil.Process().children() if "RANK" in one.environ()]
            Path(f"{log}.pids").write_text(json.dumps(numbers))
            for _ in range(2):
                os.kill(os.getpid(), number)

    hf_suite.run(settings, watch=watch)


def runs(number):
    return psutil.pid_exists(number) and psutil.Process(number).status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_processes_whose_launcher_is_gone_end_and_are_resumed_exactly(disturbed, whole, number):
    settings, folder, log = disturbed
    assert apart.run(killed, settings, log, number) == -number
    assert run_apart(settings, log, resume=True) == 0
    pids = json.loads(Path(f"{log}.pids").read_text())
    assert (len(pids), [one for one in pids if runs(one)]) == (2, [])
    assert disturbing.weights(folder) == disturbing.weights(whole)
    assert disturbing.content(folder) == disturbing.content(whole)


def one_killed(settings, log):
    """A run of which one process is killed at step 9; what is then said."""

    def watch(progress):
        if progress.stage == "finetune":
            with Path(log).open("a") as file:
                file.write(json.dumps([progress.done, progress.loss]) + "\n")
        if progress.stage == "finetune" and progress.done == 9:
            next(one for one in psutil.Process().children() if one.environ()["RANK"] == "1").kill()

    try:
        hf_suite.run(settings, watch=watch)
    except RunError as error:
        return str(error)


def test_a_run_of_which_one_process_is_killed_says_so_and_is_resumed_exactly(disturbed, whole):
    settings, folder, log = disturbed
    message = "processes: process 1 of 2 was ended by SIGKILL; see whether memory ran out; a training goes on with "
    assert apart.call(one_killed, settings, log) == message + "--resume"
    assert run_apart(settings, log, resume=True) == 0
    assert_same_run(folder, log, whole)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_to_the_command_lets_the_processes_save(disturbed, whole, number, code):
    settings, folder, _ = disturbed
    keys = Path(f"{folder}.yaml")
    keys.write_text(json.dumps(folders.written(settings)), "utf-8")
    words = ["train", str(keys), "--output", str(folder), "--mirror", settings.mirror[0], "--processes", "2"]
    printed = Path(f"{folder}.err")
    assert apart.run(command, words, printed, "finetune 2 of 18", number, 1) == code
    last = printed.read_text().splitlines()[-1]
    name = signal.Signals(number).name
    assert last == f"hf-suite: {folder}: stopped by {name}; the state is saved; go on with --resume"
    assert apart.run(command, [*words, "--resume"], printed, None, number, 1) == 0
    assert "resumed after step" in printed.read_text()
    assert disturbing.weights(folder) == disturbing.weights(whole)
    assert disturbing.content(folder) == disturbing.content(whole)
