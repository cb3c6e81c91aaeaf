"""`hf-suite models`: the table of architectures, and what is said of one, or of a checkpoint."""

import json

import pytest
import tiny
import transformers
from command import lines, said

from hf_suite.architectures import ARCHITECTURES


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.delenv("HF_SUITE_MIRROR", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.chdir(tmp_path)


def test_all_architectures_are_listed_with_a_mark_for_each_kind(capsys):
    code, out, err = said(capsys, "models")

    assert (code, err) == (0, "")
    head, *rows = lines(out)
    assert head.replace("┃", " ").split() == [
        "architecture",
        "models",
        "classification",
        "question_answering",
        "LoRA",
        "adapts",
    ]
    assert "deberta-v2 DeBERTa v2 and v3 tested tested query_proj, value_proj" in rows
    assert "gemma2 Gemma 2 untested - q_proj, v_proj" in rows
    assert [row.split()[0] for row in rows] == sorted(ARCHITECTURES)


def test_all_architectures_are_listed_as_json(capsys):
    _, out, _ = said(capsys, "models", "--json")

    assert json.loads(out)[0] == {
        "architecture": "albert",
        "models": "ALBERT",
        "kinds": {"classification": "tested", "question_answering": "tested"},
        "targets": ["query", "value"],
    }


def test_one_architecture_is_shown_with_its_classes_and_heads(capsys):
    code, out, err = said(capsys, "models", "bart")

    assert (code, err) == (0, "")
    shown = lines(out)
    assert shown[0] == "bart (BART), texts of up to 1,024 tokens"
    assert "classification head BartForSequenceClassification q_proj, v_proj classification_head yes" in shown
    assert "question_answering head BartForQuestionAnswering q_proj, v_proj qa_outputs yes" in shown
    assert "- end token: a head is read at the one that ends the text; a text that holds it loses it" in shown


def test_every_protocol_is_shown_with_its_class(capsys):
    _, out, _ = said(capsys, "models", "bert")

    shown = lines(out)
    assert "language_modeling masked BertForMaskedLM query, value - yes" in shown
    assert "classification likelihood - - - no" in shown
    assert "translation generation - - - no" in shown

    _, out, _ = said(capsys, "models", "gpt2")

    shown = lines(out)
    assert "classification likelihood GPT2LMHeadModel c_attn - yes" in shown
    assert "translation generation GPT2LMHeadModel c_attn - yes" in shown
    assert "language_modeling masked - - - no" in shown


def test_of_a_checkpoint_it_is_shown_what_it_lacks(capsys, tiny_checkpoint):
    code, out, err = said(capsys, "models", tiny_checkpoint("bert"))

    assert (code, err) == (0, "")
    shown = lines(out)
    assert shown[0] == "bert (BERT, MiniLM, E5, BGE), texts of up to 512 tokens"
    assert (
        "classification head BertForSequenceClassification query, value bert.pooler.dense, classifier yes" in shown
    )  # a language model has no pooler
    assert "question_answering head BertForQuestionAnswering query, value qa_outputs yes" in shown


def test_of_a_checkpoint_it_is_said_what_is_settled(capsys, tmp_path):
    tiny.checkpoint(tmp_path / "mine", "gpt2", pad_token_id=None)

    _, out, _ = said(capsys, "models", "mine")

    assert lines(out)[0] == "mine: gpt2 (GPT-2), texts of up to 512 tokens"
    assert "- pad token: '<|endoftext|>', since the tokenizer has none" in lines(out)


def test_of_a_checkpoint_it_is_said_what_it_cannot_do(capsys, tmp_path):
    tiny.checkpoint(tmp_path / "bytes", "bert", vocab_size=384)
    (tmp_path / "bytes" / "tokenizer.json").unlink()
    transformers.ByT5Tokenizer().save_pretrained(tmp_path / "bytes")

    _, out, _ = said(capsys, "models", "bytes", "--json")

    found = {at["kind"]: at for at in json.loads(out)["abilities"] if at["protocol"] == "head"}
    assert (found["classification"]["cls"], found["question_answering"]["cls"]) == (
        "BertForSequenceClassification",
        None,
    )
    assert found["question_answering"]["note"] == (
        "ByT5Tokenizer does not say which characters a token stands for, as spans need"
    )


def test_an_architecture_whose_layers_are_not_known_is_shown_with_those_it_has(capsys):
    _, out, _ = said(capsys, "models", "fnet")

    assert lines(out)[0] == "fnet, texts of up to 512 tokens"
    assert (
        "- classification (head): LoRA: no known query and value layers; set lora.targets to some of: dense, projection"
        in lines(out)
    )


def test_an_unknown_architecture_is_refused_with_the_nearest(capsys):
    assert said(capsys, "models", "robreta") == (
        2,
        "",
        "hf-suite: robreta: no architecture of that name, and no folder; "
        "did you mean 'roberta'? (a checkpoint is a folder, a hub id or package:MODULE/PATH)\n",
    )
