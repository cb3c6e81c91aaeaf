"""Rows that lie elsewhere: a data set by its id, a database by its address; and a finished run on other rows."""

import json
import sqlite3
import sys
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from bad_files import LABELS, ROWS, csv, write
from command import said
from refusing import refused

from hf_suite import files, own, schema
from hf_suite.config import RunConfig
from hf_suite.errors import MissingData
from hf_suite.record import read_answers, read_result

SHORT = ["device=cpu", "max_length=32", "train.max_steps=2", "train.batch_size=8", "lora.rank=2"]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """The current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HF_SUITE_MIRROR", raising=False)
    files.remote.fetched.cache_clear()


def database():
    """shop.db, with the usual rows in a table."""
    with sqlite3.connect("shop.db") as connection:
        connection.execute("CREATE TABLE reviews (text TEXT, label TEXT, day DATE)")
        connection.executemany("INSERT INTO reviews VALUES (?, ?, '2024-01-02')", ROWS)
    connection.close()


def task(word):
    """What a run of these rows makes of them."""
    return own.settled(schema.build(RunConfig, {"model": {"id": "none"}, "data": {"train": word}}, "test")).task


def mirrored(monkeypatch, **subsets):
    """A mirror with the data set some/moods: subset -> splits."""
    for subset, splits in subsets.items():
        for split in splits:
            Path(f"mirror/some/moods/{subset}").mkdir(parents=True, exist_ok=True)
            table = pyarrow.table({"text": [text for text, _ in ROWS], "label": [label for _, label in ROWS]})
            pyarrow.parquet.write_table(table, f"mirror/some/moods/{subset}/{split}.parquet")
    monkeypatch.setenv("HF_SUITE_MIRROR", "mirror")


def test_a_data_set_goes_by_its_id_with_the_splits_that_it_has(monkeypatch):
    mirrored(monkeypatch, plain=["train", "validation"], odd=["train"])

    found = task("some/moods/plain")

    assert (found["name"], found["source"]["path"]) == ("some_moods_plain", "some/moods/plain")
    word = "hub://some/moods/plain"
    assert found["source"]["files"] == {"train": [word], "validation": [word]}
    assert files.read(files.paths(["hub://some/moods/plain"], "validation")).table.num_rows == 40


def test_a_mirror_that_is_given_is_searched_too(monkeypatch, capsys):
    mirrored(monkeypatch, plain=["train"])
    monkeypatch.delenv("HF_SUITE_MIRROR")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    code, out, err = said(capsys, "check", "some/moods", "--mirror", "mirror", "--json")
    cleaned = said(capsys, "clean", "some/moods", "--mirror", "mirror", "-o", "out.csv", "--fix", "trim")

    assert code == 0, err
    assert json.loads(out)["splits"]["train"]["rows"] == 40
    assert (cleaned[0], cleaned[1].splitlines()[0]) == (0, "train: 40 of 40 rows stay")


def test_the_only_subset_need_not_be_named(monkeypatch):
    mirrored(monkeypatch, plain=["train"])

    assert task("some/moods")["labels"] == list(LABELS)


def test_a_table_of_a_database_is_read_and_so_is_a_query():
    database()

    found = task("sqlite:///shop.db#reviews")
    asked = files.read(files.paths(["sqlite:///shop.db#SELECT text, day FROM reviews WHERE label = 'bad'"], "train"))

    assert (found["name"], found["columns"]) == ("reviews", {"text": "text", "label": "label"})
    assert found["source"]["files"] == {"train": ["sqlite:///shop.db#reviews"]}
    assert asked.table.slice(0, 1).to_pylist() == [{"text": ROWS[0][0], "day": "2024-01-02"}]
    assert asked.table.num_rows == 20


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (
            "some/moods",
            "some/moods: has the subsets odd, plain; say one, as some/moods/odd",
        ),
        (
            "none/there",
            "none/there: there is no such file or folder, nor such a data set in a mirror, and the hub is switched "
            "off; give a file, folder or URL, or a mirror that has it as --mirror or HF_SUITE_MIRROR",
        ),
        (
            "sqlite:///shop.db#prices",
            "shop.db#prices: cannot be read (no such table: prices); mend the address or the query",
        ),
        ("sqlite:///shops.db#reviews", "shops.db#reviews: there is no file shops.db; mend the address"),
        (
            "oracle://me:secret@host/shop#reviews",
            "shop#reviews: needs a driver that is not installed (No module named 'oracledb'); install it with pip",
        ),
        ("shop.db", "shop.db: is an SQLite database; say which table as sqlite:///FILE#TABLE"),
    ],
)  # fmt: skip
def test_what_cannot_be_had_is_refused(capsys, monkeypatch, word, message):
    database()
    mirrored(monkeypatch, plain=["train"], odd=["train"])

    assert refused(capsys, "init", word) == message


def test_without_the_package_a_database_is_refused_with_its_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)

    with pytest.raises(MissingData) as e:
        task("sqlite:///shop.db#reviews")

    assert str(e.value) == (
        "shop.db#reviews: lies in a database, and sqlalchemy, which reads them, is not installed; "
        "pip install sqlalchemy"
    )


def test_a_finished_run_is_scored_on_other_rows(capsys, tiny_checkpoint):
    write("reviews.csv", csv())
    write("later.csv", csv(ROWS[:7]))
    said(capsys, "train", "--data", "reviews.csv", "--model", tiny_checkpoint("bert"), "-o", "run", *SHORT)

    code, out, _ = said(capsys, "eval", "run", "--data", "later.csv")

    assert (code, out.splitlines()[-1]) == (0, "written to run/eval/later")
    result = read_result(Path("run/eval/later"))
    assert result.rows == {"eval": 7}
    golds = [line["reference"] for line in read_answers(Path("run/eval/later/answers.parquet"))]
    assert golds == [label for _, label in ROWS[:7]]
    assert str(Path.cwd()) not in json.dumps(result.task)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "--task", "mrpc"], "--data: beside --task mrpc, which has rows; keep one of them"),
        (["--task", "mrpc"], "--data: stands beside no finished run; name the RUN that is to answer these rows"),
    ],
)
def test_rows_beside_a_task_are_refused(capsys, words, message):
    assert refused(capsys, "eval", *words, "--data", "later.csv") == message
