"""Rows with faults, as the doctor takes them; each fault stands where the test that needs it says. Holds no test."""

import random

import pyarrow

from hf_suite import columns, doctor, schema
from hf_suite.doctor import Part, Subject
from hf_suite.spec import TaskSpec

_WORDS = (
    *("harbour", "glacier", "violin", "orchard", "satellite", "blacksmith", "carnival", "monastery", "tornado"),
    *("puzzle", "candle", "bridge", "senator", "wolf", "kitchen", "lantern", "desert", "museum", "umbrella"),
    *("pirate", "jungle", "opera", "rocket", "lighthouse", "chimney", "professor", "hammer", "village"),
)
LABELS = ("good", "bad")


def texts(n, begin=0):
    """Texts of nine words of which no two are alike or nearly so, the same each time."""
    return [" ".join(random.Random(at).choices(_WORDS, k=9)) for at in range(begin, begin + n)]


def spec(**over):
    """A classification of `text` by `label`."""
    source = {"path": "own", "train": "train", "eval": ["validation"]}
    facts = {"name": "own", "kind": "classification", "version": 1, "source": source, "labels": list(LABELS)}
    facts |= {"columns": {"text": "text", "label": "label"}, "metrics": ["accuracy"], "headline": "accuracy"}
    return schema.build(TaskSpec, {**facts, **over}, "test")


def subject(task=None, lengths=None, **splits):
    """Split -> {column: values}, as the doctor takes them."""
    task = task or spec()
    tables = {name: pyarrow.table(found) for name, found in splits.items()}
    parts = [Part(name, one, columns.as_written(one, task, place=name, names=None)) for name, one in tables.items()]
    return Subject("own.csv", task, tuple(parts), lengths)


def rows(words, labels=None):
    """Texts with labels in turn."""
    return {"text": words, "label": labels or [LABELS[at % 2] for at in range(len(words))]}


def found(ill, *only):
    """Name -> severity, count and rows of every finding; those that are well are left out."""
    report = doctor.examine(ill, only or tuple(doctor.CHECKS))
    return {
        one.name: (one.severity, one.count, [str(row) for row in one.rows])
        for one in report.findings
        if one.severity != "ok"
    }


def said(ill, name):
    """The one finding of that name."""
    (one,) = [one for one in doctor.examine(ill).findings if one.name == name]
    return one
