"""Files that nobody can learn from, or only with a warning, written into the current folder. Holds no test."""

import gzip
import json
import zipfile
from pathlib import Path

import pyarrow
import pyarrow.parquet

_WORDS = ("good", "fine", "dull", "sad")
LABELS = ("bad", "good")
ROWS = [(f"the {_WORDS[at % 4]} film was {_WORDS[at % 3]} for {at} days", LABELS[at % 2]) for at in range(40)]


def csv(rows=ROWS, header=("text", "label")):
    """A table with commas."""
    return "".join(",".join(map(str, row)) + "\n" for row in [header, *rows])


def jsonl(rows=ROWS):
    """The same as JSON lines."""
    return "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)


def squad(*asked, context="the red train was slow in the old town"):
    """SQuAD's nesting, with a question for each answer (text, offset)."""
    questions = [
        {"id": str(at), "question": "which train?", "answers": [{"text": text, "answer_start": start}]}
        for at, (text, start) in enumerate(asked)
    ]
    return json.dumps(
        {"version": "1.1", "data": [{"title": "t", "paragraphs": [{"context": context, "qas": questions}]}]}
    )


def write(name, content):
    """A file of the current folder, with the folders above it."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def bomb(name):
    """A packed file that grows a thousandfold."""
    write(name, gzip.compress(b"0" * 101_000_000, 1))


def parquet(name, *, cut=None, **columns):
    """A Parquet file, or its beginning."""
    pyarrow.parquet.write_table(pyarrow.table(columns), name)
    if cut is not None:
        write(name, Path(name).read_bytes()[:cut])


def packed(name, inside):
    """A zip archive, as a workbook is one."""
    with zipfile.ZipFile(name, "w") as archive:
        archive.writestr(inside, "")


def texts(name, **labels):
    """A folder of texts: label -> how many."""
    for label, count in labels.items():
        for at in range(count):
            write(f"{name}/{label}/{at}.txt", ROWS[at][0])


KNOWN = "CSV, TSV, JSON, JSON lines, Parquet, Arrow or text, also packed by gzip or zstd"
SHAPES = (
    'write a list of rows ([{"text": ...}, ...]), or SQuAD\'s {"data": [...]}, or one row a line (.jsonl)'
)  # fmt: skip
NAMES = "name them as task.columns.text=COLUMN task.columns.label=COLUMN"
LABEL = "name another column as task.columns.label=COLUMN"
TEXT = "name another column as task.columns.text=COLUMN"


def with_row(at, row):
    return [*ROWS[:at], row, *ROWS[at + 1 :]]


def labels(label):
    """The usual rows with the label that a row number gives."""
    return csv([(text, label(at, own_label)) for at, (text, own_label) in enumerate(ROWS)])


def lists(label):
    """The usual texts as JSON lines, with the list of labels that a row number gives."""
    return jsonl([(text, label(at, own_label)) for at, (text, own_label) in enumerate(ROWS)])


REFUSED = {
    "empty.csv": ("", "empty.csv: is empty; give a file with rows"),
    "header.csv": ("text,label\n", "header.csv: has no rows; give a file with rows"),
    "column.csv": (
        csv([(text,) for text, _ in ROWS], ("text",)),
        "column.csv: has one column, text (40 texts), and nothing to learn from it; "
        "give a second column, with the label of each text, or say task.kind=language_modeling",
    ),
    "class.csv": (
        labels(lambda at, label: "good"),
        "class.csv: column 'label' has one label alone, 'good', in 40 of its rows; "
        f"give rows of another label too, or {LABEL}",
    ),
    "binary.csv": (
        bytes(range(256)) * 20,
        f"binary.csv: is no text (byte 0 is null) and no format that is known; give {KNOWN}",
    ),
    "late.csv": (
        csv().encode() * 80 + b"\0",
        f"late.csv: is no text (it holds null bytes) and no format that is known; give {KNOWN}",
    ),
    "half.csv": (
        csv().encode("utf-16")[:-1],
        "half.csv: begins as UTF-16, and is not all of it; save it as UTF-8",
    ),
    "quote.csv": (
        csv(with_row(3, ('"the dull film', "bad"))),
        'quote.csv line 5: a quote opens here and never closes; close it, or write a quote in a text as ""',
    ),
    "after.csv": (
        csv(with_row(3, ('"the dull" film', "bad"))),
        'after.csv line 5: a text goes on after its closing quote; write a quote in a text as ""',
    ),
    "ragged.csv": (
        csv(with_row(3, ("the dull, grey film", "bad"))),
        "ragged.csv line 5: 3 values under 2 columns (text, label); "
        "put texts that hold commas into quotes, or mend the line",
    ),
    "short.tsv": (
        csv().replace(",", "\t") + "the last film\n",
        "short.tsv line 42: 1 values under 2 columns (text, label); "
        "put texts that hold tabs into quotes, or mend the line",
    ),
    "twice.csv": (csv(header=("text", "text")), "twice.csv line 1: two columns are named 'text'; rename one of them"),
    "nolabels.csv": (
        labels(lambda at, label: "NaN"),
        f"nolabels.csv: column 'label' is empty, so no row has a label; {LABEL}",
    ),
    "different.csv": (
        labels(lambda at, label: f"label {at}"),
        f"different.csv: no two of 40 rows have the same label (column 'label'); {LABEL}",
    ),
    "many.csv": (
        csv([(text, f"label {at % 101}") for at, (text, _) in enumerate(ROWS * 6)]),
        "many.csv: column 'label' has 101 different values, too many to be taken for classes; "
        f"list them as task.labels=[...], or {LABEL}",
    ),
    "dates.csv": (
        labels(lambda at, label: f"2024-01-0{1 + at % 9}"),
        f"dates.csv: column 'label' holds dates, not labels; {LABEL}",
    ),
    "counts.csv": (
        labels(lambda at, label: at),
        f"counts.csv: column 'label' only counts the rows, so it is no label; {LABEL}",
    ),
    "onelabel.jsonl": (
        lists(lambda at, label: ["good"] * (at % 2)),
        "onelabel.jsonl: the only label of all rows is 'good' (column 'label'); "
        f"give rows of another label too, or {LABEL}",
    ),
    "objects.jsonl": (
        lists(lambda at, label: [{"name": label}]),
        f"objects.jsonl: column 'label' holds lists of something else than labels; {LABEL}",
    ),
    "manylabels.jsonl": (
        lists(lambda at, label: [f"l{30 * at + more}" for more in range(30)]),
        "manylabels.jsonl: column 'label' has 1,200 different labels, too many to be taken for classes; "
        f"list them as task.labels=[...], or {LABEL}",
    ),
    "itself.csv": (
        csv([(label, label) for _, label in ROWS]),
        f"itself.csv: column 'text' is the label 'label' itself; {TEXT}",
    ),
    "numbers.csv": (
        csv([(at * 7, label) for at, (_, label) in enumerate(ROWS)]),
        f"numbers.csv: column 'text' holds 40 whole numbers, not texts; {TEXT}",
    ),
    "unknown.csv": (
        csv([(at * 7, at * 7 % 5) for at in range(40)], ("height", "width")),
        "unknown.csv: no text and label are to be found among height (40 whole numbers), width (5 whole numbers); "
        f"{NAMES}",
    ),
    "broken.jsonl": (
        jsonl(ROWS[:2]) + '{"text": "a film", "label"\n' + jsonl(ROWS[3:]),
        "broken.jsonl line 3: is no JSON (expecting ':' delimiter); mend the line",
    ),
    "mixed.jsonl": (
        jsonl(ROWS[:2]) + '{"text": "a film", "label": 3}\n' + jsonl(ROWS[3:]),
        "mixed.jsonl line 3: 'label' is a number here and a text at line 1; write it the same way in every row",
    ),
    "list.jsonl": (
        jsonl(ROWS[:2]) + '["a film", "bad"]\n',
        'list.jsonl line 3: holds a list, not an object; write rows as {"text": ..., "label": ...}',
    ),
    "nested.json": (
        json.dumps({"reviews": {"text": "a film"}}),
        f"nested.json: holds an object with reviews, not rows; {SHAPES}",
    ),
    "lists.json": (
        json.dumps({"text": ["a film", "a song"], "label": ["bad"]}),
        f"lists.json: its lists differ in length (text 2, label 1); {SHAPES}",
    ),
    "cut.json": (
        json.dumps([{"text": text} for text, _ in ROWS])[:-9],
        "cut.json row 39: is no JSON (unterminated string starting at); mend it",
    ),
    "squad.json": (
        json.dumps({"data": [{"title": "t", "paragraphs": [{"text": "the red train"}]}]}),
        "squad.json: is nested as SQuAD is, and lacks a part ('qas'); each of data has title and paragraphs, "
        "each of them context and qas, each of them id, question, answers",
    ),
    "gone.json": (
        squad(("red", 4), ("blue", 4)),
        "gone.json row 1: the answer 'blue' does not stand in its context; "
        "write it as it stands there, or leave the row out",
    ),
    "offset.json": (
        squad(("red", 4), ("the", 2)),
        "offset.json row 1: the answer 'the' stands 2 times in its context, and not at 2; mend its answer_start",
    ),
    "none.csv.gz": (
        csv(),
        "none.csv.gz: is named .gz, and is no gzip file; rename it without .gz, or pack it again",
    ),
    "damaged.csv.gz": (
        gzip.compress(csv().encode(), mtime=0)[:60],
        "damaged.csv.gz: is a damaged gzip file; copy it again, or pack it anew",
    ),
    "base.csv": (
        b"SQLite format 3\0" + bytes(100),
        "base.csv: is an SQLite database; say which table as sqlite:///FILE#TABLE",
    ),
    "paper.txt": (
        b"%PDF-1.7\n" + bytes(100),
        "paper.txt: is a PDF; extract its text into a CSV or one .txt a document",
    ),
}
"""Name -> what the file holds, and what is said of it."""
