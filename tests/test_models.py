"""Building, wrapping, saving and reloading models of six architectures that each break LoRA in another way."""

import shutil
from itertools import islice
from typing import Any, NamedTuple

import accelerate
import apart
import pytest
import reloading
import safetensors.torch
import tiny
import torch
import world

from hf_suite import data, models, spec
from hf_suite.adapters import ADAPTERS
from hf_suite.config import LoraConfig, ModelConfig
from hf_suite.errors import ConfigError, ModelError, RunError
from hf_suite.loop import finetune

LORA = LoraConfig(rank=4)
TASKS = {"classification": "pairs", "question_answering": "questions"}
CASES = [(architecture, kind) for architecture in tiny.ARCHITECTURES for kind in TASKS]
# Base checkpoints that carry a finished head, which gives way to a new one.
HEADED = [("bert", "classification"), ("modernbert", "classification"), ("deberta-v2", "question_answering")]
FULL = [("bert", "classification"), ("t5", "classification"), ("llama", "question_answering")]
# The first name of the tensors that a task's model takes over; whatever else a checkpoint holds is some head.
BACKBONES = ("bert.", "deberta.", "model.", "transformer.", "shared.", "encoder.", "decoder.")


class Part(NamedTuple):
    """What a task's model is made of, without a run."""

    located: models.Located
    cls: Any
    adapter: Any
    tokenizer: Any
    rows: Any


def part(small_world, folder, task):
    """Model class, adapter and rows of a task for the checkpoint in a folder."""
    facts = spec.read(str(small_world.tasks[task]))
    config = world.run_config(small_world, task, folder)
    located = models.locate(ModelConfig(id=str(folder)))
    tokenizer, _ = models.load_tokenizer(located)
    adapter = ADAPTERS[facts.kind, "head"](facts, config, tokenizer)
    rows = data.rows(facts, facts.source.train, mirrors=config.mirror).rows
    return Part(located, adapter.auto_model(models.load_config(located)), adapter, tokenizer, rows)


def built(made, *, lora=LORA, keep_head=False):
    return models.build(
        made.located,
        made.cls,
        settings=made.adapter.model_settings(),
        keep_head=keep_head,
        lora=lora,
        peft_task=made.adapter.peft_task,
        pad_token_id=made.tokenizer.pad_token_id,
    )


def train(model, made, config):
    """Three optimizer steps."""
    features = made.adapter.train_features(made.rows)
    steps = finetune(model, made.adapter, features, config=config, accelerator=accelerate.Accelerator(cpu=True), seed=0)
    return list(islice(steps, 3))


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
    with pytest.raises((ModelError, ConfigError, RunError)) as caught:
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
    assert torch.equal(kept.model.classifier.weight, weight)


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
