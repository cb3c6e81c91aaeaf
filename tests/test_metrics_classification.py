"""Accuracy, F1 and Matthews correlation, against values counted by hand and scikit-learn's."""

import numpy
import pytest
from sklearn import metrics as sklearn_metrics

from hf_suite.errors import ConfigError
from hf_suite.metrics import METRICS
from hf_suite.metrics.classification import accuracy, f1, matthews_correlation
from hf_suite.spec import TaskSpec


def task(*labels: str) -> TaskSpec:
    return TaskSpec.model_validate(
        {
            "name": "colours",
            "kind": "classification",
            "version": 1,
            "source": {"path": "made/up", "subset": "default"},
            "columns": {"text": "text", "label": "label"},
            "labels": labels,
            "metrics": ["accuracy"],
            "headline": "accuracy",
        }
    )


def test_three_of_four_right_is_an_accuracy_of_75() -> None:
    answers = {0: "red", 1: "red", 2: "blue", 3: "blue"}
    references = {3: "blue", 2: "blue", 1: "red", 0: "blue"}
    assert METRICS["accuracy"].score(answers, references, task("red", "blue")) == {"accuracy": 75.0}


def test_the_accuracy_of_no_rows_is_undefined() -> None:
    assert accuracy([], []) is None
    assert METRICS["accuracy"].total(numpy.zeros(2)) == {"accuracy": None}


def test_f1_is_that_of_the_second_label() -> None:
    # 2 hits, 1 false alarm, 1 miss: 2 * 2 / (2 * 2 + 1 + 1)
    answers = dict(enumerate(["yes", "no", "yes", "no", "yes"]))
    references = dict(enumerate(["yes", "yes", "no", "no", "yes"]))
    assert METRICS["f1"].score(answers, references, task("no", "yes")) == {"f1": pytest.approx(200 / 3, abs=1e-12)}
    assert METRICS["f1"].score(answers, references, task("yes", "no")) == {"f1": 50.0}


def test_f1_is_0_where_nobody_has_the_label() -> None:
    assert f1([0, 0], [0, 0], positive=1) == 0.0


def test_f1_is_refused_where_there_are_not_two_labels() -> None:
    with pytest.raises(ConfigError) as error:
        METRICS["f1"].score({0: "a"}, {0: "a"}, task("a", "b", "c"))
    assert str(error.value) == "colours: f1 is of the second of two labels, there are 3; choose another metric"


def test_matthews_correlation_is_that_of_scikit_learns_documentation() -> None:
    assert matthews_correlation([1, -1, 1, 1], [1, 1, 1, -1]) == pytest.approx(-100 / 3, abs=1e-12)


@pytest.mark.parametrize(("predicted", "gold"), [([1, 1, 1], [0, 1, 1]), ([0, 1, 1], [1, 1, 1]), ([1, 1], [1, 1])])
def test_matthews_correlation_of_a_constant_is_0(predicted: list[int], gold: list[int]) -> None:
    assert matthews_correlation(predicted, gold) == 0.0


def test_all_agree_with_scikit_learn_on_random_vectors() -> None:
    chance = numpy.random.default_rng(0)
    for labels in [2, 2, 2, 3, 4] * 10:
        gold = chance.integers(0, labels, 60)
        predicted = numpy.where(chance.random(60) < 0.5, gold, chance.integers(0, labels, 60))
        assert accuracy(predicted, gold) == pytest.approx(
            100 * sklearn_metrics.accuracy_score(gold, predicted), abs=1e-10
        )
        assert f1(predicted, gold, positive=1) == pytest.approx(
            100 * sklearn_metrics.f1_score(gold == 1, predicted == 1), abs=1e-10
        )
        assert matthews_correlation(predicted, gold) == pytest.approx(
            100 * sklearn_metrics.matthews_corrcoef(gold, predicted), abs=1e-10
        )


@pytest.mark.parametrize("name", ["accuracy", "f1", "matthews_correlation"])
def test_summed_lines_give_the_score_of_any_set_of_rows(name: str) -> None:
    metric, spec, chance = METRICS[name], task("no", "yes"), numpy.random.default_rng(1)
    answers = {f"r{row}": ("no", "yes")[value] for row, value in enumerate(chance.integers(0, 2, 300))}
    references = {row: answer if chance.random() < 0.7 else "no" for row, answer in answers.items()}
    lines = metric.rows(answers, references, spec)
    part = dict(list(answers.items())[:70])
    assert metric.total(lines.sum(axis=0)) == pytest.approx(metric.score(answers, references, spec), abs=1e-9)
    assert metric.total(lines[:70].sum(axis=0)) == pytest.approx(
        metric.score(part, {row: references[row] for row in part}, spec), abs=1e-9
    )


def test_an_answer_outside_the_tasks_labels_is_wrong_and_nothing_more() -> None:
    answers, references, spec = {0: "maybe", 1: "yes"}, {0: "no", 1: "yes"}, task("no", "yes")
    assert METRICS["accuracy"].score(answers, references, spec) == {"accuracy": 50.0}
    assert METRICS["matthews_correlation"].rows(answers, references, spec).shape == (2, 9)
