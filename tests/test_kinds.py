"""What a kind makes of rows and evidence: references, decisions, thresholds, baselines, and tasks that fit no kind."""

import pytest
import world

from hf_suite import kinds, schema
from hf_suite.errors import ConfigError, ScoreError
from hf_suite.kinds import KINDS
from hf_suite.spec import TaskSpec

LABELS = KINDS["classification"]
SPANS = KINDS["question_answering"]


def task(name, **over):
    return schema.build(TaskSpec, world.task(name, **over), "test")


def evidence(no_answer, *spans):
    """Evidence of spans, each text and score."""
    return {"spans": [[text, 0, len(text), score] for text, score in spans], "null": no_answer}


# classification


def test_the_label_with_the_highest_score_is_the_answer_and_the_first_of_equals():
    assert LABELS.decide({"scores": {"negative": -1.0, "positive": 0.5}}, {}, task("reviews")) == "positive"
    assert LABELS.decide({"scores": {"negative": 0.5, "positive": 0.5}}, {}, task("reviews")) == "negative"


def test_labels_are_merged_after_deciding_and_not_by_adding_up():
    scores = {"entailment": 1.0, "neutral": 0.9, "contradiction": 0.8}
    assert LABELS.decide({"scores": scores}, {}, task("entailed")) == "entailment"
    assert LABELS.decide({"scores": scores | {"neutral": 1.1}}, {}, task("entailed")) == "not_entailment"


def test_a_number_is_its_own_answer_without_a_margin():
    assert LABELS.decide({"value": 3.25}, {}, task("likeness")) == 3.25
    assert LABELS.margin({"value": 3.25}, {}, task("likeness")) is None


def test_the_margin_is_to_the_next_label_that_is_another_answer():
    scores = {"entailment": 0.25, "neutral": 1.0, "contradiction": 0.875}
    assert LABELS.margin({"scores": scores}, {}, task("pairs")) == 0.125
    assert LABELS.margin({"scores": scores}, {}, task("entailed")) == 0.75


def test_the_reference_is_the_label_or_nothing():
    assert LABELS.reference({"text": "a", "label": "positive"}, task("reviews")) == "positive"
    assert LABELS.reference({"text": "a"}, task("reviews")) is None


def test_classification_needs_nothing_fitted():
    assert not LABELS.fits(task("reviews"), "head")
    assert LABELS.fit({}, {}, task("reviews")) == {}


def test_the_baseline_is_the_constant_label_with_the_best_headline():
    references = {0: "negative", 1: "negative", 2: "positive"}
    assert LABELS.baseline([], references, task("reviews")) == dict.fromkeys(references, "negative")
    # F1 is that of the second label: to answer it always gives 50, never 0.
    by_f1 = task("reviews", metrics=["accuracy", "f1"], headline="f1")
    assert LABELS.baseline([], references, by_f1) == dict.fromkeys(references, "positive")


def test_the_baseline_of_a_number_is_the_mean():
    assert LABELS.baseline([], {0: 1.0, 1: 4.0}, task("likeness")) == {0: 2.5, 1: 2.5}


def test_a_label_is_read_by_its_name_and_a_number_must_be_finite():
    assert LABELS.parse("Not Entailment", task("entailed")) == "not_entailment"
    assert LABELS.parse("3.25", task("likeness")) == 3.25
    for text, name, message in (
        ("maybe", "reviews", "reviews: answer 'maybe' is no label; write one of: negative, positive"),
        (1, "reviews", "reviews: answer 1 is no label; write one of: negative, positive"),
        ("nan", "likeness", "likeness: answer 'nan' is no finite number; write a number, for instance 3.25"),
        (None, "likeness", "likeness: answer None is no finite number; write a number, for instance 3.25"),
    ):
        with pytest.raises(ScoreError) as caught:
            LABELS.parse(text, task(name))
        assert str(caught.value) == message


def test_rows_with_an_empty_text_are_counted():
    assert LABELS.empty_inputs([{"text": "a"}, {"text": " \n"}, {"text": "a", "text_pair": ""}]) == 2
    asked = [{"question": "who?", "context": ""}, {"question": " ", "context": "a"}, {"question": "a", "context": "a"}]
    assert SPANS.empty_inputs(asked) == 2


# question answering


def test_the_best_span_is_the_answer_where_every_question_has_one():
    found = evidence(9.0, ("the man", 2.0), ("man", 1.0))
    answer = SPANS.decide(found, {}, task("questions", unanswerable=False))
    assert answer == {"text": "the man", "no_answer": 7.0}


@pytest.mark.parametrize(
    ("null", "fitted", "text"),
    [
        (2.0, {}, "the man"),  # no_answer is 0, and not above 0
        (2.5, {}, ""),
        (2.5, {"null_threshold": 0.5}, "the man"),
        (3.0, {"null_threshold": 0.5}, ""),
        (0.0, {"null_threshold": -3.0}, ""),
    ],
)
def test_a_question_has_no_answer_where_null_beats_the_best_span_by_more_than_the_threshold(null, fitted, text):
    answer = SPANS.decide(evidence(null, ("the man", 2.0)), fitted, task("questions"))
    assert answer == {"text": text, "no_answer": null - 2.0}


def test_a_context_without_spans_has_no_answer():
    assert SPANS.decide(evidence(-4.0), {}, task("questions")) == {"text": "", "no_answer": 1.0}
    assert SPANS.margin(evidence(-4.0), {}, task("questions", unanswerable=False)) is None


def test_the_threshold_is_the_one_with_the_best_f1():
    found = {
        "sure": evidence(0.0, ("man", 4.0)),
        "right": evidence(3.0, ("park", 2.0)),
        "none": evidence(6.0, ("town", 2.0)),
        "wrong": evidence(7.0, ("dog", 1.0)),
    }
    references = {"sure": ["man"], "right": ["park"], "none": [], "wrong": ["cat"]}
    # By rising no_answer (-4, 1, 4, 6): both right answers count up to 1; beyond it "none" would be lost.
    assert SPANS.fits(task("questions"), "head")
    assert SPANS.fit(found, references, task("questions")) == {"null_threshold": 1.0}


def test_where_it_is_best_to_answer_nothing_the_threshold_lies_below_every_row():
    found = {"a": evidence(0.0, ("man", 4.0)), "b": evidence(0.0, ("park", 2.0))}
    fitted = SPANS.fit(found, {"a": [], "b": []}, task("questions"))
    assert [SPANS.decide(one, fitted, task("questions"))["text"] for one in found.values()] == ["", ""]


def test_nothing_is_fitted_where_every_question_has_an_answer():
    assert not SPANS.fits(task("questions", unanswerable=False), "head")


def test_nothing_is_fitted_where_the_answer_is_written():
    assert not SPANS.fits(task("questions"), "generation")


def test_the_margin_is_the_nearer_of_another_span_and_the_threshold():
    found = evidence(1.0, ("the man", 2.0), ("man", 1.75))
    assert SPANS.margin(found, {}, task("questions", unanswerable=False)) == 0.25
    assert SPANS.margin(found, {"null_threshold": -0.875}, task("questions")) == 0.125


def test_the_reference_is_the_gold_texts_none_of_them_or_nothing():
    row = {"answers": {"text": ["a", "b"], "answer_start": [0, 1]}}
    assert SPANS.reference(row, task("questions")) == ["a", "b"]
    assert SPANS.reference({"answers": {"text": [], "answer_start": []}}, task("questions")) == []
    assert SPANS.reference({"answers": None}, task("questions")) is None


def test_the_baseline_is_no_answer_or_a_frequent_one():
    given = SPANS.baseline([], {0: [], 1: [], 2: ["man"]}, task("questions"))
    assert [answer["text"] for answer in given.values()] == ["", "", ""]
    given = SPANS.baseline([], {0: ["man"], 1: ["man", "the man"], 2: []}, task("questions"))
    assert [answer["text"] for answer in given.values()] == ["man", "man", "man"]


def test_an_answer_must_be_a_text():
    assert SPANS.parse("", task("questions")) == {"text": "", "no_answer": None}
    with pytest.raises(ScoreError) as caught:
        SPANS.parse(None, task("questions"))
    assert str(caught.value) == 'questions: answer None is no text; write the answer as a string, "" for none'


# tasks that fit no kind


@pytest.mark.parametrize("name", world.TASKS)
def test_the_tasks_of_the_small_world_fit(name):
    kinds.check(task(name))


@pytest.mark.parametrize(
    ("name", "over", "message"),
    [
        (
            "reviews",
            {"kind": "clasification"},
            "reviews.kind: no kind 'clasification'; "
            "did you mean 'classification'? there are: classification, question_answering, translation, summarization, "
            "text2text, language_modeling",
        ),
        (
            "reviews",
            {"columns": {"txt": "sentence"}},
            "reviews.columns: unknown role 'txt'; "
            "did you mean 'text'? classification knows: id, label, text, text_pair",
        ),
        (
            "reviews",
            {"metrics": ["acuracy"]},
            "reviews.metrics: no metric 'acuracy'; did you mean 'accuracy'? "
            "there are: accuracy, f1, matthews_correlation, multilabel_f1, subset_accuracy, map, pearson, "
            "spearmanr, squad, squad_v2, bleu, chrf, chrf++, ter, rouge, exact_match, token_f1, cer, "
            "bits_per_byte, word_perplexity, loss, perplexity, masked_loss, masked_perplexity",
        ),
        (
            "reviews",
            {"headline": "f1"},
            "reviews.headline: no metric of the task gives 'f1'; they give: accuracy",
        ),
        (
            "reviews",
            {"labels": ["positive"]},
            "reviews.labels: fewer than two; list the label names in the order of the data's ids",
        ),
        (
            "likeness",
            {"labels": ["low", "high"]},
            "likeness.labels: a number has no labels; take the key out, or set target: label",
        ),
        (
            "entailed",
            {"merge": {"neutral": "no_entailment"}},
            "entailed.merge: neutral goes to 'no_entailment', which is no label; "
            "labels are: entailment, not_entailment",
        ),
    ],
)
def test_a_task_that_fits_no_kind_is_refused(name, over, message):
    with pytest.raises(ConfigError) as caught:
        kinds.check(task(name, **over))
    assert str(caught.value) == message


def test_a_role_that_the_kind_needs_is_missed():
    facts = world.task("questions")
    del facts["columns"]["context"]
    with pytest.raises(ConfigError) as caught:
        kinds.check(schema.build(TaskSpec, facts, "test"))
    assert str(caught.value) == ("questions.columns: role 'context' is missing; name its column: context: COLUMN")
