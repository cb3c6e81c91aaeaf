"""Every shipped file: tasks against the data at hand, configs and suites against what they name."""

import json
import os
from pathlib import Path

import datasets
import pyarrow.parquet
import pytest

from hf_suite import config, data, kinds, schema, shipped, spec
from hf_suite.config import RunConfig, SuiteConfig
from hf_suite.metrics import METRICS
from hf_suite.spec import normalized

TASKS = shipped.files("tasks")
CONFIGS = shipped.files("configs")
SUITES = shipped.files("suites")
FILES = [(folder, name) for folder in ("tasks", "configs", "suites") for name in shipped.files(folder)]


@pytest.mark.parametrize(("folder", "name"), FILES)
def test_a_shipped_file_is_whole(folder, name):
    {"tasks": whole_task, "configs": whole_config, "suites": whole_suite}[folder](name)


def whole_task(name):
    """Facts that fit each other: name and folder, kind, metrics, published numbers, the task it is trained on."""
    task = spec.read(name)
    kinds.check(task)
    assert (task.name, task.kind) == (name, TASKS[name].parent.name)
    named = {task.source.train, *task.source.eval, task.source.test} - {None}
    assert set(task.source.rows) == named
    numbers = {number for metric in task.metric_names() for number in METRICS[metric].units}
    assert {published.metric for published in task.published} <= numbers
    assert all(published.url.startswith("https://") for published in task.published)
    if task.trained_on is not None:
        source = spec.read(task.trained_on)
        assert source.kind == task.kind
        assert {normalized(label) for label in task.labels or ()} == {
            normalized(label) for label in source.labels or ()
        }
        assert source.languages == task.languages
        assert source.source.train is not None


def whole_config(name):
    """A RunConfig whose first line is the command that runs it."""
    schema.build(RunConfig, config.layered({"model": "m", "task": "sst2"}, schema.read_yaml(CONFIGS[name])), name)
    assert CONFIGS[name].read_text("utf-8").startswith("# hf-suite ")


def whole_suite(name):
    """Tasks and configs that are there, and a RunConfig for each cell."""
    suite = config.read_suite(name)
    assert set(suite.tasks) <= set(TASKS)
    for word in [suite.config] if isinstance(suite.config, str) else suite.config:
        for task, over in suite.tasks.items():
            own = {"task": task, "model": "m"} if "model" not in (over or {}) else {"task": task}
            assert config.read(word, config.layered(over or {}, own)).task["name"] == task


def test_a_suite_has_cells_and_seeds():
    for name in SUITES:
        suite = schema.build(SuiteConfig, schema.read_yaml(SUITES[name]), name)
        assert suite.tasks
        assert len(set(suite.seeds)) == len(suite.seeds) > 0


def test_a_pinned_dataset_has_one_revision_in_all_its_tasks():
    revisions = {}
    for name in TASKS:
        source = spec.read(name).source
        revisions.setdefault(source.path, set()).add(source.revision)
    assert {path: len(found) for path, found in revisions.items()} == dict.fromkeys(revisions, 1)


@pytest.mark.parametrize("name", TASKS)
def test_a_task_says_what_the_data_at_hand_say(name, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    task = spec.read(name)
    ours = (shipped.folder("demo-data") / task.source.path).is_dir()
    if not ours and not os.environ.get("HF_SUITE_MIRROR"):
        pytest.skip("HF_SUITE_MIRROR is not set: there are no benchmark rows to compare with")
    named = [split for split in (task.source.train, *task.source.eval, task.source.test) if split is not None]
    at_hand = {split: file for split in named if (file := mirrored(task, split)) is not None}
    assert task.checked == ("mirror" if at_hand else None)
    for split, file in at_hand.items():
        found = data.rows(task, split)
        published = task.source.rows[split]
        assert found.total <= (published if published is not None else found.total)
        own = label_names(file, task.columns.get("label"))
        assert own is None or [normalized(label) for label in own] == [normalized(label) for label in task.labels]
        used = set(found.rows["label"]) - {None} if task.labels is not None else set()
        assert not used or used == set(task.labels)


def mirrored(task, split):
    """The file of a split in the mirrors, or None."""
    mirrors = [Path(word) for word in os.environ.get("HF_SUITE_MIRROR", "").split(os.pathsep) if word]
    folders = [mirror / task.source.path / task.source.subset for mirror in [*mirrors, shipped.folder("demo-data")]]
    files = [folder / f"{split}.{suffix}" for folder in folders for suffix in ("parquet", "jsonl", "txt")]
    return next((file for file in files if file.is_file()), None)


def label_names(file, column):
    """The label names that a parquet file itself carries for a column, in the order of its ids."""
    if file.suffix != ".parquet":
        return None
    metadata = pyarrow.parquet.read_schema(file).metadata or {}
    said = json.loads(metadata.get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    return said.get(column, {}).get("names")
