"""Reading: every form of file gives the same rows, a batch at a time, in bounded memory."""

import gzip
import io
import json
import sys
from pathlib import Path

import pandas
import pyarrow
import pyarrow.ipc
import pyarrow.parquet
import pytest
from bad_files import ROWS, csv, jsonl, texts, write
from datasets import ClassLabel, Dataset, Features, Value

from hf_suite import files, own
from hf_suite.config import RunConfig
from hf_suite.errors import DataError
from hf_suite.files.gathering import gathered

TABLE = {"text": [text for text, _ in ROWS], "label": [label for _, label in ROWS]}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """The current folder, empty."""
    monkeypatch.chdir(tmp_path)


def rows(word, split="train"):
    return files.read(files.paths([word], split)).table.to_pydict()


def zstd(content):
    return pyarrow.compress(content.encode(), codec="zstd", asbytes=True)


def arrow(name, new):
    table = pyarrow.table(TABLE)
    with new(name, table.schema) as writer:
        writer.write_table(table)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.csv", csv()),
        ("rows.tsv", csv().replace(",", "\t")),
        ("rows.txt", csv().replace(",", "\t")),
        ("rows.csv", csv().replace("\n", "\r\n")),
        ("rows.csv", csv().replace("\n", "\n\n")),
        ("rows.jsonl", jsonl()),
        ("rows.json", json.dumps([dict(zip(TABLE, row, strict=True)) for row in ROWS], indent=1)),
        ("rows.json", json.dumps({"data": [dict(zip(TABLE, row, strict=True)) for row in ROWS]})),
        ("rows.json", json.dumps(TABLE)),
        ("rows.csv.gz", gzip.compress(csv().encode())),
        ("rows.jsonl.zst", zstd(jsonl())),
        ("rows", csv()),
    ],
)
def test_every_form_of_text_gives_the_same_rows(name, content):
    write(name, content)

    assert rows(name) == TABLE


def test_columns_that_are_columns_already_give_the_same_rows():
    pyarrow.parquet.write_table(pyarrow.table(TABLE), "rows.parquet")
    arrow("rows.arrow", pyarrow.ipc.new_file)
    arrow("stream.arrow", pyarrow.ipc.new_stream)
    Dataset.from_dict(TABLE).save_to_disk("saved")

    assert [rows(name) for name in ("rows.parquet", "rows.arrow", "stream.arrow", "saved")] == [TABLE] * 4


def test_a_pattern_reads_its_files_in_order():
    write("data/b.csv", csv(ROWS[20:]))
    write("data/a.csv", csv(ROWS[:20]))

    assert rows("data/*.csv") == rows("data") == TABLE


def test_a_folder_of_shards_gives_each_split():
    write("data/train-00000-of-00002.jsonl", jsonl(ROWS[:20]))
    write("data/train-00001-of-00002.jsonl", jsonl(ROWS[20:]))
    write("data/dev-00000-of-00001.jsonl", jsonl(ROWS[:2]))

    assert (len(rows("data")["text"]), len(rows("data", "validation")["text"])) == (40, 2)


def test_a_folder_of_texts_gives_a_row_each_with_its_folder_as_label():
    texts("mail", spam=2, ham=1)

    assert rows("mail") == {
        "text": [ROWS[0][0], ROWS[0][0], ROWS[1][0]],
        "label": ["ham", "spam", "spam"],
        "file": ["ham/0.txt", "spam/0.txt", "spam/1.txt"],
    }


def test_what_comes_in_on_stdin_is_read(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(csv().encode())))

    assert rows("-") == TABLE


def test_numbers_are_numbers_and_nothing_is_null_and_zeros_in_front_stay():
    write("rows.csv", 'a,b,c,d\n1,1.5,007,x\n,nan,008,""\n3,-2e3,009,"y, z"\n')

    assert rows("rows.csv") == {
        "a": [1, None, 3],
        "b": [1.5, None, -2000.0],
        "c": ["007", "008", "009"],
        "d": ["x", None, "y, z"],
    }


def test_words_for_nothing_are_nothing_to_readers_and_stay_in_a_csv_to_the_letter():
    write("rows.csv", "a,b\nNULL,1\nx,nan\n,2\n")
    write("rows.jsonl", '{"a": "NULL"}\n')
    found = files.read([Path("rows.csv")])

    for ending, writer in files.FORMATS.items():
        writer(Path(f"out{ending}"), found.written.schema, [found.written])

    assert found.table.to_pydict() == {"a": [None, "x", None], "b": [1, None, 2]}
    assert Path("out.csv").read_text() == "a,b\nNULL,1\nx,nan\n,2\n"
    assert Path("out.jsonl").read_text().splitlines()[0] == '{"a": null, "b": "1"}'
    read = pyarrow.parquet.read_table("out.parquet")
    assert (read["a"].to_pylist(), [field.metadata for field in read.schema]) == ([None, "x", None], [None, None])
    assert rows("rows.jsonl") == {"a": ["NULL"]}


def test_commas_are_decimal_points_where_semicolons_separate_and_every_value_is_such_a_number():
    write("rows.csv", "a;b;c\n1.234,50;1,5;x\n2;NA;1,5\n;2;2\n")
    found = files.read([Path("rows.csv")])

    assert found.table.to_pydict() == {"a": [1234.5, 2.0, None], "b": [1.5, None, 2.0], "c": ["x", "1,5", "2"]}
    assert found.notes == (
        "rows.csv: separated by semicolons",
        "rows.csv: numbers of 'a' have decimal commas",
        "rows.csv: numbers of 'b' have decimal commas",
    )
    assert found.written["a"].to_pylist() == ["1.234,50", "2", None]


def test_whole_numbers_beyond_eight_bytes_are_texts_and_stay_apart():
    write("rows.csv", "a,b\n100000000000000000001,9223372036854775807\n100000000000000000002,-1\n")

    assert rows("rows.csv") == {
        "a": ["100000000000000000001", "100000000000000000002"],
        "b": [9223372036854775807, -1],
    }


def test_half_of_an_emoji_at_a_cut_is_a_lost_character():
    write(
        "rows.jsonl", r'{"text": "so good \ud83d", "more": [{"a": "\ud83d\ude00"}]}' + "\n" + r'{"text": "\ude00 dull"}'
    )

    assert rows("rows.jsonl") == {"text": ["so good \ufffd", "\ufffd dull"], "more": [[{"a": "\U0001f600"}], None]}


def test_a_carriage_return_in_a_text_comes_back_from_a_csv():
    table = pyarrow.table({"text": ["one\rtwo", "three\r\nfour", "five"], "label": ["a", "b", "a"]})

    files.FORMATS[".csv"](Path("out.csv"), table.schema, [table])

    assert Path("out.csv").read_bytes() == b'text,label\n"one\rtwo",a\n"three\r\nfour",b\nfive,a\n'
    assert rows("out.csv") == table.to_pydict()


def test_what_is_not_there_stays_so_in_json_and_parquet_and_json_has_no_nan_at_any_depth(place):
    write("rows.csv", 'a,b\nx,NULL\ny,"nan"\nz,1\n')
    table = files.read([Path("rows.csv")]).table.append_column("c", [[{"d": float("nan")}, {"d": 0.5}, None]])

    for ending, writer in files.FORMATS.items():
        writer(Path(f"out{ending}"), table.schema, [table])

    assert Path("out.jsonl").read_text() == (
        '{"a": "x", "b": null, "c": {"d": null}}\n'
        '{"a": "y", "b": null, "c": {"d": 0.5}}\n'
        '{"a": "z", "b": 1, "c": null}\n'
    )
    assert pyarrow.parquet.read_table("out.parquet")["b"].to_pylist() == [None, None, 1]
    assert Path("out.csv").read_text() == 'a,b,c\nx,,"{""d"": null}"\ny,,"{""d"": 0.5}"\nz,1,\n'


def test_keys_that_come_late_are_null_before():
    write("rows.jsonl", '{"a": 1}\n' * 6000 + '{"a": 1.5, "b": "x"}\n')

    found = rows("rows.jsonl")

    assert (found["a"][0], found["a"][-1], found["b"][0], found["b"][-1]) == (1.0, 1.5, None, "x")


def test_many_rows_lie_on_disk_and_not_in_memory():
    batch = pyarrow.record_batch({"text": ["a long text of many words"] * 1000})
    before = pyarrow.total_allocated_bytes()

    table = gathered((batch for _ in range(100)), place="rows", spill=10 * batch.nbytes)

    assert len(table) == 100_000
    assert pyarrow.total_allocated_bytes() - before < 20 * batch.nbytes
    assert table["text"][99_999].as_py() == "a long text of many words"


def test_the_reading_is_told_in_bytes():
    write("rows.csv", csv())
    told = []

    files.read(files.paths(["rows.csv"], "train"), told=lambda done, total: told.append((done, total)))

    size = len(csv())
    assert told[-1] == (size, size)


def test_the_hash_of_a_file_is_its_sha256():
    write("rows.csv", "a,b\n1,2\n")

    # printf 'a,b\n1,2\n' | sha256sum
    assert files.sha256(files.paths(["rows.csv"], "train")) == (
        "492d5ea496056f1a6a6592241032fab764c321596317930b4fa0e1e8bc3b7470"
    )


# Rows that Python holds


@pytest.mark.parametrize(
    "held",
    [pandas.DataFrame(TABLE), Dataset.from_dict(TABLE), pyarrow.table(TABLE), pyarrow.table(TABLE).to_pylist()],
    ids=["DataFrame", "Dataset", "Table", "list"],
)
def test_rows_that_python_holds_are_kept_in_a_file_named_by_their_content(held):
    config = RunConfig(model="none", data=held)

    assert rows(config.data.train) == TABLE
    assert RunConfig(model="none", data={"train": held}).data == config.data
    assert own.settled(config).task["columns"] == {"text": "text", "label": "label"}


def test_label_names_of_a_dataset_are_kept():
    features = Features({"text": Value("string"), "label": ClassLabel(names=["no", "yes"])})
    held = Dataset.from_dict({"text": TABLE["text"], "label": [0, 1] * 20}, features=features)

    assert own.settled(RunConfig(model="none", data=held)).task["labels"] == ["no", "yes"]


def test_what_holds_no_rows_is_refused():
    with pytest.raises(DataError) as e:
        RunConfig(model="none", data=3)

    assert str(e.value) == (
        "data: int holds no rows that are known; give a path, a pandas DataFrame, a datasets.Dataset or a list of dicts"
    )
