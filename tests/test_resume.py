"""Runs that are killed or found damaged, and gone on with: they end as if nothing had happened."""

import contextlib
import importlib.metadata
import io
import os
import shutil
import signal
import sys

import apart
import pytest
import torch.distributed
import world
from disturbing import OVER, assert_same_run, config, content, disturbed, losses, run, run_apart, weights, whole

from hf_suite import experiment
from hf_suite.errors import RunError

__all__ = ["disturbed", "whole"]


@pytest.mark.parametrize(
    "at",
    [
        ("finetune", 1),  # before the first checkpoint
        ("finetune", 11),  # mid-epoch
        ("evaluate", 2),  # after the epoch's last step, while its rows choose
        ("evaluate", 4),  # after the training, while the eval split is answered
    ],
)
def test_a_killed_run_that_is_resumed_ends_as_an_undisturbed_one(disturbed, whole, at):
    settings, folder, log = disturbed
    assert run_apart(settings, log, at) == -9
    assert not (folder / "result.json").exists()
    assert run_apart(settings, log, resume=True) == 0
    assert_same_run(folder, log, whole)


def killed_at_name(settings, log, name):
    """A run that dies at the moment when a file or folder of its folder is about to take that name."""

    def hook(event, arguments):
        if event == "os.rename" and str(arguments[1]) == f"{settings.output}/{name}":
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    run(settings, log)


@pytest.mark.parametrize("name", ["run.yaml", "checkpoints/best-6", "model", "result.json"])
def test_a_run_killed_while_it_writes_is_resumed_and_leaves_no_trace_of_it(disturbed, whole, name):
    settings, folder, log = disturbed
    assert apart.run(killed_at_name, settings, log, name) == -9
    assert not (folder / name).exists()
    assert run_apart(settings, log, resume=(folder / "run.yaml").exists()) == 0
    assert_same_run(folder, log, whole)


def test_a_run_killed_again_and_again_ends_as_an_undisturbed_one(disturbed, whole):
    settings, folder, log = disturbed
    assert run_apart(settings, log, ("finetune", 5)) == -9
    for count in (3, 6, 5):  # the steps since each resume
        assert run_apart(settings, log, ("finetune", count), resume=True) == -9
    assert run_apart(settings, log, resume=True) == 0
    assert_same_run(folder, log, whole)


def run_as_one_of_two(config, log, *, at=None, resume=False):
    """The same in each of two processes, of which the second may die."""
    rank = torch.distributed.get_rank()
    run(config, f"{log}{rank}", at=at if rank == 1 else None, resume=resume)


def in_two(config, log, at, resume):
    """Two processes that may end badly: theirs is the exit code."""
    with contextlib.redirect_stderr(io.StringIO()):
        apart.launched(run_as_one_of_two, config, log, at=at, resume=resume)


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
    assert run_apart(settings("run"), tmp_path / "run.log", ("finetune", 5)) == -9
    assert run_apart(settings("run"), tmp_path / "run.log", resume=True) == 0
    assert losses(tmp_path / "run.log") == losses(tmp_path / "whole.log")
    files = [tmp_path / name / "model" / "model.safetensors" for name in ("run", "whole")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert content(tmp_path / "run") == content(tmp_path / "whole")


def test_a_damaged_checkpoint_costs_only_the_steps_since_the_one_before(disturbed, whole, caplog):
    settings, folder, log = disturbed
    assert run_apart(settings, log, ("finetune", 11)) == -9  # with step-6 and step-8 saved
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
    assert run_apart(settings, log, ("finetune", 11)) == -9
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
    assert run_apart(settings, log, ("finetune", 11)) == -9
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]  # a line of text
    assert {path.suffix for path in files} == {".safetensors", ".json", ".yaml", ".parquet"}
    assert {path.name for path in (folder / "checkpoints").iterdir()} == {"best-6", "step-6", "step-8"}
    for path in files:
        start = path.read_bytes()[:2]
        assert not start.startswith((b"PK", b"\x80"))  # neither torch's archives nor a pickle


# what must not change between the parts of a run


def test_a_resume_with_another_config_is_refused_and_names_the_keys(disturbed, small_world, tiny_checkpoint):
    settings, folder, log = disturbed
    assert run_apart(settings, log, ("finetune", 5)) == -9
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
    assert run_apart(settings, tmp_path / "log", ("finetune", 5)) == -9

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
    assert run_apart(settings, tmp_path / "log", resume=True) == 0


def test_libraries_that_changed_between_the_parts_are_a_caveat(disturbed, monkeypatch):
    settings, _, log = disturbed
    assert run_apart(settings, log, ("finetune", 5)) == -9
    version = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "99.0" if name == "peft" else version(name))
    result = experiment.run(settings, resume=True)
    assert result.caveats == ["unpinned", f"begun with peft {version('peft')}"]
    assert result.versions["peft"] == "99.0"
