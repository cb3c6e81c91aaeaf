"""Writing on the spot: what follows a prompt, what was said before it, and the command that tells it."""

import io
import json
import sys

import pytest
import texts
import tiny
import torch
import transformers
import world
from command import Terminal, said

import hf_suite
from hf_suite import generating
from hf_suite.errors import ConfigError, ModelError, RunError

FEW = {"device": "cpu", "generation": {"max_new_tokens": 12}}
SAMPLED = {"device": "cpu", "generation": {"max_new_tokens": 12, "do_sample": True}}
CHAT = (
    "{% for turn in messages %}[{{ turn.role }}] {{ turn.content }} {% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)
WIDE = {"initializer_range": 0.3}  # or a random model hardly tells prompts apart


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    return tiny.checkpoint(tmp_path_factory.mktemp("gpt2"), "gpt2", **WIDE)


@pytest.fixture(scope="module")
def chat(tmp_path_factory):
    folder = tiny.checkpoint(tmp_path_factory.mktemp("chat"), "llama", **WIDE)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(folder)
    return folder


def silent(text):
    """Hears nothing."""


def writer(folder, over=FEW):
    return generating.of_checkpoint(str(folder), over)


def test_the_most_probable_tokens_follow_the_prompt_and_are_told_as_they_come(gpt2):
    tokenizer = transformers.AutoTokenizer.from_pretrained(gpt2)
    model = transformers.AutoModelForCausalLM.from_pretrained(gpt2)
    ids = [tokenizer.bos_token_id, *tokenizer("the old man")["input_ids"]]
    written = []
    while len(written) < 12 and tokenizer.eos_token_id not in written:
        with torch.no_grad():
            written.append(int(model(torch.tensor([ids + written])).logits[0, -1].argmax()))
    heard = []

    text = writer(gpt2).write("the old man", heard.append)

    assert text == tokenizer.decode(written, skip_special_tokens=True)
    assert "".join(heard) == text
    assert len(heard) > 1


@pytest.mark.parametrize(
    ("habit", "said"),
    [({"num_beams": 4}, {"do_sample": True}), ({"repetition_penalty": 9.0}, {"repetition_penalty": None})],
)
def test_a_checkpoints_habit_that_is_taken_away_is_gone(tmp_path, habit, said):
    folder = tiny.checkpoint(tmp_path, "gpt2", initializer_range=0.05)
    over = {**FEW, "generation": {**FEW["generation"], **said}}
    plain = writer(folder, over).write("the dog", silent)
    transformers.GenerationConfig(**habit).save_pretrained(folder)
    assert writer(folder, over).write("the dog", silent) == plain


def test_what_is_sampled_depends_on_seed_and_turn_alone(gpt2):
    first = writer(gpt2, SAMPLED)
    one, two = (first.write("the old man", silent) for _ in range(2))

    assert writer(gpt2, SAMPLED).write("the old man", silent) == one
    assert writer(gpt2, {**SAMPLED, "seed": 1}).write("the old man", silent) != one
    assert one != two
    first.reset()
    assert first.write("the old man", silent) == one


def test_a_text_goes_on_from_all_before_it(gpt2):
    ready = writer(gpt2)
    one = ready.write("the old man", silent)
    two = ready.write("and the dog", silent)

    assert writer(gpt2).write(f"the old man{one}\nand the dog", silent) == two


def test_a_dialogue_is_put_by_the_chat_template(chat):
    ready = writer(chat)
    answer = ready.write("who walks", silent)
    ready.turns.append({"role": "user", "content": "and why"})

    read = ready.tokenizer.decode(ready._tokens()).split()
    assert read == f"[user] who walks [assistant] {answer} [user] and why [assistant]".split()


def test_of_a_dialogue_that_no_longer_fits_the_oldest_turns_go(chat):
    ready = writer(chat, {**FEW, "generation": {"max_new_tokens": 8}})
    ready.positions = 64
    for _ in range(6):
        ready.write("the old man walks in the park", silent)

    assert len(ready._tokens()) <= 64
    assert ready.turns[0] == {"role": "user", "content": "the old man walks in the park"}
    with pytest.raises(ConfigError) as e:
        ready.write("the dog " * 60, silent)
    assert str(e.value).startswith("prompt: ")
    assert str(e.value).endswith(
        " tokens, and the model has room for 56; shorten it, or say generation.max_new_tokens below 8"
    )


def test_of_a_text_that_no_longer_fits_the_end_is_read(gpt2):
    ready = writer(gpt2)
    ready.positions = 24

    assert ready.write("the old man " * 20, silent)


def test_nothing_is_told_from_a_string_on_that_stops(gpt2):
    whole = writer(gpt2).write("the old man", silent)
    stop = whole[7:11]
    heard = []
    over = {**FEW, "generation": {**FEW["generation"], "stop_strings": [stop]}}

    text = writer(gpt2, over).write("the old man", heard.append)

    assert text == "".join(heard) == whole[: whole.index(stop)]


def test_what_only_begins_as_a_stop_is_told_in_the_end():
    heard = []
    settings = transformers.GenerationConfig(stop_strings=["\n\n", "END"])
    streamer = generating._Streamer(None, heard.append, settings)
    for piece in ("one E", "ND of\n", "\nmore"):
        streamer.on_finalized_text(piece)
    assert heard == ["one "]
    streamer = generating._Streamer(None, heard.append, settings)
    heard.clear()
    streamer.on_finalized_text("two\n")
    streamer.on_finalized_text("three E")
    streamer.on_finalized_text("", stream_end=True)
    assert heard == ["two", "\nthree ", "E"]


def test_a_run_that_answers_by_words_is_asked_as_it_learnt(tmp_path, small_world, gpt2):
    config = world.run_config(
        small_world,
        "reviews",
        gpt2,
        protocol="generation",
        max_target_length=8,
        max_length=256,
        output=str(tmp_path / "run"),
    )
    hf_suite.run(config)
    row = {"text": "a fine film"}
    told = generating.of_run(str(tmp_path / "run"), {"device": "cpu"}).write(row["text"], silent)
    (found,) = hf_suite.load(tmp_path / "run").predict([row], everything=True)
    assert told.strip() == found["texts"][0]


def test_of_a_run_that_read_several_texts_the_prompt_is_put_as_it_stands(tmp_path, small_world, gpt2, caplog):
    config = world.run_config(
        small_world, "pairs", gpt2, protocol="generation", max_target_length=8, output=str(tmp_path / "run"),
        prompt="{text} and {text_pair}?",
    )  # fmt: skip
    hf_suite.run(config)
    run = str(tmp_path / "run")
    assert generating.of_run(run, {"device": "cpu"}).wording == "{typed}"
    assert (
        f"{run} learnt to be asked '{{text}} and {{text_pair}}?'; what is typed is put as it stands" in caplog.messages
    )


def test_a_run_that_only_scored_a_checkpoint_kept_none(tmp_path, small_world, gpt2):
    run = tmp_path / "run"
    config = world.run_config(
        small_world,
        "reviews",
        gpt2,
        protocol="likelihood",
        train=None,
        lora=None,
        shots=2,
        max_length=256,
        output=str(run),
    )
    shown = ", ".join(map(str, hf_suite.run(config).shots))
    with pytest.raises(RunError) as e:
        generating.of_run(str(run), FEW)
    finding = f"a checkpoint was scored there as it is, with the shots {shown} before each question, and none kept"
    assert str(e.value) == f"{run}: {finding}; name {gpt2.name} with --model; what is typed is then put as it stands"


def test_a_run_writes_as_it_learnt_to(tmp_path, tiny_checkpoint):
    made = texts.make(tmp_path / "texts")
    config = texts.run_config(made, tiny_checkpoint("t5"), output=str(tmp_path / "run"), max_target_length=12)
    hf_suite.run(config)
    source = "the old man"

    written = generating.of_run(str(tmp_path / "run"), {"device": "cpu"}).write(source, silent)

    assert written.strip() == hf_suite.load(tmp_path / "run").answer([{"source": source}])[0]


def test_the_command_prints_what_follows(gpt2, capsys, monkeypatch):
    words = ["generate", "--model", gpt2, "device=cpu", "generation.max_new_tokens=12"]
    text = writer(gpt2).write("the old man", silent)

    assert said(capsys, *words, "--prompt", "the old man")[:2] == (0, f"{text}\n")
    assert json.loads(said(capsys, *words, "--prompt", "the old man", "--json")[1]) == {
        "prompt": "the old man", "text": text,
    }  # fmt: skip
    monkeypatch.setattr(sys, "stdin", io.StringIO("the old man"))
    assert said(capsys, *words)[:2] == (0, f"{text}\n")


def test_on_a_terminal_it_talks_until_reset(gpt2, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Terminal("the old man\n\nand why\n/reset\nthe old man\n"))
    ready = writer(gpt2)
    one, two = ready.write("the old man", silent), ready.write("and why", silent)

    code, out, err = said(capsys, "generate", "--model", gpt2, "device=cpu", "generation.max_new_tokens=12")

    assert (code, out.replace("> ", "")) == (0, f"{one}\n{two}\n{one}\n")
    assert "each line goes on from all before it; /reset begins anew, Ctrl-D ends\n" in err


def test_on_a_terminal_a_chat_template_makes_it_a_dialogue_until_reset(chat, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Terminal("the old dog\nthe park\n/reset\nthe park\n"))
    ready = writer(chat)
    one, two = ready.write("the old dog", silent), ready.write("the park", silent)
    ready.reset()
    alone = ready.write("the park", silent)

    code, out, err = said(capsys, "generate", "--model", chat, "device=cpu", "generation.max_new_tokens=12")

    assert (code, out.replace("> ", "")) == (0, f"{one}\n{two}\n{alone}\n")
    assert two != alone
    assert "a dialogue, by the chat template; /reset begins anew, Ctrl-D ends\n" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "generate: neither a run nor a model is named; give a run folder, or --model"),
        (
            ["--model", "x", "--prompt", "a", "train.epochs=2"],
            "train: means nothing to generate; say seed, device, precision, languages.KEY or generation.KEY",
        ),
        (
            ["--model", "GPT2", "--prompt", "a", "generation.temperature=2.0"],
            "generation.temperature: 2.0, and nothing is sampled; say generation.do_sample=true too, or take it out",
        ),
        (
            ["--model", "GPT2", "--prompt", "a", "languages.target=de"],
            "languages: GPT2's tokenizer knows none; take the key out",
        ),
        (
            ["--model", "GPT2", "--prompt", "a", "generation.do_sample=true", "generation.num_return_sequences=2"],
            "generation.num_return_sequences: one text is told; leave it out",
        ),
    ],
)
def test_what_cannot_be_is_refused(words, message, gpt2, capsys):
    code, _, err = said(capsys, "generate", *(gpt2 if word == "GPT2" else word for word in words))

    assert (code, err.splitlines()[-1]) == (2, f"hf-suite: {message.replace('GPT2', gpt2.name)}")


def test_an_encoder_writes_nothing(tmp_path, small_world, tiny_checkpoint):
    bert = tiny_checkpoint("bert")
    with pytest.raises(ModelError) as e:
        generating.of_checkpoint(str(bert), FEW)
    remedy = "take a decoder or an encoder-decoder, or a run of one; hf-suite predict tells the labels of others"
    assert str(e.value) == f"{bert.name}: Bert writes no text; {remedy}"

    hf_suite.run(world.run_config(small_world, "reviews", bert, output=str(tmp_path / "run")))
    with pytest.raises(ModelError) as e:
        generating.of_run(str(tmp_path / "run"), FEW)
    assert str(e.value) == f"{tmp_path / 'run'}: BertForSequenceClassification writes no text; {remedy}"
