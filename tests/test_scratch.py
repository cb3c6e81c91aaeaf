"""Models from scratch: the tokenizer that texts teach, weights drawn by the seed, and a run of them from end to end."""

import json
from pathlib import Path

import pytest
import transformers
from bad_files import write
from test_running_text import SENTENCES, TEXT

import hf_suite
from hf_suite import models, schema, stamp
from hf_suite import spec as specs
from hf_suite.basis import PRESETS
from hf_suite.config import RunConfig
from hf_suite.errors import ConfigError, ModelError
from hf_suite.models import locate, scratch
from hf_suite.models.scratch import furnish

SIZES = {"layers": 2, "hidden": 32, "heads": 2, "positions": 128, "vocabulary": 300}
DECODERS = ("llama", "gpt2", "qwen3", "mistral")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """The current folder, with two texts."""
    monkeypatch.chdir(tmp_path)
    write("train.txt", TEXT)
    write("test.txt", "".join(SENTENCES[::5]))


def config(architecture="llama", sizes=SIZES, **keys):
    model = {"architecture": str(architecture), **sizes}
    short = {"device": "cpu", "max_length": 16, "stride": 4, "train": {"epochs": 2, "batch_size": 8}}
    data = {"train": "train.txt", "eval": "test.txt"}
    return schema.build(RunConfig, schema.merged({"model": model, "data": data, **short}, keys), "test")


def made(architecture="llama", texts=(TEXT,)):
    located = locate(config(architecture).model)
    said = furnish(located.folder, texts)
    return located, said


# the tokenizer


def test_two_learnings_of_the_same_texts_are_equal_byte_for_byte():
    files = [(made()[0].folder / "tokenizer.json").read_bytes() for _ in range(2)]

    assert files[0] == files[1]


def test_a_learnt_tokenizer_gives_back_every_text():
    located, said = made()
    tokenizer, _ = models.load_tokenizer(located)

    assert said == "tokenizer: byte-level BPE of 300 tokens, learnt from the train split"
    assert (tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id) == (0, 1, 2)
    for text in (TEXT, "Größe 北京 🙂\n\n  x"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert len(tokenizer(TEXT)["input_ids"]) < len(TEXT) / 2


def test_a_text_that_gives_no_more_tokens_makes_the_model_smaller():
    located, said = made(texts=("abab",))

    # The bytes, three special tokens, and "ab" and "abab".
    assert said == (
        "tokenizer: byte-level BPE of 261 tokens, of 300 asked for, since the texts give no more, "
        "learnt from the train split"
    )
    assert transformers.AutoConfig.from_pretrained(located.folder).vocab_size == 261


def test_without_a_text_there_is_nothing_to_learn():
    with pytest.raises(ModelError) as e:
        made(texts=(" ", "\n"))

    assert str(e.value) == "model.vocabulary: the train split has no text to learn it from; give texts"


def test_an_architecture_whose_tokenizers_are_all_of_one_class_is_refused():
    write("qwen2.json", json.dumps({"model_type": "qwen2", "vocab_size": 300}))
    located = locate(config("qwen2.json", {}).model)

    with pytest.raises(ModelError) as e:
        furnish(located.folder, [TEXT])

    assert str(e.value) == (
        "model.architecture: transformers reads every tokenizer of qwen2 as Qwen2Tokenizer, not as it is learnt; "
        "take another: llama, gpt2, qwen3, mistral, t5, bart"
    )


# the config


@pytest.mark.parametrize("architecture", scratch.SIZES)
def test_a_preset_has_the_sizes_that_are_said(architecture):
    folder = locate(config(architecture).model).folder

    found = transformers.AutoConfig.from_pretrained(folder)
    assert found.model_type == architecture
    assert (found.hidden_size, found.num_hidden_layers, found.num_attention_heads) == (32, 2, 2)
    assert tuple(scratch.SIZES) == PRESETS
    assert (found.vocab_size, found.pad_token_id, found.bos_token_id, found.eos_token_id) == (300, 0, 1, 2)


def test_a_config_file_is_a_recipe_too():
    transformers.GPT2Config(n_embd=16, n_layer=1, n_head=2, n_positions=64, vocab_size=400).save_pretrained("mine")

    found = [locate(config(word, {}).model) for word in ("mine/", "mine/config.json", str(Path("mine").absolute()))]

    assert {one.name for one in found} == {"scratch-mine"}
    assert len({one.sha256 for one in found}) == 1
    assert transformers.AutoConfig.from_pretrained(found[0].folder).n_embd == 16


def test_a_recipe_is_what_is_said_and_no_weight():
    assert locate(config().model).sha256 == locate(config().model).sha256
    assert locate(config().model).sha256 != locate(config(sizes={**SIZES, "layers": 3}).model).sha256
    assert locate(config().model).name == "scratch-llama-2x32-300-heads2-positions128"
    assert config(sizes={"layers": 4}).model == config(sizes={}).model


def test_a_cell_goes_by_recipe_and_data_and_not_by_the_seed():
    def key(**keys):
        settled = hf_suite.own.settled(config(**keys))
        located = locate(settled.model)
        return stamp.cell_key(specs.of(settled.task), settled, model=located.sha256, mirrors=())

    first = key()
    assert key(seed=3) == first
    assert key(sizes={**SIZES, "vocabulary": 290}) != first
    write("train.txt", TEXT + "More.\n")
    assert key() != first


# refusals


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"lora": {"rank": 4}},
            "test: lora beside model.architecture: lora on a frozen base of random weights learns nothing; "
            "say lora=null (a config file may say lora)",
        ),
        (
            {"train": None},
            "test: train=null beside model.architecture: it would answer by chance; train it, or give model.id",
        ),
        (
            {"init_from": "run"},
            "test: init_from beside model.architecture; go on from that run by model.id=RUN/model",
        ),
        ({"model": {"id": "other"}}, "test: model: id beside architecture; keep one of them"),
        ({"model": {"quantize": "nf4"}}, "test: model: quantize beside architecture; keep one of them"),
        (
            {"model": {"architecture": None, "id": "other"}},
            "test: model: layers is of a model from scratch; say architecture too, or leave it out",
        ),
    ],
)
def test_what_makes_no_sense_of_drawn_weights_is_refused(keys, message):
    with pytest.raises(ConfigError) as e:
        config(**keys)

    assert str(e.value) == message


@pytest.mark.parametrize(
    ("architecture", "sizes", "message"),
    [
        (
            "lama",
            {},
            "model.architecture: no preset 'lama', and no such file; did you mean 'llama'? there are: llama, gpt2, "
            "qwen3, mistral, t5, bart; or give a config.json",
        ),
        (
            "llama",
            {"hidden": 30, "heads": 4},
            "model.hidden: 30 are not 4 heads of an even width; say a multiple of 8, or other model.heads",
        ),
        (
            "gpt2",
            {"vocabulary": 100},
            "model.vocabulary: 100, and bytes alone with <pad>, <s> and </s> are 259; say more",
        ),
        ("mine.json", {"layers": 2}, "model.layers: mine.json says it already; leave it out"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(architecture, sizes, message):
    write("mine.json", json.dumps({"model_type": "gpt2"}))

    with pytest.raises(ConfigError) as e:
        locate(config(architecture, sizes).model)

    assert str(e.value) == message


# runs


@pytest.mark.parametrize("architecture", DECODERS)
def test_a_model_from_scratch_learns_and_is_the_same_when_it_is_opened_again(architecture):
    notes = []
    found = hf_suite.run(config(architecture, output="run"), watch=lambda told: notes.append(told.note))

    assert found.history[-1]["train_loss"] < found.history[0]["train_loss"]
    assert found.model["id"] == f"scratch-{architecture}-2x32-300-heads2-positions128"
    assert found.model["parameters"] == found.model["trainable"]
    assert "train.learning_rate: 0.001, the usual one for a model from scratch" in notes
    assert hf_suite.evaluate_run("run").scores["eval"] == pytest.approx(found.scores["eval"], rel=1e-6)
    assert not list(Path("run").rglob("*scratch-*"))


def test_weights_follow_from_the_seed_and_it_is_exported_and_gone_on_from():
    losses = {}
    for name, seed in (("first", 0), ("again", 0), ("other", 1)):
        run = config(output=name, seed=seed, train={"max_steps": 1})
        losses[name] = hf_suite.run(run).history[0]["train_loss"]
    assert losses["first"] == losses["again"] != losses["other"]

    hf_suite.export("first", "plain")
    plain = transformers.AutoModelForCausalLM.from_pretrained("plain")
    own = transformers.AutoModelForCausalLM.from_pretrained("first/model")
    assert all((a == b).all() for a, b in zip(plain.parameters(), own.parameters(), strict=True))
    data = {"train": "train.txt", "eval": "test.txt"}
    on = {"model": {"id": "first/model"}, "data": data, "device": "cpu", "max_length": 16, "train": {"max_steps": 1}}
    assert hf_suite.run(schema.build(RunConfig, {**on, "output": "on"}, "test")).model["id"] == "model"


def test_of_one_text_the_tokenizer_knows_what_is_scored_and_the_result_says_so():
    found = hf_suite.run(config(data={"train": "train.txt", "eval": None}, train={"max_steps": 1}, output="one"))

    assert "the tokenizer is learnt from all of train, the rows to score included" in found.caveats


@pytest.mark.parametrize("architecture", ["t5", "bart"])
def test_an_encoder_decoder_from_scratch_translates(architecture):
    pairs = [{"prompt": line, "completion": line.upper()} for line in SENTENCES]
    write("pairs.jsonl", "".join(json.dumps(pair) + "\n" for pair in pairs))
    data = {"train": "pairs.jsonl", "eval": None}
    found = hf_suite.run(config(architecture, data=data, max_length=64, train={"max_steps": 2}, output="run"))

    assert found.rows == {"train": 19, "tune": 3, "eval": 2}
    first = hf_suite.load("run").answer([{"source": SENTENCES[0]}])
    assert hf_suite.load("run").answer([{"source": SENTENCES[0]}]) == first
