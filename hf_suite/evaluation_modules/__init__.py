"""Our official numbers as modules of `evaluate`: where they are, what they compute. Imports no evaluate."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy

from hf_suite import schema
from hf_suite.errors import ConfigError, ScoreError
from hf_suite.metrics.classification import accuracy, f1, matthews_correlation
from hf_suite.metrics.regression import pearson, spearmanr
from hf_suite.metrics.squad import official_v1, official_v2
from hf_suite.scoring import same_rows

MODULES = ("glue", "squad", "squad_v2")


def metric_path(name: str) -> str:
    """A file for `evaluate.load`, from any folder and offline: `evaluate.load(metric_path("glue"), "cola")`.

    Names and scale are those of evaluate's own modules: glue 0 to 1, squad and squad_v2 0 to 100. Raises
    ConfigError.
    """
    if name not in MODULES:
        hint = schema.nearest(name, MODULES)
        raise ConfigError("metric_path", f"no module {name!r}", f"{hint}there are: {', '.join(MODULES)}")
    return str(Path(__file__).parent / f"{name}.py")


_ACCURACY: dict[str, Callable[..., float | None]] = {"accuracy": accuracy}
_F1: dict[str, Callable[..., float | None]] = {"f1": lambda predicted, gold: f1(predicted, gold, positive=1)}

GLUE: dict[str, dict[str, Callable[..., float | None]]] = {
    "cola": {"matthews_correlation": matthews_correlation},
    "stsb": {"pearson": pearson, "spearmanr": spearmanr},
    "mrpc": _ACCURACY | _F1,
    "qqp": _ACCURACY | _F1,
    "sst2": _ACCURACY,
    "mnli": _ACCURACY,
    "mnli_matched": _ACCURACY,
    "mnli_mismatched": _ACCURACY,
    "qnli": _ACCURACY,
    "rte": _ACCURACY,
    "wnli": _ACCURACY,
    "hans": _ACCURACY,
}
"""Config -> its numbers: functions of predicted and gold, in percent, label 1 the positive one."""


def check_config(name: str) -> None:
    """Refuses a config that glue has not. Raises ConfigError."""
    if name not in GLUE:
        hint = schema.nearest(name, GLUE)
        raise ConfigError("glue", f"no config {name!r}", f"{hint}there are: {', '.join(GLUE)}")


def glue_scores(config: str, predicted: Sequence[Any], gold: Sequence[Any]) -> dict[str, float]:
    """The numbers of one of glue's configs, 0 to 1; nan where undefined, as evaluate has it."""
    kind = numpy.float64 if config == "stsb" else numpy.int64
    pair = numpy.asarray(predicted, dtype=kind), numpy.asarray(gold, dtype=kind)
    percents = {name: number(*pair) for name, number in GLUE[config].items()}
    return {name: numpy.nan if value is None else value / 100 for name, value in percents.items()}


def squad_scores(predictions: Sequence[Any], references: Sequence[Any]) -> dict[str, float]:
    """exact_match and f1. Raises ScoreError for ids that are missing, unknown or there twice."""
    texts, golds = _texts_and_golds(predictions, references, place="squad")
    return official_v1(texts, golds)


def squad_v2_scores(predictions: Sequence[Any], references: Sequence[Any], *, threshold: float) -> dict[str, float]:
    """All that the official script gives with a no-answer file. Raises ScoreError as squad_scores."""
    texts, golds = _texts_and_golds(predictions, references, place="squad_v2")
    no_answer = {row["id"]: row["no_answer_probability"] for row in predictions}
    return official_v2(texts, golds, no_answer=no_answer, threshold=threshold)


def _texts_and_golds(
    predictions: Sequence[Any], references: Sequence[Any], *, place: str
) -> tuple[dict[Any, Any], dict[Any, Any]]:
    texts = {row["id"]: row["prediction_text"] for row in predictions}
    golds = {row["id"]: row["answers"]["text"] for row in references}
    twice = len(predictions) - len(texts) + len(references) - len(golds)
    if twice:
        raise ScoreError(place, f"{twice:,} ids stand twice", "give each question once")
    same_rows(texts, golds, place=place)
    return texts, golds
