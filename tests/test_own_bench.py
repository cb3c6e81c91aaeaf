"""Benches of rows of one's own: as long as a training, by folds, from scratch, and what is refused."""

import json
from pathlib import Path

import pytest
from bad_files import csv, write
from command import said
from refusing import refused

from hf_suite import own
from hf_suite.record import read_answers

SHORT = ["device=cpu", "max_length=32", "train.max_steps=2", "train.batch_size=8", "lora.rank=2"]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """The current folder, with reviews.csv."""
    monkeypatch.chdir(tmp_path)
    write("reviews.csv", csv())


@pytest.mark.parametrize(
    ("words", "steps"),
    [([], 4), (["train.epochs=2"], 2), (["--sweep", "train.epochs=2,3"], 3), (["train.max_steps=2"], 2)],
)
def test_a_bench_lasts_as_long_as_a_training_does(capsys, monkeypatch, tiny_checkpoint, words, steps):
    """Of 32 rows, a step an epoch; three epochs where nothing else is said."""
    monkeypatch.setattr(own, "STEPS", 4)
    made = ["bench", "--data", "reviews.csv", "--model", tiny_checkpoint("bert"), "-o", "bench", *SHORT[:2], *words]

    assert said(capsys, *made)[0] == 0

    histories = [json.loads(path.read_text())["history"] for path in Path("bench").rglob("result.json")]
    assert max(history[-1]["step"] for history in histories) == steps


def test_a_bench_of_rows_of_ones_own_runs_each_fold_and_joins_them(capsys, monkeypatch, tiny_checkpoint):
    monkeypatch.setenv("COLUMNS", "300")
    model = tiny_checkpoint("bert")
    words = ["bench", "--data", "reviews.csv", "--model", model, "-o", "bench", "split.folds=2", *SHORT]

    code, out, _ = said(capsys, *words)

    assert code == 0
    assert all(name in out for name in ("finetune s", "ms for 1", "ms for 32", "parameters", "weights MB"))
    assert out.splitlines()[-1] == "written to bench; next: hf-suite results bench --cost"
    monkeypatch.setenv("COLUMNS", "100")
    assert "parameters" not in said(capsys, *words)[1]
    cells = sorted(path.parent for path in Path("bench").rglob("result.json"))
    assert [cell.name for cell in cells] == ["seed-0-fold-0", "seed-0-fold-1"]
    assert cells[0].parent == cells[1].parent
    scored = [{line["row"] for line in read_answers(cell / "answers.parquet")} for cell in cells]
    assert (scored[0] | scored[1], scored[0] & scored[1]) == (set(range(40)), set())
    _, out, _ = said(capsys, "results", "bench", "--format", "json")
    line = next(line for line in json.loads(out)[0]["lines"] if line["role"] == "result")
    assert (line["task"], line["seeds"]) == ("reviews [2 folds of train]", 2)
    assert "one of 2 folds of train" in line["notes"]
    assert said(capsys, *words, "--dry-run")[1] == "nothing to do: 2 of 2 cells are done\n"


def test_a_bench_of_rows_of_ones_own_takes_a_model_from_scratch(capsys):
    sizes = ["model.architecture=llama", "model.layers=1", "model.hidden=16", "model.heads=2", "model.vocabulary=300"]

    code, out, _ = said(
        capsys, "bench", "--data", "reviews.csv", *sizes, *SHORT[:-1], "lora=null", "--dry-run", "--json"
    )

    (cell,) = json.loads(out)["to_do"]
    assert (code, cell["model"], cell["refusal"]) == (0, "scratch-llama-1x16-300-heads2", None)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["glue", "--data", "reviews.csv"], "glue: a suite brings its own rows; leave out either the suite or --data"),
        (["--data", "reviews.csv"], "bench: no model is named; name at least one with --model"),
    ],
)
def test_a_bench_that_cannot_be_is_refused(capsys, words, message):
    assert refused(capsys, "bench", *words) == message


# The rows of a run
