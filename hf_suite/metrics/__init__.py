"""METRICS: the scores, each a pure function of answers and references; one file per family."""

from hf_suite.metrics import classification, regression, squad
from hf_suite.metrics.base import COUNT, PERCENT, Metric, Unit

_THRESHOLD = Unit("no-answer score", None)

METRICS: dict[str, Metric] = {
    "accuracy": Metric(
        "accuracy",
        {"accuracy": PERCENT},
        classification.score_accuracy,
        rows=classification.rows_accuracy,
        total=classification.total_accuracy,
    ),
    "f1": Metric(
        "f1",
        {"f1": PERCENT},
        classification.score_f1,
        rows=classification.rows_f1,
        total=classification.total_f1,
    ),
    "matthews_correlation": Metric(
        "matthews_correlation",
        {"matthews_correlation": PERCENT},
        classification.score_matthews,
        rows=classification.rows_matthews,
        total=classification.total_matthews,
    ),
    "pearson": Metric(
        "pearson",
        {"pearson": PERCENT},
        regression.score_pearson,
        rows=regression.rows_pearson,
        total=regression.total_pearson,
    ),
    "spearmanr": Metric("spearmanr", {"spearmanr": PERCENT}, regression.score_spearmanr),
    "squad": Metric(
        "squad",
        {"exact_match": PERCENT, "f1": PERCENT},
        squad.score_squad,
        rows=squad.rows_squad,
        total=squad.total_squad,
    ),
    "squad_v2": Metric(
        "squad_v2",
        {
            "exact": PERCENT,
            "f1": PERCENT,
            "total": COUNT,
            "HasAns_exact": PERCENT,
            "HasAns_f1": PERCENT,
            "HasAns_total": COUNT,
            "NoAns_exact": PERCENT,
            "NoAns_f1": PERCENT,
            "NoAns_total": COUNT,
            "best_exact": PERCENT,
            "best_exact_thresh": _THRESHOLD,
            "best_f1": PERCENT,
            "best_f1_thresh": _THRESHOLD,
        },
        squad.score_squad_v2,
        rows=squad.rows_squad_v2,
        total=squad.total_squad_v2,
    ),
}

__all__ = ["METRICS", "Metric", "Unit"]
