"""Saving finetuned models and loading them anew, of six architectures that each break LoRA in another way."""

import shutil

import apart
import pytest
import reloading
import safetensors.torch
import tiny
import torch
import world
from making import LORA, built, part, train

from hf_suite import models
from hf_suite.errors import ModelError, RunError

TASKS = {"classification": "pairs", "question_answering": "questions"}
CASES = [(architecture, kind) for architecture in tiny.ARCHITECTURES for kind in TASKS]
# Base checkpoints that carry a finished head, which gives way to a new one.
HEADED = [("bert", "classification"), ("modernbert", "classification"), ("deberta-v2", "question_answering")]
FULL = [("bert", "classification"), ("t5", "classification"), ("llama", "question_answering")]
# The first name of the tensors that a task's model takes over; whatever else a checkpoint holds is some head.
BACKBONES = ("bert.", "deberta.", "model.", "transformer.", "shared.", "encoder.", "decoder.")


def randomise_heads(folder):
    """Draws anew whatever in a checkpoint is no part of its backbone; the names of those tensors."""
    file = folder / "model.safetensors"
    weights = safetensors.torch.load_file(file)
    heads = [name for name in weights if not name.startswith(BACKBONES)]
    for name in heads:
        weights[name] = torch.randn(weights[name].shape, generator=torch.Generator().manual_seed(42))
    safetensors.torch.save_file(weights, file, metadata={"format": "pt"})
    return heads


def refusal(call, *args, **keywords):
    with pytest.raises((ModelError, RunError)) as caught:
        call(*args, **keywords)
    return str(caught.value)


def name_of(case):
    return " ".join(map(str, case))


@pytest.fixture(scope="module")
def trips(tmp_path_factory, tiny_checkpoint, small_world):
    """Every case trained for three steps, saved, and loaded by one fresh process on a base whose heads are others."""
    root = tmp_path_factory.mktemp("trips")
    jobs, memory = {}, {}
    cases = [(*case, "usual", True) for case in CASES]
    cases += [(*case, "headed", True) for case in HEADED] + [(*case, "usual", False) for case in FULL]
    for architecture, kind, base, lora in cases:
        key = name_of((architecture, kind, base, "lora" if lora else "full"))
        task, folder = TASKS[kind], root / key.replace(" ", "-")
        labels = world.PAIR_LABELS if kind == "classification" else None
        head = {"head": kind, "labels": labels} if base == "headed" else {}
        shutil.copytree(tiny_checkpoint(architecture, **head), folder / "base")
        made = part(small_world, folder / "base", task)
        torch.manual_seed(1)
        ready = built(made, lora=LORA if lora else None)
        before = {name: value.detach().clone() for name, value in ready.model.named_parameters()}
        config = world.run_config(small_world, task, folder / "base")
        untrained = reloading.logits(ready.model, made.adapter, made.rows.select(range(4)))
        train(ready.model, made, config.train)
        models.save(ready.model, made.tokenizer, folder / "saved", base="somewhere")
        rows = made.rows.select(range(4))
        memory[key] = {
            "built": ready,
            "logits": reloading.logits(ready.model, made.adapter, rows),
            "untrained": untrained,
            "still": [name for name, value in ready.model.named_parameters() if torch.equal(value, before[name])],
            "randomised": randomise_heads(folder / "base"),
            "folder": folder,
        }
        jobs[key] = {
            "base": str(folder / "base"),
            "folder": str(folder / "saved"),
            "lora": lora,
            "spec": made.adapter.spec.model_dump(),
            "config": config.model_dump(),
            "rows": [dict(row) for row in rows],
        }
    for key, logits in apart.call(reloading.reloaded, jobs).items():
        memory[key]["reloaded"] = logits
    return memory


@pytest.mark.parametrize(
    "key",
    [
        *[name_of((*case, "usual", "lora")) for case in CASES],
        *[name_of((*case, "headed", "lora")) for case in HEADED],
        *[name_of((*case, "usual", "full")) for case in FULL],
    ],
)
def test_a_saved_model_answers_the_same_in_a_fresh_process_on_a_base_with_other_heads(trips, key):
    trip = trips[key]
    assert len(trip["reloaded"]) == len(trip["logits"]) > 0
    assert trip["reloaded"] == pytest.approx(trip["logits"], abs=1e-6, rel=0)
    # And that says something: three steps have moved the logits by more than the tolerance.
    assert max(abs(a - b) for a, b in zip(trip["untrained"], trip["logits"], strict=True)) > 1e-3


@pytest.mark.parametrize("key", [name_of((*case, "usual", "lora")) for case in CASES])
def test_every_tensor_of_a_fresh_part_is_trained_and_saved(trips, key):
    trip = trips[key]
    copies = [f"{module}.modules_to_save.default." for module in trip["built"].fresh]
    assert [name for name in trip["still"] if any(copy in name for copy in copies)] == []
    saved = safetensors.torch.load_file(trip["folder"] / "saved" / "adapter_model.safetensors")
    for module in trip["built"].fresh:
        own = [
            name
            for name, _ in trip["built"]
            .model.get_base_model()
            .get_submodule(module)
            .modules_to_save["default"]
            .named_parameters()
        ]
        assert {f"base_model.model.{module}.{name}" for name in own} <= saved.keys()


def test_the_trips_cover_the_parts_that_peers_lose(trips):
    def names(key):
        return {
            name.removeprefix("base_model.model.")
            for name in safetensors.torch.load_file(trips[key]["folder"] / "saved" / "adapter_model.safetensors")
            if "lora_" not in name
        }

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
    assert trips["modernbert question_answering usual lora"]["randomised"] == [
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
    assert randomise_heads(folder) == [
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


def test_lora_weights_on_a_base_of_another_architecture_are_refused(trips, tiny_checkpoint, small_world):
    made = part(small_world, tiny_checkpoint("gpt2"), "pairs")
    saved = trips["bert classification usual lora"]["folder"] / "saved"
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
