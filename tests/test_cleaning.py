"""clean: what the doctor found is gone, the rest is as it was, and every change is written down. Never in place."""

import json
from pathlib import Path

import pytest
from ailing import LABELS, texts
from bad_files import csv, squad, write
from command import said
from refusing import refused

WORDS = texts(60)
LABELLED = [(text, LABELS[at % 2]) for at, text in enumerate(WORDS)]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def cleaned(capsys, rows, fix):
    """The rows of reviews.csv after a fix, and the lines that say what was done."""
    write("reviews.csv", csv(rows))
    code, out, err = said(capsys, "clean", "reviews.csv", "-o", "out.csv", "--fix", fix)
    assert code == 0, err
    left = [tuple(line.split(",")) for line in Path("out.csv").read_text().splitlines()[1:]]
    return left, log("out.removed.jsonl"), out


def lined(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def log(name):
    return [json.loads(line) for line in Path(name).read_text().splitlines()]


def test_of_equal_texts_the_first_stays(capsys):
    rows = [*LABELLED, (WORDS[3].upper(), "bad"), (WORDS[5], "bad")]

    left, lines, out = cleaned(capsys, rows, "dedupe")

    assert left == LABELLED
    assert lines == [
        {"split": "train", "row": 60, "fix": "dedupe", "why": "the same texts as train 3",
         "removed": {"text": WORDS[3].upper(), "label": "bad"}},
        {"split": "train", "row": 61, "fix": "dedupe", "why": "the same texts as train 5",
         "removed": {"text": WORDS[5], "label": "bad"}},
    ]  # fmt: skip
    assert out == (
        "train: 60 of 62 rows stay\nrows left out: 2 by dedupe\ntexts and labels changed: none\n"
        "written to out.csv; what was done and why to out.removed.jsonl\n"
    )


def test_what_is_not_mended_stays_to_the_letter(capsys):
    rows = [f"{10**20 + at},3.10,{at % 2}.0,1.50,{text}" for at, text in enumerate(WORDS)]
    write("reviews.csv", "\n".join(["id,version,label,price,text", *rows[:3], rows[0].upper(), *rows[3:], ""]))

    code, _, err = said(capsys, "clean", "reviews.csv", "-o", "out.csv", "--fix", "trim,dedupe")

    assert code == 0, err
    assert Path("out.csv").read_text().splitlines()[1:] == rows
    assert [line["removed"]["version"] for line in log("out.removed.jsonl")] == ["3.10"]


def test_of_a_chain_of_likes_what_is_like_no_row_that_stays_stays_too(capsys):
    """Of letter triples the first two share 75 %, the last two 73 %, the first and the last 56 %."""
    ways = [("slowly", "morning"), ("slowly", "evening of may"), ("fast", "evening of may again")]
    chain = [(f"the old man walked {how} over the long bridge in the grey {when}", "good") for how, when in ways]

    left, lines, _ = cleaned(capsys, [*chain, *LABELLED[:6]], "near")

    assert left == [chain[0], chain[2], *LABELLED[:6]]
    assert [(line["row"], line["why"]) for line in lines] == [(1, "nearly the same texts as train 0")]


def test_of_contradicting_rows_none_stays(capsys):
    left, lines, _ = cleaned(capsys, [*LABELLED, (WORDS[2], "bad")], "conflicts")

    assert left == LABELLED[:2] + LABELLED[3:]
    assert [(line["row"], line["why"]) for line in lines] == [
        (2, "the same texts stand with another label elsewhere"),
        (60, "the same texts stand with another label elsewhere"),
    ]


def test_trim_takes_spaces_and_rows_without_text_and_spells_a_label_as_most_rows_do(capsys):
    rows = [(f" {WORDS[0]} ", "good"), *LABELLED[1:], ("  ", "bad"), ("a last one", "GOOD")]

    left, lines, _ = cleaned(capsys, rows, "trim")

    assert left == [*LABELLED, ("a last one", "good")]
    assert [(line["row"], line.get("before"), line.get("after")) for line in lines] == [
        (0, f" {WORDS[0]} ", WORDS[0]), (60, "  ", ""), (61, "GOOD", "good"), (60, None, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fix", "before", "after"),
    [
        ("mojibake", "the cafÃ© by the river", "the café by the river"),
        ("control", "a bell \x07rings", "a bell rings"),
        ("html", "a <b>bold</b> word &amp; more", "a bold word & more"),
        ("html", "one<br>two", "one two"),
        ("personal", "ask jane.doe@example.org now", "ask [e-mail address] now"),
    ],
)
def test_a_text_is_mended(capsys, fix, before, after):
    left, lines, _ = cleaned(capsys, [(before, "good"), *LABELLED], fix)

    assert left == [(after, "good"), *LABELLED]
    assert [(line["row"], line["fix"], line["column"]) for line in lines] == [(0, fix, "text")]
    assert "example.org" not in Path("out.removed.jsonl").read_text()


def test_what_is_personal_stands_nowhere_also_where_another_fix_changed_its_text(capsys):
    left, _, _ = cleaned(capsys, [("<b>ask</b> jane.doe@example.org", "good"), *LABELLED], "html,personal")

    assert left[0] == ("ask [e-mail address]", "good")
    assert "example.org" not in Path("out.removed.jsonl").read_text()


@pytest.mark.parametrize(
    ("fix", "ill", "well"),
    [("html", "a <b>bold</b> word", "a bold word"), ("personal", "ask a@b.org", "ask [e-mail address]")],
)
def test_texts_inside_objects_and_lists_are_mended(capsys, fix, ill, well):
    rows = [{"post": {"body": text, "stars": at}, "label": label} for at, (text, label) in enumerate(LABELLED)]
    write("posts.jsonl", lined([*rows, {"post": {"body": ill, "stars": 1}, "label": "good"}, {"label": "bad"}]))
    write("parts.jsonl", lined([{"text": [text, ill], "label": label} for text, label in LABELLED]))

    for name, column in (("posts", "post.body"), ("parts", "text")):
        words = ["clean", f"{name}.jsonl", "-o", f"{name}-out.jsonl", "--fix", fix]
        code, _, err = said(capsys, *words, f"task.columns.text={column}", "task.columns.label=label")
        assert code == 0, err

    posts, parts = log("posts-out.jsonl"), log("parts-out.jsonl")
    assert posts == [*rows, {"post": {"body": well, "stars": 1}, "label": "good"}, {"post": None, "label": "bad"}]
    assert parts == [{"text": [text, well], "label": label} for text, label in LABELLED]
    assert log("posts-out.removed.jsonl")[0]["column"] == "post.body"


def test_a_fault_in_contexts_alone_names_no_command_that_would_leave_it(capsys):
    asked = [{"question": f"Why {at}?", "context": f"It <b>is</b> {at}.", "answers": "is"} for at in range(9)]
    write("asked.jsonl", lined(asked))

    found = json.loads(said(capsys, "check", "asked.jsonl", "--json")[1])["findings"]

    assert [one["remedy"] for one in found if one["name"] == "texts.html"] == [
        "mend these contexts in the file, and the answers counted off in them"
    ]


def test_entities_that_spell_tags_go_with_the_tags(capsys):
    left, _, _ = cleaned(capsys, [("a &lt;b&gt;bold&lt;/b&gt; word", "good"), *LABELLED], "html")

    assert left[0] == ("a bold word", "good")


def test_a_folder_that_is_not_there_is_made_for_the_output(capsys):
    write("reviews.csv", csv(LABELLED))

    assert said(capsys, "clean", "reviews.csv", "-o", "new/out.csv", "--fix", "trim")[0] == 0
    assert Path("new/out.csv").read_text() == csv(LABELLED)


def test_rows_that_are_equal_only_once_mended_are_found(capsys):
    left, _, _ = cleaned(capsys, [*LABELLED, (f"<p>{WORDS[4]}</p>", "good")], "dedupe,html")

    assert left == LABELLED


def test_train_rows_that_leak_go_and_rows_to_score_stay(capsys):
    write("reviews.csv", csv(LABELLED))
    later = [(WORDS[7].upper(), "bad"), (f"{WORDS[9]} indeed", "bad"), *zip(texts(8, 60), LABELS * 4, strict=True)]
    write("later.csv", csv(later))

    words = ["clean", "reviews.csv", "data.eval=later.csv", "-o", "out", "--fix", "leaks,near_leaks"]
    code, _, err = said(capsys, *words)

    assert code == 0, err
    assert Path("out/eval.csv").read_text() == Path("later.csv").read_text()
    assert Path("out/train.csv").read_text() == csv([row for at, row in enumerate(LABELLED) if at not in (7, 9)])
    assert [(line["row"], line["why"]) for line in log("out.removed.jsonl")] == [
        (7, "the same texts as eval 0"),
        (9, "nearly the same texts as eval 1"),
    ]
    assert err == "next: hf-suite check out, or hf-suite train --data out -o runs/reviews\n"
    assert said(capsys, "check", "out")[0] == 0


def test_answers_that_are_lost_go_and_those_elsewhere_stay(capsys):
    write("asked.json", squad(("red", 4), ("slow", 0), ("blue", 4), ("the", 2)))

    code, _, err = said(capsys, "clean", "asked.json", "-o", "out.jsonl", "--fix", "answers")

    assert code == 0, err
    assert [json.loads(line)["answers"]["text"] for line in Path("out.jsonl").read_text().splitlines()] == [
        ["red"], ["slow"],
    ]  # fmt: skip
    assert [line["why"] for line in log("out.removed.jsonl")] == [
        "an answer does not stand in its context",
        "an answer stands 2 times in its context, and not at 2",
    ]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "--output: is missing; name the file or folder to write: -o reviews-clean.csv"),
        (["-o", "out.csv"], "--fix: is missing; say what to mend: --fix trim,dedupe,conflicts,leaks"),
        (
            ["-o", "out.csv", "--fix", "trim,dedup"],
            "--fix: no fix 'dedup'; did you mean 'dedupe'? there are: mojibake, control, html, personal, trim, answers,"
            " conflicts, dedupe, near, leaks, near_leaks",
        ),
        (
            ["-o", "reviews.csv", "--fix", "trim"],
            "reviews.csv: is there already; give another with --output; nothing is mended in place",
        ),
        (
            ["-o", "out.doc", "--fix", "trim"],
            "out.doc: cannot tell its format from '.doc'; name it .csv, .jsonl, .parquet,"
            " or a folder without an ending",
        ),
        (
            ["data.eval=later.csv", "-o", "out.csv", "--fix", "trim"],
            "out.csv: is one file, and the splits are train, eval; name a folder without an ending",
        ),
        (
            ["data.eval=later.csv", "-o", "out", "--fix", "leaks"],
            "train: the fixes leave none of its 60 rows; leave some of them out",
        ),
    ],
)
def test_what_cannot_be_cleaned_is_refused_and_nothing_is_written(capsys, words, line):
    write("reviews.csv", csv(LABELLED))
    write("later.csv", csv(LABELLED))

    assert refused(capsys, "clean", "reviews.csv", *words) == line
