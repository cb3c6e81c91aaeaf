"""Rows of one's own: the task and splits that a run makes of them, from Python and from the command line."""

import json
from pathlib import Path

import pytest
from bad_files import LABELS, ROWS, csv, parquet, texts, write
from command import said

import hf_suite
from hf_suite import cutting, own, parts, schema, spec, stamp
from hf_suite.config import RunConfig, SplitConfig, TuneConfig
from hf_suite.errors import ConfigError, DataError
from hf_suite.record import read_answers, read_rows

SHORT = ["device=cpu", "max_length=32", "train.max_steps=2", "train.batch_size=8", "lora.rank=2"]
DAYS = [(f"the {at}th film of many", LABELS[at % 2], f"2024-{1 + at // 28:02}-{1 + at % 28:02}") for at in range(50)]
USUAL = SplitConfig(of="train", shares={"train": 0.8, "tune": 0.1, "eval": 0.1}, together=True, stratify=True)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """The current folder, with reviews.csv."""
    monkeypatch.chdir(tmp_path)
    write("reviews.csv", csv())


def config(**keys):
    return schema.build(RunConfig, {"model": {"id": "none"}, "data": {"train": "reviews.csv"}, **keys}, "test")


def dealt(**keys):
    """Part -> its rows' numbers."""
    settled = own.settled(config(**keys))
    found = parts.parts(spec.of(settled.task), settled)
    there = {"train": found.train, "tune": found.tune, **found.eval}
    return {name: part.rows["row"][:] for name, part in there.items() if part is not None}


def test_a_single_file_is_split_by_label_with_equal_texts_together():
    assert own.settled(config()).split == USUAL
    assert {part: len(rows) for part, rows in dealt().items()} == {"train": 32, "tune": 4, "eval": 4}


@pytest.mark.parametrize(
    ("train", "steps"),
    [
        ({}, 100),
        ({"batch_size": 8}, 100),
        ({"batch_tokens": 512}, None),
        ({"epochs": 3}, None),
        ({"max_steps": 2}, None),
        ({"min_steps": 5}, 5),
    ],
)
def test_rows_of_ones_own_are_learnt_for_a_hundred_steps_unless_their_length_is_said(train, steps):
    found = own.settled(config(train=train))

    assert found.train.min_steps == steps
    assert own.settled(RunConfig.model_validate(found.model_dump())) == found


def test_equal_texts_never_straddle():
    write("reviews.csv", csv([(f"The film  {at // 5}", label) for at, (_, label) in enumerate(ROWS)]))

    groups = {part: {row // 5 for row in rows} for part, rows in dealt().items()}

    assert sorted(group for found in groups.values() for group in found) == list(range(8))


def test_questions_on_one_context_never_straddle():
    asked = [
        {"question": f"What is {at}?", "context": f"Text {at % 25} says red.", "answers": "red"} for at in range(100)
    ]
    write("asked.jsonl", "".join(json.dumps(row) + "\n" for row in asked))

    contexts = {part: {row % 25 for row in rows} for part, rows in dealt(data="asked.jsonl").items()}

    assert sorted(context for found in contexts.values() for context in found) == list(range(25))


def test_few_contexts_stand_in_all_parts():
    asked = [{"question": f"What is {at}?", "context": "It says red.", "answers": "red"} for at in range(40)]
    write("asked.jsonl", "".join(json.dumps(row) + "\n" for row in asked))

    assert {part: len(rows) for part, rows in dealt(data="asked.jsonl").items()} == {"train": 32, "tune": 4, "eval": 4}


def test_what_a_limit_leaves_of_each_part_is_said_before_a_training():
    whole, both = own.settled(config(limit=8)), own.settled(config(limit=8, eval_limit=2, tune={"share": 0.2}))

    assert cutting.said(whole) == (
        "split: train 80 %, tune 10 %, eval 10 %; each label alike, equal texts together; "
        "of train at most 8 rows, of tune the same share, of eval all"
    )
    assert cutting.said(both).endswith("; of train and tune together at most 8 rows, of eval at most 2")


def test_rows_to_score_are_scored_and_tune_is_cut_off_train():
    write("later.csv", csv(ROWS[:10]))

    settled = own.settled(config(data={"train": "reviews.csv", "eval": "later.csv"}))

    assert (settled.split, settled.tune) == (None, TuneConfig(share=0.1, together=True, stratify=True))
    assert settled.task["source"]["eval"] == ["eval"]


def test_a_folder_with_a_file_for_each_split_brings_them_all():
    parquet("all/train.parquet", text=[row[0] for row in ROWS], label=[0, 1] * 20) if Path("all").mkdir() is None else 0
    parquet("all/val.parquet", text=["a film", "a song"], label=[0, 1])
    parquet("all/test.parquet", text=["a film", "a song"], label=[-1, -1])

    source = own.settled(config(data={"train": "all"})).task["source"]

    assert (source["train"], source["eval"], source["test"]) == ("train", ["validation"], "test")


def test_by_time_the_latest_rows_are_scored():
    write("reviews.csv", csv(DAYS, ("text", "label", "date")))

    assert dealt(split={"time": "date"}) == {
        "train": list(range(40)),
        "tune": list(range(40, 45)),
        "eval": list(range(45, 50)),
    }


def test_a_time_that_is_none_is_refused():
    write("reviews.csv", csv([*DAYS[:49], ("a film", "bad", "soon")], ("text", "label", "date")))

    with pytest.raises(DataError) as e:
        dealt(split={"time": "date"})

    assert str(e.value) == (
        "reviews train row 49: 'date' is 'soon', which is no date; write dates as 2024-12-31 or 2024-12-31 23:59:59"
    )


def test_by_group_no_author_straddles():
    write("reviews.csv", csv([(*row, f"author {at % 10}") for at, row in enumerate(ROWS)], ("text", "label", "author")))

    authors = [{row % 10 for row in rows} for rows in dealt(split={"group": "author"}).values()]

    assert sorted(author for found in authors for author in found) == list(range(10))


def test_folds_hold_each_row_once_in_eval():
    folds = [dealt(split={"folds": 4, "fold": at}) for at in range(4)]

    assert sorted(row for fold in folds for row in fold["eval"]) == list(range(40))
    assert {part: len(rows) for part, rows in folds[0].items()} == {"train": 27, "tune": 3, "eval": 10}


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ({"folds": 5}, "split.folds: 5 folds are 5 runs; run them all by hf-suite bench, or one by split.fold=0"),
        ({"folds": 5, "fold": 5}, "split.fold: 5 of 5 folds; they are 0 to 4"),
        ({"fold": 1}, "split.fold: there are no folds; say split.folds=5 too, or leave it out"),
        (
            {"folds": 5, "fold": 0, "time": "date"},
            "split.time: folds are dealt by chance, not by time; leave folds or time out",
        ),
        (
            {"folds": 5, "fold": 0, "shares": {"eval": 0.5}},
            "split.shares: eval 0.5, and folds set train and eval; say at most split.shares.tune=0.1",
        ),
        (
            {"time": "date", "group": "author"},
            "split.group: a split by time knows only the time; leave time or group out",
        ),
    ],
)
def test_splits_that_contradict_themselves_are_refused(split, message):
    with pytest.raises(ConfigError) as e:
        dealt(split=split)

    assert str(e.value) == message


def test_a_task_that_is_named_takes_rows_of_ones_own():
    facts = {
        "name": "mood", "kind": "classification", "version": 3, "source": {"path": "none/there"},
        "columns": {"text": "text", "label": "label"}, "labels": ["good", "bad"], "metrics": ["accuracy"],
        "headline": "accuracy",
    }  # fmt: skip
    write("mood.yaml", schema.dump_yaml(facts))

    task = own.settled(config(task={"name": "mood.yaml"})).task

    assert (task["name"], task["version"], task["labels"]) == ("mood", 3, ["good", "bad"])
    assert task["source"] == {"path": "reviews.csv", "files": {"train": ["reviews.csv"]}, "train": "train", "eval": []}


def key(path="reviews.csv", **keys):
    settled = own.settled(config(data={"train": path}, **keys))
    return stamp.cell_key(spec.of(settled.task), settled, model="abc", mirrors=())


def test_the_key_of_a_cell_follows_the_content_and_not_the_place():
    before = key("reviews.csv")
    write("elsewhere/reviews.csv", csv())
    assert key("elsewhere/reviews.csv") == before
    write("reviews.csv", csv(ROWS[1:]))
    assert key("reviews.csv") != before


# The commands


def test_init_writes_a_task_that_is_read_back(capsys):
    texts("data/letters", good=20, bad=20)
    Path("tasks").mkdir()

    code, out, _ = said(capsys, "init", "data/letters", "-o", "tasks/mood.yaml", "task.version=2")

    assert (code, out) == (0, "written to tasks/mood.yaml; next: hf-suite train --task tasks/mood.yaml -o runs/mood\n")
    read = spec.read("tasks/mood.yaml")
    assert (read.name, read.version, read.labels) == ("mood", 2, ("bad", "good"))
    assert read.source.files == {"train": ("tasks/../data/letters",)}
    assert "  label: label  # its name\n" in Path("tasks/mood.yaml").read_text()


def test_a_training_says_what_it_guessed_and_records_no_place(capsys, tiny_checkpoint):
    file, model = Path("reviews.csv").absolute(), tiny_checkpoint("bert")
    code, _, err = said(capsys, "train", "--data", file, "--model", model, "-o", "run", *SHORT)

    assert code == 0
    assert "reviews.csv: 40 rows (train)\nguessed, and overruled by task.KEY=VALUE:\n  name: reviews\n" in err
    assert "    label: label  # its name\n" in err
    assert "split: train 80 %, tune 10 %, eval 10 %; each label alike, equal texts together\n" in err
    result = json.loads(Path("run/result.json").read_text())
    assert str(file.parent) not in json.dumps({key: result[key] for key in ("task", "data", "config")})
    assert result["rows"] == {"train": 32, "tune": 4, "eval": 4}
    assert result["caveats"] == ["rows cut anew from train", "max_steps 2"]
    again = hf_suite.evaluate_run("run")
    assert again.scores == {"eval": result["scores"]["eval"]}


# Benches


def test_the_rows_of_a_run_are_kept_and_scored_again_though_more_have_come(capsys, tiny_checkpoint):
    said(capsys, "train", "--data", "reviews.csv", "--model", tiny_checkpoint("bert"), "-o", "run", *SHORT)

    kept = read_rows(Path("run/rows.parquet"))
    write("reviews.csv", csv([*ROWS, *((f"a new film {at}", "bad") for at in range(20))]))
    hf_suite.evaluate_run("run")

    assert sorted(row for rows in kept.values() for row in rows) == list(range(40))
    lines = list(read_answers(Path("run/eval/reviews/answers.parquet")))
    assert [line["row"] for line in lines] == kept["eval"]
    caveats = json.loads(Path("run/eval/reviews/result.json").read_text())["caveats"]
    assert "train: the rows are not those that the run had" in caveats


def test_rows_that_are_gone_are_not_scored(capsys, tiny_checkpoint):
    said(capsys, "train", "--data", "reviews.csv", "--model", tiny_checkpoint("bert"), "-o", "run", *SHORT)
    last = max(read_rows(Path("run/rows.parquet"))["eval"])
    write("reviews.csv", csv(ROWS[:last]))

    with pytest.raises(DataError) as e:
        hf_suite.evaluate_run("run")

    assert str(e.value) == (
        f"train: 1 of 4 rows that were set apart for eval are gone, first row {last}; put the file back as it was"
    )
