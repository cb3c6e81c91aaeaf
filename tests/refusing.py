"""A folder in which everything is right, and what the command line says when a test spoils it. Holds no test."""

import shutil
from pathlib import Path

import world
from command import said

TRAIN = ["train", "run.yaml", "-o", "run"]


def make(checkpoint):
    """In the current folder: run.yaml, the checkpoint `bert`, the tasks and their mirror."""
    shutil.copytree(checkpoint, "bert")
    world.make(Path())
    Path("run.yaml").write_text(
        "task: tasks/reviews.yaml\nmodel: bert\ndevice: cpu\nmax_length: 32\ntrain: {max_steps: 2, batch_size: 8}\n"
    )


def refused(capsys, *words):
    """The line below the notes, without the program's name; everything stays as it was."""
    before = everything()
    code, out, err = said(capsys, *words)
    *notes, line = err.splitlines()
    assert (code, out, line[:10], [note for note in notes if "Error" in note]) == (2, "", "hf-suite: ", [])
    assert everything() == before
    return line[10:]


def everything():
    return {path: path.read_bytes() if path.is_file() else None for path in sorted(Path().rglob("*"))}
