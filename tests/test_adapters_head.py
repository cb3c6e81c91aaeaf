"""Texts and pairs to tokens, targets, loss and evidence, for every architecture the same in any company."""

import math
from types import SimpleNamespace

import accelerate
import pytest
import tiny
import torch
import world
from datasets import Dataset
from making import built, part

from hf_suite import models, schema
from hf_suite.adapters import take
from hf_suite.adapters.head import HeadAdapter
from hf_suite.answering import answer
from hf_suite.config import ModelConfig, RunConfig
from hf_suite.errors import ConfigError, ModelError
from hf_suite.spec import TaskSpec

ODD = ["a good film", "", "the film was very very dull and sad and dark", "x", "été 日本 ☃", "a good film"]


def adapter(tiny_checkpoint, task="reviews", *, architecture="bert", max_length=32, labels=None, smoothing=0.0, **on):
    """A task's adapter with the tokenizer of an architecture."""
    spec = schema.build(TaskSpec, world.task(task, **on), "test")
    tokenizer, _ = models.load_tokenizer(models.locate(ModelConfig(id=str(tiny_checkpoint(architecture)))))
    model = {"id": "any", "labels": labels}
    train = {"label_smoothing": smoothing}
    return HeadAdapter(spec, RunConfig(task=task, model=model, max_length=max_length, train=train), tokenizer)


def rows_of(*texts, pairs=None, labels=None):
    columns = {"row": list(range(len(texts))), "text": list(texts)}
    return Dataset.from_dict(columns | ({"text_pair": pairs} if pairs else {}) | ({"label": labels} if labels else {}))


def words(made, features):
    return [" ".join(made.tokenizer.convert_ids_to_tokens(ids)) for ids in features["input_ids"][:]]


def test_a_text_is_one_feature_of_its_row(tiny_checkpoint):
    made = adapter(tiny_checkpoint)
    features = made.eval_features(rows_of("A good film", "the dog"))
    assert words(made, features) == ["[CLS] a good film [SEP]", "[CLS] the dog [SEP]"]
    assert features["row"][:] == [0, 1]
    assert features["length"][:] == [5, 4]


def test_a_pair_is_read_together_and_told_apart(tiny_checkpoint):
    made = adapter(tiny_checkpoint, "pairs")
    features = made.eval_features(rows_of("a dog", pairs=["the dog is old"]))
    assert words(made, features) == ["[CLS] a dog [SEP] the dog is old [SEP]"]
    assert features["token_type_ids"][:] == [[0, 0, 0, 0, 1, 1, 1, 1, 1]]


def test_rows_longer_than_the_length_are_cut_and_counted(tiny_checkpoint):
    made = adapter(tiny_checkpoint, max_length=9)
    features = made.eval_features(rows_of(" ".join(["dog"] * 7), " ".join(["dog"] * 8), " ".join(["dog"] * 80)))
    assert features["length"][:] == [9, 9, 9]
    assert made.counts == {"truncated": 2}


def test_of_a_pair_the_longer_text_is_cut(tiny_checkpoint):
    made = adapter(tiny_checkpoint, "pairs", max_length=10)
    features = made.eval_features(rows_of("a dog", pairs=["the dog is very old and good"]))
    assert words(made, features) == ["[CLS] a dog [SEP] the dog is very old [SEP]"]
    assert made.counts == {"truncated": 1}


def test_a_text_that_is_cut_keeps_the_eos_that_t5_reads(tiny_checkpoint):
    made = adapter(tiny_checkpoint, architecture="t5", max_length=8)
    assert words(made, made.eval_features(rows_of("dog " * 20))) == ["▁dog ▁dog ▁dog ▁dog ▁dog ▁dog ▁dog </s>"]


def test_a_target_is_the_output_of_its_label_in_the_models_order(tiny_checkpoint):
    rows = rows_of("a", "b", "c", pairs=["d", "e", "f"], labels=["neutral", "entailment", "contradiction"])
    own = adapter(tiny_checkpoint, "pairs").train_features(rows)
    assert own["target"][:] == [1, 0, 2]
    other = adapter(tiny_checkpoint, "pairs", labels=["contradiction", "neutral", "entailment"]).train_features(rows)
    assert other["target"][:] == [1, 2, 0]


def test_numbers_are_learnt_standardised_and_answered_on_their_own_scale(tiny_checkpoint):
    made = adapter(tiny_checkpoint, "likeness", scale={"mean": 2.5, "sd": 0.5})
    rows = rows_of("a", "b", pairs=["c", "d"], labels=[3.0, 0.0])
    assert made.train_features(rows)["target"][:] == [1.0, -5.0]
    assert made.evidence(rows[0], [], [[-1.5]]) == {"value": 1.75}
    assert made.model_settings() == {"num_labels": 1, "problem_type": "regression"}


def test_evidence_names_each_output(tiny_checkpoint):
    made = adapter(tiny_checkpoint, labels=["positive", "negative"])
    assert made.evidence({}, [], [[0.25, -1.0]]) == {"scores": {"positive": 0.25, "negative": -1.0}}
    assert made.model_settings() == {
        "num_labels": 2,
        "id2label": {0: "positive", 1: "negative"},
        "label2id": {"positive": 0, "negative": 1},
        "problem_type": "single_label_classification",
    }


def says(*logits):
    """A model that gives these logits, whatever it reads."""
    return lambda **inputs: SimpleNamespace(logits=torch.tensor(logits))


def test_the_loss_is_summed_over_the_rows(tiny_checkpoint):
    made = adapter(tiny_checkpoint)
    features = made.train_features(rows_of("a", "b", labels=["positive", "negative"]))
    batch = made.collate(take(features, [0, 1]))
    # Probabilities of 3/4 for the right label and 1/2: -ln(3/4) - ln(1/2).
    loss = made.loss(says([0.0, math.log(3)], [1.0, 1.0]), batch)
    assert loss.item() == pytest.approx(-math.log(0.75) - math.log(0.5))
    assert made.count(batch) == 2


def test_a_smoothed_loss_gives_a_part_of_each_target_to_every_label(tiny_checkpoint):
    made = adapter(tiny_checkpoint, smoothing=0.1)
    batch = made.collate(take(made.train_features(rows_of("a", labels=["positive"])), [0]))
    # Of the target, 0.95 is on the label of probability 3/4 and 0.05 on the other.
    assert made.loss(says([0.0, math.log(3)]), batch).item() == pytest.approx(
        -0.95 * math.log(0.75) - 0.05 * math.log(0.25)
    )


def test_smoothing_is_refused_where_there_are_no_labels(tiny_checkpoint):
    with pytest.raises(ConfigError) as caught:
        adapter(tiny_checkpoint, "likeness", smoothing=0.1)
    assert str(caught.value) == (
        "train.label_smoothing: likeness is answered by a number, whose error has no labels to spread over; "
        "leave the key out"
    )


def test_the_loss_of_numbers_is_the_squared_error(tiny_checkpoint):
    made = adapter(tiny_checkpoint, "likeness", scale={"mean": 2.0, "sd": 2.0})
    features = made.train_features(rows_of("a", "b", pairs=["c", "d"], labels=[2.0, 4.0]))
    loss = made.loss(says([1.0], [3.0]), made.collate(take(features, [0, 1])))
    assert loss.item() == pytest.approx((1 - 0) ** 2 + (3 - 1) ** 2)


def test_padding_goes_to_the_side_that_the_tokenizer_says(tiny_checkpoint):
    for architecture, ids in (("bert", "[CLS] a [SEP] [PAD]"), ("xlnet", "<pad> ▁a <sep> <cls>")):
        made = adapter(tiny_checkpoint, architecture=architecture)
        batch = made.collate(take(made.eval_features(rows_of("a", "a dog")), [0, 1]))
        assert " ".join(made.tokenizer.convert_ids_to_tokens(batch["input_ids"][0])) == ids
        left = architecture == "xlnet"
        assert batch["attention_mask"].tolist() == [[0, 1, 1, 1] if left else [1, 1, 1, 0], [1, 1, 1, 1]]


def test_a_length_that_special_tokens_fill_is_refused(tiny_checkpoint):
    made = adapter(tiny_checkpoint)
    with pytest.raises(ModelError) as caught:
        HeadAdapter(made.spec, RunConfig.model_construct(max_length=6, model=ModelConfig(id="x")), made.tokenizer)
    assert str(caught.value) == "max_length: max_length 6 leaves no room beside 3 special tokens; raise max_length"


@pytest.mark.parametrize("architecture", [*tiny.ARCHITECTURES, "roberta"])
@pytest.mark.parametrize("task", ["reviews", "pairs"])
def test_a_row_is_answered_alone_as_in_a_batch_of_sixteen(tiny_checkpoint, small_world, architecture, task):
    wide = {} if architecture == "t5" else {"initializer_range": 0.2}  # or a random model hardly tells texts apart
    made = part(small_world, tiny_checkpoint(architecture, **wide), task)
    model = built(made, lora=None).model
    texts = ODD + ["a " * count for count in range(1, 27)]
    rows = rows_of(*texts, pairs=texts[::-1] if task == "pairs" else None)
    alone, together = (
        dict(answer(model, made.adapter, rows, accelerator=accelerate.Accelerator(cpu=True), batch_size=size))
        for size in (1, 16)
    )
    for row in range(len(texts)):
        assert alone[row]["scores"] == pytest.approx(together[row]["scores"], abs=1e-5)
    # Rows 0 and 5 are the same text; the others differ from it.
    same, other = (together[row]["scores"] for row in (5, 2))
    if task == "reviews":
        assert together[0]["scores"] == pytest.approx(same, abs=1e-5)
        assert together[0]["scores"] != pytest.approx(other, abs=1e-5)
