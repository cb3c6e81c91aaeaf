"""Files of running text: read as they stand, cut into blocks to the letter, learnt and scored with nothing lost."""

import itertools
import math
from pathlib import Path

import pytest
import tiny
import torch
import transformers
from bad_files import csv, write

import hf_suite
from hf_suite import blocks, files, first_model, own, schema
from hf_suite.config import RunConfig
from hf_suite.errors import DataError, ModelError
from hf_suite.files.opening import examined

SENTENCES = [
    f"The {who} walks in the {where}, and the {who} is swift.\n"
    for who in ("man", "woman", "dog", "cat")
    for where in ("park", "town", "house", "garden", "river", "street")
]
TEXT = "".join(SENTENCES)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """The current folder, with two texts."""
    monkeypatch.chdir(tmp_path)
    write("train.txt", TEXT)
    write("test.txt", "".join(SENTENCES[::5]))


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    return tiny.checkpoint(tmp_path_factory.mktemp("gpt2"), "gpt2")


@pytest.fixture(scope="module")
def tokenizer(gpt2):
    return transformers.AutoTokenizer.from_pretrained(gpt2)


def config(model="none", **keys):
    short = {
        "device": "cpu",
        "max_length": 16,
        "stride": 4,
        "lora": None,
        "train": {"epochs": 2, "learning_rate": 0.01},
    }
    data = {"train": "train.txt", "eval": "test.txt"}
    return schema.build(RunConfig, schema.merged({"model": {"id": str(model)}, "data": data, **short}, keys), "test")


def cut(tokenizer, pieces, size, shared=0):
    how = blocks.of_tokenizer(tokenizer, begin=0, length=size, shared=shared, place="here")
    return [row for batch in how.batches(pieces, size) for row in batch.to_pylist()]


# blocks


@pytest.mark.parametrize(
    "text", [TEXT, " \n\tGröße, 北京の天気 🙂🙂 is\u00a0fine \r\n", "end"], ids=["english", "other", "word"]
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_blocks_hold_every_letter_token_and_word_once(tokenizer, text, size):
    found = cut(tokenizer, [text], size)

    assert "".join(block["text"] for block in found) == text
    assert [token for block in found for token in block["input_ids"][-block["scored"] :]] == tokenizer(text)[
        "input_ids"
    ]
    assert {block["scored"] for block in found[:-1]} <= {size}
    assert sum(block["words"] for block in found) == len(text.split())
    assert [block["row"] for block in found] == list(range(len(found)))


def test_a_block_brings_the_tokens_before_it(tokenizer):
    found = cut(tokenizer, [TEXT], 8, shared=3)

    whole = [0, *tokenizer(TEXT)["input_ids"]]
    assert [block["input_ids"] for block in found[:3]] == [whole[0:9], whole[5:17], whole[13:25]]


def test_a_text_in_pieces_is_the_same_text(tokenizer):
    assert cut(tokenizer, SENTENCES, 7, shared=2) == cut(tokenizer, [TEXT], 7, shared=2)


def test_of_a_text_without_end_the_first_blocks_are_there_at_once(tokenizer):
    how = blocks.of_tokenizer(tokenizer, begin=0, length=8, shared=0, place="here")

    assert len(next(how.batches(itertools.repeat(TEXT), 8))) == 256


def test_a_tokenizer_that_tells_no_places_is_refused():
    slow = transformers.ByT5Tokenizer()

    with pytest.raises(ModelError) as e:
        blocks.of_tokenizer(slow, begin=0, length=8, shared=0, place="byt5")

    assert str(e.value) == (
        "byt5: its tokenizer does not tell where in a text its tokens stand, so that blocks cannot be cut; "
        "say task.document=row, which learns line by line"
    )


# files


def test_texts_come_as_they_stand_and_a_file_ends_its_last_line():
    long = "word " * 300_000
    write("a.txt", "one\r\ntwo\n\nthree")
    write("b.txt", long)

    assert "".join(files.texts([Path("a.txt"), Path("b.txt")])) == f"one\r\ntwo\n\nthree\n{long}"
    assert len(list(files.texts([Path("b.txt")]))) > 1


def test_a_letter_of_two_bytes_may_lie_across_what_is_read_at_once():
    text = "x" * ((1 << 20) - 1) + "é and more"
    write("a.txt", text)

    assert "".join(files.texts([Path("a.txt")])) == text


@pytest.mark.parametrize("before", [6, (1 << 20) + 5])
def test_a_text_that_is_not_utf8_is_refused_with_the_place_of_its_byte(before):
    write("a.txt", b"x" * (before - 2) + "é".encode() + b"\xe9 and more")

    with pytest.raises(DataError) as e:
        own.look(config(data={"train": "a.txt", "eval": None}).data, {})

    assert str(e.value) == (
        f"a.txt: is not UTF-8: byte {before:,} (0xE9, from 0) fits nothing; save it as UTF-8, or take that byte out"
    )


def test_an_empty_text_is_refused():
    write("a.txt", "")

    with pytest.raises(DataError) as e:
        own.look(config(data={"train": "a.txt", "eval": None}).data, {})

    assert str(e.value) == "a.txt: is empty; give a file with rows"


# what is made of them


def test_a_text_is_guessed_to_be_language_modelling_and_said_so():
    found = own.look(config().data, {})

    assert found.notes == (f"train.txt: {len(TEXT):,} bytes of running text", "test.txt: 255 bytes of running text")
    assert "kind: language_modeling  # running text, no table\n" in found.written()
    assert (
        "document: split  # one text, in blocks of max_length tokens; row makes each line one of its own\n"
        in found.written()
    )
    assert first_model.first_model(found)[0] == "distilbert/distilgpt2"


def test_what_is_said_overrules():
    assert own.look(config().data, {"document": "row"}).spec.document == "row"
    write("rows.csv", csv())
    found = own.look(config(data={"train": "rows.csv", "eval": None}).data, {"kind": "language_modeling"})
    assert (found.spec.kind, found.spec.columns, found.spec.document) == ("language_modeling", {"text": "text"}, "row")


# runs


@pytest.mark.parametrize("lora", [None, {"rank": 4}], ids=["in full", "lora"])
def test_two_texts_are_learnt_and_scored(gpt2, lora):
    notes = []
    before = hf_suite.run(config(gpt2, train=None, lora=None, output="before"))
    over = {"lora": lora, "train": {"batch_size": 4, "epochs": 3}, "output": "after"}
    after = hf_suite.run(config(gpt2, **over), watch=lambda told: notes.append(told.note))

    tokens = after.counts["eval"]["tokens"]
    assert after.rows == {"train": math.ceil(before_tokens(gpt2, TEXT) / 16), "eval": math.ceil(tokens / 12)}
    assert after.counts["eval"] == {"near_ties": 0, "bytes": 255, "words": 55, "tokens": tokens}
    assert after.scores["eval"]["bits_per_byte"] < before.scores["eval"]["bits_per_byte"]
    assert after.scores["eval"]["perplexity"] == pytest.approx(math.exp(after.scores["eval"]["loss"]))
    assert after.scores["eval"]["bits_per_byte"] == pytest.approx(
        after.scores["eval"]["loss"] * tokens / math.log(2) / 255
    )
    assert after.history[-1]["eval"] == after.scores
    assert after.signatures["loss"] == "document:split|context:16|stride:12|tokens:each once"
    said = [note for note in notes if note.startswith("epoch ")]
    assert said == [
        f"epoch {entry['epoch']} of 3, after step {entry['step']}: train loss {entry['train_loss']:.4f}"
        for entry in after.history
    ]
    again = hf_suite.evaluate_run("after")
    assert again.scores["eval"] == pytest.approx(after.scores["eval"], rel=1e-6)


def before_tokens(folder, text):
    return len(transformers.AutoTokenizer.from_pretrained(folder)(text)["input_ids"])


def test_a_text_costs_what_the_model_says_of_it_in_one_piece(gpt2, tokenizer):
    text = Path("test.txt").read_text("utf-8")
    found = hf_suite.run(config(gpt2, train=None, max_length=256, stride=128, output="whole"))

    ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer(text)["input_ids"]]])
    with torch.no_grad():
        said = transformers.AutoModelForCausalLM.from_pretrained(gpt2)(ids).logits.log_softmax(-1)
    nats = -said[0, :-1].gather(1, ids[0, 1:, None]).mean().item()
    assert found.scores["eval"]["loss"] == pytest.approx(nats, rel=1e-5)


def test_limits_and_tune_count_blocks(gpt2):
    keys = {"limit": 10, "eval_limit": 2, "tune": {"share": 0.2}, "train": {"epochs": 1}, "output": "few"}
    found = hf_suite.run(config(gpt2, **keys))

    assert found.rows == {"train": 8, "tune": 2, "eval": 2}
    assert found.caveats == ["limit 10", "eval_limit 2"]
    assert list(found.history[0]["scores"]) == ["tune"]


def test_one_text_alone_is_cut_by_blocks_and_scored_again_on_the_same(gpt2):
    alone = config(gpt2, data={"train": "train.txt", "eval": None}, train={"epochs": 1}, output="alone")
    found = hf_suite.run(alone)

    total = math.ceil(before_tokens(gpt2, TEXT) / 16)
    assert found.rows == {"train": math.floor(0.9 * total + 0.5), "eval": total - math.floor(0.9 * total + 0.5)}
    assert hf_suite.evaluate_run("alone").scores["eval"] == pytest.approx(found.scores["eval"], rel=1e-6)
    longer = hf_suite.evaluate_run("alone", over={"max_length": 32, "stride": 16}, output=Path("longer"))
    assert longer.counts["eval"]["tokens"] == found.counts["eval"]["tokens"]
    assert longer.scores["eval"] != found.scores["eval"]


def test_examined_texts_are_plain_and_tables_are_not():
    write("rows.txt", csv().replace(",", "\t"))

    assert files.is_plain([Path("train.txt")])
    assert not files.is_plain([Path("train.txt"), Path("rows.txt")])
    assert examined(Path("train.txt")).encoding == "utf-8"
