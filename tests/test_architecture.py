"""The house itself: who may import whom, what the light half loads, how long a file may be, what is said of it."""

import ast
import importlib
import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest
from results import COLA, result, write

import hf_suite

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "hf_suite").rglob("*.py"))
PYTHON = sorted(path for folder in ("hf_suite", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
BLOCKS = (ast.If, ast.For, ast.While, ast.Try, ast.Match)
HEAVY = ("torch", "transformers", "datasets", "peft", "accelerate", "evaluate")


def short(path):
    return path.relative_to(ROOT).as_posix()


def functions(path):
    return [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)]


def depth(node, blocks=0):
    """How many blocks deep the deepest statement stands; an elif is no deeper than its if."""
    deepest = blocks
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
            continue
        deeper = isinstance(child, BLOCKS) and not (isinstance(node, ast.If) and [child] == node.orelse)
        deepest = max(deepest, depth(child, blocks + deeper))
    return deepest


# sizes


def test_no_file_has_more_than_320_lines():
    lengths = {short(path): len(path.read_text("utf-8").splitlines()) for path in PYTHON}

    assert {name: length for name, length in lengths.items() if length > 320} == {}


def test_no_function_has_more_than_45_lines():
    long = [
        f"{short(path)}: {function.name} has {function.end_lineno - function.lineno + 1} lines"
        for path in MODULES
        for function in functions(path)
        if function.end_lineno - function.lineno + 1 > 45
    ]

    assert long == []


def test_no_statement_stands_more_than_two_blocks_deep():
    deep = [
        f"{short(path)}: {function.name}" for path in MODULES for function in functions(path) if depth(function) > 2
    ]

    assert deep == []


# doors; import-linter (`make check`) watches those that are imports


@pytest.mark.parametrize(
    ("call", "room"), [("load_dataset", "hf_suite/data.py"), ("get_peft_model", "hf_suite/models/")]
)
def test_each_outside_call_has_one_door(call, room):
    callers = [short(path) for path in MODULES if re.search(rf"\b{call}\(", path.read_text("utf-8"))]

    assert len(callers) == 1
    assert callers[0].startswith(room)


def test_every_module_stands_in_a_layer():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    named = sorted(name for layer in layers for name in layer.split(" | "))
    inside = [path for path in (ROOT / "hf_suite").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]

    assert named == sorted(path.stem for path in inside if path.stem != "__init__")


# the light half

LIGHT = [
    "hf_suite", "hf_suite.errors", "hf_suite.schema", "hf_suite.shipped", "hf_suite.spec", "hf_suite.config",
    "hf_suite.metrics", "hf_suite.kinds", "hf_suite.record", "hf_suite.report.markdown", "hf_suite.batching",
    "hf_suite.split", "hf_suite.columns", "hf_suite.files", "hf_suite.guessing", "hf_suite.offsets", "hf_suite.own",
    "hf_suite.scoring", "hf_suite.cli",
]  # fmt: skip
WITHOUT = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HEAVY!r}:
            raise ModuleNotFoundError(f"{{name}} is absent")

sys.meta_path.insert(0, Absent())
"""


def without_the_heavy_half(statements, folder):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT + statements],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_light_modules_load_where_the_heavy_libraries_are_absent(tmp_path):
    done = without_the_heavy_half("\n".join(f"import {name}" for name in LIGHT), tmp_path)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tasks"], "squad_v2"),
        (["config", "train.epochs=5"], "epochs: 5"),
        (["results", "runs", "--format", "csv"], "cola"),
    ],
)
def test_the_light_commands_run_where_the_heavy_libraries_are_absent(words, said, tmp_path):
    write(tmp_path / "runs", result(COLA))

    done = without_the_heavy_half(f"from hf_suite.cli import main; main({words!r})", tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert said in done.stdout


# the public names

PUBLIC = [
    "Result", "RunConfig", "SuiteConfig", "SuiteError", "TaskSpec", "__version__", "bench", "evaluate_run",
    "export", "load", "metric_path", "run", "score",
]  # fmt: skip


def test_the_public_names_are_these():
    assert hf_suite.__all__ == PUBLIC


def test_no_module_bears_a_public_name():
    assert [name for name in PUBLIC if (ROOT / "hf_suite" / f"{name}.py").exists()] == []


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_means_the_same_after_everything_was_imported(name):
    first = getattr(hf_suite, name)
    for path in MODULES:
        importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))

    assert getattr(hf_suite, name) == first
    assert isinstance(first, str) or callable(first)


def test_a_public_function_can_be_called_twice():
    assert hf_suite.metric_path("glue") == hf_suite.metric_path("glue")


# what is said of the files


def first_sentence(path):
    text = " ".join((ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split())
    return re.split(r"(?<=\.) ", text)[0]


def tree():
    """The README's lines on hf_suite: the root's modules, then each folder with its modules."""
    package = ROOT / "hf_suite"
    lines = [f"  {path.name:<32}{first_sentence(path)}" for path in sorted(package.glob("*.py"))]
    for folder in sorted(path.parent for path in package.glob("*/__init__.py")):
        lines.append(f"  {folder.name + '/':<32}{first_sentence(folder / '__init__.py')}")
        inside = sorted(path for path in folder.glob("*.py") if path.name != "__init__.py")
        lines += [f"    {path.name:<30}{first_sentence(path)}" for path in inside]
    return lines


def test_the_readme_quotes_the_first_sentence_of_every_module():
    readme = (ROOT / "README.md").read_text("utf-8")
    block = readme.partition("\nhf_suite/\n")[2].partition("\n```")[0]

    assert block.splitlines() == tree()


def test_every_module_opens_with_a_sentence():
    assert [short(path) for path in MODULES if not re.fullmatch(r"[^ ].+[.]", first_sentence(path))] == []


def undocumented(path):
    """Public functions and methods without a docstring; those within functions and in private classes are no one's."""
    tree = ast.parse(path.read_text("utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    inside = [node for owner in (tree, *classes) for node in owner.body if isinstance(node, ast.FunctionDef)]
    return [node.name for node in inside if not node.name.startswith("_") and not ast.get_docstring(node)]


def test_every_public_function_has_a_docstring():
    assert {short(path): names for path in MODULES if (names := undocumented(path))} == {}


def test_the_contracts_would_notice_a_breach(tmp_path):
    """A copy in which a low module imports a high one, and one that has no business with it imports peft."""
    breach = {"split.py": "import hf_suite.experiment", "answering.py": "import peft"}
    for path in MODULES:
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text("utf-8") + f"\n{breach.get(path.name, '')}\n", "utf-8")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text("utf-8"), "utf-8")
    linter = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command as c; c()"

    done = subprocess.run(
        [sys.executable, "-c", linter, "--no-cache"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "hf_suite.split -> hf_suite.experiment" in textwrap.dedent(done.stdout)
    assert "PEFT has one door BROKEN" in done.stdout
