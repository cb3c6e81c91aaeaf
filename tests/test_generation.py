"""The encoder-decoder adapter: what is read, what is learnt from, and what is written, whatever the batch."""

import math
import re
from types import SimpleNamespace

import apart
import numpy
import pytest
import texts
import torch
import transformers
import world
import writers
from datasets import Dataset

import hf_suite
from hf_suite import loop
from hf_suite.adapters import take
from hf_suite.adapters.sampling import Gumbel, row_key
from hf_suite.adapters.writing import summed_loss


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return texts.make(tmp_path_factory.mktemp("texts"))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {name: writers.writer(root / name, name) for name in ("bart", "t5")}


def session(made, model, **over):
    return texts.session(texts.run_config(made, model, **{"max_target_length": 12, **over}))


def words(made, ids):
    return " ".join(made.tokenizer.convert_ids_to_tokens(ids))


def test_a_source_is_put_as_t5_was_taught_and_its_target_ends(made, models):
    ready = session(made, models["t5"], max_length=64)
    features = ready.adapter.train_features(
        Dataset.from_dict({"row": [7], "source": ["a dog"], "target": [["the cat", "another"]]})
    )
    assert ready.config.prompt == "translate English to German: {source}"
    assert words(ready, features["input_ids"][0]).endswith("▁to ▁G e r m a n : ▁a ▁dog </s>")
    assert words(ready, features["target"][0]) == "▁the ▁cat </s>"
    assert features["length"][0] == len(features["input_ids"][0]) + 3


def test_t5_as_it_is_writes_as_its_config_says_of_the_task(made, models):
    as_is = {"max_target_length": None, "train": None, "lora": None}
    ready = session(made, models["t5"], **as_is)
    assert ready.config.generation == {
        "num_beams": 4, "early_stopping": True, "max_new_tokens": 300, "decoder_start_token_id": 0,
        "eos_token_id": 1, "pad_token_id": 0,
    }  # fmt: skip
    assert "generation: early_stopping=True, num_beams=4, as the checkpoint says" in ready.resolved.notes
    assert (
        "max_target_length: 300, as the checkpoint says; there are no train targets to go by"
    ) in ready.resolved.notes
    summary = session(made, models["t5"], prompt="summarize: {source}", task={"languages": {"target": "it"}}, **as_is)
    assert (summary.config.generation["max_new_tokens"], summary.config.generation.get("num_beams")) == (200, None)
    greedy = session(made, models["t5"], generation={"num_beams": 1}, **as_is)
    assert greedy.config.generation.get("early_stopping") is None
    assert "num_beams" not in session(made, models["t5"]).config.generation  # finetuned, it keeps no habit


def test_the_decoder_reads_what_was_before_and_padding_is_no_target(made, models):
    ready = session(made, models["bart"])
    rows = Dataset.from_dict({"row": [0, 1], "source": ["a", "a"], "target": [["a"], ["a dog"]]})
    batch = ready.adapter.collate(take(ready.adapter.train_features(rows), [0, 1]))
    short, long = batch["target"].tolist()
    assert words(ready, long) == "<s> a Ġd og </s>"
    assert words(ready, batch["decoder_input_ids"][1]) == "</s> <s> a Ġd og"
    assert words(ready, short) == "<s> a </s> <pad> <pad>"
    assert batch["target_mask"].tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    assert ready.adapter.count(batch) == 8
    assert min(int(value.min()) for name, value in batch.items()) >= 0  # no -100 reaches a decoder


def test_the_loss_is_summed_over_real_tokens_and_smoothing_ignores_padding():
    # Probabilities 3/4 and 1/4 of two words; the right one is the first, and the second place is padding.
    logits = torch.tensor([[[math.log(3), 0.0], [5.0, -5.0]]])
    batch = {"target": torch.tensor([[0, 1]]), "target_mask": torch.tensor([[1, 0]])}
    assert summed_loss(logits, batch, 0.0).item() == pytest.approx(-math.log(0.75))
    smooth = 0.9 * -math.log(0.75) + 0.1 * (-math.log(0.75) - math.log(0.25)) / 2
    assert summed_loss(logits, batch, 0.1).item() == pytest.approx(smooth)


BARRED = pytest.mark.parametrize(
    ("logit", "barred"), [(-10_000.0, torch.tensor([False, False, True])), (-math.inf, None)]
)
"""By a bias of the checkpoint, which is known, and by what it does, which is seen."""


@BARRED
def test_nothing_is_spread_over_tokens_that_a_checkpoint_bars(logit, barred):
    logits = torch.tensor([[[1.0, 1.0, logit]]], requires_grad=True)  # of two words each has probability 1/2
    batch = {"target": torch.tensor([[0]]), "target_mask": torch.tensor([[1]])}
    loss = summed_loss(logits, batch, 0.1, barred=barred)
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2))
    assert logits.grad.flatten().tolist() == pytest.approx([-0.45, 0.45, 0.0])


@BARRED
def test_a_target_that_a_checkpoint_bars_teaches_nothing(logit, barred):
    logits = torch.tensor([[[1.0, 1.0, logit]] * 2], requires_grad=True)  # of two words each has probability 1/2
    batch = {"target": torch.tensor([[2, 0]]), "target_mask": torch.tensor([[1, 1]])}
    loss = summed_loss(logits, batch, 0.0, barred=barred)
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2))
    assert logits.grad[0, 0].tolist() == [0.0, 0.0, 0.0]
    assert logits.grad[0, 1].tolist() == pytest.approx([-0.5, 0.5, 0.0])


@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_a_huge_cost_of_a_token_that_no_checkpoint_bars_stays_in_the_loss(smoothing):
    logits = torch.tensor([[[10_000.0, 0.0]]])
    batch = {"target": torch.tensor([[1]]), "target_mask": torch.tensor([[1]])}
    # ln(1 + e^10000) is 10,000; smoothed, half of it is spread over costs of 0 and 10,000.
    assert summed_loss(logits, batch, smoothing).item() == pytest.approx(10_000.0 - smoothing * 5_000.0)
    nobody = torch.tensor([False, False])
    assert summed_loss(logits, batch, smoothing, barred=nobody).item() == pytest.approx(10_000.0 - smoothing * 5_000.0)


def test_a_model_that_diverged_has_no_number_for_its_loss():
    batch = {"target": torch.tensor([[1]]), "target_mask": torch.tensor([[1]])}
    assert math.isnan(summed_loss(torch.tensor([[[math.nan, math.nan]]]), batch, 0.0).item())


def test_a_wrapped_checkpoint_learns_nothing_from_what_it_bars(made, models):
    ready = session(made, models["bart"], lora={"dropout": 0.0})
    rows = Dataset.from_dict({"row": [0], "source": ["a"], "target": [["dog"]]})
    batch = ready.adapter.collate(take(ready.adapter.train_features(rows), [0]))
    model = ready.model.eval()
    before = ready.adapter.loss(model, batch).item()
    bias = model.get_base_model().final_logits_bias
    bias[0, batch["target"][0]] = -10_000.0  # every token of the target
    assert before > 1.0
    assert ready.adapter.loss(model, batch).item() == 0.0


@pytest.mark.parametrize("name", ["bart", "t5"])
def test_a_step_weighs_every_target_token_the_same_in_one_piece_or_eight(made, models, name):
    losses = []
    for size in (1, 8):
        ready = session(
            made, models[name], lora={"dropout": 0.0},
            train={"micro_batch_size": size, "max_steps": 2},
        )  # fmt: skip
        still(ready.model)
        features = ready.adapter.train_features(ready.parts.train.rows)
        assert len(set(map(len, features["target"][:]))) > 1
        steps = loop.finetune(
            ready.model, ready.adapter, features,
            config=ready.config.train, accelerator=ready.accelerator, seed=0,
        )  # fmt: skip
        losses.append([step.loss for step in steps])
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


def still(model):
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if isinstance(getattr(module, "dropout", None), float):
            module.dropout = 0.0


SEARCHES = {
    "greedy": {},
    "encoder's words": {"encoder_repetition_penalty": 1.5},
    "beams": {"num_beams": 3, "num_return_sequences": 2},
    "sampling": {"do_sample": True, "temperature": 0.7, "top_k": 20, "num_return_sequences": 2},
}


@pytest.mark.parametrize("name", ["bart", "t5"])
@pytest.mark.parametrize("search", SEARCHES)
def test_a_batch_of_one_and_of_sixteen_write_the_same(made, models, name, search):
    ready = session(made, models[name], generation=SEARCHES[search])
    alone, together = (texts.texts_of(ready, batch_size=size) for size in (1, 16))
    assert alone == together
    assert {len(found) for found in alone} == {SEARCHES[search].get("num_return_sequences", 1)}
    if search == "sampling":
        assert any(first != second for first, second in alone)


def wrote(config):
    return texts.texts_of(texts.session(config), batch_size=3, count=10)


@pytest.mark.parametrize("search", ["greedy", "sampling"])
def test_two_processes_write_what_one_does(made, models, search, tmp_path):
    config = texts.run_config(
        made, models["bart"], max_target_length=8, generation=SEARCHES[search], output=str(tmp_path / "run")
    )
    alone, two = apart.together(wrote, config, processes=1)[0], apart.together(wrote, config, processes=2)
    assert two == [alone, alone]
    assert len(alone) == 10


def test_another_seed_samples_other_texts(made, models):
    first, second = (
        texts.texts_of(session(made, models["bart"], generation=SEARCHES["sampling"], seed=seed), batch_size=8)
        for seed in (0, 1)
    )
    assert first != second


def test_the_noise_draws_each_word_as_often_as_its_probability():
    scores = torch.log(torch.tensor([[0.5, 0.3, 0.2]])).repeat(4000, 1)
    drawn = Gumbel([row_key(row) for row in range(4000)], 0, start=1)(torch.zeros(4000, 1), scores).argmax(-1)
    shares = numpy.bincount(drawn.numpy(), minlength=3) / 4000
    # Four standard deviations of a share of 4,000 draws.
    assert shares.tolist() == pytest.approx([0.5, 0.3, 0.2], abs=0.032)


def says(*ids):
    """A model that writes these tokens, whatever it reads."""
    return SimpleNamespace(generate=lambda **inputs: torch.tensor(ids))


def test_an_answer_that_met_the_limit_is_cut(made, models):
    ready = session(made, models["t5"], generation={"num_beams": 2})
    adapter, end = ready.adapter, ready.tokenizer.eos_token_id
    features = adapter.eval_features(Dataset.from_dict({"row": [0, 1], "source": ["a", "a"]}))
    batch = adapter.collate(take(features, [0, 1]))
    dog = ready.tokenizer.convert_tokens_to_ids("▁dog")
    outputs = adapter.outputs(says([0, dog, end, *[0] * 10], [0, *[dog] * 12]), batch)
    assert outputs == [[0.0, [dog, end]], [0.0, [dog] * 12]]
    found = [adapter.evidence({"row": at, "source": "a"}, [], [outputs[at]]) for at in (0, 1)]
    assert found == [{"texts": ["dog"], "cut": False}, {"texts": [" ".join(["dog"] * 12)], "cut": True}]


def test_answers_in_another_script_than_their_targets_are_counted(made, models):
    ready = session(made, models["t5"])
    rows = Dataset.from_dict({"row": [0, 1], "source": ["a", "a"], "target": [["☃"], ["日本"]]})
    dog = ready.tokenizer.convert_tokens_to_ids("▁dog")
    for row in rows:
        ready.adapter.evidence(row, [], [[1.0, [dog, 1]]])
    assert (ready.adapter.counts["scripts_compared"], ready.adapter.counts["other_script"]) == (1, 1)


def test_answers_in_another_script_than_their_targets_are_said_to_be(models, tmp_path, caplog):
    made = texts.make(tmp_path)
    rows = [{"english": f"a dog {at}", "backwards": "собака"} for at in range(24)]
    world.write_rows(made.mirror / "own" / "backwards" / "default" / "validation.jsonl", rows)
    tokenizer = transformers.AutoTokenizer.from_pretrained(models["bart"])
    latin = re.compile("[a-z]+")  # and nothing else is written
    others = [at for piece, at in tokenizer.get_vocab().items() if not latin.fullmatch(piece)]
    over = {"train": None, "lora": None, "generation": {"suppress_tokens": others}, "output": str(tmp_path / "run")}
    result = hf_suite.run(texts.run_config(made, models["bart"], max_target_length=8, **over))
    found = "20 of the first 20 answers with letters are in another script than their targets"
    assert f"validation: {found}" in result.caveats
    assert caplog.messages.count(found) == 1  # and not after all is answered


def test_targets_that_the_tokenizer_cannot_write_are_counted_and_bound_the_score(models, tmp_path):
    made = texts.make(tmp_path, kind="text2text", name="symbols")
    for split, count in (("train", 12), ("validation", 10)):
        rows = [{"english": "a dog", "backwards": "dog ☃ a" if at % 5 == 0 else "dog a"} for at in range(count)]
        world.write_rows(made.mirror / "own" / "backwards" / "default" / f"{split}.jsonl", rows)
    over = {"train": {"max_steps": 1}, "max_target_length": 8, "output": str(tmp_path / "run")}
    result = hf_suite.run(texts.run_config(made, models["t5"], **over))
    found = result.counts["validation"]
    assert (found["targets_not_writable"], found["best_reachable"]) == (2, 80.0)
    assert "train: 3 of 12 targets cannot be written to the letter by the tokenizer" in result.caveats
    assert (
        "validation: 2 of 10 targets cannot be written to the letter; exact_match gets no better than 80.00"
    ) in result.caveats


def test_what_a_tokenizer_cannot_write_is_said_to_cost_nothing_where_the_number_does_not_see_it(models, tmp_path):
    made = texts.make(tmp_path, kind="text2text", name="symbols", metrics=["rouge"], headline="rougeL")
    rows = [{"english": "a dog", "backwards": "dog ☃ a" if at % 5 == 0 else "dog a"} for at in range(10)]
    world.write_rows(made.mirror / "own" / "backwards" / "default" / "validation.jsonl", rows)
    result = hf_suite.run(
        texts.run_config(made, models["t5"], train=None, prompt="summarize: {source}", output=str(tmp_path / "run"))
    )
    assert ("validation: 2 of 10 targets cannot be written to the letter, which costs rougeL nothing") in result.caveats


def test_a_target_holds_no_token_for_what_the_tokenizer_cannot_write(made, models):
    ready = session(made, models["t5"])
    rows = Dataset.from_dict({"row": [0], "source": ["a"], "target": [["dog ☃ a"]]})
    assert words(ready, ready.adapter.train_features(rows)["target"][0]) == "▁dog ▁ ▁a </s>"


def test_what_a_checkpoint_bars_is_no_part_of_what_it_can_write(made, models):
    ready = session(made, models["bart"])
    rows = Dataset.from_dict({"row": [0], "source": ["a"], "target": [["the dog"]]})
    assert ready.adapter.as_written(rows, ready.model) == {0: "the dog"}
    ready.model.get_base_model().final_logits_bias[0, ready.tokenizer.convert_tokens_to_ids("he")] = -10_000.0
    assert ready.adapter.as_written(rows, ready.model) == {0: "t dog"}


@pytest.mark.parametrize("name", ["mbart50", "m2m_100", "nllb"])
def test_a_languages_code_is_no_part_of_what_a_tokenizer_writes(made, tmp_path, name):
    ready = session(made, writers.writer(tmp_path / name, name))
    rows = Dataset.from_dict({"row": [0], "source": ["a"], "target": [["the dog"]]})
    assert ready.adapter.as_written(rows, ready.model) == {0: "the dog"}


def test_the_limit_goes_by_the_train_targets(made, models):
    ready = texts.session(texts.run_config(made, models["bart"]))
    assert ready.config.max_target_length == ready.config.generation["max_new_tokens"] == 24
    assert ready.resolved.notes == (
        "max_target_length: 24; of 48 train targets 99 % have at most 21 tokens, the longest has 21",
    )
    short = session(made, models["bart"], max_target_length=20)
    assert short.parts.caveats == ["unpinned", "train: 1 of 48 targets longer than max_target_length 20 were cut"]
