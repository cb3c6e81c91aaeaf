"""Confidence: the temperature and the calibration error have the values of their definitions; answers never move."""

import json
import math

import numpy
import pytest
import world

import hf_suite
from hf_suite import record
from hf_suite.kinds import KINDS, calibration
from hf_suite.kinds.calibration import expected_error, probabilities, temperature
from hf_suite.spec import TaskSpec

SPEC = TaskSpec(**world.task("reviews"))
MERGED = TaskSpec(**world.task("entailed"))


def scores(positive, negative=0.0):
    return {"scores": {"negative": negative, "positive": positive}}


def heat(evidence, references):
    return KINDS["classification"].fit(evidence, references, SPEC).get("temperature")


def test_the_temperature_makes_the_logit_of_the_share_that_is_right():
    """Three of four rows are right at a score of 4: log(3) is the logit of 3/4, so the score is 4 / log(3) too hot."""
    evidence = {at: scores(4.0) for at in range(60)}
    references = {at: "positive" if at % 4 else "negative" for at in range(60)}

    assert heat(evidence, references) == pytest.approx(4 / math.log(3), rel=1e-3)


def test_fewer_than_fifty_rows_and_rows_that_are_all_right_give_no_temperature():
    """Of rows that are all right the coldest is the likeliest, however cold; one wrong row of 60 makes log(59)."""
    evidence = {at: scores(1.0) for at in range(60)}
    right = dict.fromkeys(range(60), "positive")

    assert heat(evidence, right) is None
    assert heat(evidence, right | {0: "negative"}) == pytest.approx(1 / math.log(59), rel=1e-3)
    assert heat(evidence, {at: label for at, label in (right | {0: "negative"}).items() if at < 49}) is None


def test_what_fifty_rows_give_makes_confidence_truer_more_often_than_what_ten_would_give(monkeypatch):
    """Margins are drawn of a deviation of 4, labels by their sigmoid, and the scores are half as large again."""
    draw = numpy.random.default_rng(0)
    true = draw.normal(0, 4, 5_000)
    wrong = draw.random(5_000) > 1 / (1 + numpy.exp(-true))
    margin = 1.5 * numpy.where(wrong, -true, true)

    def loss(heat, rows):
        return float(numpy.log1p(numpy.exp(-margin[rows] / heat)).mean())

    def bettered(rows):
        taken = [draw.integers(0, 5_000, rows) for _ in range(100)]
        found = [temperature(lambda heat, rows=rows: 1 / (1 + numpy.exp(-margin[rows] / heat))) for rows in taken]
        return sum(loss(each.get("temperature", 1.0), slice(None)) < loss(1.0, slice(None)) for each in found)

    monkeypatch.setattr(calibration, "LEAST", 10)
    assert bettered(50) >= 75
    assert bettered(10) <= 60


def test_probabilities_are_those_of_scores_over_the_temperature_and_merged_labels_are_added():
    assert probabilities(scores(math.log(9)), SPEC, 2.0) == pytest.approx({"negative": 0.25, "positive": 0.75})
    three = {"scores": {"entailment": math.log(2), "neutral": 0.0, "contradiction": 0.0}}
    assert probabilities(three, MERGED) == pytest.approx({"entailment": 0.5, "not_entailment": 0.5})


def test_the_calibration_error_is_the_weighted_distance_of_confidence_and_accuracy():
    """Bins: two rows at 0.9, one right: |0.9 - 0.5|; two at 0.6, both right: |0.6 - 1|. Mean over rows 0.4."""
    shares = [{"a": 0.9, "b": 0.1}] * 2 + [{"a": 0.4, "b": 0.6}] * 2

    assert expected_error(shares, ["a", "b", "b", "b"]) == pytest.approx(40.0)


@pytest.fixture(scope="module")
def run(tmp_path_factory, small_world, tiny_checkpoint):
    """A finished run that had tune rows."""
    folder = tmp_path_factory.mktemp("tuned") / "run"
    keys = {"tune": {"share": 0.8}, "output": str(folder)}
    hf_suite.run(world.run_config(small_world, "reviews", tiny_checkpoint("bert"), **keys))
    return folder


def test_a_run_with_tune_rows_has_a_temperature_and_both_errors_and_keeps_its_answers(run):
    result = record.read_result(run)

    assert list(result.fitted) == ["temperature"]
    counts = result.counts["validation"]
    lines = list(record.read_answers(run / "answers.parquet"))
    for name, heat in (("calibration_error", 1.0), ("calibration_error_at_temperature", result.fitted["temperature"])):
        shares = [probabilities(line["evidence"], SPEC, heat) for line in lines]
        assert counts[name] == pytest.approx(expected_error(shares, [line["reference"] for line in lines]))
    best = [max(line["evidence"]["scores"], key=line["evidence"]["scores"].get) for line in lines]
    assert [line["answer"] for line in lines] == best


def test_an_opened_run_answers_and_is_scored_with_its_temperature(run, small_world, tmp_path):
    heat = record.read_result(run).fitted["temperature"]
    lines = list(record.read_answers(run / "answers.parquet"))

    again = hf_suite.evaluate_run(run, mirrors=(str(small_world.mirror),), output=tmp_path / "again")
    found = hf_suite.load(run).predict(["the film was good"], everything=True)

    assert again.fitted == {"temperature": heat}
    assert again.counts["validation"] == record.read_result(run).counts["validation"]
    plain = KINDS["classification"]
    told = plain.told(lines[0]["evidence"], {"temperature": heat}, SPEC)
    assert told["confidence"] == max(probabilities(lines[0]["evidence"], SPEC, heat).values())
    assert json.dumps(found[0])
    assert found[0]["probability_negative"] + found[0]["probability_positive"] == pytest.approx(1.0)


def test_a_run_without_tune_rows_fits_nothing(small_world, tiny_checkpoint, tmp_path):
    result = hf_suite.run(
        world.run_config(small_world, "reviews", tiny_checkpoint("bert"), output=str(tmp_path / "run"))
    )

    assert result.fitted == {}
    assert [name for name in result.counts["validation"] if name.startswith("calibration")] == []
