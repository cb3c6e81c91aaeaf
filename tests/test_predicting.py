"""A file of rows is answered as the run answered its own, streamed, resumed, and every refusal says what to do."""

import csv
import json
import threading
from pathlib import Path

import pyarrow.parquet
import pytest
import texts
import world
import writers
from test_adapters_document import documents, run_config

import hf_suite
from hf_suite import predicting, record
from hf_suite.errors import ConfigError, DataError, RunError


@pytest.fixture(scope="module")
def writing(tmp_path_factory):
    """A finished run that writes, and its validation rows."""
    root = tmp_path_factory.mktemp("writing")
    made, model = texts.make(root), writers.writer(root / "t5", "t5")
    keys = {"max_length": 48, "max_target_length": 12, "train": {"max_steps": 2}}
    hf_suite.run(texts.run_config(made, model, output=str(root / "run"), **keys))
    return root / "run", root / "mirror" / "own" / "backwards" / "default" / "validation.jsonl"


def validation(small_world, name):
    """The file of a task's validation rows."""
    return small_world.mirror / "own" / name / "default" / "validation.jsonl"


def answered(run, source, output, over=None, **keys):
    """The rows of the output, as JSON has them."""
    written = predicting.predict(hf_suite.load(run, over=over), str(source), output, run=run, **keys)
    assert not list(output.parent.glob(".*.parts"))
    return written, [json.loads(line) for line in output.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("name", ["reviews", "pairs", "likeness", "questions"])
def test_the_answers_are_to_the_bit_those_that_eval_gave_on_the_same_rows(runs, small_world, tmp_path, name):
    source = validation(small_world, name)

    written, found = answered(runs(name), source, tmp_path / "out.jsonl")

    lines = list(record.read_answers(runs(name) / "answers.parquet"))
    answers = [line["answer"] for line in lines]
    assert [row["prediction"] for row in found] == [a["text"] if isinstance(a, dict) else a for a in answers]
    before = [json.loads(line) for line in source.read_text().splitlines()]
    assert [{key: row[key] for key in before[0]} for row in found] == before
    assert list(found[0])[: len(before[0])] == list(before[0])
    assert written == predicting.Written(len(before), 0, labelled=True)


def test_what_writes_is_answered_as_eval_answered(writing, tmp_path):
    run, source = writing

    _, found = answered(run, source, tmp_path / "out.jsonl", everything=True)

    lines = list(record.read_answers(run / "answers.parquet"))
    assert [row["prediction"] for row in found] == [line["answer"] for line in lines]
    assert [row["texts"] for row in found] == [line["evidence"]["texts"] for line in lines]
    assert [row["cut"] for row in found] == [line["evidence"]["cut"] for line in lines]


def test_a_row_that_cannot_be_read_changes_nothing_of_what_is_sampled_for_the_others(writing, tmp_path):
    run, source = writing
    over, rows = {"generation": {"do_sample": True}}, [json.loads(line) for line in source.read_text().splitlines()]
    spoilt = world.write_rows(tmp_path / "spoilt.jsonl", [rows[0], rows[1] | {"english": None}, *rows[2:]])

    read = [answered(run, file, tmp_path / f"{file.stem}.out.jsonl", over)[1] for file in (source, spoilt)]

    whole, few = ([row["prediction"] for row in found] for found in read)
    assert few == [whole[0], None, *whole[2:]]
    moved = hf_suite.load(run, over=over).told([[row["english"]] for row in rows], numbers=range(1, len(rows) + 1))
    assert [row["prediction"] for row in moved] != whole


def test_label_words_are_answered_as_eval_answered(small_world, tiny_checkpoint, tmp_path):
    keys = {"protocol": "likelihood", "max_length": 48, "train": {"max_steps": 1}, "output": str(tmp_path / "run")}
    hf_suite.run(world.run_config(small_world, "reviews", tiny_checkpoint("gpt2"), **keys))

    _, found = answered(tmp_path / "run", validation(small_world, "reviews"), tmp_path / "out.jsonl")

    lines = list(record.read_answers(tmp_path / "run" / "answers.parquet"))
    assert [row["prediction"] for row in found] == [line["answer"] for line in lines]


def test_hidden_tokens_cost_what_eval_found(tiny_checkpoint, tmp_path):
    made = documents(tmp_path)
    hf_suite.run(run_config(made, tiny_checkpoint("bert"), tmp_path / "run", protocol="masked"))
    source = next((tmp_path / "mirror").rglob("test.jsonl"))

    _, found = answered(tmp_path / "run", source, tmp_path / "out.jsonl")

    lines = list(record.read_answers(tmp_path / "run" / "answers.parquet"))
    assert [(row["prediction"], row["tokens"]) for row in found] == [
        (line["answer"]["nll"], line["answer"]["tokens"]) for line in lines
    ]


def test_confidence_is_the_softmax_of_the_scores_and_all_probabilities_add_up_to_one(runs, small_world, tmp_path):
    _, found = answered(runs("pairs"), validation(small_world, "pairs"), tmp_path / "out.jsonl", everything=True)

    names = [f"probability_{label}" for label in world.PAIR_LABELS]
    assert list(found[0])[-5:] == ["prediction", "confidence", *names]
    for row in found:
        assert sum(row[name] for name in names) == pytest.approx(1.0)
        assert row["confidence"] == max(row[name] for name in names) == row[f"probability_{row['prediction']}"]


def test_all_of_a_question_is_its_place_the_null_score_and_the_best_spans(runs, small_world, tmp_path):
    _, found = answered(
        runs("questions"), validation(small_world, "questions"), tmp_path / "out.jsonl", everything=True
    )

    for row, line in zip(found, record.read_answers(runs("questions") / "answers.parquet"), strict=True):
        assert row["null_score"] == line["evidence"]["null"]
        assert [list(span.values()) for span in row["best"]] == line["evidence"]["spans"]
        assert 0 < row["confidence"] <= 1
        if row["prediction"]:
            assert row["context"][row["start"] : row["end"]] == row["prediction"]


def test_every_ending_holds_the_same_rows(runs, small_world, tmp_path):
    source = validation(small_world, "reviews")
    _, rows = answered(runs("reviews"), source, tmp_path / "out.jsonl")

    for ending in ("csv", "parquet"):
        predicting.predict(hf_suite.load(runs("reviews")), str(source), tmp_path / f"out.{ending}", run=runs("reviews"))

    with (tmp_path / "out.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert read == [{key: str(value) for key, value in row.items()} for row in rows]
    assert pyarrow.parquet.read_table(tmp_path / "out.parquet").to_pylist() == rows


def test_a_row_without_a_text_gets_an_error_and_the_others_their_answers(runs, tmp_path):
    source = tmp_path / "new.csv"
    source.write_text('id,sentence\n007,"good, fine"\n008,\n009,"a dull\nbook"\n')

    written = predicting.predict(hf_suite.load(runs("reviews")), str(source), tmp_path / "o.csv", run=runs("reviews"))

    with (tmp_path / "o.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert written == predicting.Written(3, 1, labelled=False)
    assert header == ["id", "sentence", "prediction", "confidence", "error"]
    assert [(row[0], row[1], row[4]) for row in rows] == [
        ("007", "good, fine", ""), ("008", "", "no 'sentence'"), ("009", "a dull\nbook", ""),
    ]  # fmt: skip
    assert [bool(row[2]) for row in rows] == [True, False, True]


def test_a_row_without_a_text_ends_all_where_strict_is_said(runs, tmp_path):
    source = tmp_path / "new.csv"
    source.write_text("id,sentence\n1,good\n2,\n")

    with pytest.raises(DataError) as e:
        answered(runs("reviews"), source, tmp_path / "out.jsonl", strict=True)

    assert str(e.value) == "new.csv row 1: no 'sentence'; mend the row, or leave out --strict"
    assert [path.name for path in tmp_path.iterdir()] == ["new.csv"]


def test_columns_are_found_by_the_task_s_names_or_the_roles_or_as_is_said(runs, tmp_path):
    for column in ("sentence", "text", "review"):
        (tmp_path / f"{column}.csv").write_text(f"id,{column}\n1,good\n2,dull\n")
    keys = {"run": runs("reviews")}
    plain = hf_suite.load(runs("reviews"))
    said = hf_suite.load(runs("reviews"), over={"task": {"columns": {"text": "review"}}})

    for column, predictor in (("sentence", plain), ("text", plain), ("review", said)):
        predicting.predict(predictor, str(tmp_path / f"{column}.csv"), tmp_path / f"{column}.jsonl", **keys)

    written = [path.read_text().splitlines() for path in tmp_path.glob("*.jsonl")]
    found = [[json.loads(line)["confidence"] for line in lines] for lines in written]
    assert found[0] == found[1] == found[2]


def test_a_text_inside_an_object_is_read_by_its_path(runs, tmp_path):
    plain, source = tmp_path / "plain.jsonl", tmp_path / "new.jsonl"
    plain.write_text('{"sentence": "good"}\n{"sentence": "dull"}\n')
    source.write_text('{"review": {"body": "good", "stars": 5}}\n{"review": {"body": "dull", "stars": 1}}\n')
    predictor = hf_suite.load(runs("reviews"), over={"task": {"columns": {"text": "review.body"}}})

    _, expected = answered(runs("reviews"), plain, tmp_path / "a.jsonl")
    predicting.predict(predictor, str(source), tmp_path / "b.jsonl", run=runs("reviews"))

    found = [json.loads(line) for line in (tmp_path / "b.jsonl").read_text().splitlines()]
    assert [row.pop("sentence") for row in expected] == [row.pop("review")["body"] for row in found]
    assert found == expected
    assert predictor.predict([{"review": {"body": "good"}}, {"text": "dull"}]) == expected


def test_a_kill_costs_what_was_under_way_and_no_more(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(predicting, "BLOCK", 4)
    source, output = tmp_path / "new.csv", tmp_path / "out.csv"
    source.write_text("sentence\n" + "".join(f"the {word} book\n" for word in "abcdefghij"))
    predictor = hf_suite.load(runs("reviews"))
    told, asked = predictor.told, []

    def killed(rows, **keys):
        if asked.append(keys["numbers"][0]) is None and len(asked) == 3:
            raise KeyboardInterrupt
        return told(rows, **keys)

    monkeypatch.setattr(predictor, "told", killed)
    with pytest.raises(KeyboardInterrupt):
        predicting.predict(predictor, str(source), output, run=runs("reviews"))
    assert not output.exists()
    written = predicting.predict(predictor, str(source), output, run=runs("reviews"))

    assert asked == [0, 4, 8, 8]
    assert written == predicting.Written(10, 0, labelled=False)
    assert [line.split(",")[0] for line in output.read_text().splitlines()[1:]] == [
        f"the {word} book" for word in "abcdefghij"
    ]
    assert not (tmp_path / ".out.csv.parts").exists()


def test_half_of_another_prediction_is_not_gone_on_with(runs, tmp_path, monkeypatch):
    source, output = tmp_path / "new.csv", tmp_path / "out.csv"
    source.write_text("sentence\ngood\n")
    predictor = hf_suite.load(runs("reviews"))
    monkeypatch.setattr(predictor, "told", interrupted)
    with pytest.raises(KeyboardInterrupt):
        predicting.predict(predictor, str(source), output, run=runs("reviews"))
    shorter = hf_suite.load(runs("reviews"), over={"max_length": 8})

    with pytest.raises(RunError) as of_settings:
        predicting.predict(shorter, str(source), output, run=runs("reviews"))
    source.write_text("sentence\ndull\n")
    with pytest.raises(RunError) as of_rows:
        predicting.predict(predictor, str(source), output, run=runs("reviews"))

    assert str(of_rows.value) == str(of_settings.value)
    assert str(of_rows.value) == (
        f"{tmp_path}/.out.csv.parts: holds half of another prediction: of other rows, columns or settings, or another"
        " model; remove it, or give another file with --output"
    )


def interrupted(rows, **keys):
    raise KeyboardInterrupt


CSV_PLACE = "name it .csv, .jsonl, .parquet"


@pytest.mark.parametrize(
    ("rows", "output", "error", "message"),
    [
        ("sentence\ngood\n", "out.xlsx", ConfigError, "out.xlsx: cannot tell its format from '.xlsx'; " + CSV_PLACE),
        ("sentence\ngood\n", "new.csv", RunError,
         "new.csv: is there already; give another file with --output, or remove it"),
        ("id,sentense\n1,good\n", "out.csv", DataError,
         "new.csv: no column 'sentence' or 'text'; did you mean 'sentense'? there are: id, sentense; "
         "write task.columns.text=COLUMN"),
        ("sentence,prediction\ngood,1\n", "out.csv", DataError,
         "new.csv: has a column 'prediction', which is what an answer's is called; rename the column"),
        ("sentence,b\ngood,1\ngood\n", "out.csv", DataError,
         "new.csv line 3: 1 values under 2 columns (sentence, b); put texts that hold commas into quotes, or mend the "
         "line"),
        ("sentence\n", "out.csv", DataError, "new.csv: has no rows; give a file with rows"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_and_nothing_is_left(
    runs, tmp_path, monkeypatch, rows, output, error, message
):
    monkeypatch.chdir(tmp_path)
    Path("new.csv").write_text(rows)

    with pytest.raises(error) as e:
        predicting.predict(hf_suite.load(runs("reviews")), "new.csv", Path(output), run=runs("reviews"))

    assert str(e.value) == message
    assert [path.name for path in tmp_path.iterdir()] == ["new.csv"]


def test_a_column_of_numbers_is_no_text(runs, tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"sentence": [1, 2]}), tmp_path / "new.parquet")

    with pytest.raises(DataError) as e:
        answered(runs("reviews"), tmp_path / "new.parquet", tmp_path / "out.jsonl")

    assert str(e.value) == (
        "new.parquet: column 'sentence' holds int64, not text; name a column of texts as task.columns.text=COLUMN"
    )


def test_python_takes_texts_mappings_by_either_name_and_frames(runs):
    predictor = hf_suite.load(runs("reviews"))

    found = predictor.predict(["good", "dull"])

    assert [list(row) for row in found] == [["prediction", "confidence"]] * 2
    assert predictor.predict([{"text": "good"}, {"sentence": "dull"}]) == found
    assert predictor.predict(pyarrow.table({"sentence": ["good", "dull"]})) == found
    assert predictor.predict([]) == []


def test_several_threads_each_get_their_own_answers(runs, small_world):
    predictor = hf_suite.load(runs("reviews"))
    rows = [json.loads(line) for line in validation(small_world, "reviews").read_text().splitlines()]
    alone = {at: predictor.predict(rows[at : at + 8]) for at in range(0, 24, 8)}
    found = {}

    def ask(at):
        found[at] = predictor.predict(rows[at : at + 8])

    threads = [threading.Thread(target=ask, args=(at,)) for at in alone]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == alone
