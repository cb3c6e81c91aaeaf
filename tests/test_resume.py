"""Runs that are killed, stopped or found damaged, and gone on with: they end as if nothing had happened."""

import contextlib
import importlib.metadata
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
import torch.distributed
import world

from hf_suite import checkpoint, cli, experiment, folders, record
from hf_suite.errors import Interrupted, RunError

# 48 rows to train on and 16 that choose the epoch: 6 steps an epoch, 18 in all, a checkpoint every 4 and at each end.
OVER = {
    "tune": {"share": 0.25},
    "train": {"max_steps": None, "epochs": 3, "save_every": 4, "select_on": "tune", "learning_rate": 0.02},
}
STEPS = 18


def config(small_world, model, output, **over):
    return world.run_config(small_world, "reviews", model, **{**OVER, **over}, output=str(output))


def run(config, log, *, at=None, number=signal.SIGKILL, times=1, resume=False):
    """A run that writes its losses to a file, and sends itself a signal when it tells of `at` (stage, how manieth)."""
    told = {}

    def watch(progress):
        told[progress.stage] = told.get(progress.stage, 0) + 1
        if progress.stage == "finetune":
            with Path(log).open("a") as file:
                file.write(json.dumps([progress.done, progress.loss]) + "\n")
        if at == (progress.stage, told[progress.stage]):
            for _ in range(times):
                os.kill(os.getpid(), number)

    experiment.run(config, resume=resume, watch=watch)


def run_as_one_of_two(config, log, *, at=None, resume=False):
    """The same in each of two processes, of which the second may die."""
    rank = torch.distributed.get_rank()
    run(config, f"{log}{rank}", at=at if rank == 1 else None, resume=resume)


def in_two(config, log, at, resume):
    """Two processes that may end badly: theirs is the exit code."""
    with contextlib.redirect_stderr(io.StringIO()):
        apart.launched(run_as_one_of_two, config, log, at=at, resume=resume)


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
    measured = ("seconds", "tokens_per_second", "peak_memory_bytes", "started", "finished", "commit", "dirty")
    return {name: value for name, value in result.items() if name not in measured}


def assert_same_run(folder, log, whole):
    assert losses(log) == losses(f"{whole}.log")
    assert weights(folder) == weights(whole)
    assert (folder / "answers.parquet").read_bytes() == (whole / "answers.parquet").read_bytes()
    assert content(folder) == content(whole)
    assert sorted(path.name for path in folder.iterdir()) == ["answers.parquet", "model", "result.json", "run.yaml"]


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


def run_in(config, log, at=None, number=signal.SIGKILL, times=1, resume=False):
    return apart.run(run_quietly, config, log, at, number, times, resume)


def run_quietly(config, log, at, number, times, resume):
    run(config, log, at=at, number=number, times=times, resume=resume)


@pytest.mark.parametrize(
    "at",
    [
        ("finetune", 1),  # before the first checkpoint
        ("finetune", 5),
        ("finetune", 11),  # mid-epoch
        ("finetune", 12),  # after the epoch's last step, before its rows have chosen
        ("evaluate", 2),  # while they choose
        ("finetune", 18),
        ("evaluate", 4),  # after the training, while the eval split is answered
    ],
)
def test_a_killed_run_that_is_resumed_ends_as_an_undisturbed_one(disturbed, whole, at):
    settings, folder, log = disturbed
    assert run_in(settings, log, at) == -9
    assert not (folder / "result.json").exists()
    assert run_in(settings, log, resume=True) == 0
    assert_same_run(folder, log, whole)


def test_a_run_killed_again_and_again_ends_as_an_undisturbed_one(disturbed, whole):
    settings, folder, log = disturbed
    assert run_in(settings, log, ("finetune", 5)) == -9
    for count in (3, 6, 5):  # the steps since each resume
        assert run_in(settings, log, ("finetune", count), resume=True) == -9
    assert run_in(settings, log, resume=True) == 0
    assert_same_run(folder, log, whole)


def test_two_processes_killed_and_resumed_end_as_two_undisturbed_ones(small_world, tiny_checkpoint, tmp_path):
    def start(name, at=None, resume=False):
        settings = config(small_world, tiny_checkpoint("bert"), tmp_path / name)
        return apart.run(in_two, settings, tmp_path / f"{name}.log", at, resume)

    assert start("whole") == 0
    assert start("run", ("finetune", 11)) == 1
    assert start("run", resume=True) == 0
    assert losses(tmp_path / "run.log0") == losses(tmp_path / "whole.log0")
    assert weights(tmp_path / "run") == weights(tmp_path / "whole")
    assert content(tmp_path / "run") == content(tmp_path / "whole")
    assert content(tmp_path / "run")["processes"] == 2


def test_full_finetuning_is_resumed_as_exactly(small_world, tiny_checkpoint, tmp_path):
    def settings(name):
        over = {"lora": None, "train": {"max_steps": 7, "save_every": 3, "learning_rate": 1e-3}}
        return world.run_config(small_world, "likeness", tiny_checkpoint("bert"), **over, output=str(tmp_path / name))

    run(settings("whole"), tmp_path / "whole.log")
    assert run_in(settings("run"), tmp_path / "run.log", ("finetune", 5)) == -9
    assert run_in(settings("run"), tmp_path / "run.log", resume=True) == 0
    assert losses(tmp_path / "run.log") == losses(tmp_path / "whole.log")
    files = [tmp_path / name / "model" / "model.safetensors" for name in ("run", "whole")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert content(tmp_path / "run") == content(tmp_path / "whole")


def test_a_damaged_checkpoint_costs_only_the_steps_since_the_one_before(disturbed, whole, caplog):
    settings, folder, log = disturbed
    assert run_in(settings, log, ("finetune", 11)) == -9  # with step-6 and step-8 saved
    (folder / "checkpoints" / "step-8" / "optimizer.safetensors").write_bytes(b"")
    notes = []
    experiment.run(settings, resume=True, watch=lambda progress: notes.append(progress.note))
    assert "resumed after step 6" in notes
    assert (
        f"{folder / 'checkpoints' / 'step-8'}: optimizer.safetensors is not what was written (its sha256 differs); "
        "going on from the one before"
    ) in caplog.messages
    assert weights(folder) == weights(whole)
    assert content(folder) == content(whole)


def test_a_run_whose_checkpoints_are_all_damaged_is_refused(disturbed):
    settings, folder, log = disturbed
    assert run_in(settings, log, ("finetune", 11)) == -9
    for path in (folder / "checkpoints").glob("step-*"):
        (path / "MANIFEST.json").unlink()
    with pytest.raises(RunError) as error:
        experiment.run(settings, resume=True)
    assert str(error.value) == (
        f"{folder / 'checkpoints' / 'step-8'}: MANIFEST.json is missing or unreadable, "
        "and no older checkpoint is whole; use another output folder"
    )


def test_a_half_finished_folder_holds_no_pickle(disturbed):
    settings, folder, log = disturbed
    assert run_in(settings, log, ("finetune", 11)) == -9
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".safetensors", ".json", ".yaml"}
    assert {path.name for path in (folder / "checkpoints").iterdir()} == {"best-6", "step-6", "step-8"}
    for path in files:
        start = path.read_bytes()[:2]
        assert not start.startswith((b"PK", b"\x80"))  # neither torch's archives nor a pickle


# what must not change between the parts of a run


def test_a_resume_with_another_config_is_refused_and_names_the_keys(disturbed, small_world, tiny_checkpoint):
    settings, folder, log = disturbed
    assert run_in(settings, log, ("finetune", 5)) == -9
    before = sorted(path.relative_to(folder) for path in folder.rglob("*"))
    for over, keys in (
        ({"lora": {"rank": 8}}, "lora"),
        ({"seed": 1}, "seed"),
        ({"max_length": 16, "eval_limit": 3}, "eval_limit, max_length"),
        ({"train": {**OVER["train"], "batch_size": 4}}, "train"),
        ({"precision": "bf16"}, "precision"),
    ):
        with pytest.raises(RunError) as error:
            experiment.run(config(small_world, tiny_checkpoint("bert"), folder, **over), resume=True)
        assert str(error.value) == (
            f"{folder}: began with another config (other: {keys}); "
            "resume with the config it began with (run.yaml), or give another folder"
        )
    assert sorted(path.relative_to(folder) for path in folder.rglob("*")) == before


def test_a_resume_on_other_rows_another_task_or_model_is_refused(tmp_path, tiny_checkpoint):
    own = world.make(tmp_path / "world")
    model = shutil.copytree(tiny_checkpoint("bert"), tmp_path / "model")
    settings = config(own, model, tmp_path / "run")
    assert run_in(settings, tmp_path / "log", ("finetune", 5)) == -9

    def refused(changed, write):
        whole = changed.read_bytes()
        write(changed)
        with pytest.raises(RunError) as error:
            experiment.run(settings, resume=True)
        changed.write_bytes(whole)
        return str(error.value)

    message = (
        f"{tmp_path / 'run'}: began with other content (%s); put it back as it was, or begin anew in another folder"
    )
    rows = own.mirror / "own" / "reviews" / "default" / "validation.jsonl"
    assert refused(rows, lambda file: file.write_text(file.read_text().replace("good", "fine", 1))) == message % "rows"
    task = own.tasks["reviews"]
    assert refused(task, lambda file: file.write_text(file.read_text().replace("version: 1", "version: 2"))) == (
        message % "task"
    )
    vocabulary = model / "tokenizer_config.json"
    assert refused(vocabulary, lambda file: file.write_text(file.read_text() + "\n")) == message % "model"
    assert run_in(settings, tmp_path / "log", resume=True) == 0


def test_libraries_that_changed_between_the_parts_are_a_caveat(disturbed, monkeypatch):
    settings, _, log = disturbed
    assert run_in(settings, log, ("finetune", 5)) == -9
    version = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "99.0" if name == "peft" else version(name))
    result = experiment.run(settings, resume=True)
    assert result.caveats == ["unpinned", f"begun with peft {version('peft')}"]
    assert result.versions["peft"] == "99.0"


# asked to stop


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
    assert run_in(settings, log, resume=True) == 0
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
            assert code in (0, 143 if number == signal.SIGTERM else -9)
            if code == 143:  # no step that was done is lost
                assert checkpoint.found(folder / "checkpoints")[0].name == f"step-{max(losses(log))}"
        assert_same_run(folder, log, whole)
