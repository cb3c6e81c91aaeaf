"""The table: which runs share a line, in what order lines stand, and what is said of them."""

from pathlib import Path

import pytest
from results import COLA, MNLI, STSB, fail, result, write

from hf_suite.record import write_json, write_result
from hf_suite.report.table import of_folder

SCORE = "matthews_correlation"


def cola(value, **over):
    return result(COLA, {"validation": {SCORE: value}}, **over)


def lines(folder, role="result", **asked):
    return [line for line in of_folder(folder, **asked).lines if line.role == role]


def plan(folder, cells, **over):
    planned = [
        {"folder": path, "task": path.split("/")[0], "model": "minilm", "config": "small", "seed": seed}
        for path, seed in cells
    ]
    write_json(folder / "bench.json", {"suite": "some", "cells": planned, **over})


def test_seeds_share_a_line_with_mean_and_sample_deviation(tmp_path):
    for seed, value in enumerate([2.0, 4.0, 6.0]):
        write(tmp_path, cola(value, seed=seed))

    (line,) = lines(tmp_path)

    assert (line.task, line.model, line.seeds) == ("cola", "minilm", 3)
    assert (line.numbers[0].name, line.numbers[0].value, line.numbers[0].sd) == (SCORE, 4.0, 2.0)


def test_one_seed_has_no_deviation(tmp_path):
    write(tmp_path, cola(2.0))

    assert lines(tmp_path)[0].numbers[0].sd is None


def test_a_mean_over_an_undefined_seed_is_undefined_and_says_how_many(tmp_path):
    write(tmp_path, cola(2.0, seed=0))
    write(tmp_path, cola(None, seed=1))

    (line,) = lines(tmp_path)

    assert line.numbers[0].value is None
    assert line.notes == ("matthews_correlation on validation is undefined in 1 of 2 seeds",)


def test_best_stands_first_and_undefined_last(tmp_path):
    for model, value in {"a": None, "b": 10.0, "c": 30.0}.items():
        write(tmp_path, cola(value, model=model))

    assert [line.model for line in lines(tmp_path)] == ["c", "b", "a"]


def test_where_lower_is_better_the_lowest_stands_first(tmp_path):
    units = {SCORE: ("ratio", "lower")}
    for model, value in {"b": 10.0, "c": 30.0}.items():
        write(tmp_path, cola(value, model=model, units=units))

    assert [line.model for line in lines(tmp_path)] == ["b", "c"]


def test_a_number_without_better_and_worse_is_not_ranked(tmp_path):
    for model, value in {"b": 10.0, "a": 5.0, "c": 30.0}.items():
        write(tmp_path, cola(value, model=model, units={SCORE: ("", None)}))

    assert [line.model for line in lines(tmp_path)] == ["a", "b", "c"]


def test_configs_that_differ_have_lines_of_their_own_with_the_difference(tmp_path):
    write(tmp_path, cola(10.0, config={"train": {"epochs": 5}, "max_length": 64}))
    write(tmp_path, cola(20.0, config={"lora": None, "max_length": 64}), key="another")

    table = of_folder(tmp_path)

    assert [(line.config, line.numbers[0].value) for line in table.lines if line.role == "result"] == [
        ("lora=null", 20.0),
        ("train.epochs=5", 10.0),
    ]
    assert table.remarks[0] == "config of every line: max_length=64, but for what its column says"


def test_a_default_that_is_written_out_is_no_other_config(tmp_path):
    write(tmp_path, cola(10.0, seed=0))
    write(tmp_path, cola(20.0, seed=1, config={"train": {"epochs": 3}, "lora": {"rank": 8}}))

    assert [line.seeds for line in lines(tmp_path)] == [2]


def test_another_protocol_is_never_in_the_same_ranking(tmp_path):
    write(tmp_path, cola(10.0, model="a", protocol=1))
    write(tmp_path, cola(20.0, model="b", protocol=2))
    write(tmp_path, cola(5.0, model="c", protocol=1))

    own = lines(tmp_path)

    assert [(line.model, line.config) for line in own] == [
        ("a", "protocol=1"),
        ("c", "protocol=1"),
        ("b", "protocol=2"),
    ]


def test_other_data_under_the_same_name_are_told_apart(tmp_path):
    write(tmp_path, cola(10.0, data={"id": "glue", "sha256": {"train": "1" * 64}}))
    write(tmp_path, cola(20.0, data={"id": "glue", "sha256": {"train": "2" * 64}}), key="another")

    first, second = lines(tmp_path)

    assert first.config.startswith("data.sha256=")
    assert second.config.startswith("data.sha256=")
    assert first.config != second.config


def test_a_subset_is_a_block_of_its_own_with_its_own_baseline(tmp_path):
    write(tmp_path, cola(30.0))
    rows = {"train": 200, "validation": 100}
    write(tmp_path, cola(40.0, rows=rows, config={"limit": 200}, expected_rows={"train": 1000}), key="limited")

    assert [(line.role, line.task) for line in of_folder(tmp_path).lines] == [
        ("result", "cola"),
        ("baseline", "cola"),
        ("result", "cola [200 train rows]"),
        ("baseline", "cola [200 train rows]"),
    ]


def test_each_block_ends_with_the_best_constant_answer(tmp_path):
    scores = {"validation": {"pearson": 80.0, "spearmanr": 79.0}}
    write(tmp_path, result(STSB, scores, baseline={"validation": {"pearson": None, "spearmanr": None}}))

    line = of_folder(tmp_path).lines[-1]

    assert (line.role, line.model) == ("baseline", "best constant answer")
    assert [(number.name, number.value) for number in line.numbers] == [("pearson", None), ("spearmanr", None)]


def test_the_headline_comes_first_and_counts_and_thresholds_are_left_out(tmp_path):
    scores = {"validation": {"total": 100.0, "thresh": -1.5, "own": 3.0, "spearmanr": 79.0, "pearson": 80.0}}
    units = {
        "total": ("count", None),
        "thresh": ("no-answer score", None),
        "own": ("unstated", None),
        "spearmanr": ("percent", "higher"),
        "pearson": ("percent", "higher"),
    }
    write(tmp_path, result(STSB, scores, units=units))

    assert [number.name for number in lines(tmp_path)[0].numbers] == ["pearson", "own", "spearmanr"]


def test_numbers_of_a_second_split_stand_with_the_others(tmp_path):
    scores = {"validation_matched": {"accuracy": 60.0}, "validation_mismatched": {"accuracy": 61.0}}
    write(tmp_path, result(MNLI, scores))

    assert [(number.split, number.value) for number in lines(tmp_path)[0].numbers] == [
        ("validation_matched", 60.0),
        ("validation_mismatched", 61.0),
    ]


def test_a_caveat_of_some_seeds_names_them(tmp_path):
    write(tmp_path, cola(1.0, seed=0, caveats=["unpinned"]))
    write(tmp_path, cola(2.0, seed=1, caveats=["unpinned", "validation: 1 row twice"]))

    assert lines(tmp_path)[0].notes == ("unpinned", "validation: 1 row twice (seed 1)")


def test_a_run_that_was_copied_counts_once(tmp_path):
    write(tmp_path / "here", cola(1.0))
    write(tmp_path / "there", cola(1.0))

    (line,) = lines(tmp_path)

    assert (line.seeds, line.notes) == (1, ())


def test_an_evaluation_that_repeats_a_runs_scores_has_no_line_of_its_own(tmp_path):
    folder = write(tmp_path, cola(1.0))
    again = {
        "id": "again",
        "lineage": [{"task": "cola", "id": "cola-minilm-0", "seed": 0}],
        "rows": {"validation": 100},
    }
    write_result(folder / "eval" / "cola", cola(1.0, **again, finished="2026-02-01T00:00:00+00:00"))

    (line,) = lines(tmp_path)

    assert line.ids == ("cola-minilm-0",)


def test_a_seed_that_gave_two_scores_shows_the_last_and_says_so(tmp_path):
    write(tmp_path / "a", cola(1.0, finished="2026-01-02T00:00:00+00:00"))
    write(tmp_path / "b", cola(9.0, finished="2026-01-01T00:00:00+00:00"))

    (line,) = lines(tmp_path)

    where = tmp_path / "a" / "cola" / "minilm" / "0123456789ab" / "seed-0"
    assert line.numbers[0].value == 1.0
    assert line.notes == (f"seed 0 was run more than once, with other scores; shown is {where}",)


def test_a_failed_seed_is_a_note_of_its_line(tmp_path):
    folder = write(tmp_path, cola(1.0))
    fail(folder.parent / "seed-1", "loss is NaN at step 3")

    (line,) = lines(tmp_path)

    assert (line.seeds, line.planned_seeds) == (1, 2)
    assert line.notes == ("seed 1 failed: loss is NaN at step 3",)


def test_a_cell_without_any_result_has_a_line_that_says_why(tmp_path):
    write(tmp_path, cola(1.0))
    fail(tmp_path / "rte" / "minilm" / "k" / "seed-0", "no rows")
    plan(tmp_path, [("rte/minilm/k/seed-0", 0), ("rte/minilm/k/seed-1", 1)])

    (line,) = lines(tmp_path, "unfinished")

    assert (line.task, line.model, line.state) == ("rte", "minilm", "1 failed, 1 to do")
    assert line.notes == ("seed 0 failed: no rows",)


def test_the_seeds_of_a_cell_that_has_not_begun_share_a_line_in_whatever_order_they_are_planned(tmp_path):
    plan(tmp_path, [(f"{task}/minilm/k/seed-{seed}", seed) for seed in (0, 1) for task in ("cola", "rte")])

    own = lines(tmp_path, "unfinished")

    assert [(line.task, line.planned_seeds, line.state) for line in own] == [
        ("cola", 2, "2 to do"),
        ("rte", 2, "2 to do"),
    ]


def test_a_bench_that_still_runs_says_how_far_it_is(tmp_path):
    write(tmp_path, cola(1.0))
    cells = [("cola/minilm/0123456789ab/seed-0", 0), ("cola/minilm/0123456789ab/seed-1", 1)]
    plan(tmp_path, cells, skipped={"ax": "no labels"})

    assert of_folder(tmp_path).remarks[:2] == ("1 of 2 runs done; 1 to do", "skipped: ax: no labels")


def test_published_numbers_stand_under_the_whole_set_only(tmp_path):
    number = {"model": "roberta-base", "metric": SCORE, "score": 63.4, "setting": "LoRA, dev", "url": "https://a.b"}
    rows = {"train": 200, "validation": 100}
    task = COLA | {"published": [number]}
    write(tmp_path, result(task, {"validation": {SCORE: 40.0}}, rows=rows, expected_rows={"train": 1000}))

    (line,) = lines(tmp_path, "published", published=True)

    assert lines(tmp_path, "published") == []
    assert (line.task, line.model, line.numbers[0].value) == ("cola", "roberta-base", 63.4)
    assert line.notes == ("published: LoRA, dev; https://a.b",)


def test_published_numbers_follow_the_runs_on_the_whole_set_and_else_all_runs(tmp_path):
    number = {"model": "roberta-base", "metric": SCORE, "score": 63.4, "setting": "dev", "url": "https://a.b"}
    subset = {"rows": {"train": 200, "validation": 100}, "expected_rows": {"train": 1000}}
    for name, limits in {"cola": ({}, subset), "rte": (subset,)}.items():
        task = COLA | {"name": name, "published": [number]}
        for at, limit in enumerate(limits):
            write(tmp_path, result(task, **limit), key=str(at))

    shown = [(line.role, line.task) for line in of_folder(tmp_path, published=True).lines]

    assert [line for line in shown if line[0] != "baseline"] == [
        ("result", "cola"),
        ("published", "cola"),
        ("result", "cola [200 train rows]"),
        ("result", "rte [200 train rows]"),
        ("published", "rte"),
    ]


def test_cost_is_the_mean_over_seeds(tmp_path):
    for seed, seconds in enumerate([10.0, 30.0]):
        asked = {"1": seconds / 10, "32": seconds}
        write(tmp_path, cola(1.0, seed=seed, seconds={"finetune": seconds}, latency_ms=asked))

    (line,) = lines(tmp_path, cost=True)

    assert line.cost == {
        "finetune s": 20.0,
        "ms for 1": 2.0,
        "ms for 32": 20.0,
        "parameters": 22_000_000,
        "trainable": 98_000,
        "peak MB": 900.0,
        "weights MB": pytest.approx(1.2),
    }


def test_the_makers_of_the_numbers_are_named(tmp_path):
    write(tmp_path, cola(1.0, dirty=True))

    assert of_folder(tmp_path).remarks[-1] == (
        "made by hf_suite 0.1.0 at cccccccccccc with changes; torch 2.13.0; cpu, 2 threads, 1 process; fp32"
    )


def test_tasks_stand_in_the_order_of_the_plan(tmp_path):
    for task in (COLA, STSB, MNLI):
        write(tmp_path, result(task))
    plan(tmp_path, [(f"{task}/minilm/0123456789ab/seed-0", 0) for task in ("stsb", "mnli", "cola")])

    assert [line.task for line in lines(tmp_path)] == ["stsb", "mnli", "cola"]


def test_results_of_any_layout_are_found(tmp_path: Path):
    write(tmp_path / "2-cores" / "deep", cola(1.0))

    assert [line.task for line in lines(tmp_path)] == ["cola"]
