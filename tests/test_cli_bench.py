"""`bench` as a user meets it: the live table, what it would do, what it did, and the exit codes."""

import json
import re
import sys
from pathlib import Path

import pytest
import world
import yaml
from command import Terminal, lines, said

from hf_suite import record

SHORT = {"device": "cpu", "max_length": 32, "train": {"max_steps": 3, "batch_size": 8, "learning_rate": 0.01}}


@pytest.fixture
def bench(tmp_path, monkeypatch, tiny_checkpoint, capsys):
    """`bench(...)`: runs the suite mine.yaml (reviews, and entailed, answered by pairs) in the current folder."""
    own = world.make(tmp_path)
    tasks = {f"tasks/{name}.yaml": {} for name in ("reviews", "entailed")}
    (tmp_path / "short.yaml").write_text(yaml.safe_dump(SHORT))
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({"tasks": tasks, "config": "./short.yaml"}, sort_keys=False))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_SUITE_MIRROR", str(own.mirror))
    monkeypatch.setenv("COLUMNS", "200")

    def bench(*words):
        return said(capsys, "bench", "./mine.yaml", "--model", tiny_checkpoint("bert"), "-o", "mine", *words)

    return bench


def spoil(name):
    rows = [{"sentence": "the song was fine", "label": "lovely"}]
    world.write_rows(Path("mirror") / "own" / name / "default" / "validation.jsonl", rows)


def test_it_tells_of_each_cell_and_prints_the_table(bench):
    code, out, err = bench()

    scores = {
        path.parts[1]: record.read_result(path).headline.score for path in Path("mine").rglob("seed-0/result.json")
    }
    assert code == 0
    assert [line.partition(" seed 0: ")[2] for line in err.splitlines() if " seed 0: " in line] == [
        "begun",
        f"done, accuracy {scores['reviews']:.2f}",
        "begun",
        f"done, accuracy {scores['pairs']:.2f}",
        "begun",
        f"done, accuracy {scores['entailed']:.2f}",
    ]
    assert [line.split()[0] for line in out.splitlines() if f" {'bert'} " in line] == ["reviews", "pairs", "entailed"]
    assert out.splitlines()[-1] == "written to mine; next: hf-suite results mine"


def test_again_it_keeps_what_is_there(bench):
    bench()

    _, _, err = bench()

    assert len(re.findall(" seed 0: kept, accuracy ", err)) == 3


def test_the_seeds_are_counted_from_0(bench):
    _, out, _ = bench("--seeds", "2", "--json")

    assert sorted({Path(folder).name for folder in json.loads(out)["done"]}) == ["seed-0", "seed-1"]


def test_a_cell_that_fails_makes_it_exit_1_and_stands_in_the_table(bench):
    spoil("reviews")

    code, out, err = bench()

    reason = (
        "reviews validation row 0: label 'lovely' is not one of negative, positive; write the data's label names as "
        "task.labels=[...]"
    )
    assert code == 1
    assert f": failed: {reason}" in err
    assert "2 of 3 runs done; 1 failed" in out
    assert reason in " ".join(out.split())


def test_as_json_it_prints_what_became_of_the_cells_and_nothing_else(bench):
    spoil("reviews")

    code, out, err = bench("--json")

    found = json.loads(out)
    assert (code, err) == (1, "")
    assert found.keys() == {"folder", "done", "failed", "skipped"}
    assert [folder.split("/")[0] for folder in found["done"]] == ["pairs", "entailed"]
    assert [folder.split("/")[0] for folder in found["failed"]] == ["reviews"]


def test_keys_go_to_every_cell(bench):
    bench("train.max_steps=2", "--limit", "20")

    configs = [record.read_result(path).config for path in Path("mine").rglob("seed-0/result.json")]
    assert {(config["train"]["max_steps"], config["limit"]) for config in configs} == {(2, 20)}


def test_a_config_beside_the_suite_is_refused(bench):
    assert bench("lora-small") == (
        2,
        "",
        "hf-suite: lora-small: a suite names its configs itself; write `config:` into a suite file of your own\n",
    )


def test_without_a_model_it_is_refused(bench, capsys):
    assert said(capsys, "bench", "./mine.yaml") == (
        2,
        "",
        "hf-suite: bench: no model is named; name at least one with --model\n",
    )


# On a terminal


def test_on_a_terminal_the_table_changes_in_place(bench, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())

    code, _, _ = bench()

    frames = re.split(r"task +┃ model", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", sys.stderr.getvalue()))[1:]
    states = [
        [line.split("│")[-1].split(",")[0].strip() for line in frame.splitlines() if "│" in line] for frame in frames
    ]
    assert code == 0
    assert states[0] == ["begun", "to do", "to do"]
    assert states[-1] == ["done", "done", "done"]
    assert ["done", "begun", "to do"] in states
    assert "reviews: finetune 1 of 3, loss " in "".join(frames)


# Before it begins


def test_a_dry_run_lists_cells_rows_and_time_and_does_nothing(bench):
    code, out, _ = bench("--dry-run", "--seeds", "2")

    table, last = lines(out)[1:-1], lines(out)[-1]
    assert code == 0
    assert [re.sub(r" \S*bert short", "", re.sub(r"\d+ s$", "T", line)) for line in table] == [
        "reviews 0 train 64, validation 24 T",
        "pairs 0 train 48, validation 24 T",
        "entailed 0 validation 24 T",
        "reviews 1 train 64, validation 24 T",
        "pairs 1 train 48, validation 24 T",
        "entailed 1 validation 24 T",
    ]
    assert re.fullmatch(r"6 of 6 cells to do, about \d+ s at the speed measured just now", last)
    assert not Path("mine").exists()


def test_a_dry_run_as_json(bench):
    code, out, err = bench("--dry-run", "--json")

    found = json.loads(out)
    assert (code, err) == (0, "")
    assert (found["done"], found["skipped"]) == (0, {})
    assert [(cell["task"], cell["seed"], cell["rows"]) for cell in found["to_do"]] == [
        ("reviews", 0, {"train": 64, "validation": 24}),
        ("pairs", 0, {"train": 48, "validation": 24}),
        ("entailed", 0, {"validation": 24}),
    ]
    assert all(cell["seconds"] > 0 for cell in found["to_do"])


def test_a_dry_run_of_a_finished_bench_has_nothing_to_do_and_measures_nothing(bench, monkeypatch):
    bench()
    monkeypatch.delitem(sys.modules, "hf_suite.estimate", raising=False)

    code, out, _ = bench("--dry-run")

    assert (code, out) == (0, "nothing to do: 3 of 3 cells are done\n")
    assert "hf_suite.estimate" not in sys.modules


def test_a_dry_run_lists_what_is_skipped_and_why(bench):
    for split in ("train", "validation"):
        (Path("mirror") / "own" / "pairs" / "default" / f"{split}.jsonl").unlink()

    code, out, _ = bench("--dry-run")

    assert code == 0
    assert [line for line in out.splitlines() if line.startswith("skipped")] == [
        "skipped entailed: pairs, which it is trained on: no train split train at hand"
    ]


def test_a_dry_run_says_what_would_fail_and_exits_1(bench):
    code, out, _ = bench("--dry-run", "max_length=600")

    assert code == 1
    assert (
        "reviews, pairs, entailed would fail: max_length: 600 tokens, and bert has positions for 512; say "
        "max_length=512 or less" in out
    )


NO_MINILM = (
    "minilm: no such model; looked for the folder minilm, {mirror}/minilm, the hub's cache (HF_HUB_OFFLINE is set); "
    "give a folder with config.json, a mirror that holds it (--mirror), or a hub id that can be reached"
)


def test_a_model_that_is_not_there_is_one_line(bench, capsys):
    code, out, err = said(capsys, "bench", "./mine.yaml", "--model", "minilm")

    assert (code, out) == (2, "")
    assert err.splitlines() == [f"hf-suite: {NO_MINILM.format(mirror=Path.cwd() / 'mirror')}"]


def test_a_dry_run_lists_the_cells_of_a_model_that_is_not_there_with_rows_and_steps(bench, capsys):
    code, out, _ = said(capsys, "bench", "./mine.yaml", "--model", "minilm", "--dry-run", "--limit", "20")

    assert code == 1
    assert lines(out)[1:] == [
        "reviews minilm short 0 train 20, validation 24 would fail",
        "pairs minilm short 0 train 20, validation 24 would fail",
        "entailed minilm short 0 validation 24 would fail",
        f"reviews, pairs, entailed would fail: {NO_MINILM.format(mirror=Path.cwd() / 'mirror')}",
        "3 of 3 cells to do",
    ]


def test_results_of_a_bench_that_has_only_begun(bench, capsys):
    bench("--limit", "20")
    (Path("mine") / "reviews").rename("elsewhere")

    code, out, _ = said(capsys, "results", "mine")

    assert code == 0
    assert "2 of 3 runs done; 1 to do" in out
