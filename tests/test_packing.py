"""Documents in full blocks: each window once, the loss of each as if it stood alone, and models that cannot bear it."""

import pytest
import tiny
import torch
import transformers
import world
from datasets import Dataset
from test_adapters_document import SPEC, TEXT, config, documents, loaded, run_config

import hf_suite
from hf_suite.adapters import packing, take
from hf_suite.adapters.document import DocumentAdapter
from hf_suite.errors import ConfigError, ModelError

TEXTS = [TEXT, "the dog .", "a cat is swift .", TEXT[:40], "", "the river by the park"]


def rows():
    return Dataset.from_dict({"row": list(range(len(TEXTS))), "text": TEXTS})


def window(row, length):
    return {"row": row, "input_ids": list(range(length + 1)), "scored": length, "length": length}


def test_the_longest_go_first_and_each_to_where_it_leaves_least_room():
    found = list(packing.packed([window(0, 3), window(1, 8), window(2, 5), window(3, 2), window(4, 6)], 8))

    assert [block["pieces"] for block in found] == [[8], [6, 2], [5, 3]]
    assert [(block["row"], block["length"], block["scored"]) for block in found] == [
        ("1", 8, 8),
        ("4, 3", 8, 8),
        ("2, 0", 8, 8),
    ]


def test_positions_begin_again_with_each_window_and_with_what_fills_up():
    assert packing.positions([3, 2], 7) == [0, 1, 2, 0, 1, 0, 1]


@pytest.mark.parametrize("name", ["gpt2", "llama", "qwen2", "qwen3", "mistral"])
def test_the_packed_loss_is_the_unpacked_one(name, tiny_checkpoint):
    folder = tiny_checkpoint(name, initializer_range=0.3)
    model, tokenizer = loaded(folder)
    plain = DocumentAdapter(SPEC, config(folder, max_length=24), tokenizer)
    packs = DocumentAdapter(SPEC, config(folder, max_length=24, train={"pack": True}), tokenizer)
    alone, packed = plain.train_features(rows()), packs.train_features(rows())
    batches = [adapter.collate(take(found, range(len(found)))) for adapter, found in ((plain, alone), (packs, packed))]

    assert len(packed) < len(alone)
    assert plain.count(batches[0]) == packs.count(batches[1])
    losses = [adapter.loss(model, batch) for adapter, batch in zip((plain, packs), batches, strict=True)]
    assert losses[1].item() == pytest.approx(losses[0].item(), rel=1e-5)
    gradients = [torch.autograd.grad(loss, list(model.parameters()), allow_unused=True) for loss in losses]
    for one, other in zip(*gradients, strict=True):
        assert one is None or torch.allclose(one, other, atol=1e-4 * float(one.abs().max() + 1e-6), rtol=1e-3)
    packing.check(model, name)


def test_a_model_that_takes_no_positions_is_refused():
    sizes = {"vocab_size": 32, "hidden_size": 16, "n_layer": 1, "n_head": 2}
    model = transformers.BloomForCausalLM(transformers.BloomConfig(**sizes))

    with pytest.raises(ModelError) as e:
        packing.check(model, "bloom")

    assert str(e.value) == (
        "bloom: BloomForCausalLM takes no positions, by which documents in one block are told; "
        "leave train.pack out, or take another architecture (Llama, Qwen, GPT-2)"
    )


def test_a_model_that_reads_across_is_refused(tiny_checkpoint):
    sizes = {"vocab_size": 32, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.BertConfig(**sizes, intermediate_size=32, is_decoder=False, initializer_range=0.3)
    torch.manual_seed(0)

    with pytest.raises(ModelError) as e:
        packing.check(transformers.BertLMHeadModel(config), "bert")

    assert str(e.value) == (
        "bert: BertLMHeadModel reads across the documents of one block, whatever their positions; "
        "leave train.pack out, or take another architecture (Llama, Qwen, GPT-2)"
    )


def test_a_run_packs_and_learns(tmp_path):
    made, gpt2 = documents(tmp_path), tiny.checkpoint(tmp_path / "gpt2", "gpt2")
    train = {"epochs": 3, "batch_size": 2, "learning_rate": 3e-3, "pack": True}
    found = hf_suite.run(run_config(made, gpt2, tmp_path / "run", lora={"rank": 4}, train=train))

    assert found.history[-1]["train_loss"] < found.history[0]["train_loss"]
    assert found.history[0]["step"] < 24 / 2


def test_packing_is_for_language_modelling(small_world, tiny_checkpoint, tmp_path):
    with pytest.raises(ConfigError) as e:
        hf_suite.run(world.run_config(small_world, "reviews", tiny_checkpoint("bert"), train={"pack": True}))
    assert str(e.value) == "train.pack: protocol head reads row by row; leave it out; it is for language modelling"

    made, gpt2 = documents(tmp_path), tiny.checkpoint(tmp_path / "gpt2", "gpt2")
    lora = {"method": "prompt"}
    with pytest.raises(ConfigError) as e:
        hf_suite.run(run_config(made, gpt2, tmp_path / "run", lora=lora, train={"pack": True}))
    assert str(e.value) == (
        "train.pack: prompt puts its vectors before a text, and a block holds several; "
        "leave it out, or take lora.method=lora"
    )
