"""What the README shows: its Python is what runs here, its commands are read, its links and targets are there."""

import importlib.util
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
import world
from command import said

from hf_suite import cli, record, shipped, spec
from hf_suite.cli.demo import PACKAGE
from hf_suite.errors import SuiteError

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "CONTRIBUTING.md", "benchmarks/README.md", "benchmarks/demo-data/README.md", "CHANGELOG.md")
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PYTHON = [text for language, text in BLOCKS if language == "python"]
COMMANDS = [
    line for language, text in BLOCKS if not language for line in text.splitlines() if line.startswith("hf-suite ")
]


def run(code, folder):
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.skipif(importlib.util.find_spec(PACKAGE) is None, reason=f"{PACKAGE} is not installed")
def test_the_example_from_python_finetunes_and_answers(tmp_path):
    done = run(PYTHON[0], tmp_path)

    assert done.returncode == 0, done.stderr
    scores, answers = done.stdout.splitlines()
    assert scores.split()[1] == "50.0"
    assert answers in {"['negative']", "['positive']"}
    assert json.loads((tmp_path / "runs" / "reviews" / "result.json").read_text("utf-8"))["rows"]["train"] == 64


def test_the_example_with_evaluate_gives_the_correlation(tmp_path):
    """Two true positives, a true and a false negative turned positive: 2 / sqrt(12)."""
    done = run(PYTHON[1], tmp_path)

    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"\{'matthews_correlation': 0\.57735\d*\}\n", done.stdout)


def test_there_is_no_other_python_in_it():
    assert len(PYTHON) == 2


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_is_one_that_is_read(line):
    """Every flag is known, and every shipped name is shipped."""
    name, *words = shlex.split(line, comments=True)[1:]
    command = typer.main.get_command(cli.app).commands[name]

    given = command.make_context(name, list(words)).params

    known = {*shipped.files("configs"), *shipped.files("suites")}
    bare = [given.get("suite"), *(word for word in given.get("words") or [] if "=" not in word)]
    assert {word for word in bare if word} <= known
    assert given.get("task") is None or given["task"] in spec.names()


def test_the_example_of_a_prompted_model_answers(tmp_path, tiny_checkpoint, monkeypatch, capsys):
    monkeypatch.delenv("HF_SUITE_MIRROR", raising=False)
    for split in ("train", "validation"):
        rows = [{"sentence": f"a {word} film", "label": at % 2} for at, word in enumerate(("dull", "fine") * 4)]
        world.write_rows(tmp_path / "mirror" / "nyu-mll" / "glue" / "sst2" / f"{split}.jsonl", rows)
    line = next(line for line in COMMANDS if "protocol=likelihood" in line)
    words = [str(tiny_checkpoint("gpt2")) if word == "some-decoder" else word for word in shlex.split(line)[1:]]

    code, out, _ = said(capsys, *words, "--mirror", tmp_path / "mirror", "-o", tmp_path / "run")

    assert code == 0
    assert "accuracy" in out
    result = record.read_result(tmp_path / "run")
    assert (result.resolved["protocol"], len(result.shots), result.rows["validation"]) == ("likelihood", 4, 8)


def test_the_commands_show_every_way_in():
    assert {line.split()[1] for line in COMMANDS} == {
        *("check", "clean", "train", "init", "eval", "predict", "generate", "export", "bench", "results", "score")
    }


def test_the_refusal_that_is_shown_is_the_one_that_comes():
    line, shown = next(text for _, text in BLOCKS if text.startswith("$ ")).splitlines()

    with pytest.raises(SuiteError) as e:
        cli.app(shlex.split(line)[2:], standalone_mode=False)

    assert f"hf-suite: {e.value}" == shown


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page):
    folder = (ROOT / page).parent
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text("utf-8"))

    assert [link for link in links if not (folder / link).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_and_paths_that_are_named_are_there(page):
    text = (ROOT / page).read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"\bmake ((?:check|demo|results|test)(?:-all)?)\b", text))

    assert [target for target in targets if f"\n{target}: " not in makefile] == []


def test_the_results_have_one_place():
    assert README.count("<!-- results -->\n") == 1
    assert README.count("<!-- /results -->\n") == 1
