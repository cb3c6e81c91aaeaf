"""Shots: which train rows they are, how they stand before a question, and what is refused."""

import shutil

import pytest
import texts
import transformers
import world
import writers
from datasets import Dataset
from test_decoders import CHAT

import hf_suite
from hf_suite import data, shots, spec
from hf_suite.errors import ConfigError, SuiteError


def config(made, model, task="reviews", /, **over):
    usual = {"protocol": "generation", "train": None, "max_length": None, "max_target_length": 8}
    return world.run_config(made, task, model, **{**usual, **over})


def drawn(made, task, many, seed=0):
    facts = spec.read(str(made.tasks[task]))
    train = data.rows(facts, "train", mirrors=(str(made.mirror),))
    return shots.drawn(facts, train, many, seed=seed).rows


def refusal(told):
    with pytest.raises(SuiteError) as caught:
        texts.session(told)
    return str(caught.value)


def test_labels_take_turns_and_more_shots_hold_the_fewer(small_world):
    for many in range(1, 8):
        counts = [drawn(small_world, "pairs", many)["label"][:].count(label) for label in world.PAIR_LABELS]
        assert max(counts) - min(counts) <= 1
        assert sum(counts) == many
        assert set(drawn(small_world, "pairs", many)["row"]) < set(drawn(small_world, "pairs", many + 1)["row"])
    assert len({tuple(drawn(small_world, "pairs", 3, seed)["row"]) for seed in range(5)}) == 5


def test_rows_without_labels_are_drawn_as_they_fall(small_world):
    assert len(set(drawn(small_world, "questions", 5)["row"])) == 5
    assert list(drawn(small_world, "questions", 5)["row"]) == list(drawn(small_world, "questions", 5)["row"])


@pytest.mark.parametrize("protocol", ["likelihood", "generation"])
def test_every_question_stands_behind_the_same_answered_rows_and_the_result_names_them(
    small_world, tiny_checkpoint, tmp_path, protocol
):
    limit = {} if protocol == "likelihood" else {"max_target_length": 4}
    over = {"protocol": protocol, "shots": 2, "seed": 3, "max_target_length": None, "eval_limit": 4, **limit}
    told = config(small_world, tiny_checkpoint("gpt2"), output=str(tmp_path / "run"), **over)
    ready = texts.session(told)
    rows = ready.parts.eval["validation"].rows
    first, second = drawn(small_world, "reviews", 2, seed=3)
    assert {first["label"], second["label"]} == {"negative", "positive"}
    asked = "\nWhich is it: negative or positive?\nAnswer:"
    before = "".join(f"Text: {row['text']}{asked} {row['label']}\n\n" for row in (first, second))
    features = ready.adapter.eval_features(rows)
    by_row = dict(zip(features["row"], features["input_ids"], strict=True)) if protocol == "generation" else {}
    for row in rows:
        ids = by_row.get(row["row"]) or next(one["input_ids"] for one in features if one["row"] == row["row"])
        assert ready.tokenizer.decode(ids).startswith(f"{before}Text: {row['text']}{asked}")
    result = hf_suite.run(told)
    assert result.shots == [first["row"], second["row"]]
    assert result.resolved["shots"] == 2
    assert result.data["sha256"]["train"] == ready.parts.shots.sha256


def test_a_chat_template_makes_each_shot_two_turns(small_world, tiny_checkpoint, tmp_path):
    model = shutil.copytree(tiny_checkpoint("qwen2"), tmp_path / "chat")
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(model)
    ready = texts.session(config(small_world, model, shots=1))
    (shot,) = drawn(small_world, "reviews", 1)
    features = ready.adapter.eval_features(Dataset.from_dict({"row": [0], "text": ["a dog"]}))
    asked = "Text: {}\nWhich is it: negative or positive?\nAnswer:"
    assert ready.tokenizer.decode(features["input_ids"][0]) == (
        f"<|im_start|>user\n{asked.format(shot['text'])}<|im_end|>\n"
        f"<|im_start|>assistant\n{shot['label']}<|im_end|>\n"
        f"<|im_start|>user\n{asked.format('a dog')}<|im_end|>\n<|im_start|>assistant\n"
    )
    assert "stop_strings" not in ready.config.generation


def test_an_answer_ends_where_the_next_shot_would_begin(small_world, tiny_checkpoint):
    ready = texts.session(config(small_world, tiny_checkpoint("gpt2"), shots=1))
    assert ready.config.generation["stop_strings"] == ["\n\n"]
    ids = ready.tokenizer(" positive\n\nText: a dog")["input_ids"]
    assert ready.adapter.evidence({"row": 0, "text": "a"}, [], [[1.0, ids]])["texts"] == ["positive"]


def test_shots_that_leave_no_room_for_a_row_are_refused(small_world, tiny_checkpoint):
    model = tiny_checkpoint("gpt2", n_positions=300)
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    asked = "Text: {}\nWhich is it: negative or positive?\nAnswer:"

    def taken(rows):
        shown = [f"{asked.format(row['text'])} {row['label']}\n\n" for row in rows]
        return len(tokenizer("".join(shown) + asked.format(""))["input_ids"])

    rows = list(drawn(small_world, "reviews", 8))
    eight, five, four = (taken(rows[:many]) for many in (8, 5, 4))
    two = taken(drawn(small_world, "reviews", 2))
    assert four <= 292 - 8 < five  # of 300 positions an answer takes 8, and 8 are left for the row
    assert refusal(config(small_world, model, shots=8)) == (
        f"shots: 8 rows with their answers take {eight} tokens, and gpt2 reads 292; say shots=4 or less"
    )
    assert refusal(config(small_world, model, shots=2, max_length=64)) == (
        f"shots: 2 rows with their answers take {two} tokens, and gpt2 reads 64; "
        "leave shots out, or say a larger max_length"
    )


def test_more_shots_than_rows_are_refused(small_world, tiny_checkpoint):
    assert refusal(config(small_world, tiny_checkpoint("gpt2"), shots=65)) == (
        "shots: 65 rows, and train of reviews has 64; say shots=64 or less"
    )


def test_a_task_without_train_rows_has_no_shots(small_world, tiny_checkpoint):
    assert refusal(config(small_world, tiny_checkpoint("gpt2"), "entailed", shots=2)) == (
        "entailed: the task has no train split to take shots from; "
        "name one as task.source.train=..., or leave shots out"
    )


def test_shots_beside_training_are_refused(small_world, tiny_checkpoint):
    with pytest.raises(ConfigError) as caught:
        config(small_world, tiny_checkpoint("gpt2"), shots=2, train={"epochs": 1})
    assert str(caught.value) == (
        "test: shots=2 beside train, which shows the rows itself; say train=null, or leave shots out"
    )


def test_an_encoder_decoder_is_not_shown_shots(tmp_path):
    made = texts.make(tmp_path)
    model = writers.writer(tmp_path / "bart", "bart")
    assert refusal(texts.run_config(made, model, train=None, shots=2)) == (
        "shots: bart reads with an encoder, which was never shown answered rows; "
        "leave the key out, or take a decoder (GPT-2, Llama)"
    )
