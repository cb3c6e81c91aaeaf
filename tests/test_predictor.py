"""A run folder answers new rows as it answered those that it was scored on."""

import pytest

import hf_suite
from hf_suite import data, record, spec
from hf_suite.errors import DataError, RunError


def rows(small_world, name):
    found = data.rows(spec.read(str(small_world.tasks[name])), "validation", mirrors=[str(small_world.mirror)])
    return list(found.rows)


@pytest.mark.parametrize("name", ["reviews", "pairs", "likeness", "questions"])
@pytest.mark.parametrize("batch_size", [1, 32])
def test_its_answers_are_those_of_the_run(runs, small_world, name, batch_size):
    asked = rows(small_world, name)

    answers = hf_suite.load(runs(name)).answer(asked, batch_size=batch_size)

    written = [line["answer"] for line in record.read_answers(runs(name) / "answers.parquet")]
    assert [texts(answer) for answer in answers] == [texts(answer) for answer in written]
    assert [numbers(answer) for answer in answers] == pytest.approx([numbers(answer) for answer in written], abs=1e-5)


def texts(answer):
    return answer["text"] if isinstance(answer, dict) else answer if isinstance(answer, str) else ""


def numbers(answer):
    return answer["no_answer"] if isinstance(answer, dict) else answer if isinstance(answer, float) else 0.0


def test_labels_are_names_and_need_no_label_column(runs):
    (answer,) = hf_suite.load(runs("reviews")).answer([{"text": "the film was good"}])

    assert answer in ("negative", "positive")


def test_of_no_rows_there_are_no_answers(runs):
    assert hf_suite.load(runs("reviews")).answer([]) == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"txt": "fine"}, "row 1: no 'text'; did you mean 'txt'? it has: txt"),
        ({"text": None}, "row 1: text is None; give a text"),
        ("fine", "row 1: is 'fine'; give a mapping with 'text'"),
    ],
)
def test_a_row_that_cannot_be_read_is_refused(runs, row, message):
    with pytest.raises(DataError) as e:
        hf_suite.load(runs("reviews")).answer([{"text": "good"}, row])

    assert str(e.value) == message


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(RunError) as e:
        hf_suite.load(tmp_path)

    assert str(e.value) == (
        f"{tmp_path}: is no finished run (model/hf_suite.json is missing); give the output folder of a training"
    )
