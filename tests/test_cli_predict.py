"""`hf-suite predict` as a user meets it, and what it keeps in memory."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import world
from command import said

import hf_suite
from hf_suite import predicting


def test_a_word_for_nothing_is_no_text_and_stays_in_a_csv(runs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("new.csv").write_text("sentence,other\nNULL,nan\ngood,null\n")

    for output in ("o.csv", "o.jsonl"):
        assert said(capsys, "predict", runs("reviews"), "new.csv", "-o", output)[0] == 0

    assert Path("o.csv").read_text().splitlines()[1] == "NULL,nan,,,no 'sentence'"
    assert Path("o.csv").read_text().splitlines()[2].startswith("good,null,")
    assert Path("o.jsonl").read_text().startswith('{"sentence": null, "other": null, "prediction": null, ')


def test_the_command_writes_the_file_and_says_how_many(runs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("new.csv").write_text("id,review\n1,good\n2,\n")
    words = ["predict", runs("reviews"), "new.csv", "task.columns.text=review"]

    code, out, err = said(capsys, *words, "-o", "out.csv")

    assert (code, out) == (0, "2 rows, 1 of them with an error in place of an answer; written to out.csv\n"), err
    assert "next: " not in err
    assert "answer 2 of 2" in err.splitlines()
    assert Path("out.csv").read_text().splitlines()[0] == "id,review,prediction,confidence,error"
    assert json.loads(said(capsys, *words, "-o", "out.jsonl", "--json")[1]) == {
        "output": "out.jsonl", "rows": 2, "errors": 1,
    }  # fmt: skip


def test_within_a_block_and_from_block_to_block_it_is_told_how_far_it_is(
    small_world, tiny_checkpoint, tmp_path, monkeypatch
):
    monkeypatch.setattr(predicting, "BLOCK", 4)
    few = {"max_steps": 1, "batch_size": 2, "micro_batch_size": 2}
    run = tmp_path / "run"
    hf_suite.run(world.run_config(small_world, "reviews", tiny_checkpoint("bert"), output=str(run), train=few))
    source = tmp_path / "new.csv"
    source.write_text("sentence\n" + "".join(f"the {word} book\n" for word in "abcdefg"))
    told = []

    predicting.predict(hf_suite.load(run), str(source), tmp_path / "out.csv", run=run, watch=told.append)

    assert [(each.stage, each.done, each.total, each.more) for each in told] == [
        ("answer", 2, 7, True), ("answer", 4, 7, True), ("answer", 6, 7, False), ("answer", 7, 7, False),
    ]  # fmt: skip


def test_a_folder_whose_name_has_a_sign_is_no_key(runs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("year=2024").mkdir()
    Path("year=2024/new.csv").write_text("review\ngood\n")

    code, out, err = said(
        capsys, "predict", runs("reviews"), "year=2024/new.csv", "task.columns.text=review", "-o", "o.csv"
    )

    assert (code, out) == (0, "1 row; written to o.csv\n"), err


def test_a_text_is_answered_on_the_spot(runs, capsys):
    code, out, err = said(capsys, "predict", runs("pairs"), "--text", "one man", "--text", "a dog", "--json")

    assert code == 0, err
    assert json.loads(out)["prediction"] in world.PAIR_LABELS
    code, out, err = said(capsys, "predict", runs("reviews"), "--text", "good")
    assert (code, [line.partition(":")[0] for line in out.splitlines()]) == (0, ["prediction", "confidence"])
    assert err.splitlines()[-1] == f"next: hf-suite predict {runs('reviews')} new.csv -o answers.csv"


def test_where_the_rows_hold_what_is_right_they_may_be_scored_next(runs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("new rows.csv").write_text("review,label\ngood,positive\ndull,negative\n")
    words = [runs("reviews"), "new rows.csv", "task.columns.text=review"]

    _, _, err = said(capsys, "predict", *words, "-o", "out.csv")

    told = f"hf-suite eval {words[0]} --data 'new rows.csv' task.columns.text=review"
    assert err.splitlines()[-1] == f"next: {told}"
    assert said(capsys, *shlex.split(told)[1:])[0] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "predict: no rows are named; give a file, - for stdin, or --text TEXT"),
        (["a.csv", "b.csv"], "b.csv: a second source of rows beside a.csv; keep one of them"),
        (["a.csv"], "--output: is missing; name the file to write: -o answers.csv"),
        (["a.csv", "--text", "x"],
         "a.csv: given beside --text, which is answered on the terminal; keep one of them"),
        (["--text", "x", "--text", "y"],
         "--text: 2 given, and a row has 1: text; give --text once for each, in that order"),
    ],
)  # fmt: skip
def test_a_command_that_says_too_little_or_too_much_is_refused(runs, capsys, words, message):
    code, out, err = said(capsys, "predict", runs("reviews"), *words)

    assert (code, out, err.splitlines()[-1]) == (2, "", f"hf-suite: {message}")


PEAK = """
import re, sys
from pathlib import Path
import hf_suite
from hf_suite import predicting
run, source, output = sys.argv[1:]
predicting.predict(hf_suite.load(run), source, Path(output), run=Path(run))
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="only Linux tells a process its own peak")
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_hundred_thousand_rows_need_the_memory_of_ten_thousand(runs, tmp_path, ending):
    peaks = []
    for many in (10_000, 100_000):
        source = tmp_path / f"{many}.csv"
        source.write_text("sentence\n" + "".join(f"the {at} book was good\n" for at in range(many)))
        words = [str(runs("reviews")), str(source), str(tmp_path / f"answers-{many}.{ending}")]
        done = subprocess.run([sys.executable, "-c", PEAK, *words], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout.splitlines()[-1]))

    print("peak, KiB:", *peaks)
    assert peaks[1] < peaks[0] * 1.1
