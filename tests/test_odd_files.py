"""Files that are sensible and that nobody thinks of: each is guessed rightly, or refused in a line with the way."""

import datetime
import json

import pytest
from bad_files import write
from command import said
from refusing import refused

from hf_suite import data, own, schema, spec
from hf_suite.config import RunConfig

TEXTS = [f"breakfast came late and cold on day {at}" for at in range(40)]
DAYS = [(datetime.date(2024, 1, 1) + datetime.timedelta(at)).isoformat() for at in range(40)]


def table(*columns, between=","):
    """A table of columns: each its name, then 40 values or some that take turns."""
    rows = [between.join(str(values[at % len(values)]) for _, *values in columns) for at in range(40)]
    return "\n".join([between.join(name for name, *_ in columns), *rows, ""])


def nested():
    """Objects in objects, with a number of stars from 1 to 5."""
    rows = ({"meta": {"stars": at % 5 + 1}, "content": {"title": "t", "body": text}} for at, text in enumerate(TEXTS))
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def guessed(name, content, *words):
    write(name, content)
    keys = {"model": {"id": "none"}, "data": {"train": name}, "task": schema.words(words)}
    return own.settled(schema.build(RunConfig, keys, "test")).task


RATED = table(
    ("day", *DAYS), ("review_id", *range(7000, 7040)), ("text", *TEXTS), ("rating", 1, 2, 3, 4, 5), ("votes", 0, 7, 9)
)
SAID = table(("timestamp", *(f"{day} 10:00:00" for day in DAYS)), ("feedback", *TEXTS), ("recommends", "yes", "no"))
BARE = table(("", *range(40)), ("text", *TEXTS), ("", "foo"), ("mood", "good", "bad"))
NEWS = table(
    ("title", *(f"what happened on day {at}" for at in range(40))),
    ("body", *(f"{text} and then it rained all over the town and on us and on" for text in TEXTS)),
    ("category", "sports", "business"),
)
KINDS = table(("text", *TEXTS), ("category_id", 3, 4, 5))


@pytest.mark.parametrize(
    ("content", "columns", "labels"),
    [
        (RATED, {"text": "text", "label": "rating"}, ["1", "2", "3", "4", "5"]),
        (SAID, {"text": "feedback", "label": "recommends"}, ["no", "yes"]),
        (BARE, {"text": "text", "label": "mood"}, ["bad", "good"]),
        (NEWS, {"text": "body", "label": "category"}, ["business", "sports"]),
        (KINDS, {"text": "text", "label": "category_id"}, ["3", "4", "5"]),
        (table(("text", *TEXTS), ("tags", "\"['a', 'b']\"", "['a']")), {"text": "text", "label": "tags"}, ["a", "b"]),
        (table(("text", *TEXTS), ("tags", '"[""a"", ""b""]"', "[3]")), {"text": "text", "label": "tags"}, [*"3ab"]),
        (table(("Stimmungstext", *(f"schön {text}" for text in TEXTS)), ("Stimmung", "gut", "schlecht"), between=";")
         .encode("latin-1"), {"text": "Stimmungstext", "label": "Stimmung"}, ["gut", "schlecht"]),
    ],
)  # fmt: skip
def test_the_right_columns_are_found(content, columns, labels):
    found = guessed("rows.csv", content)

    assert (found["kind"], found["columns"], found["labels"]) == ("classification", columns, labels)


_PLAINLY = "; write its cells like 3.5; for classes say task.target=label"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (table(("user_id", 7, 8, 9), ("message", *TEXTS)), "no text and label are to be found among user_id (3 whole "
         "numbers), message (40 texts); name them as task.columns.text=COLUMN task.columns.label=COLUMN"),
        (table(("Kommentar", *TEXTS), ("Note", '"1,0"', '"2,5"', '"3,7"')),
         "column 'Note' has numbers that are not written plainly, as '1,0'" + _PLAINLY),
        (table(("ad", *TEXTS), ("clicks", *(f'"1,{at + 100}"' for at in range(40)))),
         "column 'clicks' has numbers that are not written plainly, as '1,100'" + _PLAINLY),
        (table(("ad", *TEXTS), ("rate", "0.1%", "2%")),
         "column 'rate' has numbers that are not written plainly, as '0.1%'" + _PLAINLY),
        (table(("ad", *TEXTS), ("price", "$1.50", "$2.50")),
         "column 'price' has numbers that are not written plainly, as '$1.50'" + _PLAINLY),
        (table(("Why?", *TEXTS), ("How was it?", "good", "bad"), ("Again?", "yes", "no")), "How was it?, Again? could "
         "each be the label; say 'task.columns.label=How was it?' or 'task.columns.label=Again?'"),
        (table(("text", *TEXTS), ("due", *DAYS[:3])), "no text and label are to be found among text (40 texts), due (3 "
         "dates); name them as task.columns.text=COLUMN task.columns.label=COLUMN"),
        (table(("text", *TEXTS), ("label", "Yes", "yes", "NO")), "labels 'Yes' and 'yes' differ only in case, spaces, "
         "hyphens or underscores; write them alike, which hf-suite clean does with --fix trim"),
        (table(("text", *TEXTS), ("label_a", "x", "y"), ("label_b", "u", "v")), "label_a, label_b could each be the "
         "label; say task.columns.label=label_a or task.columns.label=label_b"),
    ],
)  # fmt: skip
def test_what_cannot_be_guessed_is_a_line_with_the_way(capsys, content, line):
    write("rows.csv", content)

    assert refused(capsys, "init", "rows.csv") == f"rows.csv: {line}"


def test_numbers_with_commas_between_semicolons_are_numbers():
    task = guessed("rows.csv", table(("Kommentar", *TEXTS), ("Note", "1,0", "2,5", "3"), between=";"))

    assert (task["columns"], task["target"]) == ({"text": "Kommentar", "label": "Note"}, "number")
    assert data.rows(spec.of(task), "train").rows["label"][:3] == [1.0, 2.5, 3.0]


def test_lists_that_are_written_as_texts_are_the_labels_of_a_row(capsys):
    task = guessed("rows.csv", table(("text", *TEXTS), ("tags", "\"['a', 'b']\"", '"[""a"", ""a""]"', "[]", "")))

    assert (task["target"], "separator" in task, task["labels"]) == ("labels", False, ["a", "b"])
    assert data.rows(spec.of(task), "train").rows["label"][:4] == [["a", "b"], ["a"], [], []]
    assert "2 labels in train: a 50.0 %, b 25.0 %" in said(capsys, "check", "rows.csv")[1]


def test_a_role_that_is_said_tells_the_kind():
    titles, articles = [f"what came on day {at}" for at in range(40)], [f"{text} " * 3 for text in TEXTS]
    content = table(("title", *titles), ("article", *articles), ("shop", "north", "south"))

    assert guessed("rows.csv", content)["kind"] == "summarization"
    task = guessed("rows.csv", content, "columns.label=shop")
    assert (task["kind"], task["columns"]["label"]) == ("classification", "shop")


def test_a_list_in_json_is_read_with_the_escapes_of_json():
    task = guessed(
        "rows.csv", table(("text", *TEXTS), ("tags", r'"[""\ud83d\ude00"", ""on\/off""]"', r'"[""on\/off""]"'))
    )

    assert task["labels"] == ["on/off", "\N{GRINNING FACE}"]
    assert data.rows(spec.of(task), "train").rows["label"][:2] == [["on/off", "\N{GRINNING FACE}"], ["on/off"]]


@pytest.mark.parametrize(
    ("cells", "labels", "read"),
    [((0, 7, ""), ["0", "7"], [["0"], ["7"], []]), ((0.5, 0.5, 7), ["0.5", "7"], [["0.5"], ["0.5"], ["7"]])],
)
def test_a_number_is_one_label_where_a_row_may_have_several(capsys, cells, labels, read):
    task = guessed("rows.csv", table(("text", *TEXTS), ("tags", *cells)), "target=labels")

    assert task["labels"] == labels
    assert data.rows(spec.of(task), "train").rows["label"][:3] == read
    assert f"2 labels in train: {labels[0]} " in said(capsys, "check", "rows.csv", "task.target=labels")[1]


def test_an_old_workbook_is_refused(capsys):
    write("rows.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))

    assert refused(capsys, "init", "rows.xls") == ("rows.xls: is a workbook of an old Excel; save the sheet as CSV")


def test_objects_are_read_by_the_path_to_their_fields(capsys):
    write("rows.jsonl", nested())

    assert refused(capsys, "init", "rows.jsonl", "task.columns.label=meta.stars") == (
        "rows.jsonl: column 'content' holds objects, not texts; "
        "name a field of it, as task.columns.text=content.title, or another column"
    )
    assert refused(capsys, "init", "rows.jsonl", "task.columns.text=content.bdy") == (
        "rows.jsonl: no field 'bdy' in column 'content'; did you mean 'body'? there are: title, body; "
        "write task.columns.text=COLUMN"
    )
    task = guessed("rows.jsonl", nested(), "columns.text=content.body", "columns.label=meta.stars")
    assert task["labels"] == ["1", "2", "3", "4", "5"]
    rows = data.rows(spec.of(task), "train").rows
    assert (rows["text"][:2], rows["label"][:6]) == (TEXTS[:2], ["1", "2", "3", "4", "5", "1"])


def test_a_first_line_that_is_a_row_is_noticed(capsys):
    write("rows.csv", table(("it was good", *TEXTS), ("p", "p", "n")))

    code, out, _ = said(capsys, "check", "rows.csv")

    assert code == 0
    assert "rows.csv: 'p' names a column and is a label, too; if the first line is a row, give it names\n" in out
