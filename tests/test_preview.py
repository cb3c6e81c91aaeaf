"""The preview shows, of each kind, the tokens that the model reads, what is cut, and where the loss falls."""

import json
import sys
from pathlib import Path

import pytest
import texts
import world
import writers
from bad_files import ROWS, csv, write
from command import Terminal, said

from hf_suite import cli, schema

LEGEND = "between « and »: what the loss falls on or points to; max_length {}; another by max_length=N"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """The current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")


def shown(capsys, own, name, model, *words):
    """The lines of the first rows of a task of that world."""
    task = ["--task", own.tasks[name], "--mirror", own.mirror, "--model", model, "device=cpu"]
    code, out, _ = said(capsys, "preview", *task, *words)
    assert code == 0
    return [line.strip() for line in out.splitlines()]


def test_a_text_is_shown_with_its_label_and_what_is_cut(capsys, small_world, tiny_checkpoint):
    rows = [("the film was dull and the night was dark", "negative"), ("good", "positive")]
    file = Path("mirror/own/reviews/default/train.jsonl")
    world.write_rows(file, [{"sentence": text, "label": label} for text, label in rows])
    own = world.World(Path("mirror"), small_world.tasks)
    words = ["max_length=8", "--mirror", small_world.mirror, "-n", "2"]

    assert shown(capsys, own, "reviews", tiny_checkpoint("bert"), *words) == [
        "row 0",
        "reads: [CLS] the film was dull and the [SEP]",
        "learns: negative",
        "cut from what it reads: night was dark",
        "row 1",
        "reads: [CLS] good [SEP]",
        "learns: positive",
        LEGEND.format(8),
    ]


def test_a_pair_is_shown_with_its_number(capsys, small_world, tiny_checkpoint):
    assert shown(capsys, small_world, "likeness", tiny_checkpoint("bert"), "-n", "1") == [
        "row 0",
        "reads: [CLS] man park film good dull [SEP] story play garden street train [SEP]",
        "learns: 0",
        LEGEND.format(128),
    ]


def test_a_text_with_several_labels_is_shown_with_their_names(capsys, tiny_checkpoint):
    rows = [(f"film {at}", "good; loud") if at % 2 else (f"night {at}", "sad") for at in range(40)]
    write("moods.csv", csv(rows, ("review", "mood")))

    code, out, _ = said(capsys, "preview", "--data", "moods.csv", "--model", tiny_checkpoint("bert"), "-n", "20")

    assert code == 0
    assert {line for line in out.splitlines() if "learns" in line} == {"  learns: good, loud", "  learns: sad"}


def test_windows_are_shown_with_their_span_or_the_token_of_no_answer(capsys, small_world, tiny_checkpoint):
    words = ["max_length=32", "stride=8", "-n", "1"]

    assert shown(capsys, small_world, "questions", tiny_checkpoint("bert"), *words) == [
        "row 0-0",
        "window 1 of 2",
        "reads: [CLS] who walks there ? [SEP] on one day «the good man» walks in the dull park . it has an old film "
        "for the town , and the sun is [SEP]",
        "learns: the marked span",
        "window 2 of 2",
        "reads: «[CLS]» who walks there ? [SEP] for the town , and the sun is loud . [SEP]",
        "learns: no answer in this window",
        LEGEND.format(32),
    ]


def test_an_encoder_decoder_is_shown_with_what_it_writes_and_what_is_cut_of_the_source(capsys, tmp_path):
    own, model = texts.make(tmp_path), writers.writer(tmp_path / "t5", "t5")

    assert shown(capsys, own, "backwards", model, "max_length=8", "-n", "1") == [
        "row 0",
        "reads: ␣t r a n s l a </s>",
        "writes: «␣park ␣the ␣in ␣walks ␣man ␣the </s>»",
        "cut from what it reads: te English to German: the man walks in the park",
        LEGEND.format(8),
    ]


def test_a_decoder_is_shown_with_the_loss_on_the_answer_alone(capsys, tmp_path, tiny_checkpoint):
    own, model = texts.make(tmp_path, "text2text"), tiny_checkpoint("gpt2")

    assert shown(capsys, own, "backwards", model, "prompt='{source} ->'", "-n", "1") == [
        "row 0",
        "reads: t he ␣man ␣wal ks ␣in ␣the ␣p ark ␣ - > «␣p ark ␣the ␣in ␣wal ks ␣man ␣the <|endoftext|>»",
        LEGEND.format(488),
    ]


def test_a_document_is_shown_in_windows_of_which_all_but_the_first_token_is_learnt(capsys, tiny_checkpoint):
    for split in ("train", "test"):
        rows = [{"text": "the man walks in the park"}, {"text": ""}]
        world.write_rows(Path(f"mirror/own/talk/default/{split}.jsonl"), rows)
    source = {"path": "own/talk", "subset": "default", "train": "train", "eval": ["test"]}
    facts = {"name": "talk", "kind": "language_modeling", "version": 1, "source": source, "columns": {"text": "text"}}
    write("talk.yaml", schema.dump_yaml({**facts, "metrics": ["perplexity"], "headline": "perplexity"}))
    own = world.World(Path("mirror"), {"talk": Path("talk.yaml")})

    assert shown(capsys, own, "talk", tiny_checkpoint("gpt2"), "max_length=8", "-n", "2") == [
        "row 0",
        "window 1 of 2",
        "reads: <|endoftext|> «t he ␣man ␣wal ks ␣in ␣the ␣p»",
        "window 2 of 2",
        "reads: ␣p «ark»",
        "row 1",
        "holds nothing to learn",
        LEGEND.format(8),
    ]


def test_on_a_terminal_colours_take_the_place_of_marks(capsys, monkeypatch, small_world, tiny_checkpoint):
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)

    with pytest.raises(SystemExit):
        cli.main(["preview", "--task", str(small_world.tasks["questions"]), "--mirror", str(small_world.mirror),
                  "--model", str(tiny_checkpoint("bert")), "-n", "1"])  # fmt: skip

    out = sys.stdout.getvalue()
    assert ("«" in out, "\x1b[1;32" in out) == (False, True)
    assert "in green: what the loss falls on or points to" in out


def test_as_json_each_token_says_whether_it_is_learnt(capsys, tiny_checkpoint):
    write("moods.csv", csv())
    words = ["preview", "--data", "moods.csv", "--model", tiny_checkpoint("bert"), "-n", "1"]

    code, out, err = said(capsys, *words, "--json")

    (row,) = json.loads(out)["rows"]
    reads, learns = row["features"][0]
    text, label = ROWS[row["row"]]
    first = {"text": "[CLS]", "special": True, "learnt": False}
    assert (code, row["cut"], reads["tokens"][0]) == (0, {}, first)
    assert [token["text"] for token in reads["tokens"][1:3]] == text.split()[:2]
    assert (learns["text"], "split: train 80 %" in err, Path("runs").exists()) == (label, True, False)


def test_the_training_of_what_was_shown_comes_next(capsys, tiny_checkpoint):
    write("moods.csv", csv())
    words = ["max_length=16", "--model", str(tiny_checkpoint("bert")), "--data", "moods.csv"]

    _, _, err = said(capsys, "preview", *words, "-n", "1")

    assert err.splitlines()[-1] == f"next: hf-suite train {' '.join(words)} -o runs/moods"
