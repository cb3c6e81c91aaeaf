"""Saving finetuned models and loading them anew, of six architectures that each break LoRA in another way."""

import shutil

import pytest
import reloading
import tiny
import torch
import trips
import world
from making import LORA, built, part, train
from trips import Case

from hf_suite import models
from hf_suite.errors import ModelError, RunError

CASES = [Case(architecture, kind) for architecture in tiny.ARCHITECTURES for kind in trips.TASKS]
# Base checkpoints that carry a finished head, which gives way to a new one.
HEADED = [
    Case("bert", "classification", "headed"),
    Case("modernbert", "classification", "headed"),
    Case("deberta-v2", "question_answering", "headed"),
]
FULL = [
    Case("bert", "classification", lora=False),
    Case("t5", "classification", lora=False),
    Case("llama", "question_answering", lora=False),
]


def refusal(call, *args, **keywords):
    with pytest.raises((ModelError, RunError)) as caught:
        call(*args, **keywords)
    return str(caught.value)


@pytest.fixture(scope="module")
def gone(tmp_path_factory, tiny_checkpoint, small_world):
    """Every case trained for three steps and saved, beside a base whose heads have become others."""
    root = tmp_path_factory.mktemp("trips")
    return {str(case): trips.out(case, root, tiny_checkpoint, small_world) for case in [*CASES, *HEADED, *FULL]}


@pytest.fixture(scope="module")
def reloaded(gone):
    """The logits of all of them, loaded by one fresh process."""
    return trips.back(gone)


@pytest.mark.parametrize("case", [*CASES, *HEADED, *FULL], ids=str)
def test_a_saved_model_answers_the_same_in_a_fresh_process_on_a_base_with_other_heads(gone, reloaded, case):
    trip = gone[str(case)]
    assert len(trip.logits) > 0
    assert reloaded[str(case)] == pytest.approx(trip.logits, abs=1e-6, rel=0)
    # And that says something: three steps have moved the logits by more than the tolerance.
    assert trips.farthest(trip.untrained, trip.logits) > 1e-3


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_tensor_of_a_fresh_part_is_trained_and_saved(gone, case):
    assert trips.untrained_parts(gone[str(case)]) == []
    assert trips.unsaved_parts(gone[str(case)]) == set()


def test_the_trips_cover_the_parts_that_peers_lose(gone):
    def names(key):
        return {name.removeprefix("base_model.model.") for name in trips.saved_names(gone[key]) if "lora_" not in name}

    assert names("bert classification usual lora") == {
        "bert.pooler.dense.weight",
        "bert.pooler.dense.bias",
        "classifier.weight",
        "classifier.bias",
    }
    assert names("deberta-v2 classification usual lora") == {
        "pooler.dense.weight",
        "pooler.dense.bias",
        "classifier.weight",
        "classifier.bias",
    }
    assert names("modernbert question_answering usual lora") == {
        "head.dense.weight",
        "head.norm.weight",
        "classifier.weight",
        "classifier.bias",
    }
    assert names("t5 classification usual lora") == {
        "classification_head.dense.weight",
        "classification_head.dense.bias",
        "classification_head.out_proj.weight",
        "classification_head.out_proj.bias",
    }
    assert gone["modernbert question_answering usual lora"].randomised == [
        "head.dense.weight",
        "head.norm.weight",
    ]


def test_a_kept_head_is_trained_and_saved_all_the_same(tiny_checkpoint, small_world, tmp_path):
    folder = shutil.copytree(
        tiny_checkpoint("deberta-v2", head="classification", labels=world.PAIR_LABELS), tmp_path / "base"
    )
    made = part(small_world, folder, "pairs")
    ready = built(made, keep_head=True)
    assert (ready.fresh, ready.heads) == ((), ("classifier", "pooler"))
    train(ready.model, made, world.run_config(small_world, "pairs", folder).train)
    models.save(ready.model, made.tokenizer, tmp_path / "saved", base="somewhere")
    rows = made.rows.select(range(4))
    expected = reloading.logits(ready.model, made.adapter, rows)
    assert trips.randomise_heads(folder) == [
        "classifier.bias",
        "classifier.weight",
        "pooler.dense.bias",
        "pooler.dense.weight",
    ]
    again = models.reload(
        tmp_path / "saved",
        made.located,
        made.cls,
        settings=made.adapter.model_settings(),
        pad_token_id=0,
        lora=LORA,
    )
    assert reloading.logits(again, made.adapter, rows) == pytest.approx(expected, abs=1e-6, rel=0)


def test_weights_that_are_not_finite_are_not_saved(tiny_checkpoint, small_world, tmp_path):
    made = part(small_world, tiny_checkpoint("bert", head="backbone"), "reviews")
    ready = built(made, lora=None)
    with torch.no_grad():
        ready.model.classifier.bias[0] = float("nan")
    assert refusal(models.save, ready.model, made.tokenizer, tmp_path / "new", base="x") == (
        f"{tmp_path / 'new'}: 1 tensors are not finite (classifier.bias, ...); nothing was saved; lower the rate"
    )
    assert not (tmp_path / "new").exists()


def test_lora_weights_on_a_base_of_another_architecture_are_refused(gone, tiny_checkpoint, small_world):
    made = part(small_world, tiny_checkpoint("gpt2"), "pairs")
    saved = gone["bert classification usual lora"].folder / "saved"
    message = refusal(
        models.reload,
        saved,
        made.located,
        made.cls,
        settings=made.adapter.model_settings(),
        pad_token_id=0,
        lora=LORA,
    )
    assert message.startswith(f"{saved}: its LoRA weights do not fit the base (")  # PEFT's own words follow
    assert message.endswith("); give the base that they were trained on")
