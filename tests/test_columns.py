"""Naming columns by role: labels by name, ids, structs, and every refusal in its own words."""

import pyarrow
import pytest

from hf_suite import columns, schema
from hf_suite.errors import DataError
from hf_suite.spec import TaskSpec

REVIEWS = {
    "name": "reviews",
    "kind": "classification",
    "version": 1,
    "source": {"path": "own/reviews", "subset": "plain", "train": "train", "eval": ["validation"]},
    "columns": {"text": "sentence", "label": "stars"},
    "labels": ["negative", "not positive"],
    "metrics": ["accuracy"],
    "headline": "accuracy",
}
QUESTIONS = {
    "name": "questions",
    "kind": "question_answering",
    "version": 1,
    "source": {"path": "own/questions", "subset": "plain", "train": "train", "eval": ["validation"]},
    "columns": {"id": "id", "question": "question", "context": "context", "answers": "answers"},
    "metrics": ["squad"],
    "headline": "f1",
}


def task(base=REVIEWS, **over):
    return schema.build(TaskSpec, schema.merged(base, over), "test")


def named(table, spec, names=None, extra=()):
    return columns.by_role(pyarrow.table(table), spec, place=f"{spec.name} train", names=names, extra=extra).to_pydict()


def refusal(table, spec, names=None, extra=()):
    with pytest.raises(DataError) as caught:
        named(table, spec, names, extra)
    return str(caught.value)


def test_columns_bear_the_names_of_their_roles_and_rows_their_position():
    table = {"stars": ["negative", "not positive"], "other": [1, 2], "sentence": ["a", "b"]}
    assert named(table, task()) == {
        "row": [0, 1],
        "text": ["a", "b"],
        "label": ["negative", "not positive"],
    }


def test_labels_are_matched_by_name_whatever_their_case_spaces_hyphens_and_underscores():
    table = {"sentence": ["a", "b", "c"], "stars": ["NEGATIVE", "Not-Positive", "not_positive "]}
    assert named(table, task())["label"] == ["negative", "not positive", "not positive"]


def test_the_datas_own_label_names_decide_what_an_id_means():
    table = {"sentence": ["a", "b"], "stars": [0, 1]}
    assert named(table, task(), names=["not_positive", "Negative"])["label"] == ["not positive", "negative"]


def test_ids_without_names_follow_the_order_of_the_tasks_labels():
    table = {"sentence": ["a", "b", "c"], "stars": [1, 0, 1]}
    assert named(table, task())["label"] == ["not positive", "negative", "not positive"]


def test_null_nan_and_minus_one_are_no_label():
    table = {"sentence": ["a", "b", "c", "d"], "stars": [1.0, -1.0, None, float("nan")]}
    assert named(table, task())["label"] == ["not positive", None, None, None]


def test_a_label_outside_the_tasks_labels_is_refused_with_its_row():
    finding = "is not one of negative, not positive; write the data's label names as task.labels=[...]"
    text = {"sentence": ["a", "b"], "stars": ["negative", "foo"]}
    assert refusal(text, task()) == f"reviews train row 1: label 'foo' {finding}"
    number = {"sentence": ["a", "b"], "stars": [0, 2]}
    assert refusal(number, task()) == f"reviews train row 1: label 2 {finding}"
    assert refusal(number, task(), names=["negative", "not positive", "mixed"]) == (
        f"reviews train row 1: label 'mixed' {finding}"
    )
    truth = {"sentence": ["a", "b"], "stars": [True, False]}
    assert refusal(truth, task()) == f"reviews train row 0: label True {finding}"


def test_without_task_labels_each_name_stands_for_itself():
    table = {"sentence": ["a", "b", "c"], "stars": ["good", None, "bad"]}
    assert named(table, task(labels=None))["label"] == ["good", None, "bad"]


def test_numbers_are_floats_and_undefined_ones_no_label():
    spec = task(labels=None, target="number", metrics=["pearson"], headline="pearson")
    table = {"sentence": ["a", "b", "c"], "stars": [3, None, -1]}
    assert named(table, spec)["label"] == [3.0, None, -1.0]
    assert refusal({"sentence": ["a"], "stars": ["three"]}, spec) == (
        "reviews train row 0: label 'three' is no finite number; name a column of numbers as task.columns.label=COLUMN"
    )
    assert refusal({"sentence": ["a"], "stars": [float("inf")]}, spec) == (
        "reviews train row 0: label inf is no finite number; name a column of numbers as task.columns.label=COLUMN"
    )


def test_a_missing_column_is_refused_with_those_present_and_the_nearest():
    table = {"sentences": ["a"], "stars": [0]}
    assert refusal(table, task()) == (
        "reviews train: no column 'sentence'; did you mean 'sentences'? there are: sentences, stars; "
        "write task.columns.text=COLUMN"
    )


def test_a_dot_reaches_into_a_struct():
    spec = task(columns={"text": "pair.en"})
    table = {"pair": [{"en": "house", "de": "Haus"}], "stars": [0]}
    assert named(table, spec)["text"] == ["house"]
    assert refusal({"pair": [{"de": "Haus", "fr": "maison"}], "stars": [0]}, spec) == (
        "reviews train: no field 'en' in column 'pair'; there are: de, fr; write task.columns.text=COLUMN"
    )
    assert refusal({"pair": ["house"], "stars": [0]}, spec) == (
        "reviews train: no field 'en' in column 'pair'; there are: none; write task.columns.text=COLUMN"
    )


def test_a_null_where_a_role_is_needed_is_refused_with_count_and_first_row():
    table = {"sentence": ["a", None, None], "stars": [0, 1, 1]}
    assert refusal(table, task()) == (
        "reviews train: 2 rows have no 'sentence' (null), first row 1; "
        "fill or remove them, or name another column as task.columns.text=COLUMN"
    )


def test_an_input_that_is_no_text_is_refused():
    assert refusal({"sentence": [1, 2], "stars": [0, 1]}, task()) == (
        "reviews train: column 'sentence' holds int64, not text; name a column of texts as task.columns.text=COLUMN"
    )


def test_the_row_is_the_id_where_the_task_names_one():
    spec = task(columns={"id": "key"})
    table = {"key": ["k7", "k3"], "sentence": ["a", "b"], "stars": [0, 1]}
    assert named(table, spec)["row"] == ["k7", "k3"]


def test_ids_that_stand_twice_or_are_null_are_refused():
    spec = task(columns={"id": "key"})
    table = {"key": ["k7", "k3", "k7"], "sentence": ["a", "b", "c"], "stars": [0, 1, 1]}
    assert refusal(table, spec) == (
        "reviews train: the id of row 2 is 'k7', as in row 0; give each row its own, or take out task.columns.id"
    )
    table["key"] = ["k7", None, "k8"]
    assert refusal(table, spec) == (
        "reviews train: the id of row 1 is null; give each row its own, or take out task.columns.id"
    )


def test_answers_keep_the_form_of_squad():
    answers = [{"text": ["Oslo"], "answer_start": [3]}, {"text": [], "answer_start": []}]
    table = {"id": ["x", "y"], "question": ["q", "q"], "context": ["in Oslo", "c"], "answers": answers}
    assert named(table, task(QUESTIONS))["answers"] == answers
    table["answers"] = [["Oslo"], []]
    assert refusal(table, task(QUESTIONS)) == (
        "questions train: column 'answers' holds list<item: string>, not answers; "
        'write them as {"text": [...], "answer_start": [...]}, empty lists for none'
    )


def test_further_columns_are_kept_under_their_own_names():
    table = {"sentence": ["a", "b"], "stars": [0, 1], "author": ["x", "y"]}
    assert named(table, task(), extra=["author", "sentence"]) == {
        "row": [0, 1],
        "text": ["a", "b"],
        "label": ["negative", "not positive"],
        "author": ["x", "y"],
        "sentence": ["a", "b"],
    }


def test_a_column_that_cannot_group_is_refused():
    table = {"sentence": ["a"], "stars": [0], "tags": [["x"]], "text": ["t"]}
    assert refusal(table, task(), extra=["author"]) == (
        "reviews train: no column 'author'; there are: sentence, stars, tags, text; write group=COLUMN"
    )
    assert refusal(table, task(), extra=["tags"]) == (
        "reviews train: column 'tags' holds list<item: string>; group by a column of texts or numbers"
    )
    assert refusal(table, task(), extra=["text"]) == (
        "reviews train: 'text' is a column of the data, and a role of another column; "
        "rename the column in the data to group by it"
    )


def test_rows_without_a_target_are_told_from_those_with_one():
    table = pyarrow.table({"row": [0, 1, 2], "text": ["a", "b", "c"], "label": ["negative", None, "negative"]})
    assert columns.has_target(table, task()).to_pylist() == [True, False, True]
    answers = pyarrow.array([None, {"text": [], "answer_start": []}])
    table = pyarrow.table({"row": ["x", "y"], "answers": answers})
    assert columns.has_target(table, task(QUESTIONS)).to_pylist() == [False, True]


def written(kind="text2text", **columns):
    facts = {"name": "own", "kind": kind, "version": 1, "source": {"path": "own/own", "subset": "default"}}
    scored = {"columns": columns, "metrics": ["exact_match"], "headline": "exact_match"}
    return schema.build(TaskSpec, {**facts, **scored}, "test")


def test_targets_are_lists_of_texts_without_what_says_nothing():
    table = pyarrow.table({"s": ["a", "b", "c"], "t": [["x", "", None, "y"], [" "], None], "one": ["z", None, " "]})
    several = columns.by_role(table, written(source="s", target="t", references="one"), place="own train", names=None)
    assert several["target"].to_pylist() == [["x", "y"], None, None]
    assert several["references"].to_pylist() == [["z"], None, None]
    spec = written(source="s", target="one")
    single = columns.by_role(table, spec, place="own train", names=None)
    assert single["target"].to_pylist() == [["z"], None, None]
    assert columns.has_target(single, spec).to_pylist() == [True, False, False]


def test_a_list_of_texts_is_read_as_one_text():
    table = pyarrow.table({"s": [["One.", "Two."], []], "t": ["a", "b"]})
    found = columns.by_role(table, written(source="s", target="t"), place="own train", names=None)
    assert found["source"].to_pylist() == ["One. Two.", ""]


def test_a_target_that_is_no_text_is_refused():
    table = pyarrow.table({"s": ["a"], "t": [3]})
    with pytest.raises(DataError) as caught:
        columns.by_role(table, written(source="s", target="t"), place="own train", names=None)
    assert str(caught.value) == (
        "own train: column 't' holds int64, neither texts nor lists of them; "
        "name a column of texts as task.columns.target=COLUMN"
    )
