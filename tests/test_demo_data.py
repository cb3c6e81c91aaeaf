"""The demo's data: made again byte for byte, with nothing of validation in train, and in correct German."""

import importlib
import json
import re
import sys

import pytest

from hf_suite import shipped

DATA = shipped.folder("demo-data")
FILES = {
    **dict.fromkeys(("answers", "reviews", "similarity", "squad"), ".jsonl"),
    "stories": ".txt",
    "translation": ".jsonl",
}


@pytest.fixture(scope="module")
def made():
    """`made(name)`: a module of the folder that makes the data."""
    sys.path.insert(0, str(DATA))
    yield importlib.import_module
    sys.path.remove(str(DATA))


def rows(task, split):
    lines = (DATA / "hf-suite" / "demo" / task / f"{split}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def words(column, split):
    return {word for row in rows("translation", split) for word in re.findall(r"\w+", row[column].lower())}


def test_the_generator_writes_the_files_that_are_there(made, tmp_path, monkeypatch):
    generate = made("generate")
    monkeypatch.setattr(generate, "OUT", tmp_path)

    generate.main()

    written = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.*"))
    assert [path.as_posix() for path in written] == [
        f"{task}/{split}{suffix}" for task, suffix in FILES.items() for split in ("train", "validation")
    ]
    for path in written:
        assert (tmp_path / path).read_bytes() == (DATA / "hf-suite" / "demo" / path).read_bytes(), path


def test_no_sentence_to_translate_stands_in_both_splits_or_twice():
    train, validation = ([row["en"] for row in rows("translation", split)] for split in ("train", "validation"))

    assert (len(train), len(validation)) == (2000, 300)
    assert len({*train, *validation}) == 2300


def test_validation_asks_for_no_word_that_train_does_not_show():
    """Of German verbs and days train may show another form alone, so that two in a hundred may be new."""
    assert words("en", "validation") <= words("en", "train")
    assert len(words("de", "validation") - words("de", "train")) <= len(words("de", "validation")) / 50


NOUNS = {
    "der Junge": "boy, boys, he = der Junge, Jungen, Jungen",
    "das Mädchen": "girl, girls, she = das Mädchen, Mädchen",
    "die Frau": "woman, women, she = die Frau, Frauen",
    "der Mantel": "coat, coats = der Mantel, Mäntel",
    "das Ei": "egg, eggs = das Ei, Eier",
}


@pytest.mark.parametrize(
    ("noun", "article", "adjective", "case", "plural", "german"),
    [
        ("der Junge", "the", "klein", 0, False, "der kleine Junge"),
        ("der Junge", "the", "klein", 1, False, "den kleinen Jungen"),
        ("der Junge", "a", "klein", 0, False, "ein kleiner Junge"),
        ("der Junge", "a", "klein", 2, False, "einem kleinen Jungen"),
        ("der Junge", "", "klein", 2, True, "kleinen Jungen"),
        ("die Frau", "this", "alt", 2, False, "dieser alten Frau"),
        ("die Frau", "two", "alt", 0, True, "zwei alte Frauen"),
        ("das Mädchen", "a", "freundlich", 1, False, "ein freundliches Mädchen"),
        ("das Mädchen", "the", "freundlich", 2, True, "den freundlichen Mädchen"),
        ("der Mantel", "our", "teur", 0, False, "unser teurer Mantel"),
        ("der Mantel", "our", "teur", 1, False, "unseren teuren Mantel"),
        ("der Mantel", "three", "teur", 2, True, "drei teuren Mänteln"),
        ("das Ei", "my", "frisch", 1, True, "meine frischen Eier"),
        ("das Ei", "this", "frisch", 1, False, "dieses frische Ei"),
        ("das Ei", "", "frisch", 0, True, "frische Eier"),
    ],
)
def test_articles_and_adjectives_agree_with_their_noun(made, noun, article, adjective, case, plural, german):
    grammar = made("grammar")

    found = grammar.german(grammar.noun(NOUNS[noun]), article, ("", adjective), case, plural=plural)

    assert found == german


@pytest.mark.parametrize(
    ("pattern", "german"),
    [
        (r"^Every day the", r"^Jeden Tag \w+ (der|die|das) "),  # the verb comes before its subject
        (r"^I think that .* (opened|closed) ", r"(aufgemacht|zugemacht) (hat|haben)\.$"),  # and last in a clause
        (r" (must|can|should) (open|close) ", r"(aufmachen|zumachen)( muss| müssen)?\.$"),
        (r" (is|are) not ", r" nicht( auf| zu| ein)?\.$"),
        (r"^Did ", r"^(Hat|Haben) .* \w+(t|en)\?$"),
        (r" is \w+ because she must ", r", weil (sie|es) .*n muss\.$"),
    ],
)
def test_the_german_verb_stands_where_its_clause_wants_it(pattern, german):
    found = [row["de"] for row in rows("translation", "train") if re.search(pattern, row["en"])]

    assert found
    assert [text for text in found if not re.search(german, text)] == []


def test_no_story_is_told_twice_and_each_keeps_to_its_hero():
    told = [(DATA / "hf-suite" / "demo" / "stories" / f"{split}.txt").read_text("utf-8").splitlines()
            for split in ("train", "validation")]  # fmt: skip

    assert [len(stories) for stories in told] == [400, 60]
    assert len({*told[0], *told[1]}) == 460
    assert [story for story in told[0] if re.search(r"[<>\[\]|]|\b[Aa] [aeiou]", story)] == []
    assert [story for story in told[0] if " himself " in story and " herself " in story] == []
