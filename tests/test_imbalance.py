"""Imbalance and noise: weights, focal loss and oversampling have the values of their definitions, or are refused."""

import math
from collections import Counter

import numpy
import pytest
import sklearn.utils.class_weight
import torch
import world

import hf_suite
from hf_suite import batching, schema
from hf_suite.adapters.targets import OUTPUTS, repeats, weights
from hf_suite.config import RunConfig, TrainConfig
from hf_suite.errors import ConfigError
from hf_suite.spec import TaskSpec

ONE, SEVERAL = TaskSpec(**world.task("reviews")), TaskSpec(**world.task("topics"))


def loss(spec, logits, label, **train):
    """Of one row."""
    outputs = OUTPUTS[spec.target](spec, RunConfig(task="any", model="any", train=train), spec.labels)
    return outputs.loss(torch.tensor([logits]), torch.tensor([outputs.target(label)])).item()


# log(3) is the logit of 3/4


def test_a_label_counts_as_much_as_its_weight():
    keys = {"class_weights": {"positive": 5.0}}

    assert loss(ONE, [0.0, math.log(3)], "positive", **keys) == pytest.approx(-5 * math.log(3 / 4))
    assert loss(ONE, [0.0, math.log(3)], "negative", **keys) == pytest.approx(-math.log(1 / 4))


def test_of_several_labels_the_weight_counts_where_a_row_has_the_label():
    keys = {"class_weights": {"who": 6.0}}

    assert loss(SEVERAL, [math.log(3)] * 3, ["who"], **keys) == pytest.approx(
        -(6 * math.log(3 / 4) + 2 * math.log(1 / 4)) / 3
    )
    assert loss(SEVERAL, [math.log(3)] * 3, [], **keys) == pytest.approx(-math.log(1 / 4))


def test_focal_loss_counts_what_is_right_already_less():
    """Lin et al. 2017: -(1 - p)^gamma log p, so a quarter squared of -log(3/4), and three quarters squared."""
    assert loss(ONE, [0.0, math.log(3)], "positive", focal_gamma=2.0) == pytest.approx(-math.log(3 / 4) / 16)
    assert loss(ONE, [0.0, math.log(3)], "negative", focal_gamma=2.0) == pytest.approx(-math.log(1 / 4) * 9 / 16)
    several = loss(SEVERAL, [math.log(3)] * 3, ["who"], focal_gamma=2.0)
    assert several == pytest.approx(-(math.log(3 / 4) / 16 + 2 * math.log(1 / 4) * 9 / 16) / 3)


def test_focal_loss_keeps_weights_and_smoothing():
    keys = {"class_weights": {"positive": 5.0}, "label_smoothing": 0.2, "focal_gamma": 1.0}

    right, wrong = 0.9 * 5 * (1 / 4) * math.log(3 / 4), 0.1 * (3 / 4) * math.log(1 / 4)
    assert loss(ONE, [0.0, math.log(3)], "positive", **keys) == pytest.approx(-(right + wrong))


@pytest.mark.parametrize(("spec", "label"), [(ONE, "positive"), (SEVERAL, ["who", "thing"])])
def test_a_hardly_focal_loss_is_the_plain_one(spec, label):
    logits, keys = [0.3, -1.2, 2.0][: len(spec.labels)], {"label_smoothing": 0.1}

    assert loss(spec, logits, label, focal_gamma=1e-9, **keys) == pytest.approx(loss(spec, logits, label, **keys))


def test_balanced_weights_are_those_of_scikit_learn():
    labels = ["positive"] * 9 + ["negative"] * 3

    known = sklearn.utils.class_weight.compute_class_weight(
        "balanced", classes=numpy.array(["negative", "positive"]), y=numpy.array(labels)
    )

    assert weights(ONE, "balanced", labels) == dict(zip(["negative", "positive"], known.tolist(), strict=True))
    assert known.tolist() == pytest.approx([2.0, 2 / 3])


def test_balanced_weights_of_several_labels_are_rows_without_over_rows_with():
    labels = [["who"], ["who"], ["who", "where"], [], [], [], [], []]

    assert weights(SEVERAL, "balanced", labels) == {"who": 5 / 3, "where": 7.0, "thing": 1.0}


def test_a_weight_of_no_label_is_refused():
    with pytest.raises(ConfigError) as e:
        weights(ONE, {"positiv": 2.0}, [])

    assert str(e.value) == (
        "train.class_weights: no label 'positiv'; did you mean 'positive'? there are: negative, positive"
    )


def test_each_label_is_read_as_often_as_the_most_frequent():
    labels = ["a"] * 30 + ["b"] * 10 + ["c"] * 7
    found = batching.oversampled(repeats(labels), seed=0, epoch=0)

    assert Counter(labels[at] for at in found) == {"a": 30, "b": 30, "c": 30}
    counts = Counter(found.tolist())
    assert {counts[at] for at in range(40, 47)} == {4, 5}
    assert {counts[at] for at in range(40)} == {1, 3}
    assert batching.epoch_size(47, repeats(labels)) == 90 == len(found)


def test_of_several_labels_the_rarest_says_how_often_a_row_is_read():
    assert repeats([["a"], ["a", "b"], ["a"], [], ["a", "c"], ["b"]]) == [1.0, 2.0, 1.0, 1.0, 4.0, 2.0]


def test_the_plan_of_an_oversampled_epoch_follows_from_seed_and_epoch_alone():
    often = repeats(["a"] * 30 + ["b"] * 13)
    keys = {"batch_size": 8, "repeats": often}

    plan = batching.train_plan([5] * 43, seed=3, epoch=1, **keys)

    assert plan == batching.train_plan([5] * 43, seed=3, epoch=1, **keys)
    assert sorted(at for batch in plan for at in batch) != sorted(
        at for batch in batching.train_plan([5] * 43, seed=3, epoch=2, **keys) for at in batch
    )
    assert sorted(map(len, plan)) == [4, *[8] * 7]


def test_a_run_balances_its_labels_and_reads_rare_ones_more_often(small_world, tiny_checkpoint, tmp_path):
    rows = [{"sentence": f"the {at} film was good", "label": "positive"} for at in range(12)]
    rows += [{"sentence": f"the {at} film was sad", "label": "negative"} for at in range(4)]
    file = world.write_rows(tmp_path / "m" / "own" / "reviews" / "default" / "train.jsonl", rows)
    own = {"class_weights": "balanced", "oversample": True, "epochs": 1, "max_steps": None}
    keys = {"mirror": [str(file.parents[3]), str(small_world.mirror)], "output": str(tmp_path / "run"), "train": own}
    told = []

    config = world.run_config(small_world, "reviews", tiny_checkpoint("bert"), **keys)
    result = hf_suite.run(config.model_copy(update={"mirror": tuple(keys["mirror"])}), watch=told.append)

    assert result.resolved["train"]["class_weights"] == {"negative": 2.0, "positive": pytest.approx(2 / 3)}
    assert "train.class_weights: negative 2, positive 0.667" in [one.note for one in told if one.stage == "note"]
    assert result.history[-1]["step"] == 3  # 24 rows read, 8 a step


@pytest.mark.parametrize(
    ("task", "over", "message"),
    [
        ("questions", {"train": {"class_weights": "balanced"}},
         "train.class_weights: an answer is a place in its context, so there are no classes to weigh; "
         "leave the key out"),
        ("likeness", {"train": {"focal_gamma": 2.0}},
         "train.focal_gamma: likeness is answered by a number, so there are no classes to weigh; leave the key out"),
        ("reviews", {"train": {"oversample": True}, "protocol": "generation"},
         "train.oversample: what is written is learnt token by token, so there are no classes to weigh; "
         "leave the key out"),
        ("reviews", {"train": {"class_weights": {"good": 2.0}}},
         "train.class_weights: no label 'good'; there are: negative, positive"),
    ],
)  # fmt: skip
def test_where_nothing_can_be_weighed_that_is_said(small_world, tiny_checkpoint, tmp_path, task, over, message):
    model = tiny_checkpoint("t5" if "protocol" in over else "bert")

    with pytest.raises(ConfigError) as e:
        hf_suite.run(world.run_config(small_world, task, model, output=str(tmp_path / "run"), **over))

    assert str(e.value) == message
    assert not (tmp_path / "run").exists()


def test_a_weight_is_a_positive_number():
    with pytest.raises(ConfigError) as e:
        schema.build(TrainConfig, {"class_weights": {"positive": 0.0}}, "run.yaml")

    assert str(e.value).startswith("run.yaml: ")
