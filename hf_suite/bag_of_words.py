"""TF-IDF with logistic regression: what a classification reaches without a pretrained model. Knows no order of words.

Words and pairs of words, weighted by TF-IDF with sublinear counts; scikit-learn's logistic regression at its defaults,
one for each label where a row may have several. Bounded: at most ROWS train rows, fewer where there are many labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from hf_suite.kinds import KINDS, Evidence
from hf_suite.metrics.base import RowId
from hf_suite.spec import TaskSpec
from hf_suite.split import first

ROWS = 20_000
_DECISIONS = 100_000  # rows times labels
_WORDS = 50_000
_NEVER, _ALWAYS = -100.0, 100.0
"""The scores of a label that no train row has, and of one that all rows have beside others."""


@dataclass(frozen=True)
class Learnt:
    """What was learnt from some train rows."""

    spec: TaskSpec
    labels: Sequence[str]
    """In the order of the scores."""
    vectorizer: Any
    classifier: Any
    rows: int
    """Train rows that it learnt from."""
    settled: Mapping[str, float]
    """Scores of the other labels, which nothing had to be learnt for."""

    def evidence(self, rows: Any) -> dict[RowId, Evidence]:
        """Each row's scores, as the kind takes them."""
        scores = self.classifier.decision_function(self.vectorizer.transform(_texts(rows)))
        if scores.ndim == 1:  # of two labels, or of one that a row may have, scikit-learn gives one score
            scores = numpy.stack([numpy.zeros_like(scores), scores], axis=1)[:, -len(self.labels) :]
        return {
            row: {"scores": {**self.settled, **dict(zip(self.labels, line, strict=True))}}
            for row, line in zip(rows["row"], scores.tolist(), strict=True)
        }


def learnt(spec: TaskSpec, train: Any) -> Learnt | None:
    """Learns from train rows; None where there are no labels to learn, or too few words."""
    if not KINDS[spec.kind].candidates(spec):
        return None
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    most = min(ROWS, _DECISIONS // len(spec.labels or ()))
    train = train.select(first(len(train), most, spec.name))
    vectorizer = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), max_features=_WORDS)
    try:
        words = vectorizer.fit_transform(_texts(train))
    except ValueError:  # an empty vocabulary
        return None
    golds, classifier = train["label"][:], LogisticRegression(max_iter=1000)
    if spec.target == "labels":
        flags = numpy.array([[label in gold for label in spec.labels or ()] for gold in golds])
        settled = {label: _ALWAYS if flags[:, at].all() else _NEVER for at, label in enumerate(spec.labels or ())}
        varies = numpy.flatnonzero(flags.any(axis=0) & ~flags.all(axis=0))
        labels = [(spec.labels or ())[at] for at in varies]
        if not labels:
            return None
        several = OneVsRestClassifier(classifier).fit(words, flags[:, varies])
        return Learnt(spec, labels, vectorizer, several, len(train), settled)
    if len(set(golds)) < 2:
        return None
    classifier.fit(words, golds)
    absent = dict.fromkeys(spec.labels or (), _NEVER)
    return Learnt(spec, [str(label) for label in classifier.classes_], vectorizer, classifier, len(train), absent)


def _texts(rows: Any) -> list[str]:
    """A row's text, or both of a pair."""
    roles = [role for role in ("text", "text_pair") if role in rows.column_names]
    return [" ".join(texts) for texts in zip(*(rows[role] for role in roles), strict=True)]
