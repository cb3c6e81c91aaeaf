"""Pearson and Spearman correlation, against the values of scipy and of its documentation."""

import numpy
import pytest
from scipy import stats

from hf_suite.errors import ScoreError
from hf_suite.metrics import METRICS
from hf_suite.metrics.regression import pearson, spearmanr
from hf_suite.spec import TaskSpec

SPEC = TaskSpec.model_validate(
    {
        "name": "similar",
        "kind": "classification",
        "version": 1,
        "source": {"path": "made/up", "subset": "default"},
        "columns": {"text": "text", "label": "label"},
        "target": "number",
        "metrics": ["pearson", "spearmanr"],
        "headline": "pearson",
    }
)


def vector(*values: float) -> numpy.ndarray:
    return numpy.array(values, dtype=numpy.float64)


def test_both_are_those_of_scipys_documentation() -> None:
    assert pearson(vector(1, 2, 3, 4, 5), vector(10, 9, 2.5, 6, 4)) == pytest.approx(-74.26106572325057, abs=1e-11)
    assert spearmanr(vector(1, 2, 3, 4, 5), vector(5, 6, 7, 8, 7)) == pytest.approx(82.07826816681233, abs=1e-11)


@pytest.mark.parametrize("name", ["pearson", "spearmanr"])
def test_a_constant_has_no_correlation(name: str) -> None:
    varied, constant = {0: 1.0, 1: 2.0, 2: 4.0}, {0: 0.1, 1: 0.1, 2: 0.1}
    assert METRICS[name].score(varied, constant, SPEC) == {name: None}
    assert METRICS[name].score(constant, varied, SPEC) == {name: None}


def test_both_agree_with_scipy_on_random_vectors_with_ties() -> None:
    chance = numpy.random.default_rng(0)
    for _ in range(100):
        gold = numpy.round(chance.random(50) * 5, 1)
        predicted = numpy.round(gold + chance.normal(size=50), 1)
        assert pearson(predicted, gold) == pytest.approx(100 * stats.pearsonr(predicted, gold)[0], abs=1e-10)
        assert spearmanr(predicted, gold) == pytest.approx(100 * stats.spearmanr(predicted, gold)[0], abs=1e-10)


def test_numbers_far_from_zero_lose_nothing() -> None:
    answers = dict(enumerate([1e9 + 1, 1e9 + 2, 1e9 + 3, 1e9 + 4, 1e9 + 5]))
    references = dict(enumerate([10.0, 9.0, 2.5, 6.0, 4.0]))
    assert METRICS["pearson"].score(answers, references, SPEC)["pearson"] == pytest.approx(-74.26106572325057, abs=1e-9)
    lines = METRICS["pearson"].rows(answers, references, SPEC)
    assert METRICS["pearson"].total(lines.sum(axis=0))["pearson"] == pytest.approx(-74.26106572325057, abs=1e-9)


def test_summed_lines_give_the_score_of_any_set_of_rows() -> None:
    metric, chance = METRICS["pearson"], numpy.random.default_rng(1)
    answers = dict(enumerate(chance.random(300) * 5))
    references = {row: answer + chance.normal() for row, answer in answers.items()}
    lines = metric.rows(answers, references, SPEC)
    part = dict(list(answers.items())[:40])
    assert metric.total(lines.sum(axis=0)) == pytest.approx(metric.score(answers, references, SPEC), abs=1e-9)
    assert metric.total(lines[:40].sum(axis=0)) == pytest.approx(
        metric.score(part, {row: references[row] for row in part}, SPEC), abs=1e-9
    )


def test_summed_lines_of_rows_with_one_value_have_no_correlation() -> None:
    answers, references = dict(enumerate([0.3, 0.3, 0.3, 4.9])), dict(enumerate([1.0, 2.0, 3.0, 4.0]))
    lines = METRICS["pearson"].rows(answers, references, SPEC)
    assert METRICS["pearson"].total(lines[:3].sum(axis=0)) == {"pearson": None}
    assert METRICS["pearson"].total(numpy.zeros(6)) == {"pearson": None}


def test_an_answer_that_is_not_finite_is_refused_by_row() -> None:
    with pytest.raises(ScoreError) as error:
        METRICS["pearson"].score({"a": 1.0, "b": float("nan")}, {"a": 1.0, "b": 2.0}, SPEC)
    assert str(error.value) == "similar: 1 rows with a number that is not finite (b); mend or drop them"
