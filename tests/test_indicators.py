"""Columns of 0 and 1, one a label: guessed, refused where they say something else, checked, learnt, answered."""

import csv
import json
from pathlib import Path

import pyarrow
import pytest
from bad_files import write
from command import said
from refusing import refused

import hf_suite
from hf_suite import data, guessing, indicators, predicting, record, schema, spec
from hf_suite.config import RunConfig
from hf_suite.errors import ConfigError, DataError
from hf_suite.guessing import Ambiguous

TEXTS = [f"the text number {at} of them all" for at in range(40)]
TOXIC = [int(at % 2 == 0) for at in range(40)]
INSULT = [int(at % 4 == 0) for at in range(40)]
THREAT = [int(at % 5 == 0) for at in range(40)]


def table(header="id,comment,toxic,insult,threat,hate", **cells):
    """Comments with a column for each label; `hate` is never 1. A cell is another as `insult_7=2`."""
    rows = [list(row) for row in zip(range(100, 140), TEXTS, TOXIC, INSULT, THREAT, [0] * 40, strict=True)]
    for place, value in cells.items():
        name, _, row = place.partition("_")
        rows[int(row)][header.split(",").index(name)] = value
    return "".join(",".join(map(str, row)) + "\n" for row in [[header], *rows])


def made(names=("toxic", "insult"), target="labels", **columns):
    arrays = {name: pyarrow.chunked_array([values]) for name, values in columns.items()}
    return indicators.labels(arrays, target=target, place="rows.csv").to_pylist()


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


# what the columns say


def test_a_row_has_the_labels_whose_columns_say_one_however_it_is_written():
    found = made(a=[1, 0, 1], b=[1.0, 0.0, 0.0], c=["true", "False", " TRUE"], d=[True, False, False])

    assert found == [["a", "b", "c", "d"], [], ["a", "c"]]


def test_a_row_of_which_every_column_is_empty_or_minus_one_has_no_labels_known():
    assert made(a=[1, None, -1], b=[0, None, -1]) == [["a"], None, None]
    assert made(target="label", a=[1, None, 0], b=[False, None, True]) == ["a", None, "b"]


@pytest.mark.parametrize(
    ("cell", "finding"),
    [(2, "is 2"), (None, "is empty"), (-1, "is -1"), (0.5, "is 0.5"), ("x", "is 'x'"), ("", "is empty")],
)
def test_a_cell_that_is_neither_is_refused_by_row_and_column(cell, finding):
    column = ["0", "1", cell] if isinstance(cell, str) else [0, 1, cell]

    with pytest.raises(DataError) as e:
        made(a=[1, 0, 1], b=column)

    assert str(e.value) == (
        f"rows.csv row 2: 'b' {finding}, where others are 0 or 1; "
        "write 0 or 1, or name the columns of labels as task.columns.label=[COLUMN, COLUMN]"
    )


def test_a_row_that_has_one_label_has_not_two_and_not_none():
    with pytest.raises(DataError) as e:
        made(target="label", a=[1, 0], b=[0, 0], c=[0, 0])

    assert str(e.value) == (
        "rows.csv row 1: 0 of a, b, c are 1, and a row has one label; mend the row, or say task.target=labels"
    )


# the guess


def guess(taken=None, **columns):
    return guessing.guess(pyarrow.table(columns), place="rows.csv", said=taken or {})


def test_several_columns_of_0_and_1_beside_a_text_are_several_labels_and_each_says_why():
    found = guess(nr=list(range(40)), comment=TEXTS, toxic=TOXIC, insult=INSULT, hate=[0] * 40)

    assert found.facts == {
        "kind": "classification",
        "columns": {"text": "comment", "label": ["toxic", "insult"]},
        "target": "labels",
        "metrics": ["multilabel_f1", "subset_accuracy", "map"],
        "headline": "micro_f1",
        "labels": ["toxic", "insult"],
    }
    assert found.reasons == {
        "kind": "2 columns of 0 and 1: several labels a row; for one of them alone say task.columns.label=toxic",
        "text": "the only column of longer texts",
        "label": "2 columns of 0 and 1",
        "toxic": "20 of 40 rows have it",
        "insult": "10 of 40 rows have it",
    }
    assert found.notes == ("rows.csv: 'hate' is 0 in all rows, so it is no label",)


def test_columns_of_which_each_row_has_exactly_one_are_one_label_a_row_unless_it_is_said():
    joy, fear = [at % 2 == 0 for at in range(40)], [at % 2 == 1 for at in range(40)]
    one = guess(body=TEXTS, joy=joy, fear=fear)
    several = guess({"target": "labels"}, body=TEXTS, joy=joy, fear=fear)

    assert ("target" in one.facts, one.facts["headline"], one.facts["labels"]) == (False, "accuracy", ["joy", "fear"])
    assert one.reasons["kind"] == (
        "2 columns of 0 and 1: one label a row, since each has exactly one; "
        "for one of them alone say task.columns.label=joy"
    )
    assert (several.facts["target"], several.facts["headline"]) == ("labels", "micro_f1")


def test_one_column_of_0_and_1_stays_two_classes_and_so_does_one_that_is_named_or_called_label():
    assert guess(body=TEXTS, toxic=TOXIC).facts["labels"] == ["0", "1"]
    assert guess(body=TEXTS, toxic=TOXIC, label=INSULT).facts["columns"]["label"] == "label"
    assert guess({"columns": {"label": ["insult"]}}, body=TEXTS, toxic=TOXIC, insult=INSULT).facts["columns"] == {
        "text": "body",
        "label": "insult",
    }


def test_columns_of_0_and_1_beside_another_of_few_values_are_asked_for_together():
    with pytest.raises(Ambiguous) as e:
        guess(body=TEXTS, toxic=TOXIC, insult=INSULT, mood=["good", "bad"] * 20)

    assert str(e.value) == (
        "rows.csv: mood, toxic and insult could each be the label; "
        "say task.columns.label=mood or 'task.columns.label=[toxic,insult]'"
    )
    assert e.value.several == {"[toxic,insult]": ["toxic", "insult"]}
    assert guess({"columns": {"label": e.value.several[e.value.choices[1]]}}, body=TEXTS, toxic=TOXIC, insult=INSULT,
                 mood=["good", "bad"] * 20).facts["target"] == "labels"  # fmt: skip


def test_a_count_is_no_slip_of_the_pen():
    with pytest.raises(Ambiguous) as e:
        guess(body=TEXTS, likes=[0, 1] * 17 + [2, 3, 5] * 2, toxic=TOXIC, insult=INSULT)

    assert str(e.value) == (
        "rows.csv: likes, toxic and insult could each be the label; "
        "say task.columns.label=likes or 'task.columns.label=[toxic,insult]'"
    )


# files


def test_the_task_names_the_columns_and_is_read_back(place, capsys):
    write("toxic.csv", table())

    code, _, _ = said(capsys, "init", "toxic.csv", "-o", "mytask.yaml")

    assert code == 0
    assert (
        "  text: comment  # the only column of longer texts\n"
        "  label:  # 3 columns of 0 and 1\n"
        "  - toxic  # 20 of 40 rows have it\n"
        "  - insult  # 10 of 40 rows have it\n"
        "  - threat  # 8 of 40 rows have it\n"
        "target: labels\n"
    ) in Path("mytask.yaml").read_text("utf-8")
    task = spec.read("mytask.yaml")
    assert task.columns == {"text": "comment", "label": ("toxic", "insult", "threat")}
    assert data.rows(task, "train").rows["label"][:3] == [["toxic", "insult", "threat"], [], ["toxic"]]


@pytest.mark.parametrize(("cells", "finding"), [({"insult_7": 2}, "is 2"), ({"insult_7": ""}, "is empty")])
def test_a_file_with_such_a_cell_is_refused(place, capsys, cells, finding):
    write("toxic.csv", table(**cells))

    assert refused(capsys, "init", "toxic.csv") == (
        f"toxic.csv row 7: 'insult' {finding}, where others are 0 or 1; "
        "write 0 or 1, or name the columns of labels as task.columns.label=[COLUMN, COLUMN]"
    )


def test_several_columns_in_another_role_are_refused(place, capsys):
    write("toxic.csv", table())

    assert refused(capsys, "check", "toxic.csv", "task.columns.text=[toxic,insult]") == (
        "task.columns.text: 2 columns are named; name one; a column each can have labels alone"
    )


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ({"columns": {"text": ["a", "b"]}}, "columns.text: several columns; name one; a column each have the labels of "
         "a row alone"),
        ({"columns": {"label": ["a"]}}, "columns.label: a; name two columns or more, each once"),
        ({"labels": ["a", "c"]}, "columns.label: the columns are a, b, and the labels a, c; leave labels out, or call "
         "them like their columns"),
    ],
)  # fmt: skip
def test_a_task_whose_columns_are_no_labels_is_refused(over, message):
    from hf_suite import kinds

    facts = {"name": "mine", "kind": "classification", "version": 1, "source": {"path": "a.csv"}, "target": "labels",
             "columns": {"text": "t", "label": ["a", "b"]}, "labels": ["a", "b"], "metrics": ["multilabel_f1"],
             "headline": "micro_f1"}  # fmt: skip
    with pytest.raises(ConfigError) as e:
        kinds.check(schema.build(spec.TaskSpec, schema.merged(facts, over), "test"))

    assert str(e.value) == f"mine.{message}"


def test_check_and_clean_take_the_columns_as_they_are(place, capsys):
    write("toxic.csv", table(comment_1=TEXTS[0]))

    code, out, _ = said(capsys, "check", "toxic.csv")
    done, _, _ = said(capsys, "clean", "toxic.csv", "-o", "clean.csv", "--fix", "trim,conflicts")

    assert (code, done) == (1, 0)
    assert "    insult as label: whole, 2 different\n" in out
    assert "3 labels in train: toxic 50.0 %, insult 25.0 %, threat 20.0 %" in out
    assert "2 of 40 rows (5 %) have the same texts as another row and a different label" in out
    header, *rows = Path("clean.csv").read_text("utf-8").splitlines()
    assert (header, rows[0], len(rows)) == ("id,comment,toxic,insult,threat,hate", f"102,{TEXTS[2]},1,0,0,0", 38)


# a run


@pytest.fixture(scope="module")
def run(tmp_path_factory, tiny_checkpoint):
    """A finished run on such a file, which lies beside it."""
    folder = tmp_path_factory.mktemp("toxic")
    (folder / "toxic.csv").write_text(table(), "utf-8")
    keys = {"model": {"id": str(tiny_checkpoint("bert"))}, "data": {"train": str(folder / "toxic.csv")},
            "device": "cpu", "max_length": 32, "train": {"max_steps": 3, "batch_size": 8}, "lora": {"rank": 2},
            "output": str(folder / "run")}  # fmt: skip
    hf_suite.run(schema.build(RunConfig, keys, "test"))
    return folder / "run"


def test_a_run_scores_all_labels_and_predict_and_eval_answer_a_file_of_them_alike(run, tmp_path):
    result = record.read_result(run)
    assert (result.rows, list(result.fitted)) == ({"train": 32, "tune": 4, "eval": 4}, ["threshold"])
    assert result.task["columns"] == {"text": "comment", "label": ["toxic", "insult", "threat"]}
    source = run.parent / "toxic.csv"

    written = predicting.predict(hf_suite.load(run), str(source), tmp_path / "out.csv", run=run)
    again = hf_suite.evaluate_run(run, data=str(source), output=tmp_path / "again")

    assert written.labelled
    lines = list(record.read_answers(tmp_path / "again" / "answers.parquet"))
    assert [line["reference"] for line in lines[:3]] == [["toxic", "insult", "threat"], [], ["toxic"]]
    with (tmp_path / "out.csv").open(newline="") as file:
        assert [row["prediction"] for row in csv.DictReader(file)] == [";".join(line["answer"]) for line in lines]
    assert json.loads((tmp_path / "again" / "result.json").read_text())["scores"] == again.scores


def test_rows_without_one_of_the_columns_are_answered_and_not_scored(run, tmp_path):
    (tmp_path / "few.csv").write_text("comment,toxic\nthe text,1\n", "utf-8")

    written = predicting.predict(hf_suite.load(run), str(tmp_path / "few.csv"), tmp_path / "out.csv", run=run)

    assert (written.rows, written.labelled) == (1, False)
    with pytest.raises(DataError) as e:
        hf_suite.evaluate_run(run, data=str(tmp_path / "few.csv"), output=tmp_path / "again")
    assert str(e.value) == ("few.csv: no column 'insult'; there are: comment, toxic; write task.columns.label=COLUMN")
