"""A bench that is stopped or killed goes on where it was, and ends as if nothing had been."""

import contextlib
import json
import os
import random
import shutil
import signal
import sys
from pathlib import Path

import apart
import benching
import pytest
import world
from benching import done, made, results, suite

from hf_suite import cli, schema
from hf_suite.errors import Interrupted
from hf_suite.record import read_json
from hf_suite.suite import bench


@pytest.fixture
def own(tmp_path, tiny_checkpoint):
    return benching.make(tmp_path, tiny_checkpoint("bert"))


def stopped(own):
    """A bench that is asked to stop in the second step of its first cell: what it raises."""

    def watch(cell, state, progress):
        if progress is not None and (progress.stage, progress.done) == ("finetune", 2):
            os.kill(os.getpid(), signal.SIGTERM)

    place, mirrors = own.mirror.parent, [str(own.mirror)]
    with pytest.raises(Interrupted) as e:
        bench(suite(own, "reviews"), models=[str(place / "bert")], output=place / "bench", mirrors=mirrors, watch=watch)
    return e.value


def test_a_signal_stops_it_with_the_state_saved_and_it_goes_on_when_called_again(own, tmp_path):
    error = stopped(own)
    _, told = done(own, "reviews")
    done(own, "reviews", output="undisturbed")

    assert str(error) == (
        f"{tmp_path / 'bench'}: stopped by SIGTERM; what is done is kept; run the same command again to go on"
    )
    assert error.exit_code == 143
    assert told == [("reviews", "begun"), ("reviews", "done")]
    assert results(own)["reviews"].scores == results(own, "undisturbed")["reviews"].scores


def test_a_begun_cell_goes_on_wherever_its_model_and_task_lie_now(own, tmp_path):
    stopped(own)
    folder = tmp_path / "moved"
    folder.mkdir()
    for name in ("bert", "mirror", "tasks", "short.yaml", "bench"):
        (tmp_path / name).rename(folder / name)
    moved = world.World(folder / "mirror", {name: folder / "tasks" / f"{name}.yaml" for name in world.TASKS})

    outcome, told = done(moved, "reviews")

    assert (told, outcome.failed) == ([("reviews", "begun"), ("reviews", "done")], {})


def test_what_a_kill_left_before_a_cell_was_begun_is_no_hindrance(own, tmp_path):
    outcome, _ = done(own, "reviews")
    folder = tmp_path / "bench" / outcome.done[0]
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / ".run.yaml").write_text("task:")

    again, _ = done(own, "reviews")

    assert (again.done, again.failed) == (outcome.done, {})


def interrupted_while_it_plans(words):
    """The command line, which gets SIGINT when the model's weights are read to tell their content."""

    def audit(event, arguments):
        if event == "open" and str(arguments[0]).endswith("model.safetensors"):
            os.kill(os.getpid(), signal.SIGINT)

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job begins with it ignored
    sys.addaudithook(audit)
    with Path(words[-1]).open("w") as file, contextlib.redirect_stderr(file):
        cli.main(words[:-1])


def test_ctrl_c_while_it_plans_is_one_line_and_exit_code_130(own, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(schema.dump_yaml(suite(own, "reviews").model_dump(mode="json")), "utf-8")
    words = ["bench", file, "--model", tmp_path / "bert", "--mirror", own.mirror, "-o", tmp_path / "bench"]

    code = apart.run(interrupted_while_it_plans, [*map(str, words), str(tmp_path / "stderr")])

    assert code == 130
    assert (tmp_path / "stderr").read_text().splitlines()[-1] == (
        "hf-suite: bench: stopped by SIGINT before it was done; run the same command again"
    )
    assert not (tmp_path / "bench").exists()


TOUCHING = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree"}


def benched(tree, mirror, output, moment):
    """Runs a bench of five cells and kills its own process the `moment`-th time that it touches the bench's folder."""
    own = world.World(mirror, {name: tree / "tasks" / f"{name}.yaml" for name in world.TASKS})
    touched = 0

    def audit(event, arguments):
        nonlocal touched
        if event not in TOUCHING or not str(arguments[0]).startswith(str(tree / output)):
            return
        touched += 1
        if touched == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(audit)
    differs = {
        "reviews": {"train.save_every": 2},
        "questions": {"max_length": 64, "stride": 16},
        "likeness": {"init_from": "task:pairs"},
    }
    outcome, _ = done(own, "reviews", "entailed", "questions", "likeness", output=output, differs=differs)
    assert len(outcome.done) == 5
    (tree / f"{output}.touched").write_text(str(touched))


def found(tree, output):
    """Scores and answers of every cell, as bytes."""
    places = sorted(path.parent for path in (tree / output).rglob("seed-*/result.json"))
    return {
        str(place.relative_to(tree / output)): (
            json.dumps(read_json(place / "result.json")["scores"]).encode(),
            (place / "answers.parquet").read_bytes(),
        )
        for place in places
    }


def test_a_bench_killed_five_times_does_what_is_missing_and_ends_with_the_scores_of_an_undisturbed_one(own, tmp_path):
    assert apart.run(benched, tmp_path, own.mirror, "undisturbed", 0) == 0
    touched = int((tmp_path / "undisturbed.touched").read_text())
    chance = random.Random(17)
    for _ in range(5):
        before = made(own, "killed")
        assert apart.run(benched, tmp_path, own.mirror, "killed", chance.randint(1, touched // 4)) == -signal.SIGKILL
        assert before.items() <= made(own, "killed").items()

    assert apart.run(benched, tmp_path, own.mirror, "killed", 0) == 0
    assert found(tmp_path, "killed") == found(tmp_path, "undisturbed")
    assert not list((tmp_path / "killed").rglob("checkpoints"))
