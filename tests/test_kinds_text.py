"""The kinds that read and write text: references, baselines, what is noticed of the answers, and prompts."""

import math

import pytest
import world

from hf_suite import kinds, schema
from hf_suite.errors import ConfigError, ScoreError
from hf_suite.kinds import KINDS, prompt
from hf_suite.spec import TaskSpec

TRANSLATION, SUMMARY, REWRITE = KINDS["translation"], KINDS["summarization"], KINDS["text2text"]
MODELING = KINDS["language_modeling"]


def task(kind, **over):
    columns = {"text": "text"} if kind == "language_modeling" else {"source": "source", "target": "target"}
    own = {"name": "own", "kind": kind, "version": 1, "source": {"path": "own/own", "subset": "default"}}
    scored = {"columns": columns, "metrics": ["exact_match"], "headline": "exact_match"}
    return schema.build(TaskSpec, {**own, **scored, **over}, "test")


def rows(*pairs):
    return [{"row": at, "source": source, "target": list(targets)} for at, (source, *targets) in enumerate(pairs)]


def gold(kind, spec, given):
    return {row["row"]: kind.reference(row, spec) for row in given}


# references and answers


def test_a_reference_is_the_targets_and_then_the_further_references():
    spec = task("summarization")
    assert SUMMARY.reference({"source": "a", "target": ["b", "c"], "references": ["d"]}, spec) == ["b", "c", "d"]
    assert SUMMARY.reference({"source": "a", "target": ["b"], "references": None}, spec) == ["b"]
    assert SUMMARY.reference({"source": "a", "target": None}, spec) is None
    assert SUMMARY.written(["b", "c"], spec) == "b"


def test_the_answer_is_the_best_text_as_it_was_written():
    assert TRANSLATION.decide({"texts": [" Ein Hund ", "Hund"], "cut": False}, {}, task("translation")) == " Ein Hund "


def test_an_answer_must_be_a_text():
    assert REWRITE.parse("", task("text2text")) == ""
    with pytest.raises(ScoreError) as caught:
        REWRITE.parse(3, task("text2text"))
    assert str(caught.value) == "own: answer 3 is no text; write the answer as a string"


# baselines


def test_the_baseline_of_a_translation_is_the_copied_source():
    given = rows(("a dog", "ein Hund"), ("a cat", "eine Katze"))
    assert TRANSLATION.baseline(given, {}, task("translation")) == {0: "a dog", 1: "a cat"}


def test_the_baseline_of_a_summary_is_as_many_first_words_as_references_have_on_average():
    spec = task("summarization")
    given = rows(("one two  three four five", "a b c"), ("six seven", "a", "a b c d e f"))  # 3 and 1 words: 2
    assert SUMMARY.baseline(given, gold(SUMMARY, spec, given), spec) == {0: "one two", 1: "six seven"}


@pytest.mark.parametrize(
    ("metric", "expected"),
    [("exact_match", {0: "yes", 1: "yes", 2: "yes"}), ("cer", {0: "nope", 1: "yea", 2: "yeah"})],
)
def test_the_baseline_of_a_rewriting_is_the_copy_or_one_text_by_the_headline(metric, expected):
    spec = task("text2text", metrics=[metric], headline=metric)
    # One text is right twice, no copy ever is; the distances are 5 of 12 letters to the one text, 3 to the copies.
    given = rows(("nope", "noped!"), ("yea", "yes"), ("yeah", "yes"))
    assert REWRITE.baseline(given, gold(REWRITE, spec, given), spec) == expected


def test_the_baseline_of_documents_is_the_entropy_of_their_bytes():
    spec = task("language_modeling", metrics=["bits_per_byte"], headline="bits_per_byte")
    given = [{"row": 0, "text": "abab"}, {"row": 1, "text": "cd" * 2}]  # four bytes, each a quarter: 2 bits
    answers = MODELING.baseline(given, gold(MODELING, spec, given), spec)
    assert answers == {
        0: {"nll": pytest.approx(4 * math.log(4), abs=1e-12), "tokens": None},
        1: {"nll": pytest.approx(4 * math.log(4), abs=1e-12), "tokens": None},
    }


# documents


def test_a_document_is_measured_in_bytes_of_utf8_and_words_between_white_space():
    spec = task("language_modeling", metrics=["perplexity"], headline="perplexity")
    assert MODELING.reference({"text": "Größe,  klein\n"}, spec) == {"bytes": 16, "words": 2}
    assert MODELING.decide({"nll": 3.5, "tokens": 7, "context": 8, "stride": 4}, {}, spec) == {"nll": 3.5, "tokens": 7}


def test_the_cost_of_a_document_is_read_with_or_without_its_tokens():
    spec = task("language_modeling", metrics=["perplexity"], headline="perplexity")
    assert MODELING.parse({"nll": 3.5, "tokens": 7}, spec) == {"nll": 3.5, "tokens": 7}
    assert MODELING.parse("3.5", spec) == {"nll": 3.5, "tokens": None}
    assert MODELING.parse({"nll": 0.0, "tokens": 0}, spec) == {"nll": 0.0, "tokens": 0}  # of an empty document
    for wrong in ("much", {"nll": 1.0, "tokens": -1}, {"tokens": 3}, "nan"):
        with pytest.raises(ScoreError) as caught:
            MODELING.parse(wrong, spec)
        assert str(caught.value) == (
            f"own: answer {wrong!r} is no cost of a document; "
            'write {"nll": 12.5, "tokens": 4}, in nats, or the nats alone'
        )


def test_joined_rows_have_no_other_role():
    facts = {"columns": {"text": "text", "id": "id"}, "document": "heading", "metrics": ["perplexity"]}
    with pytest.raises(ConfigError) as caught:
        kinds.check(task("language_modeling", headline="perplexity", **facts))
    assert str(caught.value) == ("own.document: heading joins rows, and id is a role of each; leave text the only role")


# what is noticed


def test_empty_copied_repeating_and_cut_answers_are_counted():
    spec = task("translation")
    given = rows(("A dog", "Ein Hund"), ("B", "Be"), ("C", "Ce"), ("D", "De"))
    answers = {0: "a  dog", 1: " ", 2: "so it goes on so it goes on", 3: "on and on and on"}
    evidence = {row: {"texts": [text], "cut": row == 2} for row, text in answers.items()}
    assert TRANSLATION.diagnosis(given, answers, gold(TRANSLATION, spec, given), evidence, spec) == {
        "length_ratio": (6 + 1 + 27 + 16) / 14,
        "empty_answers": 1,
        "copied_answers": 1,
        "repeating_answers": 1,
        "cut_answers": 1,
    }


def test_texts_that_are_no_label_are_counted_and_wrong():
    spec, kind = schema.build(TaskSpec, world.task("reviews"), "test"), KINDS["classification"]
    evidence = {0: {"texts": ["Positive."], "cut": False}, 1: {"texts": ["who knows"], "cut": True}}
    answers = {row: kind.decide(found, {}, spec) for row, found in evidence.items()}
    assert answers == {0: "positive", 1: ""}
    golds = {0: "positive", 1: "negative"}
    assert kind.diagnosis([], answers, golds, evidence, spec) == {"unreadable": 1}
    assert kind.margin(evidence[0], {}, spec) is None
    assert kind.diagnosis([], {0: "positive"}, golds, {0: {"scores": {"positive": 1.0}}}, spec) == {}


# reading back


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("entailment", "entailment"),
        ("\n Not Entailment!\nentailment", "not_entailment"),
        ("not-entailment, though entailment is near", "not_entailment"),
        ("It is entailment.", "entailment"),
        ("neutral", "not_entailment"),  # merged
        ("either entailment or contradiction", None),
        ("entailments", None),
        ("", None),
    ],
)
def test_a_label_is_read_where_the_first_line_opens_with_it_or_names_no_other(text, answer):
    spec = schema.build(TaskSpec, world.task("entailed"), "test")
    assert KINDS["classification"].read_back(text, spec) == answer


def test_a_written_number_is_read_and_where_there_is_none_the_mean_stands():
    spec, kind = schema.build(TaskSpec, world.task("likeness", scale={"mean": 2.5, "sd": 1.0}), "test"), None
    kind = KINDS["classification"]
    assert kind.read_back("about -3.25 of 5", spec) == -3.25
    assert kind.decide({"texts": ["very alike"], "cut": False}, {}, spec) == 2.5
    assert kind.written(3.0, spec) == "3"


def test_every_label_is_read_back_as_it_is_written():
    spec, kind = schema.build(TaskSpec, world.task("entailed"), "test"), KINDS["classification"]
    assert kind.candidates(spec) == ["entailment", "not entailment"]
    assert [kind.read_back(kind.written(label, spec), spec) for label in spec.labels] == list(spec.labels)


def test_a_written_answer_to_a_question_is_its_first_line_or_none():
    spec, kind = schema.build(TaskSpec, world.task("questions"), "test"), KINDS["question_answering"]
    assert kind.decide({"texts": ["\n the man\nQuestion: who"], "cut": True}, {}, spec) == {
        "text": "the man",
        "no_answer": None,
    }
    assert kind.read_back("Unanswerable.", spec) == {"text": "", "no_answer": None}
    assert kind.written([], spec) == "unanswerable"
    assert kind.margin({"texts": ["a"], "cut": False}, {}, spec) is None
    sure = schema.build(TaskSpec, world.task("questions", unanswerable=False), "test")
    assert kind.read_back("unanswerable", sure) == {"text": "unanswerable", "no_answer": None}


# prompts


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        ("reviews", {"text": "Good {film}."}, "Text: Good {film}.\nWhich is it: negative or positive?\nAnswer:"),
        (
            "pairs",
            {"text": "a", "text_pair": "b"},
            "First: a\nSecond: b\nWhich is it: entailment, neutral or contradiction?\nAnswer:",
        ),
        ("likeness", {"text": "a", "text_pair": "b"}, "First: a\nSecond: b\nWhich number is it?\nAnswer:"),
        (
            "questions",
            {"question": "Who?", "context": "A man."},
            "Text: A man.\nQuestion: Who? (say unanswerable where the text does not tell)\nAnswer:",
        ),
    ],
)
def test_a_kind_puts_a_row_into_words(name, row, expected):
    spec = schema.build(TaskSpec, world.task(name), "test")
    assert prompt(row, KINDS[spec.kind].wording(spec)) == expected


def test_the_kinds_that_write_put_a_row_into_words():
    spec = task("translation", languages={"source": "en", "target": "gsw"})
    assert prompt({"source": "a"}, TRANSLATION.wording(spec)) == "Translate from English to gsw.\nEnglish: a\ngsw:"
    assert prompt({"source": "a"}, SUMMARY.wording(task("summarization"))) == "Text: a\nSummary:"
    assert prompt({"source": "a"}, REWRITE.wording(task("text2text"))) == "a\n"


def test_a_wording_that_names_no_role_of_the_task_is_refused():
    with pytest.raises(ConfigError) as caught:
        prompt({"row": 3, "text": "a"}, "{txt} is {labels}", labels="good or bad")
    assert str(caught.value) == "prompt: no role 'txt' in this task; did you mean 'text'? there are: labels, text"


def test_a_translation_names_both_languages():
    with pytest.raises(ConfigError) as caught:
        kinds.check(task("translation", languages={"source": "en"}))
    assert str(caught.value) == (
        "own.languages: the target language is missing; write languages: {source: en, target: de}"
    )
