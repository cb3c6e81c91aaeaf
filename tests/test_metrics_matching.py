"""Exact match, token F1 and character error rate, against values counted by hand."""

import numpy
import pytest

from hf_suite.metrics import METRICS
from hf_suite.metrics.matching import distance, token_f1

NAMES = ("exact_match", "token_f1", "cer")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("kitten", "sitting", 3),  # Levenshtein's own example
        ("intention", "execution", 5),  # Jurafsky and Martin's
        ("", "abc", 3),
        ("abc", "", 3),
        ("", "", 0),
        ("ab", "ba", 2),
        ("Straße", "Strasse", 2),
    ],
)
def test_the_distance_is_the_fewest_changes(one, other, expected):
    assert distance(one, other) == distance(other, one) == expected


def test_a_word_counts_as_often_as_both_have_it():
    assert token_f1("no no no", "no") == 0.5
    assert token_f1("", " ") == 1.0
    assert token_f1("a", "") == 0.0


def test_white_space_and_composition_do_not_count_and_case_does():
    answers = {0: " cafe\u0301  au\tlait", 1: "Caf\u00e9 au lait"}
    references = {row: ["caf\u00e9 au lait"] for row in answers}
    assert METRICS["exact_match"].score(answers, references, None) == {"exact_match": 50.0}
    assert METRICS["cer"].score(answers, references, None) == {"cer": pytest.approx(100 / 24, abs=1e-12)}


def test_the_nearest_of_several_references_counts():
    answers, references = {0: "a b c"}, {0: ["x y", "a b d", "a b"]}
    assert METRICS["token_f1"].score(answers, references, None) == {"token_f1": pytest.approx(80.0, abs=1e-12)}
    assert METRICS["exact_match"].score(answers, references, None) == {"exact_match": 0.0}
    # One of five letters, against two of three and four of three.
    assert METRICS["cer"].score(answers, references, None) == {"cer": 20.0}


@pytest.mark.parametrize("name", NAMES)
def test_each_says_what_it_compares(name):
    answers = {0: "a", 1: "b"}
    said = METRICS[name].signature(answers, {0: ["a", "b"], 1: ["c", "d"]}, None)
    assert said == "nrefs:2|case:mixed|norm:nfc|space:one"
    assert METRICS[name].signature(answers, {0: ["a"], 1: ["c", "d"]}, None).startswith("nrefs:var|")


def test_a_character_error_rate_is_over_all_characters_and_can_exceed_100():
    answers, references = {0: "aaaa", 1: "b"}, {0: ["b"], 1: ["b"]}
    assert METRICS["cer"].score(answers, references, None) == {"cer": 200.0}


@pytest.mark.parametrize("name", NAMES)
def test_rows_add_up_to_the_score(name):
    answers = {0: "the dog ran", 1: "a cat", 2: ""}
    references = {0: ["the dog runs", "a dog"], 1: ["a cat"], 2: ["something"]}
    metric = METRICS[name]
    lines = metric.rows(answers, references, None)
    assert lines.shape == (3, 2)
    expected = {"exact_match": 100 / 3, "token_f1": 100 * (2 / 3 + 1) / 3, "cer": 100 * (2 + 9) / (12 + 5 + 9)}[name]
    assert metric.total(lines.sum(axis=0)) == {name: pytest.approx(expected, abs=1e-9)}
    assert metric.score(answers, references, None) == {name: pytest.approx(expected, abs=1e-9)}
    assert metric.total(numpy.zeros(2)) == {name: None}
