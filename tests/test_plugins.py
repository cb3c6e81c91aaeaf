"""What packages add by entry points, and task files of one's own: found when they are named, refused when broken."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bad_files import csv, write
from command import said

from hf_suite import schema, shipped, spec
from hf_suite.errors import ConfigError
from hf_suite.metrics import METRICS, Metric
from hf_suite.plugins import Registry, lacks
from hf_suite.record import read_answers

ROOT = Path(__file__).parent.parent
STARS = {
    "name": "stars", "kind": "stars", "version": 1, "target": "number",
    "source": {"path": "reviews", "files": {"train": "stars.csv"}, "train": "train"},
    "columns": {"text": "review", "label": "stars"}, "metrics": ["within_one"], "headline": "within_one",
}  # fmt: skip
MINE = {**STARS, "kind": "classification", "target": "label", "labels": ["bad", "good"], "metrics": ["accuracy"]}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """The current folder."""
    monkeypatch.chdir(tmp_path)


def test_a_package_adds_a_kind_an_adapter_and_a_metric(tiny_checkpoint):
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", "site", str(ROOT / "tests/data/plugin")], check=True)
    write("stars.csv", csv([(f"a film of {at} minutes", 1 + at % 5) for at in range(40)], ("review", "stars")))
    write(
        "mine/stars.yaml",
        schema.dump_yaml({**STARS, "source": {**STARS["source"], "files": {"train": "../stars.csv"}}}),
    )
    keys = ["device=cpu", "max_length=16", "train.max_steps=2", "train.batch_size=8", "lora.rank=2"]
    words = ["train", "--task", "stars", "--model", str(tiny_checkpoint("bert")), "-o", "run", *keys]

    environment = {"PYTHONPATH": f"site{os.pathsep}{ROOT}", "HF_SUITE_TASKS": "mine", "HF_HUB_OFFLINE": "1"}
    ours = {**os.environ, **environment}
    subprocess.run([sys.executable, "-m", "hf_suite", *words], env=ours, check=True)
    keys = ["kind=stars", "target=number", "columns.text=review", "columns.label=stars", "metrics=[within_one]"]
    words = ["init", "stars.csv", "-o", "guessed.yaml", *(f"task.{key}" for key in [*keys, "headline=within_one"])]
    subprocess.run([sys.executable, "-m", "hf_suite", *words], env=ours, check=True)

    assert schema.read_yaml(Path("guessed.yaml"))["columns"] == STARS["columns"]
    result = json.loads(Path("run/result.json").read_text())
    assert result["headline"]["name"] == "within_one"
    assert {line["answer"] for line in read_answers(Path("run/answers.parquet"))} <= {1, 2, 3, 4, 5}
    assert result["versions"]["kind stars"] == "stars-of-ours 1.5"
    assert result["versions"]["metric within_one"] == "stars-of-ours 1.5"
    assert result["versions"]["adapter stars.head"] == "stars-of-ours 1.5"


def added(name, module="", **points):
    """A package on the path, in a folder of its own, with entry points of the group `things`."""
    lines = ["[things]", *(f"{point} = {value}" for point, value in points.items())]
    write(f"{name}/{name}-2.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.0\n")
    write(f"{name}/{name}-2.0.dist-info/entry_points.txt", "\n".join(lines))
    write(f"{name}/{name}.py", module)
    sys.path.insert(0, str(Path(name).absolute()))


@pytest.fixture
def registry(monkeypatch):
    """A registry of numbers, with `one` its own."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    wants = lambda value: None if isinstance(value, int) else "is no number"  # noqa: E731
    return Registry("things", {"one": 1}, wants=wants)


def test_what_a_package_adds_is_loaded_when_it_is_asked_for_and_not_before(registry):
    added("lazy", "import os; os.mkdir('loaded'); TWO = 2", two="lazy:TWO")

    assert (list(registry), "two" in registry, registry["one"]) == (["one", "two"], True, 1)
    assert not Path("loaded").exists()
    assert (registry["two"], registry.source("two"), registry.source("one")) == (2, "lazy 2.0", None)


@pytest.mark.parametrize(
    ("module", "points", "message"),
    [
        (
            "", {"one": "wrong:ONE"},
            "wrong: things one = wrong:ONE: the name is taken by hf-suite itself; rename it, or uninstall wrong",
        ),
        (
            "import nothing_at_all", {"two": "wrong:TWO"},
            "wrong: things two = wrong:TWO: cannot be loaded (ModuleNotFoundError: No module named 'nothing_at_all'); "
            "mend wrong, or uninstall it",
        ),
        (
            "", {"two": "wrong:TWO"},
            "wrong: things two = wrong:TWO: cannot be loaded (AttributeError: module 'wrong' has no attribute 'TWO'); "
            "mend wrong, or uninstall it",
        ),
        (
            "TWO = 'two'", {"two": "wrong:TWO"},
            "wrong: things two = wrong:TWO: is no number; mend wrong, or uninstall it",
        ),
    ],
)  # fmt: skip
def test_a_package_that_is_broken_is_refused_with_its_name(registry, monkeypatch, module, points, message):
    monkeypatch.delitem(sys.modules, "wrong", raising=False)
    added("wrong", module, **points)

    with pytest.raises(ConfigError) as e:
        registry["two"]

    assert str(e.value) == message


def test_two_packages_cannot_have_one_name(registry):
    added("first", "TWO = 2", two="first:TWO")
    added("second", "TWO = 22", two="second:TWO")

    with pytest.raises(ConfigError) as e:
        registry["two"]

    assert str(e.value) == ("first: things two = first:TWO: the name is taken by second; rename it, or uninstall first")


def test_what_plays_no_role_is_told_what_it_lacks():
    class Half:
        units = ("percent",)

    assert lacks(Metric, Half()) == "lacks name, needs_evidence, rows, score, signature, total"
    assert "accuracy" in METRICS


# Task files of one's own


def test_tasks_of_ones_own_folder_go_by_their_names(capsys, monkeypatch):
    write("mine/deep/moods.yaml", schema.dump_yaml({**MINE, "name": "moods", "headline": "accuracy"}))
    monkeypatch.setenv("HF_SUITE_TASKS", "mine")

    assert spec.read("moods").source.files == {"train": ("mine/deep/stars.csv",)}
    assert "moods" in said(capsys, "tasks")[1]


@pytest.mark.parametrize(
    ("file", "folders", "message"),
    [
        (
            "mine/mrpc.yaml", "mine",
            f"mine/mrpc.yaml: the name mrpc is taken by {shipped.folder('tasks')}/classification/mrpc.yaml; "
            "rename the file",
        ),
        (
            "mine/a.yaml", "yours",
            "HF_SUITE_TASKS: yours is no folder; name folders of task files, separated as in PATH",
        ),
    ],
)  # fmt: skip
def test_folders_of_tasks_that_cannot_be_are_refused(monkeypatch, file, folders, message):
    write(file, "")
    monkeypatch.setenv("HF_SUITE_TASKS", folders)

    with pytest.raises(ConfigError) as e:
        shipped.files("tasks")

    assert str(e.value) == message
