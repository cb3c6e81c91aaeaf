"""Checkpoints: whole or not there at all, whatever happens while one is written or afterwards."""

import json
import logging
import math
import os
import shutil
import sys
from pathlib import Path

import apart
import pytest
import torch

from hf_suite import checkpoint
from hf_suite.errors import RunError
from hf_suite.loop import State

FILES = ("weights.safetensors", "optimizer.safetensors", "progress.json", "MANIFEST.json")
CHANGED = "is not what was written (its sha256 differs)"


def state(step, size=50):
    """A state whose numbers tell its step."""
    generator = torch.Generator().manual_seed(step)
    weights = {name: torch.randn(size, generator=generator) for name in ("lora", "head")}
    moments = {"step.lora": torch.tensor(float(step)), "exp_avg.lora": torch.randn(size, generator=generator)}
    return State(step, weights, moments)


def saved(folder, *steps, **keywords):
    """The folder with these checkpoints, written in turn."""
    for step in steps:
        checkpoint.save(folder, state(step), {"losses": [step / 3]}, **keywords)
    return folder


def same(found, step):
    """Whether what was found is exactly the state and progress of that step."""
    got, progress = found
    want = state(step)
    return (
        got.step == step
        and progress == {"losses": [step / 3], "step": step}
        and got.weights.keys() == want.weights.keys()
        and got.optimizer.keys() == want.optimizer.keys()
        and all(torch.equal(got.weights[name], want.weights[name]) for name in want.weights)
        and all(torch.equal(got.optimizer[name], want.optimizer[name]) for name in want.optimizer)
    )


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_was_saved_comes_back_bit_for_bit(tmp_path):
    assert same(checkpoint.newest(saved(tmp_path, 3)), 3)
    assert same(checkpoint.load(tmp_path / "step-3"), 3)


def test_a_checkpoint_is_safetensors_and_json_and_tells_the_hash_of_each_file(tmp_path):
    folder = saved(tmp_path, 3) / "step-3"
    assert names(folder) == sorted(FILES)
    manifest = json.loads((folder / "MANIFEST.json").read_text())
    assert sorted(manifest) == ["optimizer.safetensors", "progress.json", "weights.safetensors"]
    assert all(len(digest) == 64 for digest in manifest.values())


def test_no_folder_holds_no_checkpoint(tmp_path):
    assert checkpoint.newest(tmp_path / "nowhere") is None
    assert checkpoint.found(tmp_path / "nowhere") == []


def test_steps_are_ordered_as_numbers_and_only_the_newest_are_kept(tmp_path):
    saved(tmp_path, 8, 9, 10)
    assert [path.name for path in checkpoint.found(tmp_path)] == ["step-10", "step-9"]
    assert names(tmp_path) == ["step-10", "step-9"]
    assert names(saved(tmp_path, 11, keep=1)) == ["step-11"]


def test_the_best_are_kept_apart_from_the_last(tmp_path):
    saved(tmp_path, 2, name="best")
    saved(tmp_path, 2, 4, 6)
    assert names(tmp_path) == ["best-2", "step-4", "step-6"]
    assert checkpoint.newest(tmp_path)[0].step == 6


def test_a_step_can_be_saved_again(tmp_path):
    saved(tmp_path, 2, 4)
    (tmp_path / "step-4" / "weights.safetensors").write_bytes(b"")
    assert same(checkpoint.newest(saved(tmp_path, 4)), 4)


def test_weights_that_are_not_finite_are_refused_and_nothing_is_written(tmp_path):
    saved(tmp_path, 1)
    poisoned = state(2)
    poisoned.weights["head"][7] = math.inf
    with pytest.raises(RunError) as error:
        checkpoint.save(tmp_path, poisoned, {})
    assert str(error.value) == "step 2: weights are not finite (head, ...); nothing was saved; lower the rate"
    assert names(tmp_path) == ["step-1"]


def test_progress_that_is_no_json_leaves_nothing_behind(tmp_path):
    saved(tmp_path, 1)
    with pytest.raises(ValueError, match="not JSON compliant"):
        checkpoint.save(tmp_path, state(2), {"losses": [math.nan]})
    assert names(tmp_path) == ["step-1"]


def test_what_a_killed_process_left_half_written_is_cleared_away(tmp_path):
    saved(tmp_path, 1)
    shutil.copytree(tmp_path / "step-1", tmp_path / ".tmp-step-2-4711")
    assert same(checkpoint.newest(tmp_path), 1)
    assert names(tmp_path) == ["step-1"]


# damage


def halved(file, other):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def swapped(file, other):
    shutil.copy(other, file)


DAMAGES = {
    "missing": lambda file, other: file.unlink(),
    "empty": lambda file, other: file.write_bytes(b""),
    "a list": lambda file, other: file.write_text("[]"),
    "halved": halved,
    "a byte short": lambda file, other: file.write_bytes(file.read_bytes()[:-2]),
    "a byte long": lambda file, other: file.write_bytes(file.read_bytes() + b"x"),
    "of another step": swapped,
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(tmp_path, caplog, name, damage):
    saved(tmp_path, 1, 2)
    DAMAGES[damage](tmp_path / "step-2" / name, tmp_path / "step-1" / name)
    with caplog.at_level(logging.WARNING, "hf_suite"):
        assert same(checkpoint.newest(tmp_path), 1)
    if name == "MANIFEST.json" and damage == "of another step":
        reason = f"weights.safetensors {CHANGED}"
    elif name == "MANIFEST.json":
        reason = "MANIFEST.json is missing or unreadable"
    else:
        reason = f"{name} is missing" if damage == "missing" else f"{name} {CHANGED}"
    assert caplog.messages == [f"{tmp_path / 'step-2'}: {reason}; going on from the one before"]


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_never_read_as_another_state(tmp_path, name):
    file = saved(tmp_path, 1, 2) / "step-2" / name
    whole = file.read_bytes()
    detected = 0
    for at in range(0, len(whole), max(1, len(whole) // 25)):
        for bit in (0, 5):
            file.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
            step = checkpoint.newest(tmp_path)[0].step
            detected += step == 1
            # White space of the manifest may change without a change of what it says.
            assert step == 1 or (name == "MANIFEST.json" and whole[at : at + 1].isspace())
    assert detected > 40
    file.write_bytes(whole)
    assert same(checkpoint.newest(tmp_path), 2)


def test_a_folder_of_another_kind_is_no_checkpoint(tmp_path):
    saved(tmp_path, 1)
    (tmp_path / "step-two").mkdir()
    (tmp_path / "step-9").write_text("a file")
    assert same(checkpoint.newest(tmp_path), 1)


def test_when_all_are_damaged_the_newest_is_named(tmp_path):
    saved(tmp_path, 1, 2)
    for step in (1, 2):
        (tmp_path / f"step-{step}" / "weights.safetensors").unlink()
    with pytest.raises(RunError) as error:
        checkpoint.newest(tmp_path)
    assert str(error.value) == (
        f"{tmp_path / 'step-2'}: weights.safetensors is missing, and no older checkpoint is whole; "
        "use another output folder"
    )


def test_one_that_is_asked_for_by_name_and_damaged_is_refused(tmp_path):
    saved(tmp_path, 2, name="best")
    (tmp_path / "best-2" / "progress.json").write_text("{}")
    with pytest.raises(RunError) as error:
        checkpoint.load(tmp_path / "best-2")
    assert str(error.value) == (
        f"{tmp_path / 'best-2'}: progress.json {CHANGED}; resume from an older checkpoint, or use another output folder"
    )


def test_damaged_ones_never_push_out_a_new_one(tmp_path):
    saved(tmp_path, 10, 15, 20, keep=3)
    for step in (15, 20):
        (tmp_path / f"step-{step}" / "weights.safetensors").unlink()
    assert checkpoint.newest(tmp_path)[0].step == 10
    assert same(checkpoint.newest(saved(tmp_path, 12, keep=1)), 12)


# the moment of writing


def test_files_are_synced_before_the_rename_and_the_folder_after_it(tmp_path, monkeypatch):
    done = []
    sync, rename = os.fsync, os.rename

    def noted_sync(descriptor):
        done.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        sync(descriptor)

    def noted_rename(source, target, **keywords):
        done.append("rename")
        rename(source, target, **keywords)

    if not Path("/proc/self/fd").exists():
        pytest.skip("this system does not say which file a descriptor is of")
    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "rename", noted_rename)
    saved(tmp_path, 1)
    at = done.index("rename")
    assert {*FILES, f".tmp-step-1-{os.getpid()}"} <= set(done[:at])
    assert done[at + 1 :] == [tmp_path.name]


def save_and_die(folder, at):
    """Saves step 2 and ends the process just before its `at`-th operation on files."""
    left = [at]

    def hook(event, arguments):
        if event.startswith(("open", "os.", "shutil.", "tempfile.")):
            left[0] -= 1
            if left[0] == 0:
                os._exit(9)

    sys.addaudithook(hook)
    saved(folder, 2, keep=1)
    os._exit(0)


def die_at_every_operation(folder):
    """For each operation of a save: the exit code, the checkpoint that is found then, and what lies there."""
    outcomes = []
    saved(folder / "0", 1)
    code = 9
    while code:
        place = folder / str(len(outcomes) + 1)
        shutil.copytree(folder / "0", place)
        child = os.fork()
        if not child:
            save_and_die(place, len(outcomes) + 1)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        found = checkpoint.newest(place)
        outcomes.append([code, found[0].step, same(found, found[0].step), names(place)])
    return outcomes


def test_a_crash_at_any_operation_of_a_save_leaves_a_whole_checkpoint(tmp_path):
    outcomes = apart.call(die_at_every_operation, tmp_path)
    assert len(outcomes) > 30
    assert [code for code, *_ in outcomes] == [9] * (len(outcomes) - 1) + [0]
    assert all(whole for _, _, whole, _ in outcomes)
    steps = [step for _, step, _, _ in outcomes]
    assert steps == sorted(steps)  # the old one up to the rename, the new one from there on
    assert set(steps) == {1, 2}
    # With keep=1 the old one goes only when the new one stands.
    assert all("step-1" in left for _, step, _, left in outcomes if step == 1)
    assert outcomes[-1][3] == ["step-2"]
    assert not any(name.startswith(".") for *_, left in outcomes for name in left)
