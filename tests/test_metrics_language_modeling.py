"""Perplexities and bits per byte, against the closed form of a model to which every token is as likely."""

import math

import pytest

from hf_suite.metrics import METRICS
from hf_suite.schema import build
from hf_suite.spec import TaskSpec

NAMES = ("bits_per_byte", "word_perplexity", "perplexity")
SPEC = build(
    TaskSpec,
    {
        "name": "own",
        "kind": "language_modeling",
        "version": 1,
        "source": {"path": "own/own", "subset": "default"},
        "columns": {"text": "text"},
        "document": "heading",
        "metrics": ["bits_per_byte"],
        "headline": "bits_per_byte",
    },
    "test",
)


def uniform(vocabulary, *documents):
    """Answers and references of a model to which all tokens are as likely; documents are (tokens, bytes, words)."""
    answers = {at: {"nll": n * math.log(vocabulary), "tokens": n} for at, (n, _, _) in enumerate(documents)}
    return answers, {at: {"bytes": size, "words": words} for at, (_, size, words) in enumerate(documents)}


def test_a_uniform_model_has_the_closed_forms():
    answers, references = uniform(1024, (30, 100, 20), (10, 60, 5))
    scores = {}
    for name in NAMES:
        scores |= METRICS[name].score(answers, references, SPEC)
    assert scores == {
        "bits_per_byte": pytest.approx(40 * 10 / 160, abs=1e-9),
        "perplexity": pytest.approx(1024, abs=1e-9),
        "word_perplexity": pytest.approx(1024 ** (40 / 25), rel=1e-12),
    }


def test_one_bit_a_byte_is_one_bit_a_byte_whatever_the_tokens():
    answers, references = uniform(2**8, (5, 40, 8))
    assert METRICS["bits_per_byte"].score(answers, references, SPEC) == {"bits_per_byte": pytest.approx(1.0, abs=1e-9)}


@pytest.mark.parametrize("name", NAMES)
def test_rows_add_up_to_the_score_of_any_documents(name):
    answers, references = uniform(16, (4, 8, 3), (2, 8, 1), (6, 4, 2))
    metric = METRICS[name]
    lines = metric.rows(answers, references, SPEC)
    assert lines.shape == (3, 2)
    of_two = {"bits_per_byte": (4 + 6) * 4 / 12, "word_perplexity": 16 ** (10 / 5), "perplexity": 16}[name]
    assert metric.total(lines[[0, 2]].sum(axis=0)) == {name: pytest.approx(of_two, rel=1e-12)}


def test_what_cannot_be_told_is_undefined():
    answers, references = {0: {"nll": 4.0, "tokens": None}}, {0: {"bytes": 0, "words": 0}}
    for name in NAMES:
        assert METRICS[name].score(answers, references, SPEC) == {name: None}
    huge = {0: {"nll": 1e6, "tokens": 1}}
    assert METRICS["perplexity"].score(huge, references, SPEC) == {"perplexity": None}


def test_the_signature_names_document_context_and_stride():
    answers, references = uniform(2, (1, 1, 1))
    signature = METRICS["bits_per_byte"].signature
    evidence = {0: {"nll": 1.0, "tokens": 1, "context": 512, "stride": 256}}
    assert signature(answers, references, SPEC, evidence=evidence) == (
        "document:heading|context:512|stride:256|tokens:each once"
    )
    assert signature(answers, references, SPEC) == "document:heading|context:?|stride:?|tokens:each once"
