"""Building a model from a checkpoint: which parts are fresh, what LoRA adapts, and what is refused."""

import os
import shutil
from pathlib import Path

import pytest
import safetensors.torch
import torch
import world
from making import built, part

from hf_suite.config import LoraConfig
from hf_suite.errors import ConfigError, ModelError

TASKS = {"classification": "pairs", "question_answering": "questions"}


def refusal(call, *args, **keywords):
    with pytest.raises((ModelError, ConfigError)) as caught:
        call(*args, **keywords)
    return str(caught.value)


@pytest.mark.parametrize(
    ("architecture", "kind", "base", "fresh"),
    [
        ("bert", "classification", None, ("bert.pooler.dense", "classifier")),
        ("bert", "classification", "backbone", ("classifier",)),
        ("bert", "question_answering", None, ("qa_outputs",)),
        ("deberta-v2", "classification", None, ("classifier", "pooler")),
        ("deberta-v2", "question_answering", None, ("qa_outputs",)),
        ("modernbert", "classification", None, ("classifier",)),
        ("modernbert", "question_answering", None, ("classifier",)),
        ("modernbert", "question_answering", "backbone", ("classifier", "head")),
        ("t5", "classification", None, ("classification_head",)),
        ("t5", "question_answering", None, ("qa_outputs",)),
        ("gpt2", "classification", None, ("score",)),
        ("gpt2", "question_answering", None, ("qa_outputs",)),
        ("llama", "classification", None, ("score",)),
        ("llama", "question_answering", None, ("qa_outputs",)),
    ],
)
def test_the_fresh_parts_are_what_the_checkpoint_lacks(tiny_checkpoint, small_world, architecture, kind, base, fresh):
    folder = tiny_checkpoint(architecture, head=base) if base else tiny_checkpoint(architecture)
    assert built(part(small_world, folder, TASKS[kind])).fresh == fresh


def test_llamas_span_class_gets_the_weights_of_the_causal_model(tiny_checkpoint, small_world):
    folder = tiny_checkpoint("llama")
    model = built(part(small_world, folder, "questions"), lora=None).model
    checkpoint = safetensors.torch.load_file(folder / "model.safetensors")
    backbone = {name for name in checkpoint if name.startswith("model.")}
    assert len(backbone) == 20
    found = model.state_dict()
    for name in backbone:
        assert torch.equal(found[name.replace("model.", "transformer.", 1)], checkpoint[name]), name


def test_a_finished_head_gives_way_to_a_new_one_or_is_kept_as_asked(tiny_checkpoint, small_world):
    folder = tiny_checkpoint("bert", head="classification", labels=world.PAIR_LABELS)
    weight = safetensors.torch.load_file(folder / "model.safetensors")["classifier.weight"]
    made = part(small_world, folder, "pairs")
    anew, kept = built(made, lora=None), built(made, lora=None, keep_head=True)
    assert (anew.fresh, kept.fresh) == (("classifier",), ())
    assert not torch.equal(anew.model.classifier.weight, weight)
    # BERT draws weights from a normal distribution of this deviation, and biases are zero.
    assert float(anew.model.classifier.weight.detach().std()) == pytest.approx(0.02, rel=0.3)
    assert anew.model.classifier.bias.tolist() == [0.0, 0.0, 0.0]
    assert torch.equal(kept.model.classifier.weight, weight)


def test_lora_trains_no_more_than_its_matrices_and_the_heads(tiny_checkpoint, small_world):
    ready = built(part(small_world, tiny_checkpoint("bert", head="backbone"), "reviews"))
    trained = {name: value.numel() for name, value in ready.model.named_parameters() if value.requires_grad}
    # 2 layers x (query, value) x 2 matrices of 4 x 32, and 2 outputs of 32 weights and a bias.
    assert sum(size for name, size in trained.items() if "lora_" in name) == 2 * 2 * 2 * 4 * 32
    assert sum(size for name, size in trained.items() if "lora_" not in name) == 2 * 32 + 2


def test_a_half_precision_checkpoint_is_trained_in_fp32(tiny_checkpoint, small_world, tmp_path):
    folder = shutil.copytree(tiny_checkpoint("bert"), tmp_path / "half")
    file = folder / "model.safetensors"
    weights = {name: value.bfloat16() for name, value in safetensors.torch.load_file(file).items()}
    safetensors.torch.save_file(weights, file, metadata={"format": "pt"})
    facts = (folder / "config.json").read_text("utf-8").replace('"float32"', '"bfloat16"')
    (folder / "config.json").write_text(facts, "utf-8")
    ready = built(part(small_world, folder, "reviews"))
    assert {value.dtype for value in ready.model.parameters()} == {torch.float32}


def without(folder, *, named):
    """Takes the tensors whose names hold one of these words out of a checkpoint."""
    file = folder / "model.safetensors"
    weights = safetensors.torch.load_file(file)
    kept = {name: value for name, value in weights.items() if not any(word in name for word in named)}
    safetensors.torch.save_file(kept, file, metadata={"format": "pt"})
    return folder


def test_a_checkpoint_without_its_backbone_is_refused(tiny_checkpoint, small_world, tmp_path):
    folder = without(shutil.copytree(tiny_checkpoint("bert"), tmp_path / "bare"), named=["encoder.layer.1."])
    assert refusal(built, part(small_world, folder, "reviews")) == (
        "bare: 16 of 41 tensors of BertForSequenceClassification are not in the checkpoint "
        "(bert.encoder.layer.1.attention.output.LayerNorm.bias, ...); "
        "take a checkpoint whose weights belong to its config.json"
    )


def test_a_checkpoint_without_its_embeddings_is_refused(tiny_checkpoint, small_world, tmp_path):
    folder = without(shutil.copytree(tiny_checkpoint("bert"), tmp_path / "blind"), named=["word_embeddings", "decoder"])
    assert refusal(built, part(small_world, folder, "reviews")) == (
        "blind: 1 of 41 tensors of BertForSequenceClassification are not in the checkpoint "
        "(bert.embeddings.word_embeddings.weight, ...); take a checkpoint whose weights belong to its config.json"
    )


def test_a_checkpoint_of_another_size_than_its_config_is_refused(tiny_checkpoint, small_world, tmp_path):
    folder = shutil.copytree(tiny_checkpoint("bert"), tmp_path / "other")
    facts = (folder / "config.json").read_text("utf-8").replace('"vocab_size": 207', '"vocab_size": 300')
    (folder / "config.json").write_text(facts, "utf-8")
    assert refusal(built, part(small_world, folder, "reviews")) == (
        "other: 1 of 41 tensors of BertForSequenceClassification are not in the checkpoint "
        "(bert.embeddings.word_embeddings.weight, ...); take a checkpoint whose weights belong to its config.json"
    )


def test_a_folder_without_weights_is_refused(tiny_checkpoint, small_world, tmp_path):
    folder = shutil.copytree(tiny_checkpoint("bert"), tmp_path / "hollow")
    (folder / "model.safetensors").unlink()
    message = refusal(built, part(small_world, folder, "reviews"))
    assert message.startswith("hollow: its weights cannot be loaded (")  # transformers' own words follow
    assert message.endswith("); give a folder with model.safetensors that belongs to its config.json")


@pytest.mark.parametrize(
    ("lora", "message"),
    [
        (
            {"targets": ["querry"]},
            "lora.targets: no layer 'querry' in BertForSequenceClassification; "
            "did you mean 'query'? there are: dense, key, query, value",
        ),
        (
            {"options": {"use_dorra": True}},
            "lora.options: PEFT's LoraConfig has no field 'use_dorra'; did you mean 'use_dora'?",
        ),
        (
            {"options": {"modules_to_save": ["classifier"]}},
            "bare: the fresh part bert.pooler.dense would stay untrained; leave it out of lora.options",
        ),
    ],
)
def test_lora_that_would_do_nothing_or_lose_a_part_is_refused(tiny_checkpoint, small_world, tmp_path, lora, message):
    folder = shutil.copytree(tiny_checkpoint("bert"), tmp_path / "bare")
    made = part(small_world, folder, "reviews")
    assert refusal(built, made, lora=LoraConfig(**lora)) == message


def test_options_that_peft_refuses_are_refused_in_one_line(tiny_checkpoint, small_world):
    made = part(small_world, tiny_checkpoint("bert"), "reviews")
    message = refusal(built, made, lora=LoraConfig(options={"layers_to_transform": [99]}))
    assert message.startswith("lora.options: PEFT refuses them (")  # PEFT's own words follow
    assert message.endswith("); see the fields of PEFT's LoraConfig")


def test_options_reach_peft(tiny_checkpoint, small_world):
    made = part(small_world, tiny_checkpoint("bert"), "reviews")
    ready = built(made, lora=LoraConfig(rank=4, options={"use_dora": True}))
    assert [name for name, _ in ready.model.named_parameters() if "magnitude" in name] != []


@pytest.mark.parametrize(
    ("name", "task", "fresh"),
    [
        ("albert-rxnmapper-smiles", "pairs", ("albert.pooler", "classifier")),
        ("tinybert-4l-312-ner-from-int8", "pairs", ("bert.pooler.dense", "classifier")),
        ("bart-tiny-g2p-en-gb", "pairs", ("classification_head",)),
        ("llama-stories260K", "questions", ("qa_outputs",)),
    ],
)
def test_real_checkpoints_lack_what_theirs_lack(small_world, name, task, fresh):
    mirrors = [Path(folder) for folder in os.environ.get("HF_SUITE_MIRROR", "").split(os.pathsep) if folder]
    folder = next((mirror / name for mirror in mirrors if (mirror / name).is_dir()), None)
    if folder is None:
        pytest.skip(f"HF_SUITE_MIRROR names no folder with {name}")
    assert built(part(small_world, folder, task)).fresh == fresh
