"""Where a run is right and wrong: by label as scikit-learn has it, label against label, and the worst rows first."""

import json

import pytest
import sklearn.metrics
import world
from command import said
from results import result

from hf_suite import record
from hf_suite.errors import RunError
from hf_suite.kinds import KINDS
from hf_suite.report import inspection
from hf_suite.spec import TaskSpec

LABELS = ("entailment", "neutral", "contradiction")
GOLD = ["entailment", "entailment", "neutral", "contradiction", "neutral", "entailment", "contradiction"]
SAID = ["entailment", "neutral", "neutral", "entailment", "neutral", "entailment", "neutral"]


def line(row, answer, reference, sure):
    scores = {label: sure if label == answer else 0.0 for label in LABELS}
    return {"split": "validation", "row": row, "evidence": {"scores": scores}, "answer": answer,
            "reference": reference, "text": f"[row] {row} begins"}  # fmt: skip


@pytest.fixture
def run(tmp_path):
    """A run folder with the files that are read."""
    record.write_result(tmp_path, result(task=world.task("pairs"), fitted={}))
    lines = [line(at, one, other, float(at)) for at, (one, other) in enumerate(zip(SAID, GOLD, strict=True))]
    record.write_answers(tmp_path / "answers.parquet", lines)
    return tmp_path


def test_each_label_has_scikit_learn_s_precision_recall_and_f1(run):
    (found,) = inspection.inspect(run)

    known = sklearn.metrics.precision_recall_fscore_support(GOLD, SAID, labels=LABELS, zero_division=0)
    lines = [(one.precision or 0.0, one.recall or 0.0, one.f1, one.support) for one in found.classes]
    assert lines == [pytest.approx((100 * p, 100 * r, 100 * f, n)) for p, r, f, n in zip(*known, strict=True)]
    assert [one.label for one in found.classes] == list(LABELS)
    assert found.classes[2].precision is None  # nobody was said to contradict


def test_label_stands_against_label_and_an_answer_that_is_none_stands_last(run):
    (found,) = inspection.inspect(run)

    known = sklearn.metrics.confusion_matrix(GOLD, SAID, labels=LABELS).tolist()
    assert [list(row.values()) for row in found.confusion.values()] == known
    assert inspection.confusion([(("",), ("neutral",))], LABELS)["neutral"] == {
        "entailment": 0, "neutral": 0, "contradiction": 0, "(none)": 1,
    }  # fmt: skip


def test_the_worst_rows_are_the_wrong_ones_of_which_the_model_was_surest(run):
    (found,) = inspection.inspect(run, worst=2)

    assert (found.rows, found.right) == (7, 4)
    assert [(row.row, row.answer, row.reference) for row in found.worst] == [
        (6, "neutral", "contradiction"), (3, "entailment", "contradiction"),
    ]  # fmt: skip
    assert found.worst[0].text == "[row] 6 begins"


def test_the_command_shows_all_of_it_without_a_model(run, capsys):
    code, out, err = said(capsys, "inspect", run)

    assert (code, err) == (0, f"next: hf-suite check {run}\n")
    assert out.splitlines()[0] == "validation: 4 of 7 rows are all right"
    assert "[row] 6 begins" in out
    assert json.loads(said(capsys, "inspect", run, "--json")[1])[0]["right"] == 4


def test_many_labels_are_shown_as_the_pairs_that_are_confused_most(tmp_path, capsys):
    labels = [f"l{at}" for at in range(20)]
    record.write_result(tmp_path, result(task=world.task("pairs", labels=labels), fitted={}))
    scores = {"scores": dict.fromkeys(labels, 0.0)}
    lines = [
        {"split": "validation", "row": at, "evidence": scores, "answer": "l3", "reference": label}
        for at, label in enumerate(["l4", "l4", "l5", "l3"])
    ]
    record.write_answers(tmp_path / "answers.parquet", lines)

    out = said(capsys, "inspect", tmp_path)[1]

    words = [[word for word in row.split() if word.isalnum()] for row in out.splitlines()]
    at = words.index(["confused", "most"])
    assert words[at + 3 : at + 5] == [["l4", "l3", "2"], ["l5", "l3", "1"]]


@pytest.mark.parametrize(
    ("task", "answer", "reference", "miss"),
    [
        ("reviews", "positive", "negative", 1.0),
        ("topics", ["who", "thing"], ["who", "where"], 2 / 3),
        ("topics", [], [], 0.0),
        ("likeness", 2.5, 4.0, 1.5),
        ("questions", {"text": "the dog", "no_answer": 0.0}, ["a dog barks"], 1 / 3),
        ("questions", {"text": "", "no_answer": 0.0}, [], 0.0),
    ],
)
def test_how_far_a_row_is_off(task, answer, reference, miss):
    spec = TaskSpec(**world.task(task))

    assert KINDS[spec.kind].miss(answer, reference, spec) == pytest.approx(miss)


def test_how_far_a_text_is_off_is_told_by_the_nearest_reference():
    assert KINDS["translation"].miss("a red dog", ["a cat", "a red cat"], None) == pytest.approx(1 / 3)
    assert KINDS["language_modeling"].miss({"nll": 6.0, "tokens": 2}, {"bytes": 4, "words": 1}, None) == 1.5


def test_a_folder_without_answers_is_refused(run):
    (run / "answers.parquet").unlink()

    with pytest.raises(RunError) as e:
        inspection.inspect(run)

    assert str(e.value) == (
        f"{run}/answers.parquet: is missing, and holds what was answered; give the folder of a finished run"
    )
