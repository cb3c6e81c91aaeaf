"""Answers and references to scores: the same rows or none, baselines, near ties, and files of predictions."""

import os
from pathlib import Path
from typing import Any

import pytest

from hf_suite import data, spec
from hf_suite.errors import ConfigError, ScoreError
from hf_suite.metrics import Unit
from hf_suite.scoring import baseline, matched, near_ties, read_predictions, score, units
from hf_suite.spec import TaskSpec

MIRRORS = [folder for folder in os.environ.get("HF_SUITE_MIRROR", "").split(os.pathsep) if folder]
PUBLISHED = next(
    (Path(m, "squad_reference_predictions") for m in MIRRORS if Path(m, "squad_reference_predictions").is_dir()), None
)
needs_published = pytest.mark.skipif(
    PUBLISHED is None, reason="HF_SUITE_MIRROR names no folder with squad_reference_predictions"
)


def task(**over: Any) -> TaskSpec:
    facts = {
        "name": "moods",
        "kind": "classification",
        "version": 1,
        "source": {"path": "made/up", "subset": "default"},
        "columns": {"text": "text", "label": "label"},
        "labels": ["sad", "very-glad"],
        "metrics": ["accuracy"],
        "headline": "accuracy",
    }
    return TaskSpec.model_validate(facts | over)


def quiz(*metrics: str) -> TaskSpec:
    columns = {"question": "question", "context": "context", "answers": "answers"}
    return task(
        name="quiz",
        kind="question_answering",
        columns=columns,
        labels=None,
        metrics=metrics or ("squad_v2",),
        headline="f1",
    )


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def refusal(path: Path, of: TaskSpec) -> str:
    with pytest.raises(ScoreError) as error:
        read_predictions(path, of)
    return str(error.value)


def test_the_tasks_metrics_are_computed_and_those_of_evaluate_are_left_to_others() -> None:
    answers, references = {1: "sad", 2: "very-glad"}, {2: "very-glad", 1: "very-glad"}
    of = task(metrics=["accuracy", "f1", "evaluate:mine.py"])
    assert score(of, answers, references) == {"accuracy": 50.0, "f1": pytest.approx(200 / 3, abs=1e-12)}
    assert score(of, answers, references, metrics=["matthews_correlation"]) == {"matthews_correlation": 0.0}


def test_missing_and_unknown_rows_are_refused_with_counts_and_three_of_each() -> None:
    references = {f"r{number}": "sad" for number in range(1000, 3500)}
    answers = {row: "sad" for row in references if not row.endswith("7")} | dict.fromkeys(["a", "b", "c", "d"], "sad")
    with pytest.raises(ScoreError) as error:
        score(task(), answers, references, place="mine.json")
    assert str(error.value) == (
        "mine.json: 250 of 2,500 rows without an answer (r1007, r1017, r1027), 4 unknown row ids (a, b, c); "
        "give one answer for each row of the split that is scored"
    )


def test_unknown_rows_alone_are_refused_too() -> None:
    with pytest.raises(ScoreError) as error:
        score(task(), {1: "sad", 2: "sad"}, {1: "sad"})
    assert str(error.value) == (
        "moods: 1 unknown row ids (2); give one answer for each row of the split that is scored"
    )


def test_no_rows_are_no_score() -> None:
    with pytest.raises(ScoreError) as error:
        score(task(), {}, {})
    assert str(error.value) == "moods: no rows; there is nothing to score"


def test_rows_without_a_reference_cannot_be_scored() -> None:
    with pytest.raises(ScoreError) as error:
        score(task(), {1: "sad", 2: "sad"}, {1: "sad", 2: None})
    assert str(error.value) == (
        "moods: 1 of 2 rows have no reference (2); score a split with labels, or set drop_unlabelled: true"
    )


def test_a_metric_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError) as error:
        score(task(metrics=["acuracy"]), {1: "sad"}, {1: "sad"})
    assert str(error.value) == (
        "moods.metrics: no metric 'acuracy'; did you mean 'accuracy'? there are: accuracy, f1, "
        "matthews_correlation, multilabel_f1, subset_accuracy, map, pearson, spearmanr, squad, squad_v2, "
        "bleu, chrf, chrf++, ter, rouge, exact_match, token_f1, cer, bits_per_byte, word_perplexity, "
        "loss, perplexity, masked_loss, masked_perplexity"
    )


def test_every_number_has_its_unit_and_direction() -> None:
    assert units(task(metrics=["accuracy", "f1"])) == {"accuracy": Unit("percent"), "f1": Unit("percent")}
    found = units(quiz())
    assert found["total"] == Unit("count", None)
    assert found["best_f1_thresh"] == Unit("no-answer score", None)


def test_two_metrics_that_give_the_same_number_are_refused() -> None:
    with pytest.raises(ConfigError) as error:
        units(quiz("squad", "squad_v2"))
    assert str(error.value) == "quiz.metrics: two give 'f1'; take out squad_v2 or the other"


def test_the_baseline_is_the_best_constant_answer_on_the_same_rows() -> None:
    references = {1: "sad", 2: "sad", 3: "very-glad", 4: "sad"}
    assert baseline(task(metrics=["accuracy", "f1"]), [], references) == {"accuracy": 75.0, "f1": 0.0}


def test_rows_decided_by_less_than_a_hundred_thousandth_are_near_ties() -> None:
    evidence = {
        1: {"scores": {"sad": 0.5, "very-glad": 0.500009}},
        2: {"scores": {"sad": 0.5, "very-glad": 0.50002}},
        3: {"scores": {"sad": 0.5, "very-glad": 0.5}},
    }
    assert near_ties(task(), evidence, {}) == 2
    assert near_ties(task(target="number", labels=None), {1: {"value": 3.0}}, {}) == 0
    texts = [{"texts": ["a"], "margin": 1e-6}, {"texts": ["a"], "margin": 1.0}, {"texts": ["a"]}]  # the last by beams
    writing = task(
        kind="text2text", labels=None, columns={"source": "a", "target": "b"}, metrics=["cer"], headline="cer"
    )
    assert near_ties(writing, dict(enumerate(texts)), {}) == 1


def test_squads_own_json_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, "mine.json", '{"q1": "Rome", "q2": ""}')
    assert read_predictions(path, quiz()) == {
        "q1": {"text": "Rome", "no_answer": None},
        "q2": {"text": "", "no_answer": None},
    }


def test_jsonl_and_csv_are_read_with_labels_by_name(tmp_path: Path) -> None:
    lines = written(tmp_path, "mine.jsonl", '{"row": 7, "answer": "Very glad"}\n\n{"row": "8", "answer": "SAD"}\n')
    assert read_predictions(lines, task()) == {7: "very-glad", "8": "sad"}
    table = written(tmp_path, "mine.csv", "\ufeffrow,answer\r\n7,very_glad\r\n8, sad \r\n")
    assert read_predictions(table, task()) == {"7": "very-glad", "8": "sad"}


def test_no_answer_is_read_where_it_stands(tmp_path: Path) -> None:
    table = written(tmp_path, "mine.csv", 'no_answer,row,answer\n0.25,q1,"Rome, Italy"\n,q2,"two\nlines"\n')
    assert read_predictions(table, quiz()) == {
        "q1": {"text": "Rome, Italy", "no_answer": 0.25},
        "q2": {"text": "two\nlines", "no_answer": None},
    }


def test_numbers_are_read_as_numbers(tmp_path: Path) -> None:
    path = written(tmp_path, "mine.csv", "row,answer\n0,3.25\n")
    assert read_predictions(path, task(target="number", labels=None)) == {"0": 3.25}


def test_texts_in_a_file_match_row_ids_that_are_numbers() -> None:
    assert matched({"7": "a", "07": "b", 8: "c"}, {7: "", "8": ""}) == {7: "a", "07": "b", "8": "c"}


def scored(path: Path, of: TaskSpec, references: dict[Any, Any]) -> dict[str, float | None]:
    """As `hf-suite score` does it."""
    return score(of, matched(read_predictions(path, of), references), references, place=path.name)


def test_a_predictions_file_is_scored_against_numbered_rows(tmp_path: Path) -> None:
    path = written(tmp_path, "mine.json", '{"0": "sad", "1": "sad"}')
    assert scored(path, task(), {0: "sad", 1: "very-glad"}) == {"accuracy": 50.0}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.tab", "", "a.tab: cannot tell its format from '.tab'; name it .json, .jsonl, .csv, .txt"),
        ("a.json", "[1, 2]", "a.json: holds no object; write {row id: answer}"),
        ("a.json", '{"x": "sad", "x": "sad"}', "a.json row x: row 'x' stands twice; keep one answer for each row"),
        (
            "a.json",
            '{"x": "angry"}',
            "a.json row x: answer 'angry' is no label; write one of: sad, very-glad",
        ),
        (
            "a.jsonl",
            '{"row": 1, "answer": "sad"}\n[1]',
            'a.jsonl line 2: holds no object; write {"row": "id", "answer": "text"}',
        ),
        (
            "a.jsonl",
            '{"row": 1, "answer": "sad"}\n{"row": "1", "answer": "sad"}',
            "a.jsonl line 2: row '1' stands twice; keep one answer for each row",
        ),
        (
            "a.jsonl",
            '{"id": 1, "answer": "sad"}',
            "a.jsonl line 1: columns are id, answer; name them row, answer and, if wanted, no_answer",
        ),
        (
            "a.jsonl",
            '{"row": [1], "answer": "sad"}',
            "a.jsonl line 1: row id [1]; write it as a text or a whole number",
        ),
        (
            "a.jsonl",
            '{"row": 1, "answer": "sad", "no_answer": 0.5}',
            "a.jsonl line 1: no_answer in a task of kind classification; take the column out",
        ),
        ("a.csv", "", "a.csv line 1: columns are none; name them row, answer and, if wanted, no_answer"),
        (
            "a.csv",
            "row,answer\n1,sad,glad\n",
            "a.csv line 2: 3 values under 2 columns; quote commas in answers",
        ),
        (
            "a.csv",
            "row,answer\n1,sad\n2,angry\n",
            "a.csv line 3: answer 'angry' is no label; write one of: sad, very-glad",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(tmp_path: Path, name: str, text: str, message: str) -> None:
    assert refusal(written(tmp_path, name, text), task()) == message


def test_broken_json_is_refused_with_its_place(tmp_path: Path) -> None:
    lines = written(tmp_path, "a.jsonl", '{"row": 1, "answer": "sad"}\n{"row": 2,')
    assert refusal(lines, task()).startswith("a.jsonl line 2: is no JSON (")
    assert refusal(written(tmp_path, "a.json", "{"), task()).startswith("a.json: is no JSON (")
    assert refusal(written(tmp_path, "a.csv", 'row,answer\n1,"sad'), task()).startswith("a.csv line 2: is no CSV (")


def test_no_answer_must_be_a_finite_number(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "row,answer,no_answer\nq1,Rome,nan\n")
    assert refusal(path, quiz()) == "a.csv line 2: no_answer is 'nan'; write a finite number"


def test_lines_are_answers_in_the_order_of_the_rows(tmp_path: Path) -> None:
    assert read_predictions(written(tmp_path, "a.txt", "sad\r\nvery-glad\n"), task()) == {0: "sad", 1: "very-glad"}
    assert read_predictions(written(tmp_path, "a.txt", ""), task()) == {}
    assert refusal(written(tmp_path, "a.txt", "sad\n\n"), task()) == (
        "a.txt line 2: answer '' is no label; write one of: sad, very-glad"
    )


def test_an_answer_keeps_the_breaks_of_other_systems(tmp_path: Path) -> None:
    of = task(kind="text2text", columns={"source": "a", "target": "b"}, labels=None, metrics=["cer"], headline="cer")
    (tmp_path / "a.txt").write_bytes("one\rtwo\u2028three\r\nfour\n".encode())
    (tmp_path / "a.csv").write_bytes(b'row,answer\r\n0,"one\r\ntwo"\r\n')
    assert read_predictions(tmp_path / "a.txt", of) == {0: "one\rtwo\u2028three", 1: "four"}
    assert read_predictions(tmp_path / "a.csv", of) == {"0": "one\r\ntwo"}


def test_lines_are_refused_where_rows_have_ids_of_their_own(tmp_path: Path) -> None:
    of = quiz().model_copy(update={"columns": {**quiz().columns, "id": "id"}})
    assert refusal(written(tmp_path, "a.txt", "Rome\n"), of) == (
        "a.txt: lines without row ids, and the rows of quiz have ids; "
        'write {"row": "id", "answer": "text"} a line and name it .jsonl'
    )


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "a.json", task()) == (
        f"{tmp_path}/a.json: cannot be read ([Errno 2] No such file or directory: '{tmp_path}/a.json'); "
        "give a predictions file in UTF-8"
    )


@needs_published
@pytest.mark.parametrize(
    ("name", "file", "expected"),
    [
        ("squad", "v1.1_bert_ensemble.json", {"exact_match": 86.2062, "f1": 92.1956}),
        ("squad_v2", "v2.0_bert_single.json", {"exact": 78.7417, "f1": 81.7753, "total": 11873}),
    ],
)
def test_published_predictions_have_the_official_scores(name: str, file: str, expected: dict[str, float]) -> None:
    of = spec.read(name)
    scores = scored(PUBLISHED / file, of, data.references(of, "validation"))
    assert {number: scores[number] for number in expected} == pytest.approx(expected, abs=5e-5)


@needs_published
def test_published_predictions_that_lack_rows_are_refused() -> None:
    of = spec.read("squad")
    with pytest.raises(ScoreError) as error:
        scored(PUBLISHED / "v1.1_logistic_regression.json", of, data.references(of, "validation"))
    assert str(error.value) == (
        "v1.1_logistic_regression.json: 13 of 10,570 rows without an answer (56f884cba6d7ea1400e17709, "
        "56f8c8469e9bad19000a04c8, 5711163bb654c5140001fb17), 28 unknown row ids (5728dc2d3acd2414000e0082, "
        "5733f309d058e614000b6647, 5730b1022461fd1900a9cfa7); give one answer for each row of the split that is scored"
    )
