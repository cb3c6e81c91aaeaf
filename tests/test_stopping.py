"""Runs that are asked to stop: they finish the step, save, say how to go on, and end as if nothing had happened."""

import contextlib
import io
import json
import os
import random
import shutil
import signal
import sys
from pathlib import Path

import apart
import pytest
import torch
from disturbing import assert_same_run, content, disturbed, losses, run, run_apart, weights, whole
from transformers.models.bert.modeling_bert import BertEncoder

from hf_suite import checkpoint, cli, experiment, folders
from hf_suite.errors import Interrupted

__all__ = ["disturbed", "whole"]


class Reacting(io.TextIOWrapper):
    """A stderr that sends this process a signal each time that a text is written to it."""

    def __init__(self, file, mark, number, times):
        super().__init__(io.BufferedWriter(io.FileIO(file, "ab")), encoding="utf-8", write_through=True)
        self.mark, self.signal, self.times = mark, number, times

    def write(self, text):
        written = super().write(text)
        if self.mark is not None and self.mark in text:
            for _ in range(self.times):
                os.kill(os.getpid(), self.signal)
        return written


def command(words, file, mark, number, times):
    """The command line in this process, which reacts to what it writes."""
    sys.stdout, sys.stderr = io.StringIO(), Reacting(file, mark, number, times)
    cli.main(words)


def train(settings, file, mark=None, number=signal.SIGTERM, times=1, resume=False):
    """`hf-suite train` with the config of a run; the exit code."""
    keys = Path(f"{settings.output}.yaml")
    keys.write_text(json.dumps(folders.written(settings)), "utf-8")
    words = ["train", str(keys), "--output", settings.output, "--mirror", settings.mirror[0]]
    return apart.run(command, [*words, "--resume"] if resume else words, file, mark, number, times)


@pytest.mark.parametrize(
    ("number", "code", "mark", "step"),
    [
        (signal.SIGTERM, 143, "finetune 2 of 18", 2),
        (signal.SIGINT, 130, "finetune 9 of 18", 9),
        (signal.SIGTERM, 143, "finetune 18 of 18", 18),
        (signal.SIGTERM, 143, "evaluate 16 of 16", 6),  # while the rows choose: the epoch is kept
    ],
)
def test_a_stopped_run_saves_its_step_and_is_resumed_exactly(disturbed, whole, number, code, mark, step):
    settings, folder, log = disturbed
    assert train(settings, log, mark, number) == code
    assert [path.name for path in (folder / "checkpoints").glob(f"step-{step}")] == [f"step-{step}"]
    last = log.read_text().splitlines()[-1]
    name = signal.Signals(number).name
    assert last == f"hf-suite: {folder}: stopped by {name}; the state is saved; go on with --resume"
    assert train(settings, log, resume=True) == 0
    assert f"resumed after step {step}" in log.read_text()
    assert weights(folder) == weights(whole)
    assert content(folder) == content(whole)


def test_a_run_stopped_before_its_first_step_does_that_step(disturbed, whole):
    settings, folder, log = disturbed
    unset = settings.model_copy(update={"max_length": None})
    assert train(unset, log, "max_length") == 143  # told while the model is loaded
    assert (folder / "checkpoints" / "step-1").is_dir()


def test_a_run_stopped_while_it_answers_stops_between_two_batches(disturbed, tmp_path):
    settings, folder, _ = disturbed
    train = settings.train.model_copy(update={"micro_batch_size": 4, "max_steps": 2, "select_on": "validation"})
    settings = settings.model_copy(update={"train": train, "tune": None})
    batches = []

    def hook(module, inputs):
        if isinstance(module, BertEncoder) and not module.training and len(inputs[0]) == 4:
            batches.append(len(batches) + 1)
            if len(batches) == 8:  # 24 rows choose in batches 1 to 6; then they are answered
                os.kill(os.getpid(), signal.SIGTERM)

    handle = torch.nn.modules.module.register_module_forward_pre_hook(hook)
    try:
        with pytest.raises(Interrupted) as error:
            experiment.run(settings)
    finally:
        handle.remove()
    assert batches[-1] == 8
    assert str(error.value) == f"{folder}: stopped by SIGTERM; the state is saved; go on with --resume"
    experiment.run(settings, resume=True)
    undisturbed = settings.model_copy(update={"output": str(tmp_path / "undisturbed")})
    experiment.run(undisturbed)
    assert (folder / "answers.parquet").read_bytes() == (tmp_path / "undisturbed" / "answers.parquet").read_bytes()


def test_a_second_signal_ends_a_run_at_once(disturbed, whole):
    settings, folder, log = disturbed
    assert train(settings, log, "finetune 2 of 18", signal.SIGTERM, 2) == -15
    assert not (folder / "checkpoints" / "step-2").exists()
    assert train(settings, log, "finetune 9 of 18", signal.SIGINT, 2, resume=True) == -2
    assert train(settings, log, resume=True) == 0
    assert weights(folder) == weights(whole)


def stopped_while_saving(settings, log):
    """A run that gets SIGTERM at the moment when step 8's checkpoint takes its name."""

    def hook(event, arguments):
        if event == "os.rename" and str(arguments[1]).endswith("step-8"):
            os.kill(os.getpid(), signal.SIGTERM)

    sys.addaudithook(hook)
    with contextlib.suppress(Interrupted):
        run(settings, log)
        sys.exit("was not stopped")


def test_a_signal_while_a_checkpoint_is_written_lets_it_be_finished(disturbed, whole):
    settings, folder, log = disturbed
    assert apart.run(stopped_while_saving, settings, log) == 0
    assert [path.name for path in checkpoint.found(folder / "checkpoints")] == ["step-9", "step-8"]
    assert run_apart(settings, log, resume=True) == 0
    assert_same_run(folder, log, whole)


def test_signals_mean_again_what_they_did_when_the_run_is_over(disturbed):
    settings, _, _ = disturbed
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    experiment.run(settings)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


# at random


def calls(settings, log, resume, left, number):
    """A run that sends itself a signal at the `left`-th call of a Python function; without one, their count."""
    count = [0]

    def profile(frame, event, argument):
        count[0] += event == "call"
        if count[0] == left:
            count[0] += 1
            os.kill(os.getpid(), number)

    sys.setprofile(profile)
    try:
        run(settings, log, resume=resume)
    finally:
        sys.setprofile(None)
    return count[0]


def one_of(settings, log, resume, left, number):
    """The exit code that the command line would give."""
    try:
        calls(settings, log, resume, left, number)
    except Interrupted as error:
        sys.exit(error.exit_code)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_runs_disturbed_at_random_moments_end_as_an_undisturbed_one(disturbed, whole, number, tmp_path):
    settings, folder, log = disturbed
    every = apart.call(calls, settings, log, False, -1, number)
    chance = random.Random(0)
    for _ in range(20):
        log.unlink()
        shutil.rmtree(folder)
        while not (folder / "result.json").is_file():
            resume = (folder / "run.yaml").is_file()
            code = apart.run(one_of, settings, log, resume, chance.randrange(1, every), number)
            # Where the run does not listen yet, SIGTERM ends the process at once: nothing is done that could be lost.
            assert code in ((0, 143, -15) if number == signal.SIGTERM else (0, -9))
            if code == 143:  # no step that was done is lost
                assert checkpoint.found(folder / "checkpoints")[0].name == f"step-{max(losses(log))}"
        assert_same_run(folder, log, whole)
