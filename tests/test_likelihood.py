"""Label words by their likelihood: what is scored, by which of the three, the same whatever meets in a batch."""

import math

import apart
import pytest
import texts
import torch
import world
from datasets import Dataset

import hf_suite
from hf_suite.adapters import take
from hf_suite.answering import answer
from hf_suite.errors import SuiteError
from hf_suite.record import read_answers

ASKED = "Text: the dog is good\nWhich is it: negative or positive?\nAnswer:"


def config(made, model, task="reviews", /, **over):
    usual = {"protocol": "likelihood", "train": None, "max_length": None}
    return world.run_config(made, task, model, **{**usual, **over})


@pytest.fixture(scope="module")
def gpt2(tiny_checkpoint):
    return tiny_checkpoint("gpt2")


def of_one_row(ready, text="the dog is good"):
    features = ready.adapter.eval_features(Dataset.from_dict({"row": [7], "text": [text]}))
    every = take(features, range(len(features)))
    with torch.no_grad():
        return every, ready.adapter.outputs(ready.model.eval(), ready.adapter.collate(every))


def spelt(ready, ids):
    return ready.tokenizer.decode(ids)


def test_a_rows_features_are_each_labels_words_after_the_prompt_and_after_its_last_line(small_world, gpt2):
    ready = texts.session(config(small_world, gpt2))
    features, _ = of_one_row(ready)
    words = [spelt(ready, one["target"][-one["scored"] :]) for one in features]
    assert words == [" negative", " positive", " negative", " positive"]
    assert [spelt(ready, [*one["input_ids"], one["target"][-1]]) for one in features] == [
        f"{ASKED} negative",
        f"{ASKED} positive",
        "Answer: negative",
        "Answer: positive",
    ]
    assert [one["row"] for one in features] == [7] * 4


def test_the_words_cost_what_the_model_says_of_them_in_one_piece(small_world, gpt2):
    ready = texts.session(config(small_world, gpt2))
    features, outputs = of_one_row(ready)
    before = len(ready.tokenizer(ASKED)["input_ids"])
    ids = torch.tensor([ready.tokenizer(f"{ASKED} positive")["input_ids"]])
    with torch.no_grad():
        said = ready.model(ids).logits.log_softmax(-1)[0, :-1].gather(1, ids[0, 1:, None])[:, 0]
    found = ready.adapter.evidence({"row": 7}, features, outputs)
    assert found["log_likelihood"]["positive"] == pytest.approx(said[before - 1 :].sum().item(), abs=1e-5)
    assert found["tokens"]["positive"] == ids.shape[1] - before


def test_a_model_to_which_all_tokens_are_as_likely_has_the_closed_forms(small_world, gpt2):
    found = {}
    for which in ("raw", "per_token", "corrected"):
        ready = texts.session(config(small_world, gpt2, likelihood=which))
        torch.nn.init.zeros_(ready.model.get_output_embeddings().weight)
        found[which] = ready.adapter.evidence({"row": 7}, *of_one_row(ready))
    each = math.log(ready.model.config.vocab_size)
    tokens = found["raw"]["tokens"]
    assert found["raw"]["scores"] == pytest.approx({label: -many * each for label, many in tokens.items()}, rel=1e-6)
    assert found["per_token"]["scores"] == pytest.approx({"negative": -each, "positive": -each}, rel=1e-6)
    assert found["corrected"]["scores"] == pytest.approx({"negative": 0.0, "positive": 0.0}, abs=1e-5)


@pytest.mark.parametrize(
    ("which", "decided"),
    [
        ("raw", {"negative": -6.0, "positive": -4.0}),
        ("per_token", {"negative": -2.0, "positive": -4.0}),
        ("corrected", {"negative": 3.0, "positive": -1.0}),
    ],
)
def test_each_of_the_three_can_be_had_of_what_is_stored(small_world, gpt2, which, decided):
    adapter = texts.session(config(small_world, gpt2, likelihood=which)).adapter
    found = adapter.evidence({"row": 7}, [], [(6.0, 3), (4.0, 1), (9.0, 3), (3.0, 1)])
    assert found["scores"] == decided
    assert found["log_likelihood"] == {"negative": -6.0, "positive": -4.0}
    assert found["tokens"] == {"negative": 3, "positive": 1}
    assert found["without_text"] == {"negative": -9.0, "positive": -3.0}


def likelihoods(config, batch_size):
    ready = texts.session(config.model_copy(update={"output": "never-made"}))
    rows = ready.parts.eval["validation"].rows
    found = answer(ready.model, ready.adapter, rows, accelerator=ready.accelerator, batch_size=batch_size)
    return [[value for part in evidence.values() for value in part.values()] for _, evidence in found]


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_a_batch_of_one_and_of_sixteen_find_the_same(small_world, tiny_checkpoint, name):
    told = config(small_world, tiny_checkpoint(name), "pairs", shots=2)
    alone, together = likelihoods(told, 1), likelihoods(told, 16)
    assert len(alone) == 24
    for one, other in zip(alone, together, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_two_processes_find_what_one_does(small_world, gpt2):
    told = config(small_world, gpt2, eval_limit=6)
    (alone,) = apart.together(likelihoods, told, 5, processes=1)
    assert apart.together(likelihoods, told, 5, processes=2) == [alone, alone]


def test_a_model_as_it_is_is_scored_and_the_result_says_how(small_world, gpt2, tmp_path):
    result = hf_suite.run(config(small_world, gpt2, likelihood="corrected", output=str(tmp_path / "run")))
    assert (result.resolved["protocol"], result.resolved["likelihood"]) == ("likelihood", "corrected")
    assert result.resolved["prompt"] == "Text: {text}\nWhich is it: negative or positive?\nAnswer:"
    lines = list(read_answers(tmp_path / "run" / "answers.parquet"))
    assert [line["answer"] for line in lines] == [
        max(line["evidence"]["scores"], key=line["evidence"]["scores"].get) for line in lines
    ]
    assert result.shots == []


def test_the_run_may_say_the_wording(small_world, gpt2):
    ready = texts.session(config(small_world, gpt2, prompt="{text} It was"))
    features, _ = of_one_row(ready)
    assert spelt(ready, features[0]["input_ids"]).startswith("the dog is good It was")
    assert [spelt(ready, one["input_ids"])[:7] for one in features[2:]] == [" It was", " It was"]


def test_the_right_labels_words_are_learnt_and_the_saved_model_finds_the_same(small_world, gpt2, tmp_path):
    train = {"epochs": 10, "max_steps": None, "learning_rate": 0.01}
    told = config(small_world, gpt2, lora=None, train=train, prompt="{text} =", output=str(tmp_path / "run"))
    result = hf_suite.run(told)
    assert result.history[-1]["train_loss"] < result.history[0]["train_loss"]
    assert result.scores["validation"]["accuracy"] > result.baseline["validation"]["accuracy"]
    again = hf_suite.evaluate_run(tmp_path / "run", mirrors=(str(small_world.mirror),))
    assert again.scores == result.scores
    (told,) = hf_suite.load(tmp_path / "run").answer([{"text": "the film was wonderful"}])
    assert told in ("negative", "positive")


def refusal(told):
    with pytest.raises(SuiteError) as caught:
        texts.session(told)
    return str(caught.value)


def test_an_encoder_is_refused(small_world, tiny_checkpoint):
    assert refusal(config(small_world, tiny_checkpoint("bert"))) == (
        "bert: Bert has no class for classification by likelihood; take a decoder (GPT-2, Llama, Qwen)"
    )


@pytest.mark.parametrize(("task", "wanted"), [("likeness", "a number"), ("topics", "several labels")])
def test_what_is_not_one_of_the_labels_has_no_words_to_compare(small_world, gpt2, task, wanted):
    assert refusal(config(small_world, gpt2, task)) == (
        f"protocol: {task} is answered by {wanted}, and one label's words are compared with another's; "
        "say protocol=generation, or protocol=head to train a head"
    )


def test_questions_have_no_labels_to_compare(small_world, gpt2):
    assert refusal(config(small_world, gpt2, "questions")) == (
        "protocol: question_answering has no 'likelihood'; it has: head, generation"
    )


@pytest.mark.parametrize(
    ("over", "message"),
    [
        (
            {"generation": {"num_beams": 2}},
            "generation: protocol likelihood writes no text; take it out, or say protocol=generation",
        ),
        (
            {"protocol": "generation", "likelihood": "raw"},
            "likelihood: protocol generation compares no label words; take it out, or say protocol=likelihood",
        ),
        (
            {"protocol": "head", "likelihood": "raw"},
            "likelihood: protocol head compares no label words; take it out, or say protocol=likelihood",
        ),
        (
            {"protocol": "head", "shots": 2},
            "shots: protocol head reads no prompt; take it out, or say protocol=generation",
        ),
    ],
)
def test_keys_that_the_protocol_has_no_use_for_are_refused(small_world, gpt2, over, message):
    assert refusal(config(small_world, gpt2, **over)) == message
