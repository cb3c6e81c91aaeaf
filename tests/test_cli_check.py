"""`hf-suite check` as a user meets it: the report on the terminal and as JSON, exit codes, refusals."""

import json
import shlex
from pathlib import Path

import ailing
import pytest
from bad_files import csv, write
from command import said

from hf_suite import doctor, files
from hf_suite.cli import check


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """The current folder, with reviews.csv and later.csv, of which two rows leak."""
    monkeypatch.chdir(tmp_path)
    words = ailing.texts(60)
    labels = [ailing.LABELS[at % 2] for at in range(60)]
    write("reviews.csv", csv(list(zip(words, labels, strict=True)), ("review", "mood")))
    write(
        "later.csv", csv([(words[2], "good"), (words[9].upper(), "bad"), (words[0] + " x", "good")], ("review", "mood"))
    )


def report(capsys, *words):
    code, out, err = said(capsys, "check", *words, "--json")
    return code, json.loads(out), err


def test_rows_without_faults_exit_0_and_what_was_not_looked_at_is_said(capsys):
    code, out, err = said(capsys, "check", "reviews.csv")

    assert (code, err) == (0, "next: hf-suite train --data reviews.csv -o runs/reviews\n")
    assert out.splitlines()[0] == "reviews.csv: classification"
    assert "    review as text: text, 60 different, 9 words on average" in out.splitlines()
    assert "  – skipped: there are no two splits, one to learn from; training cuts one" in out
    assert [line for line in out.splitlines() if "⚠" in line or "✘" in line] == ["15 ✔, 0 ⚠, 0 ✘, 2 skipped"]


def test_a_folder_whose_name_has_a_sign_is_no_key(capsys):
    Path("year=2024").mkdir()
    Path("reviews.csv").replace("year=2024/reviews.csv")

    code, out, err = said(capsys, "check", "year=2024/reviews.csv")

    assert (code, out.splitlines()[0]) == (0, "year=2024/reviews.csv: classification"), err


def test_a_leak_exits_1_and_says_where_how_much_and_what_mends_it(capsys):
    code, out, err = said(capsys, "check", "reviews.csv", "data.eval=later.csv")

    lines = [line.strip() for line in out.splitlines()]
    at = lines.index("✘ 2 of 3 rows (67 %) of eval leak: their texts stand in train (case and spaces aside)")
    assert code == 1
    assert lines[at + 1] == "row eval 0, eval 1; ⚠ from one row, ✘ from 1 %"
    mended = "hf-suite clean reviews.csv data.eval=later.csv -o reviews-clean --fix leaks"
    assert (lines[at + 4], err) == (f"→ {mended}", f"next: {mended}\n")


def test_json_says_the_same(capsys):
    code, found, _ = report(capsys, "reviews.csv", "data.eval=later.csv")

    (leak,) = [one for one in found["findings"] if one["name"] == "leaks.exact"]
    assert (code, leak["severity"], leak["count"], leak["of"]) == (1, "bad", 2, 3)
    assert leak["rows"] == [{"split": "eval", "row": 0}, {"split": "eval", "row": 1}]
    assert {split: facts["rows"] for split, facts in found["splits"].items()} == {"train": 60, "eval": 3}
    assert found["counts"]["bad"] == sum(one["severity"] == "bad" for one in found["findings"])


def test_labels_written_in_two_ways_are_a_finding_where_training_refuses_them(capsys):
    with Path("reviews.csv").open("a") as file:
        file.write("a last text of many words,Good\n")

    code, found, _ = report(capsys, "reviews.csv")

    assert code == 1
    assert [one["name"] for one in found["findings"] if one["severity"] == "bad"] == ["labels.spelling"]


def test_labels_that_train_lacks_are_a_finding_where_training_refuses_them(capsys):
    write("later.csv", csv([("a text of its own that is new", "odd")], ("review", "mood")))

    code, found, _ = report(capsys, "reviews.csv", "data.eval=later.csv")

    assert (code, [one["sentence"] for one in found["findings"] if one["name"] == "labels.unknown"]) == (
        1,
        ["1 of 1 rows (100 %) of eval have a label that no row of train has: odd (1)"],
    )


def test_a_shipped_task_is_looked_at_by_name(capsys):
    code, found, _ = report(capsys, "--task", "demo_reviews")

    assert code == 0
    assert (found["data"], found["kind"]) == ("--task demo_reviews", "classification")
    assert {split: facts["rows"] for split, facts in found["splits"].items()}.keys() == {"train", "validation"}


def test_every_finding_belongs_to_a_section_that_is_shown(capsys):
    _, found, _ = report(capsys, "reviews.csv", "data.eval=later.csv")

    assert {one["name"].partition(".")[0] for one in found["findings"]} <= doctor.SECTIONS.keys()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "check: no rows are named; give a file, folder, pattern or URL, or --task NAME"),
        (
            ["reviews.csv", "dat.eval=later.csv"],
            "dat: is no key of rows; did you mean 'data'? say data.eval=FILE, or task.KEY=VALUE",
        ),
        (
            ["reviews.csv", "max_length=128"],
            "max_length: is counted by a model's tokenizer; say max_length=128 beside --model DIR",
        ),
        (
            ["story.txt"],
            "story.txt: is one running text, which has no rows to look through; "
            "say task.document=row to take each line for one",
        ),
        (
            ["reviews.csv", "--html", "no/page.html"],
            "no/page.html: there is no folder no; make it, or give another file with --html",
        ),
        (["reviews.csv", "later.csv"], "later.csv: a second source of rows beside reviews.csv; keep one of them"),
        (
            ["reviws.csv"],
            "reviws.csv: there is no such file or folder; did you mean 'reviews.csv'? give a file, folder or URL",
        ),
    ],
)
def test_what_cannot_be_looked_at_is_refused(capsys, words, line):
    write("story.txt", "A man went out.\n\nHe came home.\n" * 40)
    assert said(capsys, "check", *words) == (2, "", f"hf-suite: {line}\n")


def test_a_model_tells_what_it_would_cut(capsys, tiny_checkpoint):
    _, found, _ = report(capsys, "reviews.csv", "--model", str(tiny_checkpoint("bert")), "max_length=10")

    (cut,) = [one for one in found["findings"] if one["name"] == "lengths.cut"]
    assert (cut["severity"], cut["count"], cut["of"]) == ("bad", 60, 60)
    assert cut["sentence"].endswith("would be cut: they have more than max_length 10 tokens")


def test_the_page_is_written_once(capsys):
    assert said(capsys, "check", "reviews.csv", "--html", "page.html")[1].splitlines()[-1] == "written to page.html"
    assert Path("page.html").read_text().startswith("<!doctype html>")
    assert said(capsys, "check", "reviews.csv", "--html", "page.html") == (
        2, "", "hf-suite: page.html: is there already; give another file with --html\n",
    )  # fmt: skip


FAULTS = {
    "texts.empty": (" ", "good"),
    "duplicates.exact": (ailing.texts(1)[0].upper(), "good"),
    "labels.spelling": ("a text of its own that is new", "GOOD"),
    "texts.html": ("<p>a text of its <b>own</b> that is new</p>", "bad"),
    "texts.mojibake": ("the cafÃ© by the river has a text of its own", "bad"),
    "personal.email_address": ("write to jane.doe@example.org for a text of its own", "good"),
}
"""A row that is ill -> the finding."""


@pytest.mark.parametrize("name", FAULTS)
def test_the_command_that_a_finding_names_mends_it(capsys, name):
    text, label = FAULTS[name]
    with Path("reviews.csv").open("a", encoding="utf-8") as file:
        file.write(f'"{text}",{label}\n')
    found = {one["name"]: one for one in report(capsys, "reviews.csv")[1]["findings"]}
    assert found[name]["severity"] != "ok"

    program, *words = shlex.split(found[name]["remedy"])
    code, _, err = said(capsys, *words)

    assert (program, code) == ("hf-suite", 0), err
    ill = {one["name"] for one in report(capsys, "reviews-clean.csv")[1]["findings"] if one["severity"] != "ok"}
    assert name not in ill


def test_what_is_said_before_a_training_names_all_that_the_command_was_told(capsys):
    Path("reviews.csv").rename("it's.csv")

    words = ["--data", "it's.csv", "data.eval=later.csv", "--model", "nowhere"]
    code, _, err = said(capsys, "train", *words)

    assert code == 2
    assert "--fix leaks" in err
    assert err.splitlines()[-2] == """1 finding: hf-suite check 'it'"'"'s.csv' data.eval=later.csv"""


def test_a_password_of_an_address_is_never_shown():
    address = "postgresql://me:secret@host/db#reviews"

    assert files.shown(address) == "postgresql://me:***@host/db#reviews"
    assert "secret" not in check.named([address], [], None)
