"""What is found in a folder of runs, whatever state each is in."""

import json

import pytest
from results import COLA, STSB, fail, result, write

from hf_suite.errors import RunError
from hf_suite.record import write_json
from hf_suite.report.cells import benches, collect


def states(folder):
    return [(cell.task, cell.model, cell.seed, cell.state, cell.reason) for cell in collect(folder)]


def test_finished_failed_and_begun_runs_are_found_without_a_plan(tmp_path):
    write(tmp_path, result(COLA, seed=1))
    fail(tmp_path / "rte" / "minilm" / "0123456789ab" / "seed-0", "no rows")
    begun = tmp_path / "sst2" / "minilm" / "0123456789ab" / "seed-2"
    begun.mkdir(parents=True)
    (begun / "run.yaml").write_text("task: sst2\n")

    assert states(tmp_path) == [
        ("cola", "minilm", 1, "done", ""),
        ("rte", "minilm", 0, "failed", "no rows"),
        ("sst2", "minilm", 2, "begun", ""),
    ]


def test_a_plan_adds_what_is_not_there_yet_and_what_is_skipped_and_sets_the_order(tmp_path):
    write(tmp_path, result(COLA))
    cells = [
        {"folder": "stsb/minilm/k/seed-0", "task": "stsb", "model": "minilm", "config": "a", "seed": 0},
        {"folder": "cola/minilm/0123456789ab/seed-0", "task": "cola", "model": "m", "config": "a", "seed": 0},
    ]
    write_json(tmp_path / "bench.json", {"suite": "two", "cells": cells, "skipped": {"ax": "no labels"}})

    assert states(tmp_path) == [
        ("stsb", "minilm", 0, "planned", ""),
        ("cola", "minilm", 0, "done", ""),
        ("ax", "", None, "skipped", "no labels"),
    ]
    assert benches(tmp_path)[tmp_path].suite == "two"


def test_a_single_run_folder_will_do(tmp_path):
    folder = write(tmp_path, result(STSB))

    assert [cell.folder for cell in collect(folder)] == [folder]


def test_what_lies_in_a_runs_model_folder_or_a_hidden_one_is_no_run(tmp_path):
    folder = write(tmp_path, result(COLA))
    for inside in ("model", ".model", "checkpoints"):
        (folder / inside).mkdir()
        (folder / inside / "result.json").write_text("{}")

    assert [cell.folder for cell in collect(tmp_path)] == [folder]


def test_a_model_may_be_called_model(tmp_path):
    folder = write(tmp_path, result(COLA, model="model"))

    assert [cell.folder for cell in collect(tmp_path)] == [folder]


def test_a_result_that_cannot_be_read_is_a_failed_cell_and_hides_no_other(tmp_path):
    write(tmp_path, result(COLA))
    broken = tmp_path / "rte" / "minilm" / "0123456789ab" / "seed-0"
    broken.mkdir(parents=True)
    (broken / "result.json").write_text("{")

    finished, failed = collect(tmp_path)

    assert (finished.state, failed.state) == ("done", "failed")
    assert failed.reason.startswith(f"{broken / 'result.json'}: cannot be read (")


def test_a_result_of_another_make_is_a_failed_cell_with_its_key_named(tmp_path):
    folder = write(tmp_path, result(COLA))
    data = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps(data | {"sed": 1}))

    (cell,) = collect(tmp_path)

    assert cell.state == "failed"
    assert cell.reason == f"{folder / 'result.json'}: unknown key 'sed'; did you mean 'seed'?"


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RunError) as e:
        collect(tmp_path / "runs")

    assert str(e.value) == f"{tmp_path / 'runs'}: no such folder; give the folder of a run or of a bench"


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(RunError) as e:
        collect(tmp_path)

    assert str(e.value) == f"{tmp_path}: holds no run; give the folder of a run or of a bench"
