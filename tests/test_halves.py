"""An encoder-decoder from two encoders: what is fresh is known, trained, saved, and there again when loaded anew."""

import shutil

import apart
import pytest
import safetensors.torch
import texts
import torch
from test_writing_trips import tokens, written

from hf_suite import folders, loop, stamp
from hf_suite.errors import SuiteError
from hf_suite.finished import opened

CASES = {"lora": {"lora": {"rank": 4}}, "full": {"lora": None, "train": {"learning_rate": 1e-3}}}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return texts.make(tmp_path_factory.mktemp("texts"))


def config(made, encoder, decoder, **over):
    model = {"encoder": str(encoder), "decoder": str(decoder), **over.pop("model", {})}
    return texts.run_config(
        made, "none", **{"max_target_length": 12, "model": {"id": f"{encoder}+{decoder}", **model}, **over}
    )


@pytest.fixture(scope="module")
def trips(tmp_path_factory, tiny_checkpoint, made):
    root = tmp_path_factory.mktemp("halves")
    jobs, memory = {}, {}
    encoder, decoder = tiny_checkpoint("bert", head="backbone"), tiny_checkpoint("bert", head="backbone", seed=1)
    for name, over in CASES.items():
        asked = config(made, encoder, decoder, output=str(root / name), **over)
        ready = texts.session(asked)
        rows = [dict(row) for row in ready.parts.eval["validation"].rows.select(range(4))]
        folders.begin(ready.folder, asked)
        before = {key: value.detach().clone() for key, value in ready.model.named_parameters()}
        features = ready.adapter.train_features(ready.parts.train.rows)
        train = {"config": ready.config.train, "accelerator": ready.accelerator, "seed": 0}
        for _ in loop.finetune(ready.model, ready.adapter, features, **train):
            pass
        folders.keep_model(ready)
        still = {key for key, value in ready.model.named_parameters() if torch.equal(value, before[key])}
        memory[name] = {"tokens": tokens(ready, rows), "session": ready, "still": still}
        jobs[name] = (str(ready.folder), rows)
    for name, found in apart.call(written, jobs).items():
        memory[name]["again"] = found
    return memory


@pytest.mark.parametrize("name", CASES)
def test_a_warm_started_writer_writes_the_same_tokens_in_a_fresh_process(trips, name):
    trip = trips[name]
    assert [row[1:] for row in trip["again"]] == [row[1:] for row in trip["tokens"]]
    assert [row[0] for row in trip["again"]] == pytest.approx([row[0] for row in trip["tokens"]], abs=1e-5)


def test_all_cross_attention_is_trained_in_full_and_saved_beside_lora(trips):
    folder = trips["lora"]["session"].folder / "model"
    saved = safetensors.torch.load_file(folder / "adapter_model.safetensors")
    cross = {name for name in saved if ".crossattention." in name}
    # 2 layers of query, key, value and output with their biases, and a norm.
    assert len(cross) == 2 * (4 * 2 + 2)
    assert not any("lora_" in name for name in cross)
    copies = {name for name in trips["lora"]["still"] if "crossattention" in name and "modules_to_save.default" in name}
    # The softmax does not see a bias of the keys.
    assert {name for name in copies if "self.key" not in name or "weight" in name} == set()
    assert any("lora_" in name and name.startswith("base_model.model.encoder.") for name in saved)
    assert any("lora_" in name and ".decoder.bert." in name for name in saved)


def test_the_halves_are_those_of_the_checkpoints(tiny_checkpoint, made):
    encoder, decoder = tiny_checkpoint("bert", head="backbone"), tiny_checkpoint("bert", head="backbone", seed=1)
    own = [safetensors.torch.load_file(folder / "model.safetensors") for folder in (encoder, decoder)]
    name = "embeddings.word_embeddings.weight"
    for tie, second in ((False, 1), (True, 0)):
        ready = texts.session(config(made, encoder, decoder, lora=None, model={"tie": tie}))
        found = ready.model.state_dict()
        assert torch.equal(found[f"encoder.{name}"], own[0][name])
        assert torch.equal(found[f"decoder.bert.{name}"], own[second][name])
        layer = "encoder.layer.1.attention.self.query.weight"
        assert torch.equal(found[f"decoder.bert.{layer}"], own[1][layer])
        assert ready.located.name == ("bert+bert+tied" if tie else "bert+bert")


def test_a_result_names_the_halves_and_no_place(trips):
    session = trips["lora"]["session"]
    for found in (stamp.facts(session)["config"], stamp.facts(session)["resolved"]):
        assert {name: found["model"][name] for name in ("id", "encoder", "decoder")} == {
            "id": "bert+bert",
            "encoder": "bert",
            "decoder": "bert",
        }


def test_a_plus_in_the_name_of_a_half_parts_nothing(tiny_checkpoint, made, tmp_path):
    one = shutil.copytree(tiny_checkpoint("bert"), tmp_path / "a+b")
    other = shutil.copytree(tiny_checkpoint("bert"), tmp_path / "c")
    found = stamp.facts(texts.session(config(made, one, other, lora=None)))["config"]["model"]
    assert found == {"id": "a+b+c", "encoder": "a+b", "decoder": "c"}


@pytest.mark.parametrize("name", CASES)
def test_opened_again_a_run_knows_the_names_of_its_halves(trips, name):
    assert opened(trips[name]["session"].folder).located.halves == ("bert", "bert")


def refusal(*args, **keywords):
    with pytest.raises(SuiteError) as caught:
        texts.session(config(*args, **keywords))
    return str(caught.value)


def test_two_vocabularies_are_refused(tiny_checkpoint, made, tmp_path):
    bert = shutil.copytree(tiny_checkpoint("bert"), tmp_path / "bert")
    roberta = shutil.copytree(tiny_checkpoint("roberta"), tmp_path / "roberta")
    assert refusal(made, bert, roberta, model={"tie": True}) == (
        "model.tie: bert and roberta have two vocabularies, whose embeddings cannot be one; say tie: false"
    )
    assert refusal(made, bert, roberta) == (
        "model.decoder: bert and roberta have two vocabularies, and texts are read and written with one tokenizer; "
        "take two checkpoints with one vocabulary"
    )


def test_a_half_that_cannot_be_one_is_refused(tiny_checkpoint, made, tmp_path):
    modern = shutil.copytree(tiny_checkpoint("modernbert"), tmp_path / "modern")
    t5 = shutil.copytree(tiny_checkpoint("t5"), tmp_path / "t5")
    assert refusal(made, modern, modern) == (
        "modern: ModernBert cannot attend to an encoder; take a BERT, RoBERTa or Electra as decoder"
    )
    assert refusal(made, t5, t5) == ("t5: is an encoder-decoder itself; say model.id, or give two encoders")
    with pytest.raises(SuiteError) as caught:
        texts.run_config(made, "none", model={"encoder": "a"})
    assert str(caught.value) == "test: model: half a model; say both encoder and decoder"
