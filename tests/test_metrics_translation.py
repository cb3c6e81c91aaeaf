"""BLEU, chrF, chrF++ and TER, against numbers that sacreBLEU 2.6.0 gave, and their sums over rows."""

import numpy
import pytest
from sacrebleu.metrics import BLEU, CHRF, TER

from hf_suite.metrics import METRICS
from hf_suite.schema import build
from hf_suite.spec import TaskSpec

# The three sentences with two references of sacreBLEU's own README.
ANSWERS = {"a": "The dog bit the man.", "b": "It wasn't surprising.", "c": "The man had just bitten him."}
REFERENCES = {
    "a": ["The dog bit the man.", "The dog had bit the man."],
    "b": ["It was not unexpected.", "No one was surprised."],
    "c": ["The man bit him first.", "The man had bitten the dog."],
}
UNEVEN = {"a": REFERENCES["a"], "b": REFERENCES["b"][:1], "c": [*REFERENCES["c"], "He had bitten him."]}
NAMES = ("bleu", "chrf", "chrf++", "ter")


def task(**languages):
    facts = {"name": "own", "kind": "translation", "version": 1, "source": {"path": "own/own", "subset": "default"}}
    scored = {"columns": {"source": "s", "target": "t"}, "metrics": list(NAMES), "headline": "bleu"}
    return build(TaskSpec, {**facts, **scored, "languages": languages}, "test")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("bleu", 48.530827009929865), ("chrf", 59.72751782684763), ("chrf++", 59.15310444399262), ("ter", 40.0)],
)
def test_the_scores_are_sacrebleus(name, expected):
    spec = task(source="de", target="en")
    assert METRICS[name].score(ANSWERS, REFERENCES, spec) == {name: pytest.approx(expected, abs=1e-9)}


def test_the_tokenizer_moves_bleu():
    spec = task(source="de", target="ja")  # by letters
    assert round(METRICS["bleu"].score(ANSWERS, REFERENCES, spec)["bleu"], 2) == 72.61


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bleu", "nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"),
        ("chrf", "nrefs:2|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0"),
        ("chrf++", "nrefs:2|case:mixed|eff:yes|nc:6|nw:2|space:no|version:2.6.0"),
        ("ter", "nrefs:2|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:2.6.0"),
    ],
)
def test_each_has_a_signature(name, expected):
    assert METRICS[name].signature(ANSWERS, REFERENCES, task(source="de", target="en")) == expected


@pytest.mark.parametrize(
    ("target", "tokenizer"), [("zh_Hans", "zh"), ("ja", "char"), ("th", "char"), ("de", "13a"), ("pt-BR", "13a")]
)
def test_the_target_language_chooses_the_tokenizer_of_bleu(target, tokenizer):
    said = METRICS["bleu"].signature({"a": "a"}, {"a": ["a"]}, task(source="en", target=target))
    assert said == f"nrefs:1|case:mixed|eff:no|tok:{tokenizer}|smooth:exp|version:2.6.0"


@pytest.mark.parametrize("references", [REFERENCES, UNEVEN], ids=["two each", "one to three"])
@pytest.mark.parametrize("name", NAMES)
def test_rows_add_up_to_the_corpus_score_of_any_rows(name, references):
    metric, spec = METRICS[name], task(source="de", target="en")
    lines = metric.rows(ANSWERS, references, spec)
    made = {"bleu": BLEU(), "chrf": CHRF(), "chrf++": CHRF(word_order=2), "ter": TER()}[name]
    for rows in (["a", "b", "c"], ["c"], ["a", "c", "c"]):
        most = max(len(references[row]) for row in rows)
        streams = [[(*references[row], None, None)[at] for row in rows] for at in range(most)]
        expected = made.corpus_score([ANSWERS[row] for row in rows], streams).score
        sums = lines[["abc".index(row) for row in rows]].sum(axis=0)
        assert metric.total(sums) == {name: pytest.approx(expected, abs=1e-9)}


def test_references_that_vary_in_number_are_said_to():
    spec = task(source="de", target="en")
    assert METRICS["chrf"].signature(ANSWERS, UNEVEN, spec).startswith("nrefs:var|")


def test_chinese_is_scored_by_its_letters():
    spec = task(source="en", target="zh")
    scores = METRICS["bleu"].score({0: "我喜欢吃苹果派。"}, {0: ["我喜欢吃苹果派。"]}, spec)
    assert scores == {"bleu": pytest.approx(100.0, abs=1e-9)}
    # One of eight letters differs: 7/8 unigrams, 5/7, 4/6 and 3/5 longer runs, the geometric mean of all.
    changed = METRICS["bleu"].score({0: "我喜欢喝苹果派。"}, {0: ["我喜欢吃苹果派。"]}, spec)
    assert changed == {"bleu": pytest.approx(100 * (7 / 8 * 5 / 7 * 3 / 6 * 1 / 5) ** 0.25, abs=1e-9)}


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_answer_is_wrong_and_no_rows_are_undefined(name):
    spec = task(source="de", target="en")
    scores = METRICS[name].score({"a": ""}, REFERENCES | {"a": ["The dog"]}, spec)
    assert scores == {name: 100.0 if name == "ter" else 0.0}
    assert METRICS[name].score({}, {}, spec) == {name: None}
    assert METRICS[name].total(numpy.zeros(4)) == {name: None}
