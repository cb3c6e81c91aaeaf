"""What of a model is trained, and how fast: frozen parts, the head alone, and LoRA+'s matrices."""

import shutil

import pytest
import reloading
import safetensors.torch
import torch
import world
from making import built, part, train

import hf_suite
from hf_suite import config as configs
from hf_suite import loop, models
from hf_suite.errors import ConfigError, ModelError


def refusal(call, *args, **keywords):
    with pytest.raises((ModelError, ConfigError)) as caught:
        call(*args, **keywords)
    return str(caught.value)


# LoRA+


def test_lora_plus_trains_the_second_matrices_alone_at_the_higher_rate(tiny_checkpoint, small_world):
    made = part(small_world, tiny_checkpoint("bert"), "pairs")
    trained = {name: one for name, one in built(made).model.named_parameters() if one.requires_grad}
    names = {id(parameter): name for name, parameter in trained.items()}
    found = [
        (group["times"], group["weight_decay"], sorted({kind(names[id(one)]) for one in group["params"]}))
        for group in loop._groups(trained, 0.1, {"lora_B": 16.0})
    ]
    assert found == [
        (1.0, 0.1, ["head weight", "lora_A"]),
        (1.0, 0.0, ["head bias"]),
        (16.0, 0.1, ["lora_B"]),
    ]


def kind(name):
    """lora_A, lora_B, or weight or bias of what is trained in full."""
    matrix = next((part for part in ("lora_A", "lora_B") if part in name), None)
    return matrix or f"head {name.rpartition('.')[2]}"


@pytest.mark.parametrize(("ratio", "length"), [(None, 0.01), (4.0, 0.04)])
def test_the_second_matrices_move_by_the_ratio(tiny_checkpoint, small_world, tmp_path, ratio, length):
    """They begin at zero, and Adam's first step is as long as the rate where there is a gradient."""
    over = {"lora": {"loraplus_ratio": ratio}, "train": {"warmup": 0, "max_steps": 1}, "output": str(tmp_path / "run")}
    hf_suite.run(world.run_config(small_world, "pairs", tiny_checkpoint("bert"), **over))
    saved = safetensors.torch.load_file(tmp_path / "run" / "model" / "adapter_model.safetensors")
    longest = {float(value.abs().max()) for name, value in saved.items() if "lora_B" in name}
    assert sorted(longest) == pytest.approx([length] * len(longest), rel=1e-2)
    assert float(saved["base_model.model.classifier.bias"].abs().max()) == pytest.approx(0.01, rel=1e-2)


# train.freeze


def trained(model):
    return {name for name, value in model.named_parameters() if value.requires_grad}


@pytest.mark.parametrize(
    ("architecture", "how", "still", "learns"),
    [
        ("bert", "embeddings", "bert.embeddings.word_embeddings.weight", "bert.encoder.layer.0.output.dense.bias"),
        ("bert", "first:1", "bert.encoder.layer.0.output.dense.bias", "bert.encoder.layer.1.output.dense.bias"),
        ("bert", "all_but_head", "bert.encoder.layer.1.output.dense.bias", "bert.pooler.dense.weight"),
        ("t5", "first:1", "transformer.decoder.block.0.layer.1.EncDecAttention.q.weight", "classification_head"),
        ("gpt2", "all_but_head", "transformer.ln_f.weight", "score.weight"),
    ],
)
def test_what_is_frozen_stays_and_the_rest_and_the_head_learn(
    tiny_checkpoint, small_world, architecture, how, still, learns
):
    made = part(small_world, tiny_checkpoint(architecture), "pairs")
    ready = built(made, lora=None, freeze=how)
    before = {name: value.detach().clone() for name, value in ready.model.named_parameters()}
    train(ready.model, made, world.run_config(small_world, "pairs", made.located.folder).train)
    moved = {name for name, value in ready.model.named_parameters() if not torch.equal(value, before[name])}
    assert still in before
    assert still not in moved
    assert [name for name in moved if name.startswith(learns)] != []
    assert moved <= trained(ready.model)


def test_the_head_alone_is_trained_saved_and_proven(tiny_checkpoint, small_world, tmp_path):
    """A checkpoint without a pooler: what is fresh belongs to the head."""
    made = part(small_world, shutil.copytree(tiny_checkpoint("bert"), tmp_path / "base"), "pairs")
    ready = built(made, lora=None, freeze="all_but_head")
    assert trained(ready.model) == {
        "bert.pooler.dense.weight",
        "bert.pooler.dense.bias",
        "classifier.weight",
        "classifier.bias",
    }
    train(ready.model, made, world.run_config(small_world, "pairs", made.located.folder).train)
    rows = made.rows.select(range(4))
    models.save(ready.model, made.tokenizer, tmp_path / "saved", base="base")
    again = models.reload(
        tmp_path / "saved", None, made.cls, settings=made.adapter.model_settings(), pad_token_id=0, lora=None
    )
    expected = reloading.logits(ready.model, made.adapter, rows)
    assert reloading.logits(again, made.adapter, rows) == pytest.approx(expected, abs=1e-6, rel=0)


@pytest.mark.parametrize(
    ("over", "message"),
    [
        (
            {"lora": None, "train": {"freeze": "head"}},
            "command line: train.freeze: 'head' is none of its values; say none, embeddings, all_but_head or first:N",
        ),
        (
            {"train": {"freeze": "embeddings"}},
            "command line: train.freeze=embeddings beside lora, which freezes all but its weights and the head; "
            "say lora=null, or leave train.freeze out",
        ),
    ],
)
def test_a_freeze_that_makes_no_sense_is_refused(over, message):
    assert refusal(configs.read, None, {"task": "rte", "model": "m", **over}) == message


def test_more_frozen_layers_than_there_are_is_refused(tiny_checkpoint, small_world):
    made = part(small_world, tiny_checkpoint("bert"), "reviews")
    assert refusal(built, made, lora=None, freeze="first:3") == (
        "train.freeze: first:3, and bert has 2 layers; say first:2 or less"
    )
