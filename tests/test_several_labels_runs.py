"""Rows with several labels: found out, split, trained, and answered the same in eval, predict and export."""

import csv
import json
from collections import Counter

import pyarrow.parquet
import pytest
import sklearn.metrics
import world
from bad_files import ROWS, write
from making import evaluated

import hf_suite
from hf_suite import guessing, own, parts, predicting, record, schema, spec
from hf_suite.config import RunConfig
from hf_suite.errors import DataError, ModelError

LABELS = ("who", "where", "thing")


def flags(rows):
    return [[int(label in labels) for label in LABELS] for labels in rows]


# rows of one's own


def rows_of(kind):
    """40 texts with one label, two or none, written in three ways."""
    labels = [["good", "long"], ["good"], [], ["bad"]]
    rows = [(text, labels[at % 4]) for at, (text, _) in enumerate(ROWS)]
    if kind == "jsonl":
        return "".join(json.dumps({"text": text, "tags": found}) + "\n" for text, found in rows)
    return "".join(f"{text},{kind.join(found)}\n" for text, found in [("text", ["tags"]), *rows])


@pytest.mark.parametrize("kind", [";", " | ", "jsonl"])
def test_lists_or_a_separator_are_several_labels_and_an_empty_cell_is_none(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    name = "rows.jsonl" if kind == "jsonl" else "rows.csv"
    write(name, rows_of(kind))

    settled = own.settled(schema.build(RunConfig, {"model": {"id": "none"}, "data": {"train": name}}, "test"))

    task = settled.task
    assert (task["target"], task["labels"]) == ("labels", ["bad", "good", "long"])
    assert (task["metrics"], task["headline"]) == (["multilabel_f1", "subset_accuracy", "map"], "micro_f1")
    assert task.get("separator") == (None if kind == "jsonl" else kind.strip())
    found = parts.parts(spec.of(task), settled)
    dealt = [label for part in (found.train, found.tune, *found.eval.values()) for label in part.rows["label"]]
    assert Counter(map(tuple, dealt)) == {("good", "long"): 10, ("good",): 10, (): 10, ("bad",): 10}
    assert Counter(map(tuple, found.eval["eval"].rows["label"])) == dict.fromkeys(Counter(map(tuple, dealt)), 1)


def test_the_guess_says_why_and_how_to_overrule_it():
    table = pyarrow.table({"text": [row[0] for row in ROWS], "tags": ["a;b", "a"] * 20})

    several = guessing.guess(table, place="rows.csv", said={})
    one = guessing.guess(table, place="rows.csv", said={"target": "label"})

    assert several.reasons["kind"] == (
        "texts with ';' between their parts: several labels a row; for one label a row say task.target=label"
    )
    assert (one.facts["labels"], one.facts["headline"]) == (["a", "a;b"], "accuracy")


def test_rare_labels_have_their_share_in_every_part(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [(f"the text number {at} of all", "common;rare" if at % 10 == 0 else "common;usual") for at in range(200)]
    write("rows.csv", "text,tags\n" + "".join(f"{text},{tags}\n" for text, tags in rows))
    settled = own.settled(schema.build(RunConfig, {"model": {"id": "none"}, "data": {"train": "rows.csv"}}, "test"))
    found = parts.parts(spec.of(settled.task), settled)

    rare = [sum("rare" in labels for labels in part.rows["label"]) for part in (found.train, found.tune)]
    assert [*rare, sum("rare" in labels for labels in found.eval["eval"].rows["label"])] == [16, 2, 2]


# runs


@pytest.fixture(scope="module")
def run(tmp_path_factory, small_world, tiny_checkpoint):
    """A finished run of several labels on an encoder; tune is cut off because a threshold is fitted."""
    folder = tmp_path_factory.mktemp("several") / "run"
    keys = {"train": {"max_steps": 12}, "output": str(folder)}
    hf_suite.run(world.run_config(small_world, "topics", tiny_checkpoint("bert"), **keys))
    return folder


def test_a_run_fits_a_threshold_on_tune_and_is_scored_beside_its_baseline(run):
    result = record.read_result(run)

    assert list(result.fitted) == ["threshold"]
    assert result.events[-1] == (
        "confidence is as the model gives it: a temperature takes 50 tune rows, and there are 5"
    )
    assert result.rows == {"train": 43, "tune": 5, "validation": 24}
    assert list(result.scores["validation"]) == ["micro_f1", "macro_f1", "subset_accuracy", "map"]
    assert list(result.baseline["validation"]) == ["micro_f1", "macro_f1", "subset_accuracy"]
    lines = list(record.read_answers(run / "answers.parquet"))
    scores = [[line["evidence"]["scores"][label] for label in LABELS] for line in lines]
    gold = flags(line["reference"] for line in lines)
    ap = sklearn.metrics.average_precision_score(gold, scores, average="macro")
    assert result.scores["validation"]["map"] == pytest.approx(100 * ap)
    said = [[int(score >= result.fitted["threshold"]) for score in row] for row in scores]
    assert flags(line["answer"] for line in lines) == said


def test_predict_answers_as_eval_did_with_lists_and_in_a_csv_with_a_separator(run, small_world, tmp_path):
    source = small_world.mirror / "own" / "topics" / "default" / "validation.jsonl"
    wanted = [line["answer"] for line in record.read_answers(run / "answers.parquet")]

    for ending in ("jsonl", "csv", "parquet"):
        predicting.predict(hf_suite.load(run), str(source), tmp_path / f"out.{ending}", run=run, everything=True)

    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["prediction"] for row in rows] == wanted
    assert list(rows[0])[-5:] == ["prediction", "confidence", *(f"probability_{label}" for label in LABELS)]
    with (tmp_path / "out.csv").open(newline="") as file:
        assert [row["prediction"] for row in csv.DictReader(file)] == [";".join(labels) for labels in wanted]
    assert pyarrow.parquet.read_table(tmp_path / "out.parquet")["prediction"].to_pylist() == wanted


def test_what_was_exported_is_a_multi_label_checkpoint_that_answers_as_the_run_did(run, small_world, tmp_path):
    hf_suite.export(run, tmp_path / "plain", mirrors=(str(small_world.mirror),))

    config = json.loads((tmp_path / "plain" / "config.json").read_text())
    assert config["problem_type"] == "multi_label_classification"
    assert list(config["id2label"].values()) == list(LABELS)
    again = evaluated(small_world, "topics", tmp_path / "plain", tmp_path / "again")
    assert again.scores["validation"] == pytest.approx(record.read_result(run).scores["validation"])


def test_a_run_of_one_label_is_not_asked_for_several(small_world, tiny_checkpoint, tmp_path):
    checkpoint = tiny_checkpoint(
        "bert", head="classification", labels=LABELS, problem_type="single_label_classification"
    )

    with pytest.raises(ModelError) as e:
        evaluated(small_world, "topics", checkpoint, tmp_path / "run")

    assert str(e.value).partition(": ")[2] == "its head answers one label a row; finetune it first (hf-suite train)"


def test_a_decoder_goes_on_from_a_run_with_its_labels_in_another_order(small_world, tiny_checkpoint, tmp_path):
    checkpoint = tiny_checkpoint("gpt2")
    hf_suite.run(world.run_config(small_world, "topics", checkpoint, output=str(tmp_path / "first")))
    turned = {"labels": ["thing", "who", "where"]}
    keys = {"init_from": str(tmp_path / "first"), "output": str(tmp_path / "second"), "task": turned}

    result = hf_suite.run(world.run_config(small_world, "topics", checkpoint, **keys))

    assert result.resolved["model"]["labels"] == ["who", "where", "thing"]
    (line, *_) = record.read_answers(tmp_path / "second" / "answers.parquet")
    assert list(line["evidence"]["scores"]) == ["who", "where", "thing"]


def test_an_encoder_decoder_writes_its_labels(small_world, tiny_checkpoint, tmp_path):
    keys = {"protocol": "generation", "max_target_length": 8, "lora": None, "output": str(tmp_path / "run")}

    result = hf_suite.run(world.run_config(small_world, "topics", tiny_checkpoint("t5"), **keys))

    assert (result.fitted, result.scores["validation"]["map"]) == ({}, None)
    assert result.counts["validation"]["unreadable"] >= 0
    lines = record.read_answers(tmp_path / "run" / "answers.parquet")
    assert all(set(line["answer"]) <= set(LABELS) for line in lines)


def test_train_rows_that_all_have_the_same_labels_are_refused(small_world, tiny_checkpoint, tmp_path):
    file = world.write_rows(
        tmp_path / "m" / "own" / "topics" / "default" / "train.jsonl",
        [{"sentence": "a", "topics": ["who", "where"]}] * 9,
    )
    keys = {"mirror": [str(file.parents[3])], "output": str(tmp_path / "run"), "tune": {"share": 0.2}}

    with pytest.raises(DataError) as e:
        hf_suite.run(world.run_config(small_world, "topics", tiny_checkpoint("bert"), **keys))

    assert str(e.value) == (
        "topics train: all 7 train rows have the labels who, where; raise limit, or give rows of another label too"
    )
