"""ROUGE on texts whose overlaps were counted by hand; sentences and words of several scripts."""

import pytest

from hf_suite.metrics import METRICS
from hf_suite.metrics.segmenting import sentences, words
from hf_suite.schema import build
from hf_suite.spec import TaskSpec

ROUGE = METRICS["rouge"]
TEXT = "Police killed the gunman. The town was calm."
ANSWER = "The town was quiet. Police shot the gunman."
# Of eight words each six are common (the, twice, town, was, police, gunman) and of seven pairs three (the town,
# town was, the gunman); the longest common run of either order has three words, and sentence by sentence it is three
# (police, the, gunman) and three (the, town, was).
COUNTED = {"rouge1": 600 / 8, "rouge2": 300 / 7, "rougeL": 300 / 8, "rougeLsum": 600 / 8}


def task(target=None):
    facts = {"name": "own", "kind": "summarization", "version": 1, "source": {"path": "own/own", "subset": "default"}}
    scored = {"columns": {"source": "s", "target": "t"}, "metrics": ["rouge"], "headline": "rouge1"}
    languages = {} if target is None else {"source": target, "target": target}
    return build(TaskSpec, {**facts, **scored, "languages": languages}, "test")


def scores(answer, *golds, target=None):
    return ROUGE.score({0: answer}, {0: list(golds)}, task(target))


@pytest.mark.parametrize("answer", [ANSWER, ANSWER.replace(". ", ".\n")])
def test_each_type_is_its_overlap_and_sentences_are_split_with_and_without_lines(answer):
    assert scores(answer, TEXT) == pytest.approx(COUNTED, abs=1e-9)


def test_a_text_without_sentences_has_the_same_score_with_and_without_sum():
    one = scores(ANSWER.replace(".", ""), TEXT.replace(".", ""))
    assert one["rougeL"] == one["rougeLsum"] == pytest.approx(37.5, abs=1e-9)


RAIN = "Heavy rain closed the bridge.{0}Two ferries took commuters home.{0}Repairs begin Monday."
FERRIES = "Two ferries took people home.{0}Repairs then begin, the bridge shut: heavy rain."
# Of 13 words each ten are common, of 12 pairs five, in one order six, and sentence by sentence eight.
FIXED = {"rouge1": 1000 / 13, "rouge2": 500 / 12, "rougeL": 600 / 13, "rougeLsum": 800 / 13}


@pytest.mark.parametrize("between", ["\n", " "])
def test_the_fixed_example_has_its_scores_with_and_without_lines(between):
    found = scores(FERRIES.format(between), RAIN.format(between), target="en")
    assert found == pytest.approx(FIXED, abs=1e-9)
    assert {name: f"{value / 100:.4f}" for name, value in found.items()} == {
        "rouge1": "0.7692", "rouge2": "0.4167", "rougeL": "0.4615", "rougeLsum": "0.6154",
    }  # fmt: skip


def test_a_tag_between_sentences_is_a_word():
    found = scores(FERRIES.format(" <n> "), RAIN.format(" <n> "), target="en")
    assert found["rouge1"] == pytest.approx(2200 / 29, abs=1e-9)  # 11 of 14 and 15


def test_english_is_stemmed_and_other_languages_are_not():
    assert scores("The dogs barked", "the dog barking", target="en")["rouge1"] == pytest.approx(100.0)
    assert scores("The dogs barked", "the dog barking", target="nl")["rouge1"] == pytest.approx(100 / 3)


@pytest.mark.parametrize(
    "text", ["Полиция застрелила бандита", "警察が犯人を撃った。", "पुलिस ने गोली मारी", "ตำรวจยิงคนร้าย", "경찰이 쐈다"]
)
def test_a_text_of_any_script_equals_itself(text):
    assert scores(text, text) == pytest.approx(dict.fromkeys(COUNTED, 100.0), abs=1e-9)


def test_the_best_and_the_mean_of_several_references_are_told():
    found = scores(ANSWER, "nothing of it", TEXT)
    assert {name: found[name] for name in COUNTED} == pytest.approx(COUNTED, abs=1e-9)
    assert {name: found[f"{name}_mean"] for name in COUNTED} == pytest.approx(
        {name: value / 2 for name, value in COUNTED.items()}, abs=1e-9
    )


def test_rows_add_up_to_the_mean_of_any_rows():
    answers = {0: ANSWER, 1: "calm", 2: ""}
    references = {0: [TEXT], 1: ["calm", "loud"], 2: ["calm"]}
    lines = ROUGE.rows(answers, references, task("en"))
    assert lines.shape == (3, 10)
    assert ROUGE.total(lines[[0, 2]].sum(axis=0)) == pytest.approx(
        {name: value / 2 for name, value in COUNTED.items()}, abs=1e-9
    )
    assert ROUGE.total(lines.sum(axis=0))["rouge1"] == pytest.approx((75 + 100 + 0) / 3, abs=1e-9)
    assert ROUGE.total(lines.sum(axis=0))["rouge1_mean"] == pytest.approx((75 + 50 + 0) / 3, abs=1e-9)
    assert ROUGE.total(lines[:0].sum(axis=0)) == dict.fromkeys(COUNTED)


@pytest.mark.parametrize(
    ("texts", "target", "tokenizer"),
    [
        (["The café was closed. " + "It rains in the hills. " * 5], None, "en"),
        (["Die Größe der Tür überrascht."], None, "other"),
        (["The size of the door surprises."], "de", "other"),
        (["Une idée"], "en_GB", "en"),
    ],
)
def test_the_signature_names_tokenizer_stemmer_and_sentence_rules(texts, target, tokenizer):
    said = ROUGE.signature({0: "a"}, {0: texts}, task(target))
    own = {"en": "tok:rouge_score|stem:porter", "other": "tok:unicode-1|stem:no"}[tokenizer]
    assert said == f"nrefs:1|measure:f|{own}|sentences:hf_suite-1|version:0.1.2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Dr. A. Smith paid 3.50 to Acme Inc. Ltd. He left.", ["Dr. A. Smith paid 3.50 to Acme Inc. Ltd. He left."]),
        ("Mr. A. Smith paid 3.50 in May. He left. fig. 3", ["Mr. A. Smith paid 3.50 in May.", "He left. fig. 3"]),
        ('"Who?" he asked. "Me." (Then he left.) End', ['"Who?" he asked.', '"Me."', "(Then he left.)", "End"]),
        ("one line\n\n two lines \n", ["one line", "two lines"]),
        ("今天很冷。你好吗？“好。”他说", ["今天很冷。", "你好吗？", "“好。”", "他说"]),
        ("यह एक है। यह दो है।", ["यह एक है।", "यह दो है।"]),
        ("So... it goes on. Wait… What", ["So... it goes on.", "Wait…", "What"]),
        (" ", []),
    ],
)  # fmt: skip
def test_sentences_end_where_a_reader_would_end_them(text, expected):
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Größe, state-of-the-art 3.5%", ["größe", "state", "of", "the", "art", "3", "5"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("我是Anna，25岁", ["我", "是", "anna", "25", "岁"]),
        ("ไม่ดี", ["ไ", "ม่", "ดี"]),
        ("cafe\u0301 ﬁn", ["caf\u00e9", "fin"]),
        ("\u0301 a", ["a"]),
    ],
)
def test_words_are_runs_of_letters_or_single_letters_of_scripts_without_spaces(text, expected):
    assert words(text) == expected
