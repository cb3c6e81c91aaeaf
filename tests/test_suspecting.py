"""Labels that look wrong: confident learning by probabilities made by hand, and the rows of runs and benches ranked."""

import json
import math

import numpy
import pytest
from command import said
from results import COLA, STSB, result, write

from hf_suite import record
from hf_suite.doctor import mislabelled

# Labels 0, 0, 0, 1, 1, 1: the third and the last look wrong, the last the more so.
FOUND = numpy.array([[0.9, 0.1], [0.8, 0.2], [0.25, 0.75], [0.1, 0.9], [0.2, 0.8], [0.95, 0.05]])
GIVEN = numpy.array([0, 0, 0, 1, 1, 1])


def test_a_label_is_wrong_where_another_is_held_as_surely_as_its_own_rows_hold_it():
    """Means of the own label: (0.9 + 0.8 + 0.25) / 3 = 0.65 and (0.9 + 0.8 + 0.05) / 3 = 0.583."""
    assert mislabelled.wrong(FOUND, GIVEN).tolist() == [2, 5]


def test_a_row_whose_likeliest_label_is_not_held_surely_is_left_alone():
    doubtful = numpy.array([[0.9, 0.1], [0.8, 0.2], [0.45, 0.55], [0.1, 0.9], [0.2, 0.8], [0.1, 0.9]])

    assert mislabelled.wrong(doubtful, GIVEN).tolist() == []


def test_a_label_that_no_row_has_is_never_held():
    third = numpy.concatenate([FOUND * 0.1, numpy.full((6, 1), 0.9)], axis=1)

    assert mislabelled.wrong(third, GIVEN).tolist() == [2, 5]


def test_a_row_whose_own_label_is_likeliest_is_left_alone_though_it_holds_another_as_surely_as_that_is_ever_held():
    """The mean of the own label is (0.9 + 0.9 + 0.5) / 3 = 0.767 for 0, and 0.4 for 1: the third row holds 1 alone."""
    found = numpy.array([[0.9, 0.1, 0], [0.9, 0.1, 0], [0.5, 0.45, 0.05], [0.2, 0.4, 0.4], [0.2, 0.4, 0.4]])

    assert mislabelled.wrong(found, numpy.array([0, 0, 0, 1, 1])).tolist() == []


def test_the_surest_is_ranked_first_and_those_that_are_right_last():
    assert mislabelled.ranked(FOUND, GIVEN).tolist() == [5, 2, 1, 4, 0, 3]


def test_rows_are_ranked_by_their_margin_whether_they_are_named_or_not():
    found = numpy.array([[0.9, 0.1], [0.2, 0.8], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0], [0.7, 0.3]])
    given = numpy.array([0, 0, 1, 1, 1, 1])  # the means are 0.55 and 0.825, so that row 5 alone is held for another
    assert mislabelled.wrong(found, given).tolist() == [5]
    assert mislabelled.ranked(found, given).tolist() == [1, 5, 0, 2, 3, 4]


def test_two_judges_are_pooled_so_that_the_labels_given_are_likeliest():
    """The first says 80 % of every row, of which 60 % have the label; the second knows nothing: 60 % it is."""
    first, second = numpy.tile([0.8, 0.2], (10, 1)), numpy.full((10, 2), 0.5)

    found = mislabelled.pooled(first, second, numpy.array([0, 1, 0, 1, 0, 1, 0, 1, 0, 0]))

    assert found == pytest.approx(numpy.tile([0.6, 0.4], (10, 1)), abs=1e-4)


def test_a_judge_that_is_right_outweighs_one_that_is_as_often_wrong():
    """The first is right in all of eight rows, the second in four; of the ninth, they say the opposite."""
    given = numpy.array([0, 0, 0, 0, 1, 1, 1, 1, 0])
    right = numpy.where((given == 0)[:, None], [0.7, 0.3], [0.3, 0.7])
    erring = numpy.where((numpy.array([0, 1, 0, 1, 0, 1, 0, 1, 1]) == 0)[:, None], [0.7, 0.3], [0.3, 0.7])

    assert mislabelled.pooled(right, erring, given)[8, 0] > 0.7


ROWS = [
    *[(row, "acceptable", {"acceptable": 3.0, "unacceptable": -3.0}) for row in range(6)],
    *[(row, "unacceptable", {"acceptable": -3.0, "unacceptable": 3.0}) for row in range(6, 11)],
    (11, "unacceptable", {"acceptable": 5.0, "unacceptable": -5.0}),
]
"""The label of the last looks wrong."""


def answered(folder, rows, split="validation", words=None, **over):
    """A finished run of a bench with these rows: number, label, scores; and perhaps each row's scores by its words."""
    made = write(folder, result(COLA, **over))
    lines = [
        {"split": split, "row": row, "evidence": {"scores": scores}, "answer": label, "reference": label}
        for row, label, scores in rows
    ]
    for line in lines if words is not None else ():
        line["words"] = {"scores": words[line["row"]]}
    record.write_answers(made / "answers.parquet", lines)
    return made


def test_of_a_run_the_rows_to_score_are_looked_at_and_it_says_so(capsys, tmp_path):
    run = answered(tmp_path, ROWS)

    code, out, _ = said(capsys, "check", run)

    lines = [line.strip() for line in out.splitlines()]
    assert code == 0
    assert lines[1] == "evidence of minilm (matthews_correlation 50.00) on 12 held-out rows"
    assert "⚠ 1 of 12 rows (8.3 %) have a label that looks wrong" in lines
    assert "validation 11: unacceptable, likely acceptable (-1.00)" in lines
    assert (
        "– skipped: the 1,000 rows that were trained on;"
        " hf-suite bench --data DATA split.folds=5 holds each row out once" in lines
    )


def test_of_folds_all_rows_are_looked_at(capsys, tmp_path):
    for fold in (0, 1):
        split = {"split": {"of": "train", "folds": 2, "fold": fold}}
        answered(tmp_path, ROWS[fold::2], "eval", seed=fold, resolved=split)
    (tmp_path / "bench.json").write_text("{}")

    code, out, _ = said(capsys, "check", tmp_path, "--json")

    found = json.loads(out)
    assert (code, found["skipped"]) == (0, [])
    assert found["notes"] == [
        "evidence of minilm (matthews_correlation 50.00) on all 12 rows, each held out by one of 2 folds"
    ]
    assert [(one["split"], one["row"], one["given"], one["likely"]) for one in found["suspects"]] == [
        ("train", 11, "unacceptable", "acceptable")
    ]


def test_rows_that_several_seeds_held_out_are_told_as_such(capsys, tmp_path):
    for seed in range(4):
        split = {"split": {"of": "train", "folds": 2, "fold": seed % 2}}
        answered(tmp_path, ROWS[seed % 2 :: 2], "eval", seed=seed, resolved=split)
    (tmp_path / "bench.json").write_text("{}")

    assert (
        "evidence of minilm (matthews_correlation 50.00) on all 12 rows, each held out by one of 2 folds, "
        "each asked of 2 runs" in said(capsys, "check", tmp_path)[1]
    )


def test_what_the_words_say_counts_beside_what_the_model_says(capsys, tmp_path):
    """Row 0 is 85 % of another label by the model, and wholly by the words; of row 11 each says the opposite."""
    doubted = {"acceptable": -9.0, "unacceptable": 9.0}
    rows = [(0, "acceptable", {"acceptable": 0.0, "unacceptable": math.log(0.85 / 0.15)}), *ROWS[1:]]
    words = {row: scores for row, _, scores in ROWS} | {0: doubted, 11: doubted}
    run = answered(tmp_path, rows, words=words)

    found = json.loads(said(capsys, "check", run, "--json")[1])

    assert found["notes"] == [
        "evidence of minilm (matthews_correlation 50.00) and of TF-IDF with logistic regression on 12 held-out rows"
    ]
    assert [(one["row"], one["likely"]) for one in found["suspects"]] == [(0, "unacceptable")]


def test_of_several_models_the_best_is_asked(capsys, tmp_path):
    answered(tmp_path, ROWS, model="poor", scores={"validation": {"matthews_correlation": 10.0}})
    answered(tmp_path, ROWS[:11], model="good", scores={"validation": {"matthews_correlation": 60.0}})
    (tmp_path / "bench.json").write_text("{}")

    assert "evidence of good (matthews_correlation 60.00) on 11 held-out rows" in said(capsys, "check", tmp_path)[1]


@pytest.mark.parametrize(
    ("task", "line"),
    [
        (STSB, "its task stsb has no one label a row; give a run of a classification with one label a row"),
        (None, "holds no finished run with answers; give a run or a bench that is done"),
    ],
)
def test_what_has_no_labels_to_judge_is_refused(capsys, tmp_path, task, line):
    folder = write(tmp_path, result(task)) if task is not None else tmp_path
    (tmp_path / "bench.json").write_text("{}")

    assert said(capsys, "check", folder) == (2, "", f"hf-suite: {folder}: {line}\n")


def test_a_run_whose_answers_are_gone_is_refused(capsys, tmp_path):
    run = answered(tmp_path, ROWS)
    (run / "answers.parquet").unlink()

    line = f"hf-suite: {run}: has no answers.parquet; score it again by hf-suite eval\n"
    assert said(capsys, "check", str(run)) == (2, "", line)
