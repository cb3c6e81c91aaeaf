"""A bench's one number as a line of its table, and what it says of the tasks that are not in it."""

import pytest
from results import COLA, STSB, result, write

from hf_suite.record import write_json
from hf_suite.report.table import of_folder


def cola(value, **over):
    return result(COLA, {"validation": {"matthews_correlation": value}}, **over)


def plan(folder, cells, mean, **over):
    planned = [
        {"folder": path, "task": path.split("/")[0], "model": "minilm", "config": "small", "seed": seed}
        for path, seed in cells
    ]
    write_json(folder / "bench.json", {"suite": "some", "cells": planned, "mean": mean} | over)


def means(folder):
    return [line for line in of_folder(folder).lines if line.role == "mean"]


def test_a_mean_over_fewer_tasks_than_the_suites_names_those_it_has(tmp_path):
    for seed in (0, 1):
        write(tmp_path, cola(20.0 + seed, seed=seed))
        write(tmp_path, result(STSB, {"validation": {"pearson": 80.0, "spearmanr": 90.0}}, seed=seed))
    cells = [(f"{task}/minilm/0123456789ab/seed-{seed}", seed) for task in ("cola", "stsb", "rte") for seed in (0, 1)]
    plan(tmp_path, cells, "glue")

    (line,) = means(tmp_path)

    assert (line.task, line.model, line.seeds) == ("some, by GLUE's rule, without WNLI", "minilm", 2)
    assert (line.numbers[0].value, line.numbers[0].sd) == (52.75, pytest.approx(0.353553, abs=1e-6))
    assert line.notes == ("mean of 2 of 3 tasks: cola, stsb",)


def test_a_mean_over_a_subset_names_it(tmp_path):
    write(tmp_path, cola(20.0, rows={"train": 200, "validation": 100}, expected_rows={"train": 1000}))
    plan(tmp_path, [("cola/minilm/0123456789ab/seed-0", 0)], "tasks")

    (line,) = means(tmp_path)

    assert (line.task, line.notes) == ("some, headlines", ("mean of cola [200 train rows]",))


def test_a_mean_over_an_undefined_task_is_undefined_and_names_it(tmp_path):
    write(tmp_path, cola(None))
    plan(tmp_path, [("cola/minilm/0123456789ab/seed-0", 0)], "glue")

    (line,) = means(tmp_path)

    assert (line.numbers[0].value, line.notes) == (None, ("undefined in cola",))


def test_a_suite_that_shows_the_median_says_it_below_the_mean(tmp_path):
    for seed, score in enumerate((20.0, 21.0, 40.0)):
        write(tmp_path, cola(score, seed=seed))
    cells = [(f"cola/minilm/0123456789ab/seed-{seed}", seed) for seed in (0, 1, 2)]

    plan(tmp_path, cells, None, median=True)
    (line, _) = of_folder(tmp_path).lines
    assert (line.numbers[0].value, line.notes) == (27.0, ("median of 3 seeds: matthews_correlation 21.00",))

    plan(tmp_path, cells, None)
    assert of_folder(tmp_path).lines[0].notes == ()


def test_the_median_of_one_seed_is_not_shown_and_an_undefined_number_has_none(tmp_path):
    write(tmp_path, cola(20.0))
    cells = [(f"cola/minilm/0123456789ab/seed-{seed}", seed) for seed in (0, 1)]
    plan(tmp_path, cells, None, median=True)
    assert not any("median" in note for note in of_folder(tmp_path).lines[0].notes)

    write(tmp_path, cola(None, seed=1))
    assert "median of 2 seeds: none" in of_folder(tmp_path).lines[0].notes
