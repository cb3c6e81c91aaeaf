"""Rows and models that cannot serve are one line of place, finding and remedy, and leave nothing behind."""

import json
from pathlib import Path

import pytest
import refusing
import tiny
import torch
import transformers
import world
from command import said
from refusing import TRAIN, refused

from hf_suite import shipped


@pytest.fixture
def place(tmp_path, monkeypatch, tiny_checkpoint):
    """The current folder, with all that a run needs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_SUITE_MIRROR", "mirror")
    refusing.make(tiny_checkpoint("bert"))


def rows(name, split, *lines):
    world.write_rows(Path("mirror/own") / name / "default" / f"{split}.jsonl", lines)


def review(label="positive", text="the film was good"):
    return {"sentence": text, "label": label}


# Rows


def test_a_column_that_is_not_there(place, capsys):
    assert refused(capsys, *TRAIN, "task.columns.text=sentnce") == (
        "reviews train: no column 'sentnce'; did you mean 'sentence'? there are: sentence, label; "
        "write task.columns.text=COLUMN"
    )


def test_a_label_outside_the_list(place, capsys):
    rows("reviews", "train", review(), review("negativ"))

    assert refused(capsys, *TRAIN) == (
        "reviews train row 1: label 'negativ' is not one of negative, positive; "
        "write the data's label names as task.labels=[...]"
    )


def test_a_null_where_a_text_is_needed(place, capsys):
    rows("reviews", "train", review(), review("negative", None), review("negative", None))

    assert refused(capsys, *TRAIN) == (
        "reviews train: 2 rows have no 'sentence' (null), first row 1; "
        "fill or remove them, or name another column as task.columns.text=COLUMN"
    )


def test_no_train_rows_at_hand(place, capsys):
    Path("mirror/own/reviews/default/train.jsonl").unlink()

    assert refused(capsys, *TRAIN) == (
        "own/reviews/default: split train is not at hand: no train.parquet, .jsonl or .txt in a mirror, and the hub is "
        "switched off (HF_HUB_OFFLINE); give a folder that has it as --mirror or HF_SUITE_MIRROR (looked under mirror, "
        f"{shipped.folder('demo-data')})"
    )


def test_a_task_that_has_no_train_split(place, capsys):
    assert refused(capsys, *TRAIN, "--task", "tasks/entailed.yaml") == (
        "entailed: the task has no train split; evaluate a run of pairs on it, or set train=null"
    )


def test_train_rows_of_one_class(place, capsys):
    rows("reviews", "train", review(), review(), review())

    assert refused(capsys, *TRAIN) == (
        "reviews train: all 3 train rows have the label 'positive'; raise limit, or give rows of another label too"
    )


def test_a_file_without_rows(place, capsys):
    rows("reviews", "train")

    assert refused(capsys, *TRAIN) == (
        "mirror/own/reviews/default/train.jsonl: the file has no rows; restore it, or remove it to look elsewhere"
    )


@pytest.mark.parametrize("label", [-1, None])
def test_a_split_without_labels_can_be_answered_but_not_scored(place, capsys, label):
    rows("reviews", "validation", *[review(label)] * 3)

    assert refused(capsys, *TRAIN) == (
        "reviews validation: none of the 3 rows has a label, so they can be answered but not scored; "
        "name a split with labels as task.source.eval=[...]"
    )


def test_empty_texts_are_counted_and_warned_of(place, capsys):
    texts = ["", " ", "the film was good"]
    rows("reviews", "validation", *[review(text=text) for text in texts])

    code, _, err = said(capsys, *TRAIN)

    assert code == 0
    assert "validation: 2 rows have an empty text" in err.splitlines()


# Models


def test_a_model_that_is_not_there_offline(place, capsys):
    Path("run.yaml").write_text("task: tasks/reviews.yaml\n")

    assert refused(capsys, *TRAIN, "--model", "bert-base") == (
        "bert-base: no such model; looked for the folder bert-base, mirror/bert-base, the hub's cache (HF_HUB_OFFLINE "
        "is set); give a folder with config.json, a mirror that holds it (--mirror), or a hub id that can be reached"
    )


def test_a_package_that_is_not_installed(place, capsys):
    Path("run.yaml").write_text("task: tasks/reviews.yaml\n")

    assert refused(capsys, *TRAIN, "--model", "package:no_such/model") == (
        "package:no_such/model: no package 'no_such' is installed; pip install --no-deps no-such"
    )


def test_a_model_of_a_kind_that_cannot_do_the_task(place, capsys):
    transformers.CLIPConfig().save_pretrained("bert")

    assert refused(capsys, *TRAIN) == (
        "bert: CLIP has no class for classification; take an encoder, or another architecture that has one"
    )


def test_a_model_without_a_head_that_is_not_to_be_trained(place, capsys):
    assert refused(capsys, "eval", "--model", "bert", "--task", "tasks/reviews.yaml", "-o", "run") == (
        "bert: carries no head for classification, and train is null; "
        "finetune it first (hf-suite train), or give a model that carries its head"
    )


def test_a_head_of_other_labels(place, capsys):
    tiny.checkpoint(Path("moods"), "bert", head="classification", labels=("sad", "glad"))

    assert refused(capsys, "eval", "--model", "moods", "--task", "tasks/reviews.yaml", "-o", "run") == (
        "moods: its head knows sad, glad, the task negative, positive; "
        "say model.labels=[...] in the order of its outputs, or finetune it"
    )


def test_a_tokenizer_without_offsets_for_question_answering(place, capsys):
    tiny.checkpoint(Path("bytes"), "bert", vocab_size=384)
    Path("bytes/tokenizer.json").unlink()
    transformers.ByT5Tokenizer().save_pretrained("bytes")
    Path("run.yaml").write_text("task: tasks/questions.yaml\nmodel: bytes\n")

    assert refused(capsys, *TRAIN) == (
        "bytes: ByT5Tokenizer does not say which characters a token stands for, as spans need; "
        "take a checkpoint with a tokenizer.json (a fast tokenizer)"
    )


def test_more_tokens_than_roberta_has_positions_for(place, capsys):
    tiny.checkpoint(Path("roberta"), "roberta", max_position_embeddings=514)
    Path("run.yaml").write_text("task: tasks/reviews.yaml\nmodel: roberta\n")

    assert refused(capsys, *TRAIN, "max_length=514") == (
        "max_length: 514 tokens, and roberta has positions for 512; say max_length=512 or less"
    )


def test_a_missing_pad_token_is_set_and_said(place, capsys):
    tiny.checkpoint(Path("gpt2"), "gpt2")
    Path("run.yaml").write_text("task: tasks/reviews.yaml\nmodel: gpt2\ndevice: cpu\ntrain: {max_steps: 1}\n")

    code, _, err = said(capsys, *TRAIN)

    assert code == 0
    assert "pad token: '<|endoftext|>', since the tokenizer has none" in err.splitlines()


def test_weights_that_do_not_belong_to_their_config(place, capsys):
    config = json.loads(Path("bert/config.json").read_text())
    Path("bert/config.json").write_text(json.dumps(config | {"hidden_size": 64}))

    message = refused(capsys, *TRAIN)

    assert message.startswith("bert: ")
    assert message.endswith("; take a checkpoint whose weights belong to its config.json")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_asked_for_and_absent(place, capsys):
    assert refused(capsys, *TRAIN, "device=cuda") == (
        "device: cuda is asked for and this torch sees none; here: cpu; say device=auto"
    )


def test_a_layer_that_the_model_does_not_have(place, capsys):
    assert refused(capsys, *TRAIN, "lora.targets=[querry]") == (
        "lora.targets: no layer 'querry' in BertForSequenceClassification; did you mean 'query'? "
        "there are: dense, key, query, value"
    )
