"""Writing on the spot in one of many languages: how a checkpoint is told it, and what it is refused."""

import pytest
import texts
import torch
import transformers
import writers

import hf_suite
from hf_suite import generating
from hf_suite.errors import ConfigError

FEW = {"device": "cpu", "generation": {"max_new_tokens": 12}}


def silent(text):
    """Hears nothing."""


def writer(folder, over):
    return generating.of_checkpoint(str(folder), {**FEW, **over})


@pytest.mark.parametrize("name", ["m2m_100", "mbart50", "nllb", "mbart"])
def test_a_checkpoint_of_many_languages_writes_the_one_that_is_said(tmp_path, name):
    source, target = {"m2m_100": ("en", "de"), "nllb": ("eng_Latn", "deu_Latn")}.get(name, ("en_XX", "de_DE"))
    folder = writers.writer(tmp_path / name, name)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, src_lang=source, tgt_lang=target)
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder)
    code = getattr(tokenizer, "get_lang_id", tokenizer.convert_tokens_to_ids)(target)
    told = {"decoder_start_token_id": code} if name == "mbart" else {"forced_bos_token_id": code}
    with torch.no_grad():
        ids = model.generate(
            **tokenizer("the dog", return_tensors="pt"), max_new_tokens=12, num_beams=1, do_sample=False, **told
        )[0].tolist()
    ids.remove(code)
    heard = []

    said = {"languages": {"source": source, "target": target}}
    text = writer(folder, said).write("the dog", heard.append)

    assert text == "".join(heard) == tokenizer.decode(ids, skip_special_tokens=True)


def test_a_mark_of_the_target_stands_before_what_is_typed(tmp_path):
    folder = writers.writer(tmp_path / "marian-many", "marian-many")
    ready = writer(folder, {"languages": {"target": "fra"}})
    ready.turns.append({"role": "user", "content": ready.wording.replace("{typed}", "the dog")})
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    assert ready._tokens() == tokenizer(">>fra<< the dog")["input_ids"]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            {"source": "en", "target": "dee"},
            "languages.target: m2m_100 knows no language 'dee'; did you mean 'de'? it knows: ",
        ),
        ({"source": "en"}, "languages.target: m2m_100 must be told its language; say one of: "),
        ({"target": "de"}, "languages.source: m2m_100 must be told its language; say one of: "),
    ],
)
def test_a_language_that_is_missing_or_unknown_is_refused(tmp_path, said, message):
    folder = writers.writer(tmp_path / "m2m_100", "m2m_100")
    listed = ", ".join(sorted(transformers.AutoTokenizer.from_pretrained(folder).lang_code_to_id))
    with pytest.raises(ConfigError) as e:
        writer(folder, {"languages": said})
    assert str(e.value) == f"{message}{listed}"


def test_a_languages_code_is_no_part_of_what_is_told(tmp_path):
    made = texts.make(tmp_path / "texts")
    model, output = writers.writer(tmp_path / "m2m_100", "m2m_100"), tmp_path / "run"
    hf_suite.run(texts.run_config(made, model, output=str(output), max_target_length=12, train={"max_steps": 1}))
    heard = []
    text = generating.of_run(str(output), {"device": "cpu"}, base=str(model)).write("the dog", heard.append)
    assert "__de__" not in text
    assert "".join(heard) == text
