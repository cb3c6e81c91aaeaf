"""The run folder: which one may be used, what lies in it, and that a refusal leaves no trace."""

import math
import os
import re
from pathlib import Path

import pytest
import safetensors.torch
import torch
import world

from hf_suite import experiment, folders, schema
from hf_suite.config import RunConfig
from hf_suite.errors import ModelError, RunError

ANOTHER = "give another folder with --output"


@pytest.fixture
def settings(small_world, tiny_checkpoint):
    """`settings(output, ...)`: a run of three steps into that folder."""

    def made(output, **over):
        return world.run_config(small_world, "reviews", tiny_checkpoint("bert"), **over, output=str(output))

    return made


@pytest.fixture
def half(settings, tmp_path):
    """A folder in which a run of these settings has begun."""
    folder = tmp_path / "half"
    folders.begin(folder, settings(folder))
    return folder


def refusal(config, resume=False):
    """What a run says; the folder stays as it was."""
    folder = Path(config.output)
    before = everything(folder.parent)
    with pytest.raises(RunError) as error:
        experiment.run(config, resume=resume)
    assert everything(folder.parent) == before
    return str(error.value)


def everything(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def test_a_half_finished_run_is_refused_with_the_two_ways_on(half, settings):
    assert refusal(settings(half)) == (f"{half}: holds a half-finished run; go on with --resume, or {ANOTHER}")


def test_a_finished_run_is_refused_also_with_resume(settings, tmp_path):
    done = settings(tmp_path / "done")
    experiment.run(done)
    message = f"{tmp_path / 'done'}: holds a finished run; {ANOTHER}"
    assert refusal(done) == message
    assert refusal(done, resume=True) == message


def test_a_folder_of_other_things_is_refused(settings, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.txt").write_text("a cat")
    assert refusal(settings(tmp_path / "photos")) == f"{tmp_path / 'photos'}: is not empty and holds no run; {ANOTHER}"


def test_there_must_be_something_to_resume(settings, tmp_path):
    message = "holds no run to resume; leave --resume out to begin one"
    assert refusal(settings(tmp_path / "none"), resume=True) == f"{tmp_path / 'none'}: {message}"
    (tmp_path / "empty").mkdir()
    assert refusal(settings(tmp_path / "empty"), resume=True) == f"{tmp_path / 'empty'}: {message}"


def test_a_place_that_cannot_be_a_folder_is_refused(settings, tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "run"):
        assert refusal(settings(folder)) == f"{folder}: {tmp_path / 'file'} is a file; {ANOTHER}"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder here that nobody may write into")
def test_a_folder_that_cannot_be_written_to_is_refused(settings):
    # Where even root cannot write.
    with pytest.raises(RunError) as error:
        experiment.run(settings("/proc/self/run"))
    assert str(error.value) == "/proc/self/run: cannot be written to; give a folder of your own with --output"


def test_an_empty_folder_and_the_trace_of_a_run_killed_at_once_may_be_used(settings, tmp_path):
    for name in ("empty", "killed"):
        (tmp_path / name).mkdir()
    (tmp_path / "killed" / ".run.yaml").write_text("task:")
    for name in ("empty", "killed"):
        experiment.run(settings(tmp_path / name))
        assert sorted(path.name for path in (tmp_path / name).iterdir()) == [
            "answers.parquet",
            "model",
            "result.json",
            "run.yaml",
        ]


def test_resuming_with_other_keys_is_refused_and_names_them(half, settings):
    assert refusal(settings(half, seed=3, train={"max_steps": 9}), resume=True) == (
        f"{half}: began with another config (other: seed, train); "
        "resume with the config it began with (run.yaml), or give another folder"
    )


def test_what_does_not_belong_to_the_config_may_differ_in_a_resume(half, settings, small_world, tiny_checkpoint):
    elsewhere = os.path.relpath(half)
    config = settings(elsewhere, mirror=[os.path.relpath(small_world.mirror)])
    assert experiment.run(config, resume=True).rows == {"train": 64, "validation": 24}


def test_run_yaml_is_the_config_as_written(half, settings):
    data = schema.read_yaml(half / "run.yaml")
    assert list(data) == ["task", "model", "max_length", "stride", "device", "lora", "train"]
    again = schema.build(RunConfig, data, "run.yaml")
    assert again.model_copy(update={"output": str(half), "mirror": settings(half).mirror}) == settings(half)


def test_a_choice_by_rows_or_numbers_that_are_not_there_is_refused_before_anything_is_written(settings, tmp_path):
    def refused(**train):
        with pytest.raises(schema.ConfigError) as error:
            experiment.run(settings(tmp_path / "run", train=train))
        assert not (tmp_path / "run").exists()
        return str(error.value)

    assert refused(select_on="test") == "train.select_on: this run has no rows 'test'; it has: validation"
    assert refused(select_on="tune") == "train.select_on: this run has no rows 'tune'; it has: validation"
    assert refused(select_on="validation", select_metric="f1") == (
        "train.select_metric: the task gives no 'f1'; it gives: accuracy"
    )


# what is kept is proven


def not_proven(config):
    """The difference that a run stops with."""
    with pytest.raises(RunError) as error:
        experiment.run(config)
    found = re.fullmatch(
        re.escape(
            f"{config.output}: the saved weights, loaded on a fresh base, give other outputs (largest difference "
        )
        + r"(\S+)"
        + re.escape("); nothing was kept of it but the checkpoints; please report this"),
        str(error.value),
    )
    folder = Path(config.output)
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoints", "run.yaml"]
    return float(found[1])


def test_weights_that_another_process_cannot_get_back_fail_the_run(settings, tmp_path, monkeypatch):
    save = safetensors.torch.save_file

    def rounding(tensors, path, *more):
        coarse = {name: value.mul(8).round().div(8) if "lora_" in name else value for name, value in tensors.items()}
        save(coarse if Path(path).name.startswith("adapter") else tensors, path, *more)

    monkeypatch.setattr(safetensors.torch, "save_file", rounding)
    assert not_proven(settings(tmp_path / "run")) > 1e-6


@pytest.fixture
def losing(monkeypatch):
    """`losing(part)`: a safetensors that leaves the tensors of that name out of model/."""
    save = safetensors.torch.save_file

    def begin(part):
        def lossy(tensors, path, *more):
            kept = {name: value for name, value in tensors.items() if part not in name}
            save(kept if Path(path).name.startswith("adapter") else tensors, path, *more)

        monkeypatch.setattr(safetensors.torch, "save_file", lossy)

    return begin


def test_a_head_that_is_not_saved_fails_the_run(settings, tmp_path, losing):
    losing("classifier.weight")
    with pytest.raises(ModelError) as error:
        experiment.run(settings(tmp_path / "run"))
    assert str(error.value) == (
        f"{tmp_path / 'run' / '.model'}: its LoRA weights do not fit the base "
        "('base_model.model.classifier.weight'); give the base that they were trained on"
    )
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["checkpoints", "run.yaml"]


@pytest.mark.filterwarnings("ignore:Found missing adapter keys:UserWarning")
def test_a_matrix_that_is_not_saved_fails_the_run_which_can_be_resumed(settings, tmp_path, losing, monkeypatch):
    losing("layer.1.attention.self.query.lora_B")
    assert not_proven(settings(tmp_path / "run")) > 1e-6
    monkeypatch.undo()
    assert experiment.run(settings(tmp_path / "run"), resume=True).headline.name == "accuracy"


def test_weights_that_are_not_finite_are_not_kept(settings, tmp_path):
    # One step of such a decay takes every weight beyond what fp32 can hold.
    config = settings(tmp_path / "run", train={"max_steps": 1, "learning_rate": 1e36, "weight_decay": 1e6, "warmup": 0})
    with pytest.raises(RunError) as error:
        experiment.run(config)
    assert error.value.place == "step 1"
    assert re.fullmatch(r"weights are not finite \(\S+, \.\.\.\)", error.value.finding)
    assert error.value.remedy == "nothing was saved; lower the rate"
    assert [path.name for path in (tmp_path / "run").rglob("*")] == ["run.yaml"]


def test_a_training_that_comes_apart_stops_and_keeps_the_last_state_that_was_finite(settings, tmp_path):
    config = settings(
        tmp_path / "run",
        train={"max_steps": None, "learning_rate": 1e30, "warmup": 0, "schedule": "constant", "save_every": 1},
    )
    with pytest.raises(RunError) as error:
        experiment.run(config)
    assert re.fullmatch(r"step [2-9], rows \d+(, \d+){7}", error.value.place)
    assert re.fullmatch(r"the (loss|gradient's norm) is (nan|inf)", error.value.finding)
    kept = list((tmp_path / "run" / "checkpoints").iterdir())
    assert kept
    for file in (tmp_path / "run").rglob("*.safetensors"):
        assert all(value.isfinite().all() for value in safetensors.torch.load_file(file).values())
    assert not (tmp_path / "run" / "model").exists()


def test_a_label_that_cannot_be_learnt_stops_the_first_step_that_meets_it(small_world, tiny_checkpoint, tmp_path):
    config = world.run_config(
        small_world,
        "likeness",
        tiny_checkpoint("bert"),
        task={"scale": {"mean": 0.0, "sd": 1e-300}},  # labels of 1e300: beyond fp32
        output=str(tmp_path / "run"),
    )
    with pytest.raises(RunError) as error:
        experiment.run(config)
    assert error.value.place.startswith("step 1, rows ")
    assert str(error.value).endswith(": the loss is inf; lower train.learning_rate, or look at these rows")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["run.yaml"]


def test_a_difference_that_is_no_number_is_no_proof(settings, tmp_path):
    assert math.isnan(folders.largest_difference([math.nan], [math.nan]))
    assert folders.largest_difference([[1.0, 2.0]], [[1.0]]) == math.inf
    assert folders.largest_difference([[(1, 2.0)]], [[(1, 2.5)]]) == 0.5
    assert folders.largest_difference([], []) == 0.0
    assert not torch.tensor(math.nan) <= folders.RELOAD_TOLERANCE
