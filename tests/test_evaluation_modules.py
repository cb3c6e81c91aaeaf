"""Our scores as modules of evaluate: the numbers that its own documentation prints, offline and from any folder."""

import math
from pathlib import Path
from typing import Any

import evaluate
import pytest

import hf_suite
from hf_suite.errors import ConfigError, ScoreError


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(name: str, config: str | None = None) -> Any:
    return evaluate.load(hf_suite.metric_path(name), config, keep_in_memory=True)


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("config", "numbers"),
    [
        ("sst2", {"accuracy": 1.0}),
        ("mnli", {"accuracy": 1.0}),
        ("mnli_matched", {"accuracy": 1.0}),
        ("mnli_mismatched", {"accuracy": 1.0}),
        ("qnli", {"accuracy": 1.0}),
        ("rte", {"accuracy": 1.0}),
        ("wnli", {"accuracy": 1.0}),
        ("hans", {"accuracy": 1.0}),
        ("mrpc", {"accuracy": 1.0, "f1": 1.0}),
        ("qqp", {"accuracy": 1.0, "f1": 1.0}),
        ("cola", {"matthews_correlation": 1.0}),
    ],
)
def test_glue_gives_what_the_documentation_of_evaluate_prints(config: str, numbers: dict[str, float]) -> None:
    assert load("glue", config).compute(predictions=[0, 1], references=[0, 1]) == numbers


@pytest.mark.usefixtures("elsewhere")
def test_glues_stsb_gives_what_the_documentation_of_evaluate_prints() -> None:
    values = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert load("glue", "stsb").compute(predictions=values, references=values) == pytest.approx(
        {"pearson": 1.0, "spearmanr": 1.0}, abs=1e-12
    )
    undefined = load("glue", "stsb").compute(predictions=[2.0] * 6, references=values)
    assert {name: math.isnan(value) for name, value in undefined.items()} == {"pearson": True, "spearmanr": True}


@pytest.mark.usefixtures("elsewhere")
def test_glues_f1_is_of_label_1_on_evaluates_scale() -> None:
    # 2 hits, 1 false alarm, 1 miss
    found = load("glue", "mrpc").compute(predictions=[1, 0, 1, 0, 1], references=[1, 1, 0, 0, 1])
    assert found == {"accuracy": 0.6, "f1": pytest.approx(2 / 3, abs=1e-12)}


@pytest.mark.usefixtures("elsewhere")
def test_squad_gives_what_the_documentation_of_evaluate_prints() -> None:
    references = [{"id": "q", "answers": {"text": ["1976"], "answer_start": [97]}}]
    found = load("squad").compute(predictions=[{"id": "q", "prediction_text": "1976"}], references=references)
    assert found == {"exact_match": 100.0, "f1": 100.0}


@pytest.mark.usefixtures("elsewhere")
def test_squad_v2_gives_what_the_documentation_of_evaluate_prints() -> None:
    predictions = [{"id": "q", "prediction_text": "1976", "no_answer_probability": 0.25}]
    references = [{"id": "q", "answers": {"text": ["1976"], "answer_start": [97]}}]
    assert load("squad_v2").compute(predictions=predictions, references=references) == {
        "exact": 100.0,
        "f1": 100.0,
        "total": 1,
        "HasAns_exact": 100.0,
        "HasAns_f1": 100.0,
        "HasAns_total": 1,
        "best_exact": 100.0,
        "best_exact_thresh": 0.25,
        "best_f1": 100.0,
        "best_f1_thresh": 0.25,
    }
    withheld = load("squad_v2").compute(predictions=predictions, references=references, no_answer_threshold=0.2)
    assert (withheld["exact"], withheld["best_exact"]) == (0.0, 100.0)


@pytest.mark.usefixtures("elsewhere")
def test_squad_refuses_ids_that_are_missing_or_there_twice() -> None:
    references = [{"id": name, "answers": {"text": ["1976"], "answer_start": [97]}} for name in ("q", "r")]
    said = {"id": "q", "prediction_text": "1976"}
    with pytest.raises(ScoreError) as error:
        load("squad").compute(predictions=[said, {**said, "id": "s"}], references=references)
    assert str(error.value) == (
        "squad: 1 of 2 rows without an answer (r), 1 unknown row ids (s); "
        "give one answer for each row of the split that is scored"
    )
    with pytest.raises(ScoreError) as error:
        load("squad").compute(predictions=[said, said], references=references)
    assert str(error.value) == "squad: 1 ids stand twice; give each question once"


def test_a_module_or_config_that_we_do_not_have_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError) as error:
        hf_suite.metric_path("squad2")
    assert str(error.value) == (
        "metric_path: no module 'squad2'; did you mean 'squad'? there are: glue, squad, squad_v2"
    )
    with pytest.raises(ConfigError) as error:
        load("glue", "sst3")
    assert str(error.value) == (
        "glue: no config 'sst3'; did you mean 'sst2'? there are: cola, stsb, mrpc, qqp, sst2, mnli, "
        "mnli_matched, mnli_mismatched, qnli, rte, wnli, hans"
    )
