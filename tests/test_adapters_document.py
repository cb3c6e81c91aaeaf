"""A decoder on documents: every token a target once, what a document costs, a run from training to bits per byte."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import texts
import tiny
import torch
import transformers
import world

import hf_suite
from hf_suite import loop, predicting, record, schema
from hf_suite.adapters.document import DocumentAdapter
from hf_suite.errors import DataError, ModelError
from hf_suite.spec import TaskSpec

TEXT = "the old man walks in the park by the river and the small dog is swift ."
TASK = {
    "name": "own",
    "kind": "language_modeling",
    "version": 1,
    "source": {"path": "own/documents", "subset": "default", "train": "train", "eval": ["test"]},
    "columns": {"text": "text"},
    "metrics": ["bits_per_byte", "word_perplexity", "perplexity"],
    "headline": "bits_per_byte",
}
SPEC = schema.build(TaskSpec, TASK, "test")


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.checkpoint(tmp_path_factory.mktemp("gpt2"), "gpt2")


def config(model, **over):
    return schema.build(hf_suite.RunConfig, {"task": "own", "model": str(model), **over}, "test")


def loaded(folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return transformers.AutoModelForCausalLM.from_pretrained(folder).eval(), tokenizer


def rows(*texts):
    from datasets import Dataset

    return Dataset.from_dict({"row": list(range(len(texts))), "text": list(texts)})


def cost(model, adapter, features):
    with torch.no_grad():
        return adapter.outputs(model, adapter.collate(list(features)))


@pytest.mark.parametrize("shared", [0, 3, 100])
def test_every_token_is_a_target_once_and_stands_behind_what_it_follows(gpt2, shared):
    _, tokenizer = loaded(gpt2)
    adapter = DocumentAdapter(SPEC, config(gpt2, max_length=8, stride=shared), tokenizer)
    ids = tokenizer(TEXT, add_special_tokens=False)["input_ids"]
    assert len(ids) > 20
    features = list(adapter.eval_features(rows(TEXT)))
    assert [token for one in features for token in one["input_ids"][-one["scored"] :]] == ids
    assert features[0]["input_ids"][0] == tokenizer.bos_token_id
    assert all(len(one["input_ids"]) == one["length"] + 1 for one in features)
    batch = adapter.collate(features)
    assert torch.equal(batch["input_ids"][:-1, 1:], batch["target"][:-1, :-1])
    assert adapter.count(batch) == len(ids)
    assert max(one["length"] for one in features) == 8
    assert {one["length"] - one["scored"] for one in features[1:]} == {min(shared, 4)}


def test_trained_windows_share_nothing(gpt2):
    _, tokenizer = loaded(gpt2)
    adapter = DocumentAdapter(SPEC, config(gpt2, max_length=8), tokenizer)
    features = list(adapter.train_features(rows(TEXT, "", TEXT)))
    ids = tokenizer(TEXT, add_special_tokens=False)["input_ids"]
    assert [token for one in features if one["scored"] for token in one["input_ids"][1:]] == ids * 2
    assert {one["row"] for one in features} == {0, 2}


def test_a_document_that_fits_costs_what_the_model_says_of_it_in_one_piece(gpt2):
    model, tokenizer = loaded(gpt2)
    adapter = DocumentAdapter(SPEC, config(gpt2, max_length=64), tokenizer)
    ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer(TEXT, add_special_tokens=False)["input_ids"]]])
    with torch.no_grad():
        said = model(ids).logits.log_softmax(-1)
    expected = -said[0, :-1].gather(1, ids[0, 1:, None]).sum().item()
    # Beside a longer one, which pads it.
    features = adapter.eval_features(rows(TEXT, TEXT + " " + TEXT))
    found = cost(model, adapter, features)
    assert found[0] == (pytest.approx(expected, rel=1e-5), ids.shape[1] - 1)
    evidence = adapter.evidence({"row": 0}, list(features)[:1], found[:1])
    assert evidence == {"nll": found[0][0], "tokens": found[0][1], "context": 64, "stride": 32}


def test_a_model_to_which_all_tokens_are_as_likely_has_the_closed_form(gpt2):
    model, tokenizer = loaded(gpt2)
    torch.nn.init.zeros_(model.get_output_embeddings().weight)
    adapter = DocumentAdapter(SPEC, config(gpt2, max_length=8), tokenizer)
    found = cost(model, adapter, adapter.eval_features(rows(TEXT)))
    tokens = len(tokenizer(TEXT, add_special_tokens=False)["input_ids"])
    assert sum(nats for nats, _ in found) == pytest.approx(tokens * math.log(model.config.vocab_size), rel=1e-6)


def test_an_encoder_is_refused(tmp_path):
    made = documents(tmp_path)
    bert = tiny.checkpoint(tmp_path / "bert", "bert")
    with pytest.raises(ModelError) as caught:
        hf_suite.run(run_config(made, bert, tmp_path / "run"))
    assert str(caught.value) == (
        f"{bert.name}: Bert has no class for language_modeling; take a decoder (GPT-2, Llama, Qwen)"
    )


@pytest.mark.parametrize("name", ["gpt2", "bert"])
def test_a_step_of_empty_texts_alone_learns_nothing(tmp_path, name):
    made = documents(tmp_path, train=["", "", TEXT, TEXT])
    train = {"epochs": 1, "batch_size": 2, "learning_rate": 1e-3, "weight_decay": 0.0}
    protocol = "masked" if name == "bert" else None
    given = run_config(made, tiny.checkpoint(tmp_path / name, name), tmp_path / "run", train=train, protocol=protocol)
    ready = texts.session(given)
    before = {at: value.clone() for at, value in ready.model.state_dict().items()}
    steps = {
        step.rows: (step.loss, all(value.equal(before[at]) for at, value in ready.model.state_dict().items()))
        for step in loop.finetune(
            ready.model, ready.adapter, ready.adapter.eval_features(ready.parts.train.rows),
            config=given.train, accelerator=ready.accelerator, seed=1,
        )
    }  # fmt: skip
    assert {sum(rows) for rows in steps} == {0 + 1, 2 + 3}
    assert next(found for rows, found in steps.items() if sum(rows) == 1) == (0.0, True)


@pytest.mark.parametrize("name", ["gpt2", "bert"])
def test_a_batch_holds_none_of_the_texts_without_tokens(tmp_path, name):
    made = documents(tmp_path, train=["", TEXT, "", TEXT])
    protocol = "masked" if name == "bert" else None
    ready = texts.session(run_config(made, tiny.checkpoint(tmp_path / name, name), tmp_path / "run", protocol=protocol))
    assert set(ready.adapter.train_features(ready.parts.train.rows)["row"]) == {1, 3}
    assert set(ready.adapter.eval_features(ready.parts.train.rows)["row"]) == {0, 1, 2, 3}
    assert ready.adapter.train_features(ready.parts.train.rows.select([0, 2]))["row"][:] == [0]


def test_texts_that_are_all_empty_are_refused(gpt2, tmp_path):
    made = documents(tmp_path, train=["", " \n"])
    with pytest.raises(DataError) as caught:
        hf_suite.run(run_config(made, gpt2, tmp_path / "run"))
    assert str(caught.value) == (
        "own train: none of the 2 rows has a text, so there is nothing to learn from; "
        "name the column that has them as task.columns.text=COLUMN"
    )


@pytest.mark.parametrize("lora", [None, {"rank": 4}], ids=["in full", "lora"])
def test_a_run_learns_and_its_model_costs_the_same_when_it_is_opened_again(gpt2, tmp_path, lora):
    made = documents(tmp_path)
    before = hf_suite.run(run_config(made, gpt2, tmp_path / "before", train=None))
    train = {"epochs": 4, "batch_size": 4, "learning_rate": 3e-3}
    after = hf_suite.run(run_config(made, gpt2, tmp_path / "run", lora=lora, train=train))
    assert after.scores["test"]["bits_per_byte"] < before.scores["test"]["bits_per_byte"]
    assert after.history[-1]["train_loss"] < after.history[0]["train_loss"]
    assert after.signatures["bits_per_byte"] == "document:row|context:64|stride:32|tokens:each once"
    assert after.baseline["test"]["perplexity"] is None
    again = hf_suite.evaluate_run(tmp_path / "run", mirrors=(str(made.mirror),))
    assert again.scores["test"] == pytest.approx(after.scores["test"], rel=1e-6)
    source, output = made.mirror / "own" / "documents" / "default" / "test.jsonl", tmp_path / "told.jsonl"
    predicting.predict(hf_suite.load(tmp_path / "run"), str(source), output, run=tmp_path / "run")
    told = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    answers = [line["answer"] for line in record.read_answers(tmp_path / "run" / "answers.parquet")]
    assert [{"nll": row["prediction"], "tokens": row["tokens"]} for row in told] == answers


def documents(folder: Path, train: Sequence[str] | None = None) -> world.World:
    """A mirror of 24 documents of two sentences, or those that are given, and 8; and a task on them."""
    said = [f"the {who} walks in the {where} . the {who} is swift ." for who in WHO for where in WHERE]
    for split, part in (("train", said[:24] if train is None else train), ("test", said[24:])):
        world.write_rows(
            folder / "mirror" / "own" / "documents" / "default" / f"{split}.jsonl", [{"text": t} for t in part]
        )
    file = folder / "own.yaml"
    file.write_text(schema.dump_yaml(TASK), "utf-8")
    return world.World(folder / "mirror", {"own": file})


WHO, WHERE = (
    ("man", "woman", "dog", "cat"),
    ("park", "town", "house", "garden", "river", "street", "old park", "dark house"),
)


def run_config(made, model, output, **over):
    base = {"task": str(made.tasks["own"]), "model": str(model), "mirror": [str(made.mirror)], "device": "cpu"}
    return schema.build(hf_suite.RunConfig, {**base, "max_length": 64, "output": str(output), **over}, "test")
