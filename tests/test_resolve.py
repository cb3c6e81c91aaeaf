"""What a config leaves open, settled once and said: head, scale, lengths, rates, device."""

import pytest
import tiny
import torch
import transformers
from making import evaluated, settled

from hf_suite.errors import ConfigError, ModelError
from hf_suite.spec import Scale


def refusal(call, *args, **keywords):
    with pytest.raises((ModelError, ConfigError)) as caught:
        call(*args, **keywords)
    return str(caught.value)


def test_a_checkpoint_without_a_head_cannot_be_scored_as_it_is(tiny_checkpoint, small_world, tmp_path):
    model = tiny_checkpoint("bert")
    assert refusal(evaluated, small_world, "reviews", model, tmp_path / "run") == (
        "bert: carries no head for classification, and train is null; "
        "finetune it first (hf-suite train), or give a model that carries its head"
    )
    assert refusal(evaluated, small_world, "questions", model, tmp_path / "run") == (
        "bert: carries no head for question_answering, and train is null; "
        "finetune it first (hf-suite train), or give a model that carries its head"
    )
    assert not (tmp_path / "run").exists()


def test_a_finished_span_head_answers_as_it_is(tiny_checkpoint, small_world, tmp_path):
    model = tiny_checkpoint("bert", head="question_answering")
    assert evaluated(small_world, "questions", model, tmp_path / "run").scores["validation"]["total"] == 12


def test_a_model_of_a_kind_that_cannot_do_the_task_is_refused(tiny_checkpoint, small_world):
    assert (
        refusal(settled, small_world, "questions", tiny_checkpoint("bert"), model_config=transformers.MarianConfig())
        == "bert: Marian has no class for question_answering; take an encoder, or another architecture that has one"
    )


def test_a_tokenizer_without_offsets_is_refused_for_spans_and_leaves_nothing_behind(
    tiny_checkpoint, small_world, tmp_path
):
    model = tiny.checkpoint(tmp_path / "bytes", "bert", vocab_size=384)
    (model / "tokenizer.json").unlink()
    transformers.ByT5Tokenizer().save_pretrained(model)
    assert refusal(evaluated, small_world, "questions", model, tmp_path / "run") == (
        "bytes: ByT5Tokenizer does not say which characters a token stands for, as spans need; "
        "take a checkpoint with a tokenizer.json (a fast tokenizer)"
    )
    assert not (tmp_path / "run").exists()


def test_a_number_is_learnt_standardised_by_the_train_labels(tiny_checkpoint, small_world):
    found = settled(small_world, "likeness", tiny_checkpoint("bert"))
    # Each of 0 to 5 eight times: mean 2.5, variance 35 / 12.
    assert (found.spec.scale.mean, found.spec.scale.sd) == (2.5, pytest.approx(1.707825127659933))
    assert "scale: train labels have mean 2.5 and standard deviation 1.708; learnt standardised" in found.notes


def test_a_finished_head_for_a_number_keeps_its_own_scale(tiny_checkpoint, small_world):
    found = settled(small_world, "likeness", tiny_checkpoint("bert", head="classification", labels=1), train=None)
    assert (found.keep_head, found.spec.scale) == (True, Scale(mean=0.0, sd=1.0))
    assert "scale: the checkpoint's own" in found.notes


def test_a_scale_that_the_task_says_is_taken(tiny_checkpoint, small_world):
    said = {"scale": {"mean": 1.0, "sd": 2.0}}
    assert settled(small_world, "likeness", tiny_checkpoint("bert"), on=said).spec.scale == Scale(mean=1.0, sd=2.0)


@pytest.mark.parametrize(
    ("task", "positions", "length", "note"),
    [
        ("reviews", 512, 128, "max_length: 128, the usual length"),
        ("questions", 512, 384, "max_length: 384, the usual length"),
        ("questions", 64, 64, "max_length: 64, the usual length within the model's positions"),
    ],
)
def test_the_length_is_the_usual_one_or_what_the_model_can(tiny_checkpoint, small_world, task, positions, length, note):
    model = tiny_checkpoint("bert", max_position_embeddings=positions)
    found = settled(small_world, task, model, max_length=None)
    assert (found.config.max_length, note in found.notes) == (length, True)


def test_a_model_without_a_limit_reads_the_usual_length(tiny_checkpoint, small_world):
    assert settled(small_world, "reviews", tiny_checkpoint("xlnet"), max_length=None).config.max_length == 128


@pytest.mark.parametrize("architecture", ["bert", "roberta"])
def test_more_tokens_than_the_model_has_positions_for_are_refused(tiny_checkpoint, small_world, architecture):
    model = tiny_checkpoint(architecture)
    assert settled(small_world, "reviews", model, max_length=512).config.max_length == 512
    assert refusal(settled, small_world, "reviews", model, max_length=513) == (
        f"max_length: 513 tokens, and {architecture} has positions for 512; say max_length=512 or less"
    )


@pytest.mark.parametrize(
    ("lora", "rate", "note"),
    [
        ({}, 1e-3, "train.learning_rate: 0.001, the usual one with LoRA"),
        (None, 5e-5, "train.learning_rate: 5e-05, the usual one without LoRA"),
    ],
)
def test_the_rate_is_the_usual_one_for_what_is_trained(tiny_checkpoint, small_world, lora, rate, note):
    found = settled(small_world, "reviews", tiny_checkpoint("bert"), lora=lora, train={"learning_rate": None})
    assert (found.config.train.learning_rate, note in found.notes) == (rate, True)


@pytest.mark.skipif(
    torch.cuda.is_available() or torch.backends.mps.is_available(), reason="this machine has what is to be absent"
)
def test_a_device_that_is_not_there_is_refused(tiny_checkpoint, small_world):
    model = tiny_checkpoint("bert")
    for device in ("cuda", "mps"):
        assert refusal(settled, small_world, "reviews", model, device=device) == (
            f"device: {device} is asked for and this torch sees none; here: cpu; say device=auto"
        )
    assert settled(small_world, "reviews", model, device="auto").config.device == "cpu"


def test_few_rows_are_learnt_as_often_as_the_steps_asked_for_take(tiny_checkpoint, small_world):
    """48 of 64 rows are left, six steps an epoch: a hundred steps are 16.7 epochs."""
    train = {"max_steps": None, "min_steps": 100, "batch_size": 8}

    found = settled(small_world, "reviews", tiny_checkpoint("bert"), tune={"share": 0.25}, train=train)

    assert found.config.train.epochs == 17
    assert (found.config.train.eval_every, found.config.train.save_every) == (11, 11)
    assert "train.epochs: 17, which makes 100 steps of so few rows" in found.notes
    train["min_steps"] = 6
    found = settled(small_world, "reviews", tiny_checkpoint("bert"), tune={"share": 0.25}, train=train)
    assert found.config.train.epochs == 3
    assert (found.config.train.eval_every, found.config.train.save_every) == (None, None)
