"""What a table is taken for: kind and columns from names and contents, each with its reason, and what is said wins."""

import pyarrow
import pytest

from hf_suite.errors import ConfigError, DataError
from hf_suite.guessing import Ambiguous, guess, language

LONG = [f"this is the text number {at} of them all" for at in range(20)]
MOODS = ["good", "bad"] * 10


def made(said=None, names=None, **columns):
    return guess(pyarrow.table(columns), place="rows.csv", said=said or {}, names=names)


def columns(said=None, **given):
    return made(said, **given).facts["columns"]


def test_one_text_and_few_values_are_a_classification():
    found = made(nr=list(range(20)), comment=LONG, mood=MOODS)

    assert found.facts == {
        "kind": "classification",
        "columns": {"text": "comment", "label": "mood"},
        "metrics": ["accuracy", "matthews_correlation"],
        "headline": "accuracy",
        "labels": ["bad", "good"],
    }
    assert found.reasons == {
        "kind": "2 different values: classes",
        "text": "the only column of longer texts",
        "label": "the only column of few values (2 in 20 rows)",
    }


@pytest.mark.parametrize(
    ("given", "roles"),
    [
        ({"premise": LONG, "hypothesis": LONG[::-1], "label": MOODS}, ("premise", "hypothesis")),
        ({"one": LONG, "other": LONG[::-1], "label": MOODS}, ("one", "other")),
        ({"sentence2": LONG[::-1], "sentence1": LONG, "label": MOODS}, ("sentence1", "sentence2")),
    ],
)
def test_two_texts_are_a_pair(given, roles):
    assert columns(**given) == {"text": roles[0], "text_pair": roles[1], "label": "label"}


def test_a_text_that_is_named_as_one_is_read_alone_beside_another():
    assert columns(review=LONG, director=LONG[::-1], label=MOODS) == {"text": "review", "label": "label"}


SPELT = {"word": [f"word{at}" for at in range(20)], "sounds": [f"sound{at}" for at in range(20)]}


@pytest.mark.parametrize(
    ("said", "kind", "headline"),
    [({}, "text2text", "chrf"), ({"kind": "text2text"}, "text2text", "chrf"),
     ({"kind": "translation"}, "translation", "bleu"), ({"kind": "summarization"}, "summarization", "rougeL")],
)  # fmt: skip
def test_a_text_to_read_and_one_to_write_that_are_named_need_no_guess(said, kind, headline):
    found = made({"columns": {"source": "word", "target": "sounds"}, **said}, **SPELT)

    assert (found.facts["kind"], found.facts["headline"]) == (kind, headline)
    assert found.facts["columns"] == {"source": "word", "target": "sounds"}
    assert found.reasons["source"] == "as said"


def test_a_kind_whose_columns_are_not_found_names_what_it_needs():
    with pytest.raises(DataError) as refused:
        made({"kind": "text2text"}, **SPELT)
    assert str(refused.value) == (
        "rows.csv: no source and target are to be found among word (20 texts), sounds (20 texts); "
        "name them as task.columns.source=COLUMN task.columns.target=COLUMN"
    )


def test_a_column_named_as_the_label_wins_over_one_of_few_values():
    assert columns(text=LONG, country=["de", "fr"] * 10, sentiment=MOODS)["label"] == "sentiment"


def test_fractions_are_a_number_to_learn():
    found = made(text=LONG, score=[at / 4 for at in range(20)])

    assert (found.facts["target"], found.facts["headline"], "labels" in found.facts) == ("number", "pearson", False)
    assert found.reasons["kind"] == "20 different numbers: a number is learnt, not classes"


def test_two_texts_and_the_only_column_of_numbers_whatever_it_is_called_are_a_likeness():
    closeness = [at / 4 for at in range(20)]

    found = made(nr=list(range(20)), left=LONG, right=LONG[::-1], closeness=closeness)

    assert found.facts["columns"] == {"text": "left", "text_pair": "right", "label": "closeness"}
    assert (found.facts["target"], found.reasons["label"]) == ("number", "the only column of numbers")
    with pytest.raises(Ambiguous) as e:
        made(text=LONG, price=closeness, weight=closeness)
    assert str(e.value) == (
        "rows.csv: price, weight could each be the label; say task.columns.label=price or task.columns.label=weight"
    )


def test_few_whole_numbers_are_classes_in_their_order():
    assert made(text=LONG, stars=[1, 10, 2, 9] * 5).facts["labels"] == ["1", "2", "9", "10"]


def test_few_whole_numbers_are_a_number_where_that_is_said():
    assert made({"target": "number"}, text=LONG, stars=[1, 2, 3, 4] * 5).facts["metrics"] == ["pearson", "spearmanr"]


def test_label_names_that_the_data_carry_are_taken_in_their_order():
    assert made(names={"label": ["no", "yes"]}, text=LONG, label=[1, 0] * 10).facts["labels"] == ["no", "yes"]


def test_a_question_a_context_and_answers_are_question_answering():
    answers = [{"text": ["text"], "answer_start": [12]}] * 19 + [{"text": [], "answer_start": []}]

    found = made(id=list(range(20)), question=LONG, context=LONG, answers=answers).facts

    assert found["columns"] == {"question": "question", "context": "context", "answers": "answers", "id": "id"}
    assert (found["unanswerable"], found["metrics"]) == (True, ["squad_v2"])


def test_what_is_said_of_columns_wins():
    said = {"columns": {"text": "b", "label": "tone"}}

    assert columns(said, a=LONG, b=LONG[::-1], mood=MOODS, tone=MOODS[::-1]) == {"text": "b", "label": "tone"}


def test_two_columns_that_could_be_the_label_are_asked_for():
    with pytest.raises(Ambiguous) as e:
        made(text=LONG, mood=MOODS, tone=MOODS)

    assert (e.value.key, e.value.choices) == ("task.columns.label", ("mood", "tone"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It was the best of times, it was the worst of times", "English"),
        ("Es war die beste Zeit, es war die schlimmste Zeit", "another"),
        ("", "another"),
    ],
)
def test_english_is_told_by_its_commonest_words(text, found):
    assert language([text]) == found


def test_a_kind_that_cannot_be_guessed_is_refused():
    with pytest.raises(ConfigError) as e:
        made({"kind": "clasification"}, text=LONG, label=MOODS)

    assert str(e.value).startswith(
        "task.kind: no kind 'clasification' can be guessed; did you mean 'classification'? there are: question"
    )
