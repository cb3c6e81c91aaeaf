"""A small world of texts to write: a mirror with rows of source and target, and task files on it. Holds no test."""

from pathlib import Path
from typing import Any

import world

from hf_suite import schema
from hf_suite.answering import answer
from hf_suite.config import RunConfig
from hf_suite.experiment import prepared
from hf_suite.session import Session
from hf_suite.stopping import Stopping

_WHO = ("man", "woman", "dog", "cat", "old man", "young woman", "sad dog", "small cat")
_DOES = ("walks", "is", "was", "has a book", "has a house", "is slow", "is swift", "was quiet")
_WHERE = ("in the park", "by the river", "in the town", "in the dark house", "on the old street", "by a tree")
LANGUAGES = {"source": "en", "target": "de"}


def rows(count: int, *, start: int = 0) -> list[dict[str, Any]]:
    """Sentences, each with its words in reverse as the target."""
    found = []
    for at in range(start, start + count):
        text = f"the {_WHO[at % 8]} {_DOES[(at // 8 + at) % 8]} {_WHERE[(at * 5) % 6]}"
        found.append({"english": text, "backwards": " ".join(reversed(text.split()))})
    return found


def make(folder: Path, kind: str = "translation", **over: Any) -> world.World:
    """A mirror of 48 train and 20 validation rows and a task of that kind on it, `over` laid upon its file."""
    mirror = folder / "mirror"
    world.write_rows(mirror / "own" / "backwards" / "default" / "train.jsonl", rows(48))
    world.write_rows(mirror / "own" / "backwards" / "default" / "validation.jsonl", rows(20, start=48))
    facts = schema.merged(
        {
            "name": "backwards",
            "kind": kind,
            "version": 1,
            "source": {"path": "own/backwards", "subset": "default", "train": "train", "eval": ["validation"]},
            "columns": {"source": "english", "target": "backwards"},
            "metrics": ["exact_match"],
            "headline": "exact_match",
            **({"languages": LANGUAGES} if kind == "translation" else {}),
        },
        over,
    )
    (folder / "tasks").mkdir(exist_ok=True)
    file = folder / "tasks" / f"{facts['name']}.yaml"
    file.write_text(schema.dump_yaml(facts), "utf-8")
    return world.World(mirror, {"backwards": file})


def session(config: RunConfig) -> Session:
    """A run up to its built model."""
    return prepared(config, resume=False, allow_code=False, watch=lambda progress: None, stopping=Stopping())


def texts_of(made: Session, *, batch_size: int, count: int = 20) -> list[list[str]]:
    """What the session's model writes for the first validation rows."""
    rows = made.parts.eval["validation"].rows.select(range(count))
    found = answer(made.model, made.adapter, rows, accelerator=made.accelerator, batch_size=batch_size)
    return [list(evidence["texts"]) for _, evidence in found]


def run_config(made: world.World, model: Path | str, /, **over: Any) -> RunConfig:
    """Three steps of eight rows on the CPU."""
    return world.run_config(made, "backwards", model, **over)
