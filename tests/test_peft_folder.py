"""A folder that PEFT saved elsewhere: scored with the head that it carries, finetuned on, or refused."""

import shutil

import peft
import pytest
import reloading
import safetensors.torch
import tiny
import torch
import transformers
import world
from making import built, evaluated, part

import hf_suite
from hf_suite import models
from hf_suite.config import LoraConfig, ModelConfig
from hf_suite.errors import ConfigError, ModelError
from hf_suite.finished import evaluate_run


def refusal(call, *args, **keywords):
    with pytest.raises((ModelError, ConfigError)) as caught:
        call(*args, **keywords)
    return str(caught.value)


def saved(folder, base, *, labels=3, named=None):
    """A model of `labels` outputs under LoRA whose matrices are drawn, saved by PEFT itself: that model."""
    torch.manual_seed(3)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(base, num_labels=labels)
    matrices = peft.LoraConfig(task_type="SEQ_CLS", r=4, target_modules=["query", "value"], init_lora_weights=False)
    model = peft.get_peft_model(model, matrices)
    model.save_pretrained(folder)
    facts = (folder / "adapter_config.json").read_text("utf-8")
    (folder / "adapter_config.json").write_text(facts.replace(str(base), str(named or base)), "utf-8")
    return model.eval()


@pytest.fixture
def base(tiny_checkpoint):
    return tiny_checkpoint("bert", head="backbone")


def test_it_gives_the_outputs_that_it_gives_under_peft(base, small_world, tmp_path):
    model = saved(tmp_path / "own", base)
    made = part(small_world, tmp_path / "own", "pairs")
    rows = made.rows.select(range(4))
    found = built(made, lora=None, keep_head=True)
    assert found.fresh == ()
    expected = reloading.logits(model, made.adapter, rows)
    assert reloading.logits(found.model, made.adapter, rows) == pytest.approx(expected, abs=1e-6, rel=0)
    assert max(map(abs, expected)) > 1e-3


def test_it_is_scored_with_the_labels_that_are_said(base, small_world, tmp_path):
    saved(tmp_path / "own", base)
    labels = {"model": {"labels": list(world.PAIR_LABELS)}}
    result = evaluated(small_world, "pairs", tmp_path / "own", tmp_path / "run", **labels)
    assert (result.rows, result.model["id"]) == ({"validation": 24}, "own")
    assert str(tmp_path) not in (tmp_path / "run" / "result.json").read_text("utf-8")


def test_the_model_of_a_run_of_ours_brings_its_label_names(base, small_world, tmp_path):
    first = hf_suite.run(world.run_config(small_world, "pairs", base, output=str(tmp_path / "run")))
    again = evaluated(small_world, "pairs", tmp_path / "run" / "model", tmp_path / "again")
    assert again.scores == first.scores


@pytest.mark.parametrize("lora", [{"rank": 4}, None])
def test_it_is_finetuned_on_with_a_new_head_and_reloads(base, small_world, tmp_path, lora):
    model = saved(tmp_path / "own", base)
    query = "bert.encoder.layer.0.attention.self.query"
    merged = model.merge_and_unload().get_submodule(query).weight
    ready = built(part(small_world, tmp_path / "own", "reviews"), lora=None)
    assert ready.fresh == ("classifier",)
    assert torch.allclose(ready.model.get_submodule(query).weight, merged, atol=1e-7)
    assert all(parameter.requires_grad for parameter in ready.model.parameters())
    over = {"lora": lora, "output": str(tmp_path / "run")}
    first = hf_suite.run(world.run_config(small_world, "reviews", tmp_path / "own", **over))
    again = evaluate_run(tmp_path / "run", mirrors=(str(small_world.mirror),))
    assert again.scores == first.scores


def test_another_number_of_labels_is_refused_where_its_head_is_to_answer(base, small_world, tmp_path):
    saved(tmp_path / "own", base)
    assert refusal(evaluated, small_world, "reviews", tmp_path / "own", tmp_path / "run") == (
        "own: its head knows LABEL_0, LABEL_1, LABEL_2, the task negative, positive; "
        "say model.labels=[...] in the order of its outputs, or finetune it"
    )


def test_weights_for_another_base_are_refused(base, small_world, tmp_path):
    wide = tiny.checkpoint(tmp_path / "wide", "bert", head="backbone", hidden_size=64)
    saved(tmp_path / "own", base, named=wide)
    assert refusal(built, part(small_world, tmp_path / "own", "pairs"), lora=None, keep_head=True) == (
        f"{tmp_path / 'own'}: its weights do not fit the base wide "
        "(bert.encoder.layer.0.attention.self.query.lora_A.weight, ...); "
        "say with model.base on which base it was trained"
    )


def test_weights_for_a_shallower_base_are_refused(base, small_world, tmp_path):
    deep = tiny.checkpoint(tmp_path / "deep", "bert", head="backbone", num_hidden_layers=3)
    saved(tmp_path / "own", base, named=deep)
    assert refusal(built, part(small_world, tmp_path / "own", "pairs"), lora=None, keep_head=True) == (
        f"{tmp_path / 'own'}: its weights do not fit the base deep "
        "(bert.encoder.layer.2.attention.self.query.lora_A.weight, ...); "
        "say with model.base on which base it was trained"
    )


def test_a_base_that_is_said_wins_and_one_that_is_nowhere_is_asked_for(base, tmp_path, monkeypatch):
    monkeypatch.delenv("HF_SUITE_MIRROR", raising=False)
    saved(tmp_path / "own", base, named="someone/base")
    found = models.locate(ModelConfig(id=str(tmp_path / "own"), base=str(base)))
    assert (found.folder, found.name) == (base, "own")
    shutil.copytree(base, tmp_path / "mirror" / "someone" / "base")
    assert models.locate(ModelConfig(id=str(tmp_path / "own")), [str(tmp_path / "mirror")]).sha256 == found.sha256
    assert refusal(models.locate, ModelConfig(id=str(tmp_path / "own"))) == (
        f"{tmp_path / 'own'}: its base is not at hand (someone/base: no such model; looked for the folder "
        "someone/base, the hub's cache (HF_HUB_OFFLINE is set)); say with model.base where its base lies"
    )
    assert refusal(models.locate, ModelConfig(id=str(base), base="x")) == (
        f"model.base: {base} is no folder that PEFT saved; leave model.base out"
    )


def test_other_weights_or_another_base_are_another_model(base, tmp_path):
    saved(tmp_path / "own", base)
    first = models.locate(ModelConfig(id=str(tmp_path / "own"))).sha256
    shutil.copytree(tmp_path / "own", tmp_path / "moved")
    other = tiny.checkpoint(tmp_path / "other", "bert", head="backbone", seed=7)
    assert models.locate(ModelConfig(id=str(tmp_path / "moved"))).sha256 == first
    assert models.locate(ModelConfig(id=str(tmp_path / "moved"), base=str(other))).sha256 != first
    file = tmp_path / "moved" / "adapter_model.safetensors"
    weights = {name: value + 1 for name, value in safetensors.torch.load_file(file).items()}
    safetensors.torch.save_file(weights, file)
    assert models.locate(ModelConfig(id=str(tmp_path / "moved"))).sha256 != first


def test_a_folder_that_lacks_a_part_is_refused(base, tmp_path):
    saved(tmp_path / "own", base)
    (tmp_path / "own" / "adapter_model.safetensors").rename(tmp_path / "away")
    assert refusal(models.locate, ModelConfig(id=str(tmp_path / "own"))) == (
        f"{tmp_path / 'own'}: has adapter_config.json but no adapter_model.safetensors; "
        "save it again by PEFT's save_pretrained"
    )
    (tmp_path / "away").rename(tmp_path / "own" / "adapter_model.safetensors")
    file = tmp_path / "own" / "adapter_config.json"
    file.write_text(file.read_text("utf-8").replace(str(base), ""), "utf-8")
    assert refusal(models.locate, ModelConfig(id=str(tmp_path / "own"))) == (
        f"{tmp_path / 'own'}: is what PEFT saves, and names no base; say model.base=MODEL"
    )


def test_vectors_before_the_text_are_refused(base, small_world, tmp_path):
    made = part(small_world, base, "pairs")
    ready = built(made, lora=LoraConfig(method="prompt").used())
    models.save(ready.model, made.tokenizer, tmp_path / "own", base=str(base))
    assert refusal(built, part(small_world, tmp_path / "own", "pairs"), lora=None, keep_head=True) == (
        f"{tmp_path / 'own'}: puts vectors before the text, which no weight of the base can take up; "
        "take another PEFT method"
    )
