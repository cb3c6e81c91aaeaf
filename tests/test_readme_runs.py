"""The README's examples of texts, each run as it stands, on rows made up here and with tiny models for those named."""

import json
import re
import shlex
from pathlib import Path

import pytest
import texts
import tiny
import world
import writers
from command import said

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
SECTIONS = ("Translate, summarize, answer in words", "Model a language", "Prompt a model as it is")
TOLD = [part for part in README.split("\n## ")[1:] if part.splitlines()[0] in SECTIONS]
COMMANDS = [line for part in TOLD for line in re.findall(r"^hf-suite (?:train|eval) .*$", part, re.MULTILINE)]
FEW = {
    "train": ["limit=8", "train.max_steps=1", "train.batch_size=4"],
    "eval": [],
}
"""What makes a run short, and no other."""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """What the README calls a model -> the folder of a tiny one."""
    folder = tmp_path_factory.mktemp("models")
    return {
        "some-model": writers.writer(folder / "t5", "t5"),
        "some-encoder": tiny.checkpoint(folder / "bert", "bert", head="backbone"),
        "some-decoder": tiny.checkpoint(folder / "gpt2", "gpt2"),
    }


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The current folder: two texts, and a mirror of the sets that the README names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_SUITE_MIRROR", "mirror")
    pairs = [(row["english"], row["backwards"]) for row in texts.rows(16)]
    rows = {
        "multi30k/multi30k/en-de": [{"translation": {"en": one, "de": other}} for one, other in pairs],
        "Yale-LILY/aeslc/default": [
            {"email_body": one, "subject_line": other, "annotations": [other]} for one, other in pairs
        ],
        "nyu-mll/glue/sst2": [{"sentence": one, "label": at % 2} for at, (one, _) in enumerate(pairs)],
        "rajpurkar/squad/plain_text": [
            {"id": str(at), "title": "t", "question": "who is it?", "context": one,
             "answers": {"text": [one[:7]], "answer_start": [0]}} for at, (one, _) in enumerate(pairs)
        ],
    }  # fmt: skip
    for name, found in rows.items():
        for split in ("train", "validation", "test"):
            world.write_rows(Path("mirror") / name / f"{split}.jsonl", found[: 16 if split == "train" else 3])
    for name in ("train.txt", "test.txt"):
        Path(name).write_text("".join(f"{one}.\n" for one, _ in pairs), "utf-8")
    return tmp_path


@pytest.mark.parametrize("line", COMMANDS)
def test_an_example_runs_and_leaves_scores(line, models, place, capsys):
    command, *words = shlex.split(line)[1:]
    for name, folder in models.items():
        words = [word.replace(name, str(folder)) for word in words]

    code, _, err = said(capsys, command, *words, *FEW[command], "device=cpu", "-o", "run")

    assert code == 0, err
    result = json.loads(Path("run", "result.json").read_text("utf-8"))
    assert result["headline"]["score"] is not None


def test_there_is_an_example_of_each():
    """Translation, a summary, and a model that is prompted."""
    assert [word for word in ("multi30k_en_de", "aeslc", "sst2") if word not in " ".join(COMMANDS)] == []
