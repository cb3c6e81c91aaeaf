"""Guessing hidden tokens: which are hidden, what they cost, and that the same stay hidden whatever meets in a batch."""

import math

import apart
import pytest
import texts
import torch
from datasets import Dataset
from test_adapters_document import TEXT, documents, run_config

import hf_suite
from hf_suite.adapters import take
from hf_suite.answering import answer
from hf_suite.errors import SuiteError

ENCODERS = ("bert", "roberta", "distilbert")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return documents(tmp_path_factory.mktemp("documents"))


def config(made, model, output="never-made", **over):
    return run_config(made, model, output, protocol="masked", **over)


def ready_on(made, model, **over):
    return texts.session(config(made, model, **{"train": None, **over}))


def rows(*found):
    return Dataset.from_dict({"row": list(range(len(found))), "text": list(found)})


def batch_of(ready, *found, draw=None):
    features = ready.adapter.eval_features(rows(*found))
    return ready.adapter.collate(take(features, range(len(features))), draw=draw)


def test_windows_stand_between_special_tokens_and_hold_each_token_once(made, tiny_checkpoint):
    ready = ready_on(made, tiny_checkpoint("bert"), max_length=12)
    features = ready.adapter.eval_features(rows(TEXT, ""))
    ids = ready.tokenizer(TEXT, add_special_tokens=False)["input_ids"]
    start, end = ready.tokenizer.cls_token_id, ready.tokenizer.sep_token_id
    windows = [line for row, line in zip(features["row"], features["input_ids"], strict=True) if row == 0]
    assert [token for line in windows for token in line[1:-1]] == ids
    assert {(line[0], line[-1], len(line) <= 12) for line in windows} == {(start, end, True)}
    assert features["input_ids"][-1] == [start, end]


@pytest.mark.parametrize("draw", [None, 5])
def test_fifteen_of_a_hundred_are_guessed_and_eight_of_ten_of_them_hidden(made, tiny_checkpoint, draw):
    ready = ready_on(made, tiny_checkpoint("bert"), max_length=512)
    text = " ".join(["the old man walks in the park"] * 14)  # 98 words, each a token
    batch = batch_of(ready, *[text] * 200, draw=draw)
    guessed = batch["target_mask"].bool()
    assert guessed.sum(dim=1).tolist() == [15] * 200
    read, stood = batch["input_ids"][guessed], batch["target"][guessed]
    hidden = (read == ready.tokenizer.mask_token_id).float().mean().item()
    kept = (read == stood).float().mean().item()
    # Four standard deviations of a share of 3,000; another token may be the same one by chance.
    assert hidden == pytest.approx(0.8, abs=0.03)
    assert kept == pytest.approx(0.1, abs=0.03)
    special = set(ready.tokenizer.all_special_ids) - {ready.tokenizer.mask_token_id}
    assert special.isdisjoint(read.tolist())
    assert torch.equal(batch["input_ids"][~guessed], batch["target"][~guessed])


def test_the_mask_of_answering_is_fixed_and_that_of_training_drawn_anew(made, tiny_checkpoint):
    bert, other = ready_on(made, tiny_checkpoint("bert")), ready_on(made, tiny_checkpoint("bert", seed=1), seed=7)
    fixed = batch_of(bert, TEXT, TEXT)
    assert torch.equal(fixed["input_ids"], batch_of(other, TEXT, TEXT)["input_ids"])
    assert not torch.equal(fixed["target_mask"][0], fixed["target_mask"][1])
    first, again, second = (batch_of(bert, TEXT, TEXT, draw=draw) for draw in (1, 1, 2))
    assert torch.equal(first["input_ids"], again["input_ids"])
    assert not torch.equal(first["target_mask"], second["target_mask"])
    assert not torch.equal(first["target_mask"], batch_of(other, TEXT, TEXT, draw=1)["target_mask"])


def test_a_model_to_which_all_tokens_are_as_likely_has_the_closed_form(made, tiny_checkpoint, tmp_path):
    ready = ready_on(made, tiny_checkpoint("bert"))
    torch.nn.init.zeros_(ready.model.get_output_embeddings().weight)
    torch.nn.init.zeros_(ready.model.get_output_embeddings().bias)
    ((_, found),) = answer(ready.model, ready.adapter, rows(TEXT), accelerator=ready.accelerator, batch_size=4)
    assert found["nll"] == pytest.approx(found["tokens"] * math.log(ready.model.config.vocab_size), rel=1e-6)
    assert found["tokens"] == round(0.15 * len(ready.tokenizer(TEXT, add_special_tokens=False)["input_ids"]))


def costs(config, batch_size):
    ready = texts.session(config)
    found = answer(
        ready.model, ready.adapter, ready.parts.eval["test"].rows, accelerator=ready.accelerator, batch_size=batch_size
    )
    return [[evidence["nll"], evidence["tokens"]] for _, evidence in found]


def test_a_batch_of_one_and_of_sixteen_and_two_processes_cost_the_same(made, tiny_checkpoint):
    told = config(made, tiny_checkpoint("bert"), train=None, max_length=12)
    alone, together = costs(told, 1), costs(told, 16)
    for one, other in zip(alone, together, strict=True):
        assert one == pytest.approx(other, abs=1e-4)
    assert apart.together(costs, told, 16, processes=2) == [together, together]


@pytest.mark.parametrize(("name", "lora"), [*((name, {"rank": 4}) for name in ENCODERS), ("bert", None)])
def test_a_run_learns_and_its_model_costs_the_same_when_it_is_opened_again(made, tiny_checkpoint, tmp_path, name, lora):
    train = {"epochs": 6, "batch_size": 4, "learning_rate": 5e-3}
    before = hf_suite.run(config(made, tiny_checkpoint(name), tmp_path / "before", train=None))
    after = hf_suite.run(config(made, tiny_checkpoint(name), tmp_path / "run", lora=lora, train=train))
    assert after.scores["test"]["masked_loss"] < before.scores["test"]["masked_loss"]
    assert list(after.scores["test"]) == ["masked_loss", "masked_perplexity"]
    assert after.headline.name == "masked_loss"
    assert after.units["masked_loss"] == ("nats", "lower")
    assert after.scores["test"]["masked_perplexity"] == pytest.approx(math.exp(after.scores["test"]["masked_loss"]))
    assert after.signatures["masked_loss"] == "document:row|context:64|mask:15% by row, 80/10/10"
    assert after.baseline["test"]["masked_loss"] is None
    again = hf_suite.evaluate_run(tmp_path / "run", mirrors=(str(made.mirror),))
    assert again.scores["test"] == pytest.approx(after.scores["test"], rel=1e-6)


def test_a_head_that_the_checkpoint_lacks_is_learnt_and_saved(made, tiny_checkpoint, tmp_path):
    model = tiny_checkpoint("bert", head="backbone")
    train = {"epochs": 2, "batch_size": 4, "learning_rate": 5e-3}
    after = hf_suite.run(config(made, model, tmp_path / "run", lora={"rank": 4}, train=train))
    again = hf_suite.evaluate_run(tmp_path / "run", mirrors=(str(made.mirror),))
    assert again.scores["test"] == pytest.approx(after.scores["test"], rel=1e-6)


def refusal(told):
    with pytest.raises(SuiteError) as caught:
        texts.session(told)
    return str(caught.value)


def test_what_cannot_guess_is_refused(made, tiny_checkpoint):
    assert refusal(config(made, tiny_checkpoint("gpt2"), train=None)) == (
        "gpt2: its tokenizer has no mask token; take an encoder that was pretrained by masking"
    )
    assert refusal(config(made, tiny_checkpoint("bart"), train=None)) == (
        "bart: Bart has no class for language_modeling by masked; take an encoder (BERT, RoBERTa, DistilBERT)"
    )
    assert refusal(config(made, tiny_checkpoint("bert", head="backbone"), train=None)) == (
        "bert: lacks cls, which would answer by chance, and train is null; "
        "give a checkpoint that carries it, or finetune it (hf-suite train)"
    )
    assert refusal(config(made, tiny_checkpoint("bert"), lora={"method": "prompt"})) == (
        "lora.method: prompt is offered for classification and question answering alone; "
        "take another method, such as lora"
    )
