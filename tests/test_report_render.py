"""The same table as terminal output, Markdown, CSV and JSON."""

import csv
import io
import json

import pytest
from results import COLA, STSB, fail, result, write
from rich.console import Console

from hf_suite.record import write_json
from hf_suite.report.render import as_csv, as_json, markdown, terminal
from hf_suite.report.table import of_folder

MARKDOWN = """\
| task | model | config | seeds | number | score | other numbers |
| --- | --- | --- | --- | --- | --- | --- |
| stsb | minilm |  | 1 of 2 | pearson | undefined ¹ ² | spearmanr 79.50 |
| stsb | best constant answer |  |  | pearson | undefined | spearmanr undefined |
| rte | minilm |  | 0 of 1 |  | failed ³ |  |
| cola [200 train rows] | minilm | limit=200 | 2 | matthews_correlation | 21.00 ± 1.41 ⁴ |  |
| cola [200 train rows] | best constant answer |  |  | matthews_correlation | 0.00 |  |
| some, headlines | minilm |  | 1 | mean | undefined ⁵ ⁶ |  |

- ¹ pearson on validation is undefined in 1 of 1 seed
- ² seed 1 failed: loss is NaN
- ³ seed 0 failed: no a|b rows
- ⁴ limit 200
- ⁵ mean of 1 of 3 tasks: stsb
- ⁶ undefined in stsb
- 3 of 5 runs done; 2 failed
- skipped: ax: no labels
- config of every line: the defaults, but for what its column says
- made by hf_suite 0.1.0 at cccccccccccc; torch 2.13.0; cpu, 2 threads, 1 process; fp32
"""


@pytest.fixture
def table(tmp_path):
    limited = {
        "rows": {"train": 200, "validation": 100},
        "expected_rows": {"train": 1000},
        "config": {"limit": 200},
        "caveats": ["limit 200"],
    }
    for seed, value in enumerate([20.0, 22.0]):
        write(tmp_path, result(COLA, {"validation": {"matthews_correlation": value}}, seed=seed, **limited))
    scores = {"validation": {"pearson": None, "spearmanr": 79.5}}
    constant = {"validation": {"pearson": None, "spearmanr": None}}
    folder = write(tmp_path, result(STSB, scores, baseline=constant))
    fail(folder.parent / "seed-1", "loss is NaN")
    fail(tmp_path / "rte" / "minilm" / "k" / "seed-0", "no a|b rows")
    cells = [
        {"folder": path, "task": path.split("/")[0], "model": "minilm", "config": "small", "seed": 0}
        for path in ("stsb/minilm/0123456789ab/seed-0", "rte/minilm/k/seed-0")
    ]
    plan = {"suite": "some", "mean": "tasks", "cells": cells, "skipped": {"ax": "no labels"}}
    write_json(tmp_path / "bench.json", plan)
    return of_folder(tmp_path)


def test_markdown_shows_scores_footnotes_and_remarks(table):
    assert markdown(table) == MARKDOWN


def test_terminal_shows_what_markdown_shows(table):
    out = io.StringIO()
    Console(file=out, width=300).print(terminal(table))

    text = out.getvalue()

    for cell in ("cola [200 train rows]", "21.00 ± 1.41", "undefined", "1 of 2", "best constant answer"):
        assert cell in text
    for remark in ("loss is NaN", "no a|b rows", "limit 200", "skipped: ax: no labels"):
        assert remark in text


def test_terminal_loses_nothing_where_it_is_narrow(table):
    out = io.StringIO()
    Console(file=out, width=60).print(terminal(table))

    assert "…" not in out.getvalue()


def test_csv_has_a_line_for_each_number_and_remark(table):
    rows = list(csv.DictReader(io.StringIO(as_csv({"runs/some": table}))))

    (cola,) = [row for row in rows if row["task"] == "cola [200 train rows]" and row["role"] == "result"]
    assert (cola["folder"], cola["seeds"], cola["value"], cola["notes"]) == ("runs/some", "2", "21.0", "limit 200")
    assert [(row["number"], row["value"], row["headline"]) for row in rows if row["task"] == "stsb"] == [
        ("pearson", "undefined", "yes"),
        ("spearmanr", "79.5", "no"),
        ("pearson", "undefined", "yes"),
        ("spearmanr", "undefined", "no"),
    ]
    assert [row["notes"] for row in rows if row["role"] == "remark"] == list(table.remarks)


def test_json_has_every_line_with_the_results_it_is_made_of(table):
    (data,) = json.loads(as_json({"runs/some": table}))

    (cola,) = [line for line in data["lines"] if line["task"] == "cola [200 train rows]" and line["ids"]]
    assert cola["ids"] == ["cola-minilm-0", "cola-minilm-1"]
    assert (cola["numbers"][0]["value"], cola["numbers"][0]["unit"]) == (21.0, "percent")
    assert data["remarks"] == list(table.remarks)


def test_cost_columns_stand_only_where_they_were_asked_for(tmp_path, table):
    write(tmp_path, result(COLA))

    heading = markdown(of_folder(tmp_path, cost=True)).splitlines()[0]

    assert heading.endswith("| finetune s | parameters | trainable | peak MB | weights MB |")
    assert "trainable" not in markdown(table)


def test_a_number_without_percent_has_four_digits(tmp_path):
    scores = {"validation": {"matthews_correlation": 1.23456}}
    write(tmp_path, result(COLA, scores, units={"matthews_correlation": ("nats", "lower")}))

    assert "| matthews_correlation | 1.235 |" in markdown(of_folder(tmp_path))


def test_people_are_told_of_a_further_split_its_headline_alone_and_programs_all_of_it(tmp_path):
    task = STSB | {"source": {**STSB["source"], "eval": ["test", "test_2018"]}}
    scores = {"test": {"pearson": 80.0, "spearmanr": 79.0}, "test_2018": {"pearson": 70.0, "spearmanr": 69.0}}
    write(tmp_path, result(task, scores))
    page = of_folder(tmp_path)

    assert markdown(page).splitlines()[2] == (
        "| stsb | minilm | 1 | pearson | 80.00 | spearmanr 79.00, pearson (test_2018) 70.00 |"
    )
    assert markdown(page).splitlines()[-1] == (
        "- of splits after the first the headline alone is shown; --json has all numbers"
    )
    assert [row["value"] for row in csv.DictReader(io.StringIO(as_csv({"a": page}))) if row["role"] == "result"] == [
        "80.0",
        "79.0",
        "70.0",
        "69.0",
    ]
    (told,) = json.loads(as_json({"a": page}))
    assert [number["value"] for number in told["lines"][0]["numbers"]] == [80.0, 79.0, 70.0, 69.0]
