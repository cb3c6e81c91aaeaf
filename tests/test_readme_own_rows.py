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

from hf_suite.cli.demo import PACKAGE

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
NAMED = re.compile(r"^(?:.*`)?(hf-suite [^`\n]*\b(?:reviews\.csv|runs/reviews)[^`\n]*)(?:`.*)?$", re.MULTILINE)
COMMANDS = [line for line in NAMED.findall(README) if "--trials" not in line]  # twenty trials are no test
THINGS = ("film", "book", "song", "play", "meal", "garden", "train", "street")
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
    words = [*itertools.product(LIKED, ["liked"]), *itertools.product(DISLIKED, ["disliked"])]
    rows = [(f"The {thing} was {what}.", verdict) for thing in THINGS for what, verdict in words]
    write("reviews.csv", ("review", "verdict"), rows)
    write("later.csv", ("review", "verdict"), LATER)
    write("new.csv", ("who", "review"), [("me", "The soup was a joy."), ("you", "The bus was cold, and dull.")])
    tiny.checkpoint(Path("DIR"), "bert", head="backbone")
    tiny.checkpoint(Path("FacebookAI", "roberta-base"), "roberta")


def test_they_are_the_first_three_and_what_comes_after():
    assert COMMANDS[:3] == [
        "hf-suite check reviews.csv",
        "hf-suite train --data reviews.csv -o runs/reviews",
        "hf-suite init reviews.csv -o mytask.yaml",
    ]
    assert [command for command in ("predict", "bench", "preview", "clean") if command not in " ".join(COMMANDS)] == []


@pytest.mark.skipif(importlib.util.find_spec(PACKAGE) is None, reason=f"{PACKAGE} is not installed")
def test_each_runs_and_leaves_what_it_promises(place, capsys):
    for line in COMMANDS:
        code, _, err = said(capsys, *shlex.split(line)[1:])
        assert code == 0, (line, err)

    result = json.loads(Path("runs", "reviews", "result.json").read_text("utf-8"))
    assert (result["task"]["columns"], result["rows"]) == (
        {"text": "review", "label": "verdict"}, {"train": 64, "tune": 8, "eval": 8},
    )  # fmt: skip
    header, *answers = Path("answers.csv").read_text("utf-8").splitlines()
    assert header == "who,review,prediction,confidence"
    assert [re.match(r'(\w+),.*[."],(?:dis)?liked,0\.\d+$', line)[1] for line in answers] == ["me", "you"]
    assert [name for name in ("mytask.yaml", "report.html", "reviews-clean.csv") if not Path(name).is_file()] == []
    cells = list(Path("runs", "bench-reviews").rglob("result.json"))
    assert len(cells) == 6  # two models by three rates, of which the usual one was there from the first bench
