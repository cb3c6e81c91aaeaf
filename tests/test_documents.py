"""Rows joined into documents: which rows are titles, and that no text is lost between them."""

import os

import pyarrow
import pytest

from hf_suite import data, spec
from hf_suite.documents import joined

LINES = [
    *("", " = Du Fu = \n", "", " A poet . \n", " = 1 / s and a nominal k = \n", "", " = = Life = = \n", ""),
    *(" He was . \n", "", " = Tyrone = \n", "", " Next .", ""),
]


def table(texts):
    return pyarrow.table({"row": list(range(len(texts))), "text": texts})


def test_a_document_goes_from_one_title_to_the_next():
    found = joined(table(LINES), "heading").to_pylist()
    assert found == [
        {
            "row": 0,
            "text": " = Du Fu = \n\n A poet . \n = 1 / s and a nominal k = \n\n = = Life = = \n\n He was . \n\n",
        },
        {"row": 1, "text": " = Tyrone = \n\n Next .\n\n"},
    ]


def test_what_stands_before_the_first_title_is_a_document_if_it_says_something():
    found = joined(table(["Preface", "", " = One = ", "", "a"]), "heading")["text"].to_pylist()
    assert found == ["Preface\n\n", " = One = \n\na\n"]


def test_a_split_is_one_document_and_its_lines_give_back_the_file():
    assert joined(table(["a", "", "b\n"]), "split").to_pylist() == [{"row": 0, "text": "a\n\nb\n"}]


@pytest.mark.parametrize("document", ["split", "heading"])
def test_rows_that_say_nothing_are_no_document(document):
    assert joined(table(["", " \n"]), document).to_pylist() == []


def test_rows_are_documents_of_their_own_otherwise():
    rows = table(["a", ""])
    assert joined(rows, "row") is rows


@pytest.mark.skipif(not os.environ.get("HF_SUITE_MIRROR"), reason="HF_SUITE_MIRROR is not set: there is no WikiText")
@pytest.mark.parametrize("split", ["validation", "test"])
def test_wikitext_2_has_sixty_articles_in_each_split_that_is_scored(split):
    found = data.rows(spec.read("wikitext2"), split)
    assert len(found.rows) == 60  # Merity et al. (2016), table 1
    assert all(text.startswith(" = ") for text in found.rows["text"])
