"""What must not stand in the tree: places of one machine, unfinished work, code that runs what it reads."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = (".ci", "benchmarks", "configs", "hf_suite", "tasks", "tests")
SUITE = sorted((ROOT / "hf_suite").rglob("*.py"))
BESIDE = "../" + "shared"


def is_text(path):
    """Cached bytecode and the like are no part of the tree."""
    return (
        path.is_file()
        and "__pycache__" not in path.parts
        and path.suffix not in {".pyc", ".parquet", ".safetensors", ".png"}
    )


FILES = sorted(
    [path for path in ROOT.iterdir() if is_text(path)]
    + [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if is_text(path)]
)


def found(pattern, paths=FILES):
    """`file:line` of each match."""
    wanted = re.compile(pattern)
    return [
        f"{path.relative_to(ROOT).as_posix()}:{at}"
        for path in paths
        for at, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if wanted.search(line)
    ]


def calls(path):
    """Every call in a file: line, name as it is written, keyword arguments by name."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            given = {word.arg: ast.unparse(word.value) for word in node.keywords}
            yield node.lineno, ast.unparse(node.func), given


def imports(path):
    """The packages a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?<![\w.:/~*}$-])/(?:home|root|Users|work|mnt|opt|srv|data)/",
        r"\bpypi[.]org|python[h]osted|download[.]pytorch[.]org|index[-_]url|find[-_]links|[\w-]+[.]internal\b",
        r"\bTO[D]O\b|\bFIX[M]E\b|\bX{3}\b|NotImplemented(?:Error)\b",
        r"^(?:<{7}|>{7}|={7})(?: |$)",
    ],
    ids=["a path of one machine", "a host of a package index", "unfinished work", "a merge conflict"],
)
def test_no_file_has(pattern):
    assert found(pattern) == []


def test_only_ci_knows_of_the_data_beside_the_checkout():
    assert {place.partition(":")[0] for place in found(re.escape(BESIDE))} <= {".ci/run"}


def test_the_suite_loads_nothing_that_can_run_code():
    dangerous = {"pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
    modules = [(path.name, name) for path in SUITE for name in imports(path) if name in dangerous]
    functions = [
        f"{path.name}:{line} {name}"
        for path in SUITE
        for line, name, given in calls(path)
        if name in {"eval", "exec", "compile", "torch.load", "os.system"}
        or given.get("weights_only") == "False"
        or {"allow_pickle", "trust_remote_code", "shell"} & {key for key, value in given.items() if value != "False"}
    ]

    assert (modules, functions) == ([], [])


def test_the_library_does_not_print():
    printed = [f"{path.name}:{line}" for path in SUITE for line, name, _ in calls(path) if name == "print"]
    echoed = [path.name for path in SUITE if path.parent.name != "cli" and "typer" in imports(path)]

    assert (printed, echoed) == ([], [])


def test_input_is_never_checked_by_assert():
    asserts = [
        f"{path.name}:{node.lineno}"
        for path in SUITE
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Assert)
    ]

    assert asserts == []


def test_everything_that_is_caught_has_a_name_or_is_raised_again():
    """`except Exception` stands twice: a bench must not lose its other cells to a bug in one, and what a stranger's
    package raises when it is loaded is not ours to name."""
    broad = [
        path.name
        for path in SUITE
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
        and not any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node))
    ]

    assert broad == ["plugins.py", "suite.py"]


def test_the_lock_holds_everything_that_is_asked_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = {re.split(r"[^a-z0-9-]", line)[0] for line in project["dependencies"]}
    locked = re.findall(r"^([a-z0-9-]+)==[\w.]+$", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE)

    assert asked - set(locked) == set()
    assert "torch==2.13.0" in (ROOT / "requirements.lock").read_text("utf-8").splitlines()


def test_ci_is_a_script_that_runs():
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    assert subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=False).returncode == 0
