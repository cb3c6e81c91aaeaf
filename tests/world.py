"""A small world to run in: a mirror of generated rows, task files on it, and configs of a few steps. Holds no test."""

import copy
import itertools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hf_suite import config, schema
from hf_suite.config import RunConfig

_GOOD = ("good", "fine", "wonderful", "bright")
_BAD = ("dull", "grey", "sad", "dark")
_THINGS = ("film", "book", "song", "story", "play", "garden", "street", "train")
_PEOPLE = ("man", "woman", "dog", "cat")
_PLACES = ("park", "town", "house", "garden", "river", "street")
PAIR_LABELS = ("entailment", "neutral", "contradiction")

_TASKS: dict[str, dict[str, Any]] = {
    "reviews": {
        "columns": {"text": "sentence", "label": "label"},
        "labels": ["negative", "positive"],
        "metrics": ["accuracy"],
        "headline": "accuracy",
    },
    "pairs": {
        "columns": {"text": "premise", "text_pair": "hypothesis", "label": "label"},
        "labels": list(PAIR_LABELS),
        "metrics": ["accuracy"],
        "headline": "accuracy",
    },
    "entailed": {
        "columns": {"text": "premise", "text_pair": "hypothesis", "label": "label"},
        "labels": ["entailment", "not_entailment"],
        "metrics": ["accuracy"],
        "headline": "accuracy",
        "trained_on": "pairs",
        "merge": {"neutral": "not_entailment", "contradiction": "not_entailment"},
    },
    "topics": {
        "columns": {"text": "sentence", "label": "topics"},
        "labels": ["who", "where", "thing"],
        "target": "labels",
        "metrics": ["multilabel_f1", "subset_accuracy", "map"],
        "headline": "micro_f1",
    },
    "likeness": {
        "columns": {"text": "first", "text_pair": "second", "label": "score"},
        "target": "number",
        "metrics": ["pearson", "spearmanr"],
        "headline": "pearson",
    },
    "questions": {
        "kind": "question_answering",
        "columns": {
            "id": "id",
            "title": "title",
            "question": "question",
            "context": "context",
            "answers": "answers",
        },
        "unanswerable": True,
        "metrics": ["squad_v2"],
        "headline": "f1",
    },
}
TASKS = tuple(_TASKS)


class World(NamedTuple):
    """The folder of the mirror, and each task's file by the task's name."""

    mirror: Path
    tasks: dict[str, Path]


def make(folder: Path) -> World:
    """Writes mirror and task files under `folder`. The rows are the same each time.

    Rows, train and validation: reviews 64 and 24, pairs 48 and 24, entailed 0 and 24, topics 48 and 24, likeness 48 and
    24, questions 24 and 12 (a quarter of them unanswerable) under six titles and three.
    """
    mirror = folder / "mirror"
    for name, splits in _rows().items():
        for split, rows in splits.items():
            write_rows(mirror / "own" / name / "default" / f"{split}.jsonl", rows)
    return World(mirror, {name: write_task(folder / "tasks", name) for name in _TASKS})


def write_rows(file: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """One split of a mirror, as JSON lines."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


def task(name: str, **over: Any) -> dict[str, Any]:
    """A task of this world as its file says it, with `over` laid upon it; a copy that may be changed."""
    source = {"path": f"own/{name}", "subset": "default", "eval": ["validation"]}
    train = {} if "trained_on" in _TASKS[name] else {"train": "train"}
    facts = {"name": name, "kind": "classification", "version": 1, "source": {**source, **train}, **_TASKS[name]}
    return copy.deepcopy(schema.merged(facts, over))


def write_task(folder: Path, name: str, **over: Any) -> Path:
    """The file of a task of this world; `over` differs from it."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = task(name, **over)
    file = folder / f"{facts['name']}.yaml"
    file.write_text(schema.dump_yaml(facts), "utf-8")
    return file


def keys(world: World, name: str, model: Path | str, /, **over: Any) -> dict[str, Any]:
    """The config of a run of a few seconds, as a mapping: three steps of eight features, on the CPU."""
    short: dict[str, Any] = {
        "task": {"name": str(world.tasks[name])},
        "model": {"id": str(model)},
        "device": "cpu",
        "max_length": 64 if name == "questions" else 32,
        "stride": 16,
        "lora": {"rank": 4},
        "train": {"max_steps": 3, "batch_size": 8, "learning_rate": 0.01},
        "mirror": [str(world.mirror)],
    }
    return config.layered(short, over)


def run_config(world: World, name: str, model: Path | str, /, **over: Any) -> RunConfig:
    """The RunConfig of those keys; `over` as in a config file (`train={"epochs": 1}`, `output=...`)."""
    return schema.build(RunConfig, keys(world, name, model, **over), "test")


def _rows() -> dict[str, dict[str, list[dict[str, Any]]]]:
    reviews, pairs, likeness, questions = _reviews(), _pairs(), _likeness(), _questions()
    topics = _topics()
    entailed = [row | {"label": _two(row["label"])} for row in pairs[48:]]
    return {
        "reviews": {"train": reviews[:64], "validation": reviews[64:88]},
        "pairs": {"train": pairs[:48], "validation": pairs[48:]},
        "entailed": {"validation": entailed},
        "topics": {"train": topics[:48], "validation": topics[48:]},
        "likeness": {"train": likeness[:48], "validation": likeness[48:]},
        "questions": {"train": questions[:24], "validation": questions[24:]},
    }


def _two(label: str) -> str:
    return label if label == "entailment" else "not_entailment"


def _reviews() -> list[dict[str, Any]]:
    words = [(word, "positive") for word in _GOOD] + [(word, "negative") for word in _BAD]
    rows = [
        {"sentence": f"the {thing} was {more}{word}", "label": label}
        for more, thing, (word, label) in itertools.product(("", "very "), _THINGS, words)
    ]
    return [rows[(at * 37) % len(rows)] for at in range(88)]


def _pairs() -> list[dict[str, Any]]:
    rows = []
    for at in range(72):
        who, where = _PEOPLE[at % 4], _PLACES[(at // 4) % 6]
        other = {
            "entailment": f"there is a {who} in the {where}",
            "neutral": f"the {who} walks by the {where} on many a day",
            "contradiction": f"there is no {who} in the {where}",
        }
        label = PAIR_LABELS[(at * 5 + at // 12) % 3]
        rows.append({"premise": f"one {who} is in the {where}", "hypothesis": other[label], "label": label})
    return rows


def _topics() -> list[dict[str, Any]]:
    """Texts that name a person, a place, a thing, several of them or none."""
    rows = []
    for at in range(72):
        named = {"who": _PEOPLE[at % 4], "where": _PLACES[at % 6], "thing": _THINGS[(at // 3) % 8]}
        labels = [label for bit, label in enumerate(named) if (at * 5 + at // 8) >> bit & 1]
        rows.append({"sentence": " ".join(["the old", *(named[label] for label in labels)]), "topics": labels})
    return rows


def _likeness() -> list[dict[str, Any]]:
    rows = []
    for at in range(72):
        words = [_PEOPLE[at % 4], _PLACES[at % 6], _THINGS[at % 8], _GOOD[(at // 2) % 4], _BAD[(at // 3) % 4]]
        same = (at * 7) % 6
        others = words[:same] + [_THINGS[(at + 3 + more) % 8] for more in range(5 - same)]
        rows.append({"first": " ".join(words), "second": " ".join(others), "score": float(same)})
    return rows


def _questions() -> list[dict[str, Any]]:
    """Four questions about each of nine contexts: who, where, what, and one that the context does not answer."""
    rows = []
    for at in range(9):
        who, where, thing = _PEOPLE[at % 4], _PLACES[(at * 5) % 6], _THINGS[(at * 3) % 8]
        first, second = f"the {_GOOD[at % 4]} {who}", f"the {_BAD[at % 4]} {where}"
        context = f"On one day {first} walks in {second}. It has an old {thing} for the town, and the sun is loud."
        asked = {
            "who walks there": first,
            "in what place is it": second,
            "what has it for the town": f"an old {thing}",
            "when was the night red": None,
        }
        for number, (question, text) in enumerate(asked.items()):
            found = (
                {"text": [text], "answer_start": [context.index(text)]} if text else {"text": [], "answer_start": []}
            )
            row = {"id": f"{at}-{number}", "title": f"Title {at}", "context": context, "question": f"{question}?"}
            rows.append(row | {"answers": found})
    return rows
