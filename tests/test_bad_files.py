"""Every way in which a file of one's own can be bad: one line of place, finding and remedy, exit 2, nothing written."""

import functools
import gzip
import http.server
import importlib.util
import json
import os
import re
import tempfile
import threading
from pathlib import Path

import bad_files
import pytest
from bad_files import REFUSED, ROWS, bomb, csv, jsonl, lists, packed, parquet, squad, texts, with_row, write
from command import said
from refusing import refused

from hf_suite import own
from hf_suite.config import DataConfig
from hf_suite.errors import DataError


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The current folder, empty."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_nobody_can_learn_from_is_refused(place, capsys, name):
    content, message = REFUSED[name]
    write(name, content)

    assert refused(capsys, "init", name) == message


def test_a_training_says_the_same_and_begins_nothing(place, capsys):
    write("dates.csv", REFUSED["dates.csv"][0])

    message = refused(capsys, "train", "--data", "dates.csv", "--model", "no-model", "-o", "run")

    assert message == REFUSED["dates.csv"][1]


def test_a_file_made_to_fill_the_memory(place, capsys):
    bomb("bomb.csv.gz")

    assert refused(capsys, "init", "bomb.csv.gz") == (
        "bomb.csv.gz: unpacks to more than 100,000,000 bytes, over 100 times its size; "
        "unpack it yourself if it is meant to"
    )


@pytest.mark.skipif(importlib.util.find_spec("openpyxl") is not None, reason="openpyxl is installed")
def test_a_workbook_without_what_reads_it(place, capsys):
    packed("book.xlsx", "xl/workbook.xml")

    assert refused(capsys, "init", "book.xlsx") == (
        "book.xlsx: is an Excel workbook, and openpyxl, which reads them, is not installed; "
        "pip install openpyxl, or save the sheet as CSV"
    )


def test_an_archive(place, capsys):
    packed("rows.zip", "rows.csv")

    assert refused(capsys, "init", "rows.zip") == "rows.zip: is a zip archive; unpack it"


def test_a_parquet_file_cut_short(place, capsys):
    parquet("cut.parquet", text=[text for text, _ in ROWS], cut=300)

    assert refused(capsys, "init", "cut.parquet") == (
        "cut.parquet: is a damaged or cut Parquet file (Parquet magic bytes not found in footer. "
        "Either the file is corrupted or this is not a parquet file); copy it again, or write it anew"
    )


def test_a_parquet_file_with_a_struct_where_text_is_needed(place, capsys):
    parquet("struct.parquet", text=[{"body": text} for text, _ in ROWS], label=[label for _, label in ROWS])

    assert refused(capsys, "init", "struct.parquet") == (
        "struct.parquet: column 'text' holds objects, not texts; "
        "name a field of it, as task.columns.text=text.body, or another column"
    )


# Folders, patterns and addresses


def test_a_folder_of_texts_without_labels(place, capsys):
    write("notes/1.txt", "a film")
    write("notes/2.txt", "a song")

    assert refused(capsys, "init", "notes") == (
        "notes: holds 2 texts and no folders that would be their labels; "
        "put them into one folder a label, as notes/LABEL/TEXT.txt"
    )


def test_a_folder_of_texts_with_one_label(place, capsys):
    texts("notes", good=3)

    assert refused(capsys, "init", "notes") == (
        "notes: holds texts of one label (good); give one folder a label, as notes/LABEL/TEXT.txt"
    )


def test_a_folder_with_a_text_that_is_not_there(place, capsys):
    texts("notes", good=3, bad=3)
    Path("notes/bad/1.txt").unlink()
    Path("notes/bad/1.txt").symlink_to("nowhere")

    assert refused(capsys, "init", "notes") == (
        "notes/bad/1.txt: cannot be read (No such file or directory); give a file"
    )


def test_a_folder_with_nothing_to_read(place, capsys):
    write("data/thesis.tex", "")

    assert refused(capsys, "init", "data") == (
        "data: holds no file of rows; give files named .csv, .tsv, .tab, .json, .jsonl, .ndjson, .parquet, .arrow, "
        ".feather, .txt"
    )


def test_a_file_that_one_may_not_read():
    """Also for root, who lays that down for the reading."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        file = Path(folder, "secret.csv")
        file.write_text(csv())
        file.chmod(0)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            with pytest.raises(DataError) as e:
                own.look(DataConfig(train=str(file)), {})
        finally:
            if root:
                os.seteuid(0)

    assert str(e.value) == f"{file}: cannot be read (Permission denied); give yourself the right to read it"


def test_a_path_that_does_not_exist(place, capsys):
    write("data/reviews.csv", csv())

    assert refused(capsys, "init", "data/review.csv") == (
        "data/review.csv: there is no such file or folder; did you mean 'data/reviews.csv'? give a file, folder or URL"
    )


def test_a_pattern_that_nothing_fits(place, capsys):
    assert refused(capsys, "init", "data/*.csv") == (
        "data/*.csv: no file fits the pattern; look at it with ls, and put it in quotes"
    )


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *words):
        """Nothing."""


@pytest.fixture
def address(tmp_path):
    """Where the folder `web` is served."""
    (tmp_path / "web").mkdir()
    serve = functools.partial(Quiet, directory=str(tmp_path / "web"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serve) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_address_where_nothing_is(place, capsys, address):
    assert refused(capsys, "init", f"{address}/reviews.csv") == (
        f"{address}/reviews.csv: there is nothing at that address, or it cannot be reached; look at it in a browser"
    )


def test_an_address_is_read(place, capsys, address):
    write("web/reviews.csv", csv())

    assert "path: reviews.csv\n" in said(capsys, "init", f"{address}/reviews.csv")[1]


# Two splits


def test_a_label_to_score_that_train_has_not(place, capsys):
    write("seen.csv", csv())
    write("unseen.csv", csv([*ROWS[:5], ("a loud film", "mixed")]))

    assert refused(capsys, "init", "seen.csv", "data.eval=unseen.csv") == (
        "unseen.csv: label 'mixed' stands in 1 of its rows, and in none of seen.csv; "
        "give such rows to train too, or take these out"
    )


def test_one_of_several_labels_to_score_that_train_has_not(place, capsys):
    write("seen.jsonl", lists(lambda at, label: ["good", "long"][: at % 3]))
    write("unseen.jsonl", lists(lambda at, label: ["good", "mixed"][: at % 3]))

    assert refused(capsys, "init", "seen.jsonl", "data.eval=unseen.jsonl") == (
        "unseen.jsonl: label 'mixed' stands in 13 of its rows, and in none of seen.jsonl; "
        "give such rows to train too, or take these out"
    )


def test_two_splits_with_other_columns(place, capsys):
    write("both/train.csv", csv())
    write("both/test.csv", csv(header=("review", "label")))

    assert refused(capsys, "init", "both") == (
        "test.csv: has no column 'text', which train.csv has; rename one of its own (review, label)"
    )


# What is ambiguous


def test_two_columns_that_could_be_the_label(place, capsys):
    write("two.csv", csv([(*row, row[1]) for row in ROWS], ("text", "mood", "tone")))

    assert refused(capsys, "init", "two.csv") == (
        "two.csv: mood, tone could each be the label; say task.columns.label=mood or task.columns.label=tone"
    )


def test_three_columns_that_could_be_the_text(place, capsys):
    write("three.csv", csv([(row[0], row[0], *row) for row in ROWS], ("a", "b", "c", "label")))

    assert refused(capsys, "init", "three.csv") == (
        "three.csv: a, b, c could each be the text; say task.columns.text=a, or another of a, b, c"
    )


def test_a_column_that_is_not_there(place, capsys):
    write("reviews.csv", csv())

    assert refused(capsys, "init", "reviews.csv", "task.columns.label=lable") == (
        "reviews.csv: no column 'lable' (task.columns.label); did you mean 'label'? there are: text, label"
    )


# What is read all the same, and said


@pytest.mark.parametrize(
    ("name", "content", "notes"),
    [
        ("wide.csv", csv().encode("utf-16"), ("wide.csv: read as UTF-16",)),
        ("mark.csv", csv().encode("utf-8-sig"), ("mark.csv: read as UTF-8 with a byte order mark",)),
        ("west.csv", csv().replace("film", "fílm").encode("latin-1"), ("west.csv: read as Windows-1252",)),
        ("lines.csv", jsonl(), ("lines.csv: holds JSON lines, whatever its name says",)),
        ("table.json", csv(), ("table.json: holds a table, whatever its name says",)),
        (
            "array.jsonl",
            json.dumps([{"text": text, "label": label} for text, label in ROWS]),
            ("array.jsonl: holds one JSON document, whatever its name says",),
        ),
        ("half.csv", csv().replace(",", ";"), ("half.csv: separated by semicolons",)),
        ("plain.tsv", csv(with_row(3, ('"the dull film', "bad"))).replace(",", "\t"), (
            "plain.tsv: separated by tabs, quotes as they stand",
        )),
        ("escaped.csv", csv(with_row(3, (r'"the \"dull\", grey film"', "bad"))), (
            "escaped.csv: separated by commas, quotes escaped by a backslash",
        )),
        ("huge.csv", csv(with_row(3, ("dull " * 2_000_000, "bad"))), ()),
        ("packed.csv.gz", gzip.compress(csv().encode()), ()),
    ],
)  # fmt: skip
def test_a_file_that_is_odd_is_read_with_a_sentence(place, name, content, notes):
    write(name, content)

    found = own.look(DataConfig(train=name), {})

    huge = (f"{name}: a text of 'text' has 10,000,000 characters, and is cut as every other is",)
    assert found.notes == (*notes, f"{name}: 40 rows (train)", *(huge if name == "huge.csv" else ()))
    assert found.spec.columns == {"text": "text", "label": "label"}
    assert found.spec.labels == bad_files.LABELS


def test_answers_that_are_not_at_their_offset_are_put_right(place):
    write("dev.json", squad(("red", 4), ("slow", 4), ("old", 99)))

    found = own.look(DataConfig(train="dev.json"), {})

    assert found.notes == (
        "dev.json: 2 answers were not at their offset and now are, first row 1",
        "dev.json: 3 rows (train)",
    )


def test_ids_that_stand_twice_are_not_taken_for_ids(place):
    write("dev.json", re.sub('"id": "1"', '"id": "0"', squad(("red", 4), ("slow", 18))))

    found = own.look(DataConfig(train="dev.json"), {})

    assert found.notes[0] == "dev.json: values of 'id' stand twice, so rows go by their number"
    assert "id" not in found.spec.columns
