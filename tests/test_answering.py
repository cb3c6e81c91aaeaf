"""Answering: every row once, in order, the same for every batch size; nothing that is not finite."""

import math

import datasets
import pytest
import torch
import world

from hf_suite import experiment
from hf_suite.answering import answer
from hf_suite.errors import RunError
from hf_suite.kinds import KINDS
from hf_suite.stopping import Stopping

NAMES = ("reviews", "likeness", "questions")


@pytest.fixture(scope="module")
def session(small_world, tiny_checkpoint):
    """`session(task)`: a model with a fresh head, not trained."""

    def made(name):
        config = world.run_config(small_world, name, tiny_checkpoint("bert"))
        return experiment.prepared(
            config, resume=False, allow_code=False, watch=lambda progress: None, stopping=Stopping()
        )

    return made


def answered(session, rows=None, batch_size=8):
    rows = session.parts.eval["validation"].rows if rows is None else rows
    return list(answer(session.model, session.adapter, rows, accelerator=session.accelerator, batch_size=batch_size))


def answers(session, found):
    kind = KINDS[session.spec.kind]
    return [(row, kind.decide(evidence, {"null_threshold": 0.1}, session.spec)) for row, evidence in found]


def test_every_row_has_its_evidence_in_the_order_of_the_rows(session):
    assert [row for row, _ in answered(session("reviews"))] == list(range(24))
    assert [row for row, _ in answered(session("questions"))] == [
        f"{at}-{number}" for at in (6, 7, 8) for number in range(4)
    ]


def test_evidence_says_what_was_found_by_name(session):
    evidence = answered(session("reviews"))[0][1]
    assert list(evidence) == ["scores"]
    assert list(evidence["scores"]) == ["negative", "positive"]
    assert list(answered(session("likeness"))[0][1]) == ["value"]
    evidence = answered(session("questions"))[0][1]
    assert list(evidence) == ["spans", "null"]
    context = session("questions").parts.eval["validation"].rows[0]["context"]
    assert all(context[start:end] == text for text, start, end, _ in evidence["spans"])


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_the_same_for_every_batch_size_and_numbers_to_five_digits(session, name):
    made = session(name)
    whole = answered(made, batch_size=24)
    for batch_size in (1, 5):
        other = answered(made, batch_size=batch_size)
        assert numbers(other) == pytest.approx(numbers(whole), abs=1e-5)
        assert texts(answers(made, other)) == texts(answers(made, whole))


def numbers(value):
    """All numbers in evidence, in order."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [number for part in value for number in numbers(part)]
    return [value] if isinstance(value, float) else []


def texts(found):
    """Labels and texts by row; numbers are compared apart."""
    return [(row, answer["text"] if isinstance(answer, dict) else answer) for row, answer in found
            if not isinstance(answer, float)]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_row_is_answered_alone_as_among_others(session, name):
    made = session(name)
    rows = made.parts.eval["validation"].rows
    ((row, evidence),) = answered(made, rows.select([7]))
    other_row, other_evidence = answered(made)[7]
    assert row == other_row
    assert numbers(evidence) == pytest.approx(numbers(other_evidence), abs=1e-5)


def test_windows_of_one_row_make_one_evidence(session):
    made = session("questions")
    context = "On one day the good man walks in the dark park. " * 8  # some 100 tokens, in windows of 64
    rows = datasets.Dataset.from_dict(
        {
            "row": ["long", "short"],
            "question": ["who walks there?"] * 2,
            "context": [context, context[:47]],
            "answers": [{"text": ["the good man"], "answer_start": [11]}] * 2,
        }
    )
    windows = made.adapter.eval_features(rows)["row"][:]
    assert windows.count("long") > 1
    assert windows.count("short") == 1
    found = dict(answered(made, rows, batch_size=1))
    assert list(found) == ["long", "short"]
    assert max(start for _, start, _, _ in found["long"]["spans"]) > 47


def test_more_rows_than_are_held_at_once_are_each_answered_once(session):
    made = session("reviews")
    count = 2048 + 3
    rows = datasets.Dataset.from_dict(
        {"row": list(range(count)), "text": ["a good film" if at % 2 else "a dull book" for at in range(count)]}
    )
    found = answered(made, rows, batch_size=512)
    assert [row for row, _ in found] == list(range(count))
    good, dull = found[1][1]["scores"]["positive"], found[0][1]["scores"]["positive"]
    assert abs(good - dull) > 1e-5
    for row, evidence in found:
        assert evidence["scores"]["positive"] == pytest.approx(good if row % 2 else dull, abs=1e-6)


def told(session, rows=None, batch_size=8):
    """The numbers of rows that are told while they are answered."""
    rows = session.parts.eval["validation"].rows if rows is None else rows
    counts = []
    for _ in answer(session.model, session.adapter, rows, accelerator=session.accelerator, batch_size=batch_size,
                    between=counts.append):  # fmt: skip
        pass
    return counts


def test_after_each_batch_it_is_told_how_many_rows_are_answered(session):
    assert told(session("reviews")) == [8, 16, 24]
    assert told(session("reviews"), batch_size=10) == [10, 20, 24]


def test_rows_that_are_told_are_counted_on_from_block_to_block(session):
    rows = datasets.Dataset.from_dict({"row": list(range(2051)), "text": ["a good film"] * 2051})
    assert told(session("reviews"), rows, batch_size=1000) == [1000, 2000, 2048, 2051]


def test_a_row_of_several_windows_is_told_as_its_windows_are_answered(session):
    context = "On one day the good man walks in the dark park. " * 8
    rows = datasets.Dataset.from_dict({"row": ["long", "same"], "question": ["who walks there?"] * 2,
                                       "context": [context] * 2,
                                       "answers": [{"text": ["the good man"], "answer_start": [11]}] * 2})  # fmt: skip
    counts = told(session("questions"), rows, batch_size=1)
    assert len(counts) > 2
    assert counts == sorted(counts)
    assert [counts.count(2), counts[0]] == [1, 0]


def test_no_rows_have_no_answers(session):
    made = session("reviews")
    assert answered(made, made.parts.eval["validation"].rows.select([])) == []


def test_answering_twice_gives_the_same_and_leaves_dropout_off(session):
    made = session("reviews")
    made.model.train()
    assert answered(made) == answered(made)
    assert not made.model.training


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_an_output_that_is_not_finite_is_refused_with_its_row(session, name, poison):
    made = session(name)
    *_, bias = made.model.parameters()  # the head's
    with torch.no_grad():
        bias.fill_(poison)
    with pytest.raises(RunError) as error:
        answered(made)
    first = made.parts.eval["validation"].rows[0]["row"]
    assert str(error.value) == (
        f"row {first}: the model's output is not finite; use precision=fp32, or look at this row"
    )
