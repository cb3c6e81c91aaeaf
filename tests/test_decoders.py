"""Decoders that answer prompts: what they read, what they learn, and that a saved one writes the same."""

import shutil

import apart
import pytest
import texts
import tiny
import torch
import transformers
import world
from datasets import Dataset
from test_writing_trips import tokens, written

import hf_suite
from hf_suite import folders, loop
from hf_suite.adapters import take
from hf_suite.errors import ConfigError
from hf_suite.record import read_answers

DECODERS = ("gpt2", "llama", "qwen2", "qwen3", "mistral")
CHAT = (
    "{% for turn in messages %}<|im_start|>{{ turn.role }}\n{{ turn.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WIDE = {"initializer_range": 0.3}  # or a random model hardly tells prompts apart


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return texts.make(tmp_path_factory.mktemp("texts"))


def session(made, model, **over):
    return texts.session(texts.run_config(made, model, **{"max_length": 96, "max_target_length": 12, **over}))


def words(ready, ids):
    return ready.tokenizer.decode(ids)


@pytest.fixture(scope="module")
def trips(tmp_path_factory, tiny_checkpoint, made):
    root = tmp_path_factory.mktemp("decoders")
    jobs, memory = {}, {}
    for name in DECODERS:
        over = {"max_length": 96, "max_target_length": 12, "output": str(root / name)}
        config = texts.run_config(made, tiny_checkpoint(name, **WIDE), **over)
        ready = texts.session(config)
        rows = [dict(row) for row in ready.parts.eval["validation"].rows.select(range(4))]
        folders.begin(ready.folder, config)
        features = ready.adapter.train_features(ready.parts.train.rows)
        train = {"config": ready.config.train, "accelerator": ready.accelerator, "seed": 0}
        losses = [step.loss for step in loop.finetune(ready.model, ready.adapter, features, **train)]
        folders.keep_model(ready)
        memory[name] = {"tokens": tokens(ready, rows), "session": ready, "losses": losses}
        jobs[name] = (str(ready.folder), rows)
    for name, found in apart.call(written, jobs).items():
        memory[name]["again"] = found
    return memory


@pytest.mark.parametrize("name", DECODERS)
def test_a_saved_decoder_writes_the_same_tokens_in_a_fresh_process(trips, name):
    trip = trips[name]
    assert len(trip["losses"]) == 3
    assert [row[1:] for row in trip["again"]] == [row[1:] for row in trip["tokens"]]
    assert [row[0] for row in trip["again"]] == pytest.approx([row[0] for row in trip["tokens"]], abs=1e-5)


@pytest.mark.parametrize("name", DECODERS)
def test_a_batch_of_one_and_of_sixteen_write_the_same(trips, name):
    alone, together = (texts.texts_of(trips[name]["session"], batch_size=size) for size in (1, 16))
    assert alone == together
    assert all(text == text.strip() for (text,) in alone)


SEARCHES = {"greedy": {}, "sampling": {"do_sample": True, "temperature": 0.7, "num_return_sequences": 2}}


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_a_batch_of_one_and_of_sixteen_sample_the_same(made, tiny_checkpoint, name):
    ready = session(made, tiny_checkpoint(name, **WIDE), generation=SEARCHES["sampling"])
    alone, together = (texts.texts_of(ready, batch_size=size) for size in (1, 16))
    assert alone == together
    assert any(first != second for first, second in alone)


def wrote(configs):
    return [texts.texts_of(texts.session(config), batch_size=3, count=7) for config in configs]


def test_two_processes_write_what_one_does(made, tiny_checkpoint):
    model = tiny_checkpoint("llama", **WIDE)
    over = {"max_length": 96, "max_target_length": 8, "output": "never-made"}
    configs = [texts.run_config(made, model, generation=search, **over) for search in SEARCHES.values()]
    (alone,) = apart.together(wrote, configs, processes=1)
    assert apart.together(wrote, configs, processes=2) == [alone, alone]
    assert [len(found) for found in alone] == [7, 7]


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_a_step_weighs_every_answers_token_the_same_in_one_piece_or_eight(made, tiny_checkpoint, name):
    still = {"attn_pdrop": 0.0, "resid_pdrop": 0.0, "embd_pdrop": 0.0} if name == "gpt2" else {}
    losses = []
    for size in (1, 8):
        train = {"micro_batch_size": size, "max_steps": 2}
        ready = session(made, tiny_checkpoint(name, **still), lora={"dropout": 0.0}, train=train)
        features = ready.adapter.train_features(ready.parts.train.rows)
        answers = [len(ids) - begins for ids, begins in zip(features["input_ids"], features["begins"], strict=True)]
        assert len(set(answers)) > 1
        how = {"config": ready.config.train, "accelerator": ready.accelerator, "seed": 0}
        losses.append([step.loss for step in loop.finetune(ready.model, ready.adapter, features, **how)])
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)


@pytest.mark.parametrize(
    ("setting", "times"),
    [("no_repeat_ngram_size", 1), ("encoder_no_repeat_ngram_size", 1), ("encoder_repetition_penalty", 3.0)],
)
def test_padding_is_no_repetition(made, tiny_checkpoint, setting, times):
    """GPT-2 pads with the token that ends an answer: padding is neither said before nor a word of the prompt."""
    ready = session(made, tiny_checkpoint("gpt2", **WIDE), generation={setting: times})
    model, end = ready.model.get_base_model(), ready.tokenizer.eos_token_id
    with torch.no_grad():
        last = model.transformer(torch.tensor([ready.tokenizer("German:")["input_ids"]])).last_hidden_state[0, -1]
        model.get_input_embeddings().weight[end] = 1.5 * last / last.norm()  # an end is likely
    alone, together = (texts.texts_of(ready, batch_size=size) for size in (1, 16))
    assert alone == together


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_the_prompt_is_read_and_the_answer_alone_is_learnt(made, tiny_checkpoint, name):
    ready = session(made, tiny_checkpoint(name))
    rows = Dataset.from_dict({"row": [0, 1], "source": ["a dog", "a"], "target": [["dog a"], ["the old cat"]]})
    features = ready.adapter.train_features(rows)
    begins, ids = features["begins"][0], features["input_ids"][0]
    asked = "Translate from English to German.\nEnglish: a dog\nGerman:"
    start, end = ("<s>", "</s>") if name == "llama" else ("", "<|endoftext|>")
    assert words(ready, ids[:begins]).replace(start, "").strip() == asked
    assert words(ready, ids[begins:]).strip() == f"dog a{end}"
    assert words(ready, ids).replace(start, "").strip() == f"{asked} dog a{end}"
    batch = ready.adapter.collate(take(features, [0, 1]))
    learnt = [batch["target"][at][batch["target_mask"][at].bool()].tolist() for at in (0, 1)]
    assert learnt == [features["input_ids"][at][features["begins"][at] :] for at in (0, 1)]
    assert ready.adapter.count(batch) == len(learnt[0]) + len(learnt[1])


def test_prompts_are_filled_on_the_left(made, tiny_checkpoint):
    ready = session(made, tiny_checkpoint("gpt2"))
    features = ready.adapter.eval_features(Dataset.from_dict({"row": [0, 1], "source": ["a", "the old dog"]}))
    batch = ready.adapter.collate(take(features, [0, 1]))
    assert batch["input_ids"][:, -1].tolist() == [features["input_ids"][at][-1] for at in (0, 1)]
    assert batch["attention_mask"][0].tolist()[:2] == [0, 1]
    assert ready.adapter.begins(batch) == batch["input_ids"].shape[1]


def test_a_decoder_without_a_pad_token_gets_one_and_says_so(made, tiny_checkpoint):
    notes = []
    config = texts.run_config(made, tiny_checkpoint("gpt2"), max_length=96)
    hf_suite.experiment.prepared(
        config, resume=False, allow_code=False, stopping=texts.Stopping(), watch=lambda told: notes.append(told.note)
    )
    assert "pad token: '<|endoftext|>', since the tokenizer has none" in notes


def test_a_chat_template_makes_the_question_a_users_turn(made, tiny_checkpoint, tmp_path):
    model = shutil.copytree(tiny_checkpoint("qwen2"), tmp_path / "chat")
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(model)
    ready = session(made, model)
    rows = Dataset.from_dict({"row": [0], "source": ["a dog"], "target": [["dog a"]]})
    features = ready.adapter.train_features(rows)
    begins, ids = features["begins"][0], features["input_ids"][0]
    asked = "Translate from English to German.\nEnglish: a dog\nGerman:"
    assert words(ready, ids[:begins]) == f"<|im_start|>user\n{asked}<|im_end|>\n<|im_start|>assistant\n"
    assert words(ready, ids[begins:]) == f"dog a{ready.tokenizer.eos_token}"
    assert "prompt: put as a user's turn, by the tokenizer's chat template" in ready.resolved.notes


def test_of_a_long_prompt_the_text_is_cut_and_the_question_stays(made, tiny_checkpoint):
    ready = session(made, tiny_checkpoint("gpt2"), max_length=64)
    rows = Dataset.from_dict({"row": [0, 1], "source": ["dog " * 100, "a"]})
    features = ready.adapter.eval_features(rows)
    text = words(ready, features["input_ids"][0])
    assert text.startswith("Translate from English to German.\nEnglish: dog dog")
    assert text.endswith("\nGerman:")
    assert features["length"][0] <= 64
    assert ready.adapter.counts["truncated"] == 1


def test_prompt_and_answer_must_fit_the_positions_together(made, tiny_checkpoint):
    model = tiny_checkpoint("gpt2", n_positions=100)
    ready = texts.session(texts.run_config(made, model, max_length=None, max_target_length=20))
    assert (ready.config.max_length, ready.config.max_target_length) == (80, 20)
    with pytest.raises(ConfigError) as caught:
        session(made, model, max_length=96)
    assert str(caught.value) == (
        "max_length: 96 tokens and 12 for the answer, and gpt2 has positions for 100; say max_length=88 or less"
    )


@pytest.mark.parametrize(("positions", "lengths"), [(512, (384, 128)), (100, (54, 46))])
def test_without_targets_to_go_by_an_answer_leaves_the_prompt_its_room(made, tmp_path, positions, lengths):
    model = tiny.checkpoint(tmp_path / "llama", "llama", max_position_embeddings=positions)
    transformers.GenerationConfig(max_length=positions, eos_token_id=2).save_pretrained(model)  # as Llama 2 says it
    ready = texts.session(texts.run_config(made, model, max_length=None, train=None, lora=None))
    assert (ready.config.max_length, ready.config.max_target_length) == lengths


def test_an_answer_that_was_stopped_at_its_limit_is_not_cut(made, tiny_checkpoint):
    adapter = session(made, tiny_checkpoint("gpt2"), generation={"stop_strings": ["dog"]}).adapter
    ids = adapter.tokenizer(" the" * 11 + " dog", add_special_tokens=False)["input_ids"][-12:]
    assert adapter.evidence({"row": 0, "source": "a"}, [], [[1.0, ids]])["cut"] is False


@pytest.mark.parametrize(
    ("task", "name"), [("reviews", "t5"), ("reviews", "gpt2"), ("questions", "t5"), ("likeness", "gpt2")]
)
def test_any_kind_can_be_answered_in_words(small_world, tiny_checkpoint, tmp_path, task, name):
    over = {"protocol": "generation", "max_length": 200, "eval_limit": 8, "output": str(tmp_path / "run")}
    result = hf_suite.run(world.run_config(small_world, task, tiny_checkpoint(name), **over))
    assert result.resolved["protocol"] == "generation"
    lines = list(read_answers(tmp_path / "run" / "answers.parquet"))
    assert [set(line["evidence"]) for line in lines] == [{"texts", "cut", "margin"}] * 8
    if task == "reviews":
        assert "validation: 8 of 8 answers say nothing that can be one" in result.caveats
        assert result.counts["validation"]["unreadable"] == sum(
            line["answer"] not in ("negative", "positive") for line in lines
        )
    if task == "likeness":
        assert "validation: 8 of 8 answers say nothing that can be one" in result.caveats
        assert {line["answer"] for line in lines} == {0.0}
    answer = hf_suite.load(tmp_path / "run").answer([dict.fromkeys(("text", "text_pair", "question", "context"), "a")])
    assert len(answer) == 1


def test_a_label_is_learnt_in_words_and_read_back(small_world, tiny_checkpoint):
    ready = texts.session(
        world.run_config(small_world, "reviews", tiny_checkpoint("t5"), protocol="generation", max_length=200)
    )
    features = ready.adapter.train_features(ready.parts.train.rows.select(range(2)))
    assert [words(ready, ids) for ids in features["target"][:]] == [
        f"{label}</s>" for label in ready.parts.train.rows["label"][:2]
    ]
    assert torch.tensor(features["length"][:]).min() > 10


def test_a_decoders_targets_are_smoothed_as_it_is_asked(made, tiny_checkpoint):
    losses = []
    for smoothing in (0.0, 0.5):
        ready = session(made, tiny_checkpoint("gpt2"), train={"label_smoothing": smoothing})
        batch = ready.adapter.collate(take(ready.adapter.train_features(ready.parts.train.rows.select([0])), [0]))
        with torch.no_grad():
            losses.append(ready.adapter.loss(ready.model.eval(), batch).item() / ready.adapter.count(batch))
    assert abs(losses[1] - losses[0]) > 1e-4
