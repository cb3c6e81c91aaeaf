"""Sweeps: every model meets the same trials, the best on tune is reported, and what is done is never done again."""

import json
import shutil
from pathlib import Path

import pytest
from bad_files import csv, write
from command import said
from refusing import refused
from results import COLA, result
from results import write as write_result

from hf_suite import trials
from hf_suite.errors import ConfigError
from hf_suite.record import read_result, write_json
from hf_suite.report.table import of_folder

RATES = "train.learning_rate=1e-7,0.02"
SHORT = ["device=cpu", "max_length=32", "train.max_steps=4", "train.batch_size=8", "lora.rank=2", "train.eval_every=2"]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """The current folder, with reviews.csv."""
    monkeypatch.chdir(tmp_path)
    write("reviews.csv", csv())


def bench(capsys, *words):
    return said(capsys, "bench", "--data", "reviews.csv", "-o", "bench", *SHORT, *words)


def shown(*words, capsys):
    found = json.loads(said(capsys, "results", "bench", "--json", *words)[1])[0]["lines"]
    return [line for line in found if line["role"] == "result"]


# What is tried


def test_a_grid_tries_each_combination():
    space = trials.space(trials.words(["train.learning_rate=3e-4,1e-3", "lora=null,{rank: 4}"]), trials=None)

    assert trials.grid(space) == [
        {"train.learning_rate": 3e-4, "lora": None},
        {"train.learning_rate": 3e-4, "lora": {"rank": 4}},
        {"train.learning_rate": 1e-3, "lora": None},
        {"train.learning_rate": 1e-3, "lora": {"rank": 4}},
    ]


def drawn(*sweep, count, score=lambda settings: 0.0):
    study = trials.Study(trials.space(trials.words(sweep), trials=count), trials=count, seed=0)
    found = []
    while (settings := study.ask()) is not None:
        found.append(settings)
        study.tell(score(settings))
    return found


def test_a_range_is_drawn_within_its_ends_whole_where_they_are_and_decimals_evenly_in_the_logarithm():
    found = drawn("train.learning_rate=1e-6..1e-2", "train.epochs=2..4", count=60)

    rates = [settings["train.learning_rate"] for settings in found]
    assert (min(rates) >= 1e-6, max(rates) <= 1e-2) == (True, True)
    assert {settings["train.epochs"] for settings in found} == {2, 3, 4}
    assert sum(rate < 1e-4 for rate in rates[:10]) >= 2  # evenly in the number itself: 1 in 100


def test_later_trials_go_by_the_scores_of_the_earlier_ones():
    found = drawn("lora.dropout=0.0..1.0", count=40, score=lambda settings: -settings["lora.dropout"])

    def low(some):
        return sum(settings["lora.dropout"] < 0.2 for settings in some) / len(some)

    assert low(found[20:]) > 0.5 > low(found[:10])


def test_no_settings_are_tried_twice():
    assert sorted(settings["train.epochs"] for settings in drawn("train.epochs=1..3", count=30)) == [1, 2, 3]


@pytest.mark.parametrize(
    ("sweep", "count", "message"),
    [
        (
            ["learning"], None,
            "--sweep learning: is not KEY=VALUES; write it as --sweep train.learning_rate=3e-4,1e-3,2e-3",
        ),
        (
            ["train.epochs=1,2", "train.epochs=3,4"], None,
            "--sweep train.epochs: is given twice; write it as --sweep train.learning_rate=3e-4,1e-3,2e-3",
        ),
        (
            ["train.epochs=3"], None,
            "--sweep train.epochs: one value is no choice; give several as a,b,c, or a range as a..b",
        ),
        (
            ["train.epochs=2..5"], None,
            "--sweep train.epochs: a range has no end of values; say how many with --trials N, or list values as a,b,c",
        ),
        (
            ["train.epochs=5..2"], 3,
            "--sweep train.epochs: '5..2' is no range; write it as a..b, two numbers with a below b",
        ),
        (
            ["split.seed=1,2"], None,
            "--sweep split.seed: says which rows score a trial, so that trials could not be compared; "
            "sweep how the model is trained",
        ),
        ([], 3, "--trials: nothing is swept; say what with --sweep KEY=VALUES"),
    ],
)  # fmt: skip
def test_what_cannot_be_swept_is_refused(sweep, count, message):
    with pytest.raises(ConfigError) as e:
        trials.space(trials.words(sweep), trials=count)

    assert str(e.value) == message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--sweep", "seed=1,2"],
            "--sweep: seed: a bench sets it for each cell; say --seeds K, or `seeds:` in the suite",
        ),
        (
            ["--sweep", "train.epochs=1,2", "train.epochs=3"],
            "--sweep train.epochs: train.epochs is given as well; keep one of the two",
        ),
        (
            ["--sweep", "train.epochs=1,2", "train.select_on=eval"],
            "train.select_on: eval, and a sweep picks on tune; leave it out, or say tune",
        ),
        (
            ["--sweep", "precision=fp32,bf16", "train=null"],
            "reviews: is not trained, so that no score on tune picks a trial; leave it out, or sweep nothing",
        ),
    ],
)
def test_a_bench_whose_sweep_cannot_be_is_refused(capsys, tiny_checkpoint, words, message):
    assert refused(capsys, "bench", "--data", "reviews.csv", "--model", tiny_checkpoint("bert"), *words) == message


# What is run


def test_the_trials_are_cells_and_the_best_on_tune_is_the_models_line(capsys, tiny_checkpoint):
    code, out, err = bench(capsys, "--model", tiny_checkpoint("bert"), "--sweep", RATES)

    assert (code, "bert seed 0 train.learning_rate=0.02: begun\n" in err) == (0, True)
    found = {r.config["train"]["learning_rate"]: r for r in map(read_result, Path("bench").rglob("seed-0"))}
    tune = {rate: max(entry["scores"]["tune"]["accuracy"] for entry in r.history) for rate, r in found.items()}
    best = max(tune, key=tune.get)  # equal ones: the first that is tried
    (line,) = shown(capsys=capsys)
    assert line["ids"] == [found[best].id]
    assert f"best of 2 on tune: train.learning_rate={best}" in line["notes"]
    assert 'sweep="train.learning_rate=1e-07,0.02"' in out
    told = [line["notes"][-1] for line in shown("--trials", capsys=capsys)]
    assert sorted(told) == sorted(
        f"a trial: accuracy {tune[rate]:.2f} on tune{', the best' if rate == best else ''}" for rate in tune
    )
    again = bench(capsys, "--model", tiny_checkpoint("bert"), "--sweep", RATES)[2]
    assert again.count(": kept, accuracy") == 2


def test_drawn_trials_follow_each_other_and_are_kept_when_the_bench_is_called_again(capsys, tiny_checkpoint):
    words = ["--model", tiny_checkpoint("bert"), "--sweep", "train.learning_rate=1e-5..1e-2", "--trials", "3"]
    bench(capsys, *words)
    first = [cell["trial"] for cell in json.loads(Path("bench/bench.json").read_text())["cells"]]
    shutil.rmtree(min(Path("bench").rglob("seed-0")))

    code, _, err = bench(capsys, *words)

    assert (code, len(first), err.count(": kept, "), err.count(": done, ")) == (0, 3, 2, 1)
    assert [cell["trial"] for cell in json.loads(Path("bench/bench.json").read_text())["cells"]] == first
    assert "best of 3 on tune: train.learning_rate=" in shown(capsys=capsys)[0]["notes"][-1]


def test_a_task_without_tune_rows_gets_some(capsys, tiny_checkpoint):
    write("tests.csv", csv())
    words = ["--model", tiny_checkpoint("bert"), "--sweep", RATES, "--dry-run", "--json", "data.eval=tests.csv"]

    cells = json.loads(bench(capsys, *words)[1])["to_do"]

    assert [cell["rows"] for cell in cells] == [{"train": 36, "tune": 4, "eval": 40}] * 2
    assert [cell["trial"] for cell in cells] == [{"train.learning_rate": 1e-7}, {"train.learning_rate": 0.02}]


# What is shown


def trial(folder, rate, tune, score, **over):
    """A finished trial, as a bench would plan and leave it."""
    history = [{"epoch": 1, "step": 9, "train_loss": 1.0, "scores": {"tune": {"matthews_correlation": tune}}}]
    scores = {"validation": {"matthews_correlation": score}}
    config = {"train": {"learning_rate": rate}}
    units = {"matthews_correlation": ("percent", "higher")}
    found = result(COLA, scores, config=config, history=history, units=units, **over)
    own = write_result(folder, found, key=f"{rate}".replace(".", "x"))
    return planned(folder, own, rate, seed=found.seed)


def planned(folder, own, rate, seed=0):
    named = {"task": "cola", "model": "minilm", "config": "small", "seed": seed}
    return {**named, "folder": str(own.relative_to(folder)), "sweep": "rates", "trial": {"train.learning_rate": rate}}


def table(folder, *cells, **asked):
    write_json(folder / "bench.json", {"suite": "some", "cells": list(cells)})
    return [line for line in of_folder(folder, **asked).lines if line.role in ("result", "unfinished")]


def test_what_is_best_on_tune_is_shown_though_another_scores_higher_on_eval(tmp_path):
    cells = [trial(tmp_path, 0.001, 40.0, 30.0), trial(tmp_path, 0.002, 50.0, 20.0)]

    (line,) = table(tmp_path, *cells)

    assert (line.numbers[0].value, line.config) == (20.0, "")
    assert line.notes == ("best of 2 on tune: train.learning_rate=0.002",)


def test_each_seed_has_a_choice_of_its_own_and_they_are_one_line(tmp_path):
    cells = [
        trial(tmp_path, 0.001, 40.0, 30.0), trial(tmp_path, 0.002, 50.0, 20.0),
        trial(tmp_path, 0.001, 60.0, 10.0, seed=1), trial(tmp_path, 0.002, 50.0, 90.0, seed=1),
    ]  # fmt: skip

    (line,) = table(tmp_path, *cells)

    assert (line.seeds, line.numbers[0].value) == (2, 15.0)
    assert line.notes == (
        "best of 2 on tune: train.learning_rate=0.002 (seed 0)",
        "best of 2 on tune: train.learning_rate=0.001 (seed 1)",
    )


def test_trials_that_are_not_there_are_said(tmp_path):
    cells = [trial(tmp_path, 0.001, 40.0, 30.0), trial(tmp_path, 0.002, None, 90.0)]
    failed, later = (tmp_path / "cola" / "minilm" / name / "seed-0" for name in ("a", "b"))
    write_json(failed / "failure.json", {"reason": "memory"})

    (line,) = table(tmp_path, *cells, planned(tmp_path, failed, 0.003), planned(tmp_path, later, 0.004))

    assert line.numbers[0].value == 30.0
    assert line.notes == ("best of 2 on tune (1 failed, 1 to do): train.learning_rate=0.001",)


def test_without_a_finished_trial_one_line_says_so(tmp_path):
    folders = [tmp_path / "cola" / "minilm" / name / "seed-0" for name in ("a", "b")]

    (line,) = table(tmp_path, *(planned(tmp_path, folder, 0.1) for folder in folders))

    assert (line.role, line.state) == ("unfinished", "to do")
