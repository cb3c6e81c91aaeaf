"""The SQuAD scores, against what the official scripts printed for made-up answers."""

import json
from pathlib import Path
from typing import Any

import numpy
import pytest

from hf_suite.errors import ScoreError
from hf_suite.metrics import METRICS
from hf_suite.metrics.squad import normalize, official_v1, official_v2, row_v1, row_v2
from hf_suite.spec import TaskSpec

DATA = Path(__file__).parent / "data"
PAIRS = json.loads((DATA / "squad_pairs.json").read_text("utf-8"))
SETS = json.loads((DATA / "squad_sets.json").read_text("utf-8"))

SPEC = TaskSpec.model_validate(
    {
        "name": "quiz",
        "kind": "question_answering",
        "version": 1,
        "source": {"path": "made/up", "subset": "default"},
        "columns": {"question": "question", "context": "context", "answers": "answers"},
        "unanswerable": True,
        "metrics": ["squad_v2"],
        "headline": "f1",
    }
)


def said(**texts: str) -> dict[str, dict[str, Any]]:
    return {row: {"text": text, "no_answer": None} for row, text in texts.items()}


def test_every_pair_scores_as_in_the_official_scripts() -> None:
    assert len(PAIRS) == 1000
    for pair in PAIRS:
        assert row_v1(pair["prediction"], pair["answers"]) == (pair["v1"]["exact_match"], pair["v1"]["f1"])
        assert row_v2(pair["prediction"], pair["answers"]) == (pair["v2"]["exact"], pair["v2"]["f1"])


def test_every_evaluation_gives_all_that_the_official_script_gives() -> None:
    assert len(SETS) == 120
    for one in SETS:
        predictions = {row["id"]: row["prediction"] for row in one["rows"]}
        references = {row["id"]: row["answers"] for row in one["rows"]}
        no_answer = {row["id"]: row["no_answer_probability"] for row in one["rows"]}
        found = official_v2(predictions, references, no_answer=no_answer, threshold=one["threshold"])
        assert found == pytest.approx(one["expected"], abs=1e-9)


def test_a_word_counts_as_often_as_both_have_it() -> None:
    assert row_v1("no no no", ["no"]) == (0.0, 0.5)


def test_two_articles_have_an_f1_of_0_in_1_1_and_of_1_in_2_0() -> None:
    assert row_v1("the", ["The"]) == (1.0, 0.0)
    assert row_v2("the", ["The"]) == (1.0, 1.0)


def test_case_punctuation_articles_and_spaces_do_not_count() -> None:
    assert normalize("  The state-of-the-art,\tAn  APPLE. ") == "stateoftheart apple"


def test_the_best_of_several_golds_counts() -> None:
    assert official_v1({"q": "Denver Broncos won"}, {"q": ["Carolina", "Denver Broncos"]}) == {
        "exact_match": 0.0,
        "f1": pytest.approx(80.0, abs=1e-12),
    }


def test_squad_gives_exact_match_and_f1_in_percent() -> None:
    references = {"a": ["Rome"], "b": ["no"], "c": ["x"]}
    scores = METRICS["squad"].score(said(a="rome", b="no no no", c="y"), references, SPEC)
    assert scores == pytest.approx({"exact_match": 100 / 3, "f1": 50.0}, abs=1e-12)


def test_squad_refuses_a_row_without_a_gold_answer() -> None:
    with pytest.raises(ScoreError) as error:
        METRICS["squad"].score(said(a="Rome", b=""), {"a": ["Rome"], "b": []}, SPEC)
    assert str(error.value) == (
        "squad: 1 of 2 rows have no gold answer (b); it scores answerable questions; take squad_v2"
    )


def test_squad_v2_scores_answerable_and_unanswerable_rows_apart() -> None:
    references = {"a": ["Rome"], "b": [], "c": [], "d": ["Oslo"]}
    assert METRICS["squad_v2"].score(said(a="Rome", b="", c="Bonn", d="in Oslo"), references, SPEC) == {
        "exact": 50.0,
        "f1": pytest.approx(200 / 3, abs=1e-12),
        "total": 4,
        "HasAns_exact": 50.0,
        "HasAns_f1": pytest.approx(250 / 3, abs=1e-12),
        "HasAns_total": 2,
        "NoAns_exact": 50.0,
        "NoAns_f1": 50.0,
        "NoAns_total": 2,
    }


def test_a_prefix_without_rows_is_absent() -> None:
    scores = METRICS["squad_v2"].score(said(a="Rome"), {"a": ["Rome"]}, SPEC)
    assert scores == {
        "exact": 100.0,
        "f1": 100.0,
        "total": 1,
        "HasAns_exact": 100.0,
        "HasAns_f1": 100.0,
        "HasAns_total": 1,
    }


def test_best_scores_come_from_the_evidence_and_the_others_from_the_decided_texts() -> None:
    references = {"a": ["Rome"], "b": [], "c": ["Oslo"]}
    evidence = {
        "a": {"spans": [["Rome", 0, 4, 3.0], ["Ro", 0, 2, 1.0]], "null": 1.0},
        "b": {"spans": [["Bonn", 0, 4, 1.0]], "null": 2.0},
        "c": {"spans": [["Oslo", 0, 4, 0.5]], "null": 1.0},
    }
    scores = METRICS["squad_v2"].score(said(a="Rome", b="", c=""), references, SPEC, evidence=evidence)
    assert scores["exact"] == pytest.approx(200 / 3, abs=1e-12)
    assert (scores["best_exact"], scores["best_exact_thresh"]) == (100.0, 0.5)
    assert (scores["best_f1"], scores["best_f1_thresh"]) == (100.0, 0.5)


def test_best_scores_come_from_no_answer_where_every_answer_has_one() -> None:
    answers = {"a": {"text": "Rome", "no_answer": 0.1}, "b": {"text": "Bonn", "no_answer": 0.9}}
    scores = METRICS["squad_v2"].score(answers, {"a": ["Rome"], "b": []}, SPEC)
    assert (scores["exact"], scores["best_exact"], scores["best_exact_thresh"]) == (50.0, 100.0, 0.1)
    answers["b"]["no_answer"] = None
    assert "best_exact" not in METRICS["squad_v2"].score(answers, {"a": ["Rome"], "b": []}, SPEC)


def test_where_silence_is_best_the_threshold_lies_under_every_row() -> None:
    differences = {"a": -3.0, "b": 2.0}
    found = official_v2({"a": "Rome", "b": "Bonn"}, {"a": [], "b": []}, no_answer=differences)
    assert (found["best_f1"], found["best_f1_thresh"]) == (100.0, -4.0)


def test_a_context_without_spans_is_held_unanswerable() -> None:
    evidence = {"a": {"spans": [], "null": 5.0}, "b": {"spans": [["Bonn", 0, 4, 9.0]], "null": 5.0}}
    scores = METRICS["squad_v2"].score(said(a="", b="Bonn"), {"a": [], "b": ["Bonn"]}, SPEC, evidence=evidence)
    assert (scores["best_exact"], scores["best_exact_thresh"]) == (100.0, -4.0)


@pytest.mark.parametrize("name", ["squad", "squad_v2"])
def test_summed_lines_give_the_score_of_any_set_of_rows(name: str) -> None:
    metric, pairs = METRICS[name], [pair for pair in PAIRS if pair["answers"]]
    answers = said(**{f"r{number}": pair["prediction"] for number, pair in enumerate(pairs)})
    references = {f"r{number}": pair["answers"] for number, pair in enumerate(pairs)}
    if name == "squad_v2":
        references |= {row: [] for row in list(references)[::3]}
    lines = metric.rows(answers, references, SPEC)
    part = dict(list(answers.items())[:50])
    assert metric.total(lines.sum(axis=0)) == pytest.approx(metric.score(answers, references, SPEC), abs=1e-9)
    assert metric.total(lines[:50].sum(axis=0)) == pytest.approx(
        metric.score(part, {row: references[row] for row in part}, SPEC), abs=1e-9
    )


def test_lines_of_no_rows_have_undefined_scores() -> None:
    assert METRICS["squad"].total(numpy.zeros(3)) == {"exact_match": None, "f1": None}
    assert METRICS["squad_v2"].total(numpy.zeros(6)) == {"exact": None, "f1": None, "total": 0.0}
