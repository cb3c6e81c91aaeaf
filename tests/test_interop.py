"""A user's own modules of evaluate: in which form answers go in, what comes out, and what is refused."""

import hashlib
from pathlib import Path
from typing import Any

import evaluate
import huggingface_hub
import pytest

import hf_suite
from hf_suite import interop
from hf_suite.errors import ConfigError, ScoreError
from hf_suite.spec import TaskSpec

COMMIT = "0123456789abcdef0123456789abcdef01234567"

MODULE = """\
import datasets
import evaluate

class Toy(evaluate.Metric):
    def _info(self):
        value, text = datasets.Value, datasets.Value("string")
        features = {features}
        return evaluate.MetricInfo(description="", citation="", features=features)

    def _compute(self, predictions, references):
        return {result}
"""


def module(folder: Path, name: str, *, predictions: str, references: str, result: str) -> str:
    """A module of evaluate in a file of its own, by the name that a task gives it."""
    features = f'datasets.Features({{"predictions": {predictions}, "references": {references}}})'
    path = folder / f"{name}.py"
    path.write_text(MODULE.format(features=features, result=result))
    return f"evaluate:{path}"


def same(folder: Path, name: str, feature: str, result: str = '{"seen": len(predictions)}') -> str:
    return module(folder, name, predictions=feature, references=feature, result=result)


def task(**over: Any) -> TaskSpec:
    facts = {
        "name": "moods",
        "kind": "classification",
        "version": 1,
        "source": {"path": "made/up", "subset": "default"},
        "columns": {"text": "text", "label": "label"},
        "labels": ["sad", "so-so", "glad"],
        "metrics": ["accuracy"],
        "headline": "accuracy",
    }
    return TaskSpec.model_validate(facts | over)


ANSWERS = {"a": "glad", "b": "sad", "c": "so-so"}
REFERENCES = {"b": "sad", "a": "sad", "c": "glad"}


def computed(
    name: str, answers: dict[Any, Any] | None = None, references: dict[Any, Any] | None = None, **more: Any
) -> Any:
    return interop.compute(
        name, task(), answers or ANSWERS, references or REFERENCES, run_id="test", allow_code=True, **more
    )


def refusal(name: str, *given: Any) -> str:
    with pytest.raises(ScoreError) as error:
        computed(name, *given)
    return str(error.value)


def test_labels_go_in_as_their_positions_where_integers_are_asked_for(tmp_path: Path) -> None:
    name = same(
        tmp_path,
        "positions",
        'value("int32")',
        '{f"r{n}": 10 * p + r for n, (p, r) in enumerate(zip(predictions, references))}',
    )
    assert computed(name)[0] == {"r0": 0.0, "r1": 20.0, "r2": 12.0}


def test_labels_go_in_as_names_where_strings_are_asked_for(tmp_path: Path) -> None:
    name = same(tmp_path, "names", "text", '{p + "/" + r: 1 for p, r in zip(predictions, references)}')
    assert computed(name)[0] == {"sad/sad": 1.0, "glad/sad": 1.0, "so-so/glad": 1.0}


def test_the_signature_names_file_hash_config_and_version(tmp_path: Path) -> None:
    name = same(tmp_path, "signed", "text")
    digest = hashlib.sha256((tmp_path / "signed.py").read_bytes()).hexdigest()
    assert computed(name)[1] == f"signed.py:{digest}|evaluate:{evaluate.__version__}"
    assert computed(f"{name}/cola")[1] == f"signed.py:{digest}|config:cola|evaluate:{evaluate.__version__}"


def test_code_runs_only_with_consent(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(f'open({str(tmp_path / "ran")!r}, "w")')
    with pytest.raises(ConfigError) as error:
        interop.compute(f"evaluate:{tmp_path}/bad.py", task(), ANSWERS, REFERENCES, run_id="test")
    assert str(error.value) == (f"evaluate:{tmp_path}/bad.py: runs code of its own; say --allow-code if you trust it")
    assert not (tmp_path / "ran").exists()


def test_a_number_that_would_lose_its_fraction_is_refused(tmp_path: Path) -> None:
    name = same(tmp_path, "whole", 'value("int64")')
    assert refusal(name, {1: 1.7, 2: 2.0, 3: 0.5}, {1: 1.0, 2: 2.0, 3: 3.0}) == (
        f"{name}: 2 of 3 predictions cannot be int64 without loss (1, 3); "
        "give a module whose features fit the task's answers"
    )
    assert computed(name, {1: 1.0}, {1: 1.0})[0] == {"seen": 1.0}


def test_of_several_formats_the_first_that_fits_every_row_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "either.py"
    either = 'datasets.Features({"predictions": value("%s"), "references": value("%s")})'
    features = f"[{either % ('int64', 'int64')}, {either % ('float64', 'float64')}]"
    path.write_text(MODULE.format(features=features, result='{"sum": sum(predictions)}'))
    assert computed(f"evaluate:{path}", {1: 1.0, 2: 0.5}, {1: 1.0, 2: 1.0})[0] == {"sum": 1.5}


def test_golds_go_in_as_lists_where_lists_are_asked_for(tmp_path: Path) -> None:
    name = module(
        tmp_path,
        "golds",
        predictions="text",
        references="datasets.Sequence(text)",
        result='{"golds": sum(map(len, references)), "right": sum(p in r for p, r in zip(predictions, references))}',
    )
    answers = {"q": {"text": "Rome", "no_answer": None}, "r": {"text": "", "no_answer": None}}
    assert computed(name, answers, {"q": ["Roma", "Rome"], "r": []})[0] == {"golds": 2.0, "right": 1.0}


def test_a_single_reference_goes_in_as_a_text_and_several_do_not(tmp_path: Path) -> None:
    name = same(tmp_path, "texts", "text", '{"equal": sum(p == r for p, r in zip(predictions, references))}')
    assert computed(name, {1: "a", 2: "b"}, {1: ["a"], 2: ["c"]})[0] == {"equal": 1.0}
    assert refusal(name, {1: "a"}, {1: ["a", "b"]}) == (
        f"{name}: 1 of 1 references cannot be string without loss (1); "
        "give a module whose features fit the task's answers"
    )


def test_the_cost_of_a_document_is_no_text(tmp_path: Path) -> None:
    name, cost = same(tmp_path, "texts", "text"), {"nll": 1.5, "tokens": 2}
    assert refusal(name, {1: cost}, {1: {"bytes": 4, "words": 1}}).startswith(
        f"{name}: 1 of 1 predictions cannot be string"
    )


def test_answers_go_in_as_squads_records_where_these_are_asked_for() -> None:
    answers = {"q": {"text": "Rome", "no_answer": -800.0}, "r": {"text": "", "no_answer": 800.0}}
    found = computed(f"evaluate:{hf_suite.metric_path('squad_v2')}", answers, {"q": ["Rome"], "r": []})[0]
    assert (found["exact"], found["best_f1"], found["NoAns_total"]) == (100.0, 100.0, 1.0)


def test_an_undefined_number_is_none_and_what_is_no_number_is_left_out(tmp_path: Path) -> None:
    result = '{"nothing": float("nan"), "many": [1, 2], "accuracy": 0.5}'
    scores, _ = computed(same(tmp_path, "mixed", "text", result), taken={"accuracy"})
    assert scores == {"nothing": None, "mixed_accuracy": 0.5}


def test_a_changed_file_is_a_changed_module(tmp_path: Path) -> None:
    first = computed(same(tmp_path, "edited", "text", '{"number": 1}'))
    second = computed(same(tmp_path, "edited", "text", '{"number": 2}'))
    assert (first[0], second[0]) == ({"number": 1.0}, {"number": 2.0})
    assert first[1] != second[1]


def test_a_module_that_gives_no_number_is_refused(tmp_path: Path) -> None:
    name = same(tmp_path, "silent", "text", '{"said": "well"}')
    assert refusal(name) == f"{name}: it gave no number; its compute must return a mapping of names to numbers"


def test_a_module_that_needs_more_than_answers_and_references_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "more.py"
    features = 'datasets.Features({"predictions": text, "references": text, "sources": text})'
    path.write_text(MODULE.format(features=features, result="{}"))
    assert refusal(f"evaluate:{path}") == (
        f"evaluate:{path}: it asks for predictions, references, sources; "
        "a metric of a task gets predictions and references"
    )


def test_a_module_that_cannot_be_imported_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lacking.py"
    path.write_text("import no_such_package_anywhere\n" + MODULE.format(features="", result="{}"))
    assert refusal(f"evaluate:{path}").startswith(f"evaluate:{path}: cannot be imported (")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("evaluate:no_such_file.py", "no file 'no_such_file.py' here; give the path of a module of evaluate"),
        (
            "evaluate:rouge",
            "is no module of evaluate; "
            "write evaluate:FILE.py or evaluate:ID@COMMIT (40 digits), then /CONFIG if it has any",
        ),
        (
            "evaluate:rouge@main",
            "is no module of evaluate; "
            "write evaluate:FILE.py or evaluate:ID@COMMIT (40 digits), then /CONFIG if it has any",
        ),
    ],
)
def test_what_names_no_module_is_refused_before_any_work(name: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        interop.check(name, allow_code=True)
    assert str(error.value) == f"{name}: {message}"


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache with one module at one commit, as a download leaves it, and no network."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    folder = tmp_path / "hub" / "spaces--evaluate-metric--toy"
    (folder / "blobs").mkdir(parents=True)
    same(folder / "blobs", "0a1b", "text")
    snapshot = folder / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "toy.py").symlink_to(folder / "blobs" / "0a1b.py")
    return folder


def test_a_module_of_the_hub_is_taken_at_exactly_its_commit(hub_cache: Path) -> None:
    scores, signature = computed(f"evaluate:toy@{COMMIT}/small")
    digest = hashlib.sha256((hub_cache / "blobs" / "0a1b.py").read_bytes()).hexdigest()
    assert scores == {"seen": 3.0}
    assert signature == f"toy.py:{digest}|commit:{COMMIT}|config:small|evaluate:{evaluate.__version__}"


def test_a_module_of_the_hub_that_cannot_be_had_is_refused(hub_cache: Path) -> None:
    other = COMMIT[::-1]
    assert refusal(f"evaluate:toy@{other}") == (
        f"evaluate:toy@{other}: is neither in the hub's cache nor to be had from the hub "
        "(LocalEntryNotFoundError); fetch it once with a network, or give a file"
    )


def test_the_tasks_own_modules_add_numbers_units_and_signatures(tmp_path: Path) -> None:
    plain = same(tmp_path, "plain", "text")
    ranked = same(tmp_path, "ranked", "text", '{"wrong": sum(p != r for p, r in zip(predictions, references))}')
    of = task(metrics=["accuracy", plain, {"name": ranked, "unit": "rows", "better": "lower"}])
    scores: dict[str, dict[str, float | None]] = {"dev": {"accuracy": 100 / 3}}
    units: dict[str, Any] = {"accuracy": ("percent", "higher")}
    signatures = interop.add(of, {"dev": ANSWERS}, {"dev": REFERENCES}, scores, units)
    assert scores == {"dev": {"accuracy": 100 / 3, "seen": 3.0, "wrong": 2.0}}
    assert units == {"accuracy": ("percent", "higher"), "seen": ("unstated", None), "wrong": ("rows", "lower")}
    assert list(signatures) == [plain, ranked]
