"""The README's commands for rows of one's own, in its order and word for word, on a file made up here."""

import csv
import importlib.util
import itertools
import json
import re
import shlex
from pathlib import Path

import pytest
import tiny
from command import said

from hf_suite import own
from hf_suite.cli.demo import PACKAGE

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
NAMED = re.compile(r"^(?:.*`)?(hf-suite [^`\n]*\b(?:reviews\.csv|runs/reviews)[^`\n]*)(?:`.*)?$", re.MULTILINE)
COMMANDS = [line for line in NAMED.findall(README) if "--sweep" not in line]  # six trainings and forty are no test
THINGS = ("film", "meal")
LIKED = ("a joy throughout", "warm, bright and well made", "the best so far", "kind to all who came", "worth the money")
DISLIKED = ("dull from end to end", "cold and badly made", "the worst of its kind", "rude to us", "a waste of an hour")

LATER = (
    ("I would go again tomorrow, and bring my friends along.", "liked"),
    ("Nobody at our table finished what was served.", "disliked"),
)


def write(name, header, rows):
    with Path(name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The current folder: reviews, some of them later ones, some without a verdict, and two models to compare."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HF_SUITE_MIRROR", raising=False)
    monkeypatch.setattr(own, "STEPS", 5)  # what a hundred teach is no question here
    words = [*itertools.product(LIKED, ["liked"]), *itertools.product(DISLIKED, ["disliked"])]
    rows = [(f"The {thing} was {what}.", verdict) for thing in THINGS for what, verdict in words]
    write("reviews.csv", ("review", "verdict"), rows)
    write("later.csv", ("review", "verdict"), LATER)
    write("new.csv", ("who", "review"), [("me", "The soup was a joy."), ("you", "The bus was cold, and dull.")])
    tiny.checkpoint(Path("DIR"), "bert", head="backbone")
    tiny.checkpoint(Path("FacebookAI", "roberta-base"), "roberta")


def run(lines, capsys):
    for line in lines:
        code, _, err = said(capsys, *shlex.split(line)[1:])
        assert code == 0, (line, err)


needs_package = pytest.mark.skipif(importlib.util.find_spec(PACKAGE) is None, reason=f"{PACKAGE} is not installed")


@needs_package
def test_three_commands_lead_from_a_file_to_answers_and_what_follows_on_them_runs(place, capsys):
    lines = [line for line in COMMANDS if line in COMMANDS[:3] or "runs/reviews" in line]
    assert lines[:3] == [
        "hf-suite check reviews.csv",
        "hf-suite train --data reviews.csv -o runs/reviews",
        "hf-suite init reviews.csv -o mytask.yaml",
    ]

    run(lines, capsys)

    result = json.loads(Path("runs", "reviews", "result.json").read_text("utf-8"))
    assert result["task"]["columns"] == {"text": "review", "label": "verdict"}
    assert result["rows"] == {"train": 16, "tune": 2, "eval": 2}
    assert result["history"][-1]["step"] == 5
    header, *answers = Path("answers.csv").read_text("utf-8").splitlines()
    assert header == "who,review,prediction,confidence"
    assert [re.match(r'(\w+),.*[."],(?:dis)?liked,0\.\d+$', line)[1] for line in answers] == ["me", "you"]
    assert Path("mytask.yaml").is_file()


@needs_package
def test_the_other_commands_on_the_file_run(place, capsys):
    lines = [line for line in COMMANDS[3:] if "runs/reviews" not in line]
    assert [line.split()[1] for line in lines] == ["preview", "check", "check", "clean", "bench"]

    run(lines, capsys)

    assert [name for name in ("report.html", "reviews-clean.csv") if not Path(name).is_file()] == []
    assert len(list(Path("runs", "bench-reviews").rglob("result.json"))) == 2
