"""Several labels a row: scikit-learn's scores, one threshold for all labels, and the loss of their definition."""

import math

import pytest
import sklearn.metrics
import torch
import world

from hf_suite import kinds, schema, scoring
from hf_suite.adapters.targets import OUTPUTS
from hf_suite.config import RunConfig
from hf_suite.errors import ConfigError, ScoreError
from hf_suite.kinds import KINDS
from hf_suite.metrics import METRICS
from hf_suite.spec import TaskSpec

SPEC = TaskSpec(**world.task("topics"))
LABELS = ("who", "where", "thing")
KIND = KINDS["classification"]

GOLD = [["who"], ["where", "thing"], [], ["who", "thing"], ["where"]]
SAID = [["who", "where"], ["thing"], [], ["thing"], ["who"]]
SCORES = [[2.0, 0.5, -1.0], [-1.0, -0.5, 1.5], [-2.0, -3.0, -0.5], [-0.2, -1.0, 0.1], [0.7, -0.4, -2.0]]
EVIDENCE = {at: {"scores": dict(zip(LABELS, scores, strict=True))} for at, scores in enumerate(SCORES)}


def flags(rows):
    return [[int(label in labels) for label in LABELS] for labels in rows]


def scored(said, gold, **keys):
    return scoring.score(SPEC, dict(enumerate(said)), dict(enumerate(gold)), **keys)


def test_the_scores_are_those_of_scikit_learn():
    found = scored(SAID, GOLD, evidence=EVIDENCE)

    assert found == pytest.approx({
        "micro_f1": 100 * sklearn.metrics.f1_score(flags(GOLD), flags(SAID), average="micro"),
        "macro_f1": 100 * sklearn.metrics.f1_score(flags(GOLD), flags(SAID), average="macro"),
        "subset_accuracy": 100 * sklearn.metrics.accuracy_score(flags(GOLD), flags(SAID)),
        "map": 100 * sklearn.metrics.average_precision_score(flags(GOLD), SCORES, average="macro"),
    })  # fmt: skip
    assert found["subset_accuracy"] == 20.0


def test_average_precision_takes_equal_scores_together():
    evidence = {at: {"scores": dict.fromkeys(LABELS, float(at % 2))} for at in range(5)}

    assert scored(SAID, GOLD, evidence=evidence)["map"] == pytest.approx(
        100 * sklearn.metrics.average_precision_score(flags(GOLD), [[at % 2] * 3 for at in range(5)], average="macro")
    )


def test_the_lines_of_the_rows_add_up_to_the_scores():
    answers, references = dict(enumerate(SAID)), dict(enumerate(GOLD))

    for name in ("multilabel_f1", "subset_accuracy"):
        metric = METRICS[name]
        lines = metric.rows(answers, references, SPEC)
        assert metric.total(lines.sum(axis=0)) == metric.score(answers, references, SPEC)
        assert len(lines) == 5


def test_a_label_that_no_row_has_is_0_in_macro_f1_and_is_left_out_of_the_mean_average_precision():
    gold = [[label for label in labels if label != "thing"] for labels in GOLD]
    said = [[label for label in labels if label != "thing"] for labels in SAID]

    found = scored(said, gold, evidence=EVIDENCE)

    macro = sklearn.metrics.f1_score(flags(gold), flags(said), average="macro", zero_division=0)
    two = [[score[:2] for score in SCORES], [row[:2] for row in flags(gold)]]
    assert found["macro_f1"] == pytest.approx(100 * macro)
    assert found["map"] == pytest.approx(100 * sklearn.metrics.average_precision_score(two[1], two[0], average="macro"))
    assert KIND.diagnosis([], {}, dict(enumerate(gold)), {}, SPEC) == {"absent_labels": 1}


def test_without_scores_there_is_no_mean_average_precision():
    assert scored(SAID, GOLD)["map"] is None


def test_a_metric_of_one_label_a_row_and_one_of_several_are_told_apart():
    with pytest.raises(ConfigError) as e:
        METRICS["multilabel_f1"].score({0: "a"}, {0: "a"}, TaskSpec(**world.task("reviews")))

    assert str(e.value) == "reviews: a row has not several labels; set target: labels, or choose another metric"


def test_a_label_is_said_from_the_threshold_on_and_a_row_may_have_none():
    scores = {"scores": {"who": 0.5, "where": 0.0, "thing": -0.1}}

    assert KIND.decide(scores, {}, SPEC) == ["who", "where"]
    assert KIND.decide(scores, {"threshold": -0.1}, SPEC) == ["who", "where", "thing"]
    assert KIND.decide(scores, {"threshold": 0.6}, SPEC) == []
    assert KIND.margin(scores, {"threshold": 0.4}, SPEC) == pytest.approx(0.1)


def test_the_threshold_is_the_one_of_all_that_gives_the_best_micro_f1():
    """Sorted: 3 right, 2 wrong, 1 right, 0 wrong. Said up to 3: F1 2/3; up to 1: 4/5. Halfway from 1 to 0 is 0.5."""
    evidence = {
        0: {"scores": {"who": 3.0, "where": 2.0, "thing": -9.0}},
        1: {"scores": {"who": 1.0, "where": 0.0, "thing": -9.0}},
    }

    assert KIND.fit(evidence, {0: ["who"], 1: ["who"]}, SPEC)["threshold"] == 0.5


def test_the_temperature_makes_the_sigmoids_true():
    """Of four decisions at a score of 4 three are right: log(3) is the logit of 3/4, so it is 4 / log(3) too hot."""
    evidence = {at: {"scores": dict.fromkeys(LABELS, 4.0)} for at in range(60)}
    gold = {at: list(LABELS) if at % 4 else [] for at in range(60)}

    found = KIND.fit(evidence, gold, SPEC)

    assert found["temperature"] == pytest.approx(4 / math.log(3), rel=1e-3)
    errors = KIND.calibration(evidence, gold, found, SPEC)
    assert errors["calibration_error_at_temperature"] == pytest.approx(0.0, abs=0.01)
    assert errors["calibration_error"] == pytest.approx(100 / (1 + math.exp(-4)) - 75)


def test_confidence_is_the_probability_of_exactly_these_labels():
    """Probabilities 3/4, 1/2 and 1/5; said are the first two: 3/4 * 1/2 * 4/5."""
    scores = {"scores": {"who": math.log(3), "where": 0.0, "thing": -math.log(4)}}

    told = KIND.told(scores, {}, SPEC, everything=True)

    assert told == {
        "prediction": ["who", "where"],
        "confidence": pytest.approx(0.3),
        "probability_who": pytest.approx(0.75),
        "probability_where": pytest.approx(0.5),
        "probability_thing": pytest.approx(0.2),
    }


@pytest.mark.parametrize(
    ("headline", "best"),
    [("micro_f1", ["who"]), ("macro_f1", ["who", "where", "thing"]), ("subset_accuracy", ["who"])],
)
def test_the_baseline_is_the_best_constant_set(headline, best):
    gold = dict(enumerate([["who"], ["who"], ["who", "where"], ["thing"], []]))

    found = KIND.baseline([], gold, SPEC.model_copy(update={"headline": headline}))

    assert found == dict.fromkeys(range(5), best)
    assert "map" not in scoring.baseline(SPEC, [], gold)


@pytest.mark.parametrize(
    ("text", "labels"),
    [("where; Who", ["who", "where"]), ("", []), ('["thing"]', ["thing"]), (["thing", "who"], ["who", "thing"])],
)
def test_a_predictions_file_has_lists_or_texts_with_a_separator(text, labels):
    assert KIND.parse(text, SPEC) == labels


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (3, "topics: answer 3 is no list of labels; write a list, or the labels with ';' between them"),
        ("who;when", "topics: answer 'when' is no label; write one of: who, where, thing"),
        ("[who]", "topics: answer '[who]' is no list; write it as [\"a\", \"b\"]"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_refused(text, message):
    with pytest.raises(ScoreError) as e:
        KIND.parse(text, SPEC)

    assert str(e.value) == message


def test_a_predictions_file_is_scored(tmp_path):
    file = tmp_path / "said.csv"
    file.write_text("row,answer\n" + "".join(f"{at},{';'.join(labels)}\n" for at, labels in enumerate(SAID)))

    gold = dict(enumerate(GOLD))
    found = scoring.score(SPEC, scoring.matched(scoring.read_predictions(file, SPEC), gold), gold)

    assert found == scored(SAID, GOLD)


def test_labels_are_written_and_read_back_in_words():
    spec = SPEC.model_copy(update={"labels": ("not_so", "so", "other")})

    assert KIND.written(["not_so", "other"], spec) == "not so; other"
    assert KIND.written([], spec) == "none"
    for text, labels in (("Not so; other.", ["not_so", "other"]), ("none", []), ("so", ["so"]), ("well", None)):
        assert KIND.read_back(text, spec) == labels
    assert KIND.decide({"texts": ["well"], "cut": False}, {}, spec) == []


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ({"merge": {"who": "where"}}, "topics.merge: joins labels of which a row has one; take the key out"),
        ({"labels": ["who"]},
         "topics.labels: fewer than two; list the label names in the order of the data's ids"),
        ({"target": "label", "separator": ";"},
         "topics.separator: it stands between several labels of a row; take the key out, or set target: labels"),
    ],
)  # fmt: skip
def test_a_task_that_contradicts_itself_is_refused(over, message):
    with pytest.raises(ConfigError) as e:
        kinds.check(schema.build(TaskSpec, world.task("topics", **over), "test"))

    assert str(e.value) == message


def test_the_loss_is_the_mean_over_labels_of_binary_cross_entropies():
    """Probabilities 3/4 and 1/2 and 1/2 of what is right: -(ln 3/4 + 2 ln 1/2) / 3."""
    outputs = OUTPUTS["labels"](SPEC, RunConfig(task="any", model="any"), LABELS)
    targets = torch.tensor([outputs.target(["who"])])

    found = outputs.loss(torch.tensor([[math.log(3), 0.0, 0.0]]), targets)

    assert targets.tolist() == [[1.0, 0.0, 0.0]]
    assert found.item() == pytest.approx(-(math.log(0.75) + 2 * math.log(0.5)) / 3)


def test_a_smoothed_loss_takes_half_of_the_share_from_each_side():
    config = RunConfig(task="any", model="any", train={"label_smoothing": 0.2})
    outputs = OUTPUTS["labels"](SPEC, config, LABELS)

    found = outputs.loss(torch.tensor([[math.log(3), 0.0, 0.0]]), torch.tensor([[1.0, 0.0, 0.0]]))

    first = 0.9 * math.log(0.75) + 0.1 * math.log(0.25)
    assert found.item() == pytest.approx(-(first + 2 * math.log(0.5)) / 3)
