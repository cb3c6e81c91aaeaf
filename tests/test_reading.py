"""What a model can read of what a tokenizer gives it, and weights that it must not have. All found before step 0."""

import json
import shutil

import pytest
import safetensors.torch
import tiny
import transformers
import world
from making import LORA, built, evaluated, part
from reloading import logits

import hf_suite
from hf_suite import models
from hf_suite.config import ModelConfig
from hf_suite.errors import ConfigError, ModelError


def loaded(folder):
    return models.load_tokenizer(models.locate(ModelConfig(id=str(folder))))


def refusal(call, *args, **keywords):
    with pytest.raises(ModelError) as caught:
        call(*args, **keywords)
    return str(caught.value)


# the token that ends a text


@pytest.fixture
def odd_world(tmp_path):
    """A world in which two of the 24 reviews to score, and one of the 64 to train on, hold </s>."""
    made = world.make(tmp_path / "world")
    for split, odd in (("train", [5]), ("validation", [3, 20])):
        file = made.mirror / "own" / "reviews" / "default" / f"{split}.jsonl"
        rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        for at in odd:
            rows[at]["sentence"] = f"{rows[at]['sentence']}</s> the end</s>"
        world.write_rows(file, rows)
    return made


@pytest.mark.parametrize("architecture", ["t5", "mt5", "bart"])
def test_a_text_that_holds_the_end_token_is_read_without_it_and_counted(
    odd_world, tiny_checkpoint, tmp_path, architecture
):
    config = world.run_config(odd_world, "reviews", tiny_checkpoint(architecture), output=str(tmp_path / "run"))
    result = hf_suite.run(config)
    assert result.counts["validation"]["end_in_text"] == 2
    assert "validation: 2 rows held </s>, which was dropped from the text" in result.caveats


def test_other_models_read_it_as_the_tokenizer_does_unless_told_otherwise(odd_world, tiny_checkpoint, tmp_path):
    model = tiny_checkpoint("roberta", head="classification", labels=["negative", "positive"])
    kept = evaluated(odd_world, "reviews", model, tmp_path / "kept")
    dropped = evaluated(odd_world, "reviews", model, tmp_path / "dropped", end_in_text="drop")
    assert [result.counts["validation"].get("end_in_text") for result in (kept, dropped)] == [None, 2]


def test_to_keep_it_is_refused_where_the_head_is_read_at_it(small_world, tiny_checkpoint, tmp_path):
    with pytest.raises(ConfigError) as caught:
        hf_suite.run(world.run_config(small_world, "reviews", tiny_checkpoint("t5"), end_in_text="keep"))
    assert str(caught.value) == (
        "end_in_text: an encoder-decoder reads its head at the one end token that ends a text; "
        "say drop, or leave the key out"
    )


# ids and segments


def test_a_tokenizer_with_more_ids_than_embeddings_is_refused(tiny_checkpoint, tmp_path):
    folder = shutil.copytree(tiny_checkpoint("bert"), tmp_path / "grown")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["hyperparameter", "learnability"])
    tokenizer.save_pretrained(folder)
    assert refusal(loaded, folder) == (
        "grown: its tokenizer has ids up to 208, and its config embeddings for 207; "
        "take model and tokenizer of the same checkpoint"
    )


def test_a_run_whose_tokenizer_was_exchanged_is_refused(small_world, tiny_checkpoint, tmp_path):
    config = world.run_config(small_world, "reviews", tiny_checkpoint("bert"), output=str(tmp_path / "run"))
    hf_suite.run(config)
    tiny.TOKENIZERS["llama"]().save_pretrained(tmp_path / "run" / "model")
    assert refusal(hf_suite.evaluate_run, tmp_path / "run") == (
        f"{tmp_path / 'run'}: its tokenizer has ids up to 600, and its config embeddings for 207; "
        "take model and tokenizer of the same checkpoint"
    )


@pytest.mark.parametrize("architecture", ["albert", "xlnet"])
def test_the_second_text_of_a_pair_is_told_from_the_first_where_the_model_knows_segments(
    tiny_checkpoint, tmp_path, architecture
):
    note = "segments: the second text of a pair is told from the first, as the model was pretrained"
    tokenizer, notes = loaded(tiny_checkpoint(architecture))
    assert notes[:1] == [note]
    pair = tokenizer("a dog", "the cat")
    assert [kind for token, kind in zip(pair.tokens(), pair["token_type_ids"], strict=True) if token == "▁dog"] == [0]
    assert [kind for token, kind in zip(pair.tokens(), pair["token_type_ids"], strict=True) if token == "▁cat"] == [1]
    tokenizer.save_pretrained(tmp_path)  # as a run keeps it, where no config.json says what the model knows
    again, notes = models.load_tokenizer(models.Located(tmp_path, "run", None))
    assert (again("a dog", "the cat")["token_type_ids"], notes) == (pair["token_type_ids"], [])


def test_segments_that_the_model_has_no_embedding_for_are_left_out(tiny_checkpoint, tmp_path):
    folder = tiny.checkpoint(tmp_path / "single", "bert", type_vocab_size=1)
    tokenizer, notes = loaded(folder)
    assert (sorted(tokenizer("a dog", "the cat")), notes) == (["attention_mask", "input_ids"], [])


def test_bert_reads_segments_as_its_tokenizer_gives_them(tiny_checkpoint):
    tokenizer, notes = loaded(tiny_checkpoint("bert"))
    assert (tokenizer("a dog", "the cat")["token_type_ids"], notes) == ([0, 0, 0, 0, 1, 1, 1], [])


# weights


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused_at_load(small_world, tmp_path, value):
    model = tiny.checkpoint(tmp_path / "burst", "bert", head="classification", labels=["negative", "positive"])
    tensors = safetensors.torch.load_file(model / "model.safetensors")
    for name in ("bert.encoder.layer.1.output.dense.bias", "classifier.bias"):
        tensors[name][0] = value
    safetensors.torch.save_file(tensors, model / "model.safetensors", {"format": "pt"})
    assert refusal(evaluated, small_world, "reviews", model, tmp_path / "run") == (
        "burst: 2 of 41 tensors hold nan or inf (bert.encoder.layer.1.output.dense.bias, ...); "
        "take an earlier checkpoint of that training, or fetch it again"
    )
    assert not (tmp_path / "run").exists()


def test_a_head_of_another_number_of_labels_is_refused(small_world, tiny_checkpoint, tmp_path):
    folder = tiny_checkpoint("bert")
    three, two = part(small_world, folder, "pairs"), part(small_world, folder, "reviews")
    models.save(built(three).model, three.tokenizer, tmp_path / "saved", base="somewhere")
    assert len(logits(built(three).model, three.adapter, three.rows.select(range(4)))) == 12
    assert refusal(
        models.reload,
        tmp_path / "saved",
        two.located,
        two.cls,
        settings=two.adapter.model_settings(),
        pad_token_id=0,
        lora=LORA,
    ) == (
        f"{tmp_path / 'saved'}: its classifier.bias has shape 3, and the task's 2; "
        "use it for a task with as many labels as it was trained on"
    )
