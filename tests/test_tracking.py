"""Trackers are told every step once, and the scores; which ones are refused."""

import contextlib
import importlib.util
import json
import os
import sqlite3
from pathlib import Path

import apart
import pytest
import world

from hf_suite import experiment, folders, tracking
from hf_suite.errors import ConfigError
from hf_suite.record import read_result

# Two epochs of eight steps; a checkpoint after each six.
SHORT = {
    "tune": {"share": 0.125},
    "train": {"max_steps": None, "epochs": 2, "batch_size": 7, "save_every": 6, "select_on": "tune"},
}


def needs(name):
    found = importlib.util.find_spec(name) is not None
    return pytest.mark.skipif(not found, reason=f"{name} is not installed (it is in the extra hf_suite[trackers])")


class Stopped(Exception):
    """The power is cut."""


def stopped_and_resumed(config):
    """Runs until step 10 is done, and then goes on from the checkpoint of step 8; every loss by its step."""
    losses = {}

    def watch(progress):
        if progress.stage == "finetune":
            losses[progress.done] = progress.loss
        if progress.stage == "finetune" and progress.done == 11 and not resumed:
            raise Stopped

    resumed = False
    with contextlib.suppress(Stopped):
        experiment.run(config, watch=watch)
    resumed = True
    experiment.run(config, watch=watch, resume=True)
    return losses


@needs("tensorboard")
def test_tensorboard_is_told_every_step_once_also_of_a_run_that_was_resumed(small_world, tiny_checkpoint, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    over = {**SHORT, "trackers": ["tensorboard"], "output": str(tmp_path / "run")}
    losses = stopped_and_resumed(world.run_config(small_world, "reviews", tiny_checkpoint("bert"), **over))

    events = EventAccumulator(str(tmp_path / "run" / "trackers" / "tensorboard")).Reload()
    result = read_result(tmp_path / "run")
    assert {"loss", "learning_rate", "tune/accuracy", "validation/accuracy"} <= set(events.Tags()["scalars"])
    assert [each.step for each in events.Scalars("learning_rate")] == list(range(1, 17))
    assert {each.step: each.value for each in events.Scalars("loss")} == pytest.approx(losses, rel=1e-6)
    assert [each.step for each in events.Scalars("tune/accuracy")] == [8, 16]
    (last,) = events.Scalars("validation/accuracy")
    assert (last.step, last.value) == (16, pytest.approx(result.scores["validation"]["accuracy"]))
    assert list((tmp_path / "run" / "trackers" / "tensorboard").glob("*/hparams.yml"))


def _to_trackio(config, folder):
    os.environ["TRACKIO_DIR"] = folder  # read once, when it is imported
    stopped_and_resumed(config)
    (file,) = Path(folder).glob("*.db")
    with contextlib.closing(sqlite3.connect(file)) as database:
        told = database.execute("select run_name, step, metrics from metrics order by step").fetchall()
        configs = database.execute("select config from configs").fetchall()
    return [[[name, step, json.loads(values)] for name, step, values in told], [json.loads(one) for (one,) in configs]]


@needs("trackio")
def test_trackio_is_told_every_step_and_the_config(small_world, tiny_checkpoint, tmp_path):
    over = {**SHORT, "trackers": ["trackio"], "output": str(tmp_path / "a" / "b" / "c" / "seed-0")}
    config = world.run_config(small_world, "reviews", tiny_checkpoint("bert"), **over)
    metrics, configs = apart.call(_to_trackio, config, str(tmp_path / "trackio"))

    assert {name for name, _, _ in metrics} == {"a/b/c/seed-0"}
    assert {step for _, step, told in metrics if "learning_rate" in told} == set(range(1, 17))
    assert {step for _, step, told in metrics if "validation/accuracy" in told} == {16}
    assert len(configs) == 1
    assert (configs[0]["task.name"], configs[0]["train.batch_size"]) == ("reviews", 7)


def test_a_tracker_that_is_not_installed_is_refused_with_the_way_to_it(
    small_world, tiny_checkpoint, tmp_path, monkeypatch
):
    monkeypatch.setattr(tracking.tracking, "_available_trackers", [])
    over = {"trackers": ["trackio"], "output": str(tmp_path / "run")}
    with pytest.raises(ConfigError) as error:
        experiment.run(world.run_config(small_world, "reviews", tiny_checkpoint("bert"), **over))
    assert str(error.value) == "trackers: trackio is not installed; pip install trackio"
    assert not (tmp_path / "run").exists()


def test_a_tracker_that_does_not_exist_is_refused_with_the_nearest():
    with pytest.raises(ConfigError) as error:
        tracking.check(["tensorbord"])
    assert str(error.value) == (
        "trackers: no tracker 'tensorbord'; did you mean 'tensorboard'? there are: aim, clearml, comet_ml, dvclive, "
        "mlflow, swanlab, tensorboard, trackio, wandb"
    )


def test_wandb_without_login_is_refused_unless_it_is_offline(monkeypatch, tmp_path):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.delenv("NETRC", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WANDB_MODE", raising=False)
    with pytest.raises(ConfigError) as error:
        tracking.check_wandb_login()
    assert str(error.value) == "trackers: wandb has no login; run `wandb login`, or set WANDB_MODE=offline"

    (tmp_path / ".netrc").write_text("machine api.wandb.ai login user password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    tracking.check_wandb_login()
    (tmp_path / ".netrc").unlink()
    monkeypatch.setenv("WANDB_MODE", "offline")
    tracking.check_wandb_login()


def test_trackers_are_no_part_of_what_a_run_is(small_world):
    plain = world.run_config(small_world, "reviews", "bert")
    assert folders.written(plain.model_copy(update={"trackers": ("tensorboard",)})) == folders.written(plain)
