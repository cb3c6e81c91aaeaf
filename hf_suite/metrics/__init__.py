"""METRICS: the scores, each a pure function of answers and references; one file per family."""

from hf_suite.metrics import classification, language_modeling, matching, multi_label, regression, rouge, squad
from hf_suite.metrics.base import BITS, COUNT, ERROR, NATS, PERCENT, PERPLEXITY, Metric, Unit
from hf_suite.metrics.translation import SacreBleu
from hf_suite.plugins import Registry

_THRESHOLD = Unit("no-answer score", None)


def _sacrebleu(name: str, unit: Unit) -> Metric:
    own = SacreBleu(name)
    return Metric(name, {name: unit}, own.score, rows=own.rows, total=own.total, signature=own.signature)


METRICS: Registry[str, Metric] = Registry(
    "hf_suite.metrics",
    {
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
        "multilabel_f1": Metric(
            "multilabel_f1",
            {"micro_f1": PERCENT, "macro_f1": PERCENT},
            multi_label.score_f1,
            rows=multi_label.rows_f1,
            total=multi_label.total_f1,
        ),
        "subset_accuracy": Metric(
            "subset_accuracy",
            {"subset_accuracy": PERCENT},
            multi_label.score_subset_accuracy,
            rows=multi_label.rows_subset_accuracy,
            total=multi_label.total_subset_accuracy,
        ),
        "map": Metric("map", {"map": PERCENT}, multi_label.score_map, needs_evidence=True),
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
        "bleu": _sacrebleu("bleu", PERCENT),
        "chrf": _sacrebleu("chrf", PERCENT),
        "chrf++": _sacrebleu("chrf++", PERCENT),
        "ter": _sacrebleu("ter", ERROR),
        "rouge": Metric(
            "rouge",
            dict.fromkeys((*rouge.TYPES, *(f"{name}_mean" for name in rouge.TYPES)), PERCENT),
            rouge.score_rouge,
            rows=rouge.rows_rouge,
            total=rouge.total_rouge,
            signature=rouge.signature,
        ),
        "exact_match": Metric(
            "exact_match",
            {"exact_match": PERCENT},
            matching.score_exact_match,
            rows=matching.rows_exact_match,
            total=matching.total_exact_match,
            signature=matching.signature,
        ),
        "token_f1": Metric(
            "token_f1",
            {"token_f1": PERCENT},
            matching.score_token_f1,
            rows=matching.rows_token_f1,
            total=matching.total_token_f1,
            signature=matching.signature,
        ),
        "cer": Metric(
            "cer",
            {"cer": ERROR},
            matching.score_cer,
            rows=matching.rows_cer,
            total=matching.total_cer,
            signature=matching.signature,
        ),
        "bits_per_byte": Metric(
            "bits_per_byte",
            {"bits_per_byte": BITS},
            language_modeling.score_bits_per_byte,
            rows=language_modeling.rows_bits_per_byte,
            total=language_modeling.total_bits_per_byte,
            signature=language_modeling.signature,
        ),
        "word_perplexity": Metric(
            "word_perplexity",
            {"word_perplexity": PERPLEXITY},
            language_modeling.score_word_perplexity,
            rows=language_modeling.rows_word_perplexity,
            total=language_modeling.total_word_perplexity,
            signature=language_modeling.signature,
        ),
        "loss": Metric(
            "loss",
            {"loss": NATS},
            language_modeling.score_loss,
            rows=language_modeling.rows_perplexity,
            total=language_modeling.total_loss,
            signature=language_modeling.signature,
        ),
        "perplexity": Metric(
            "perplexity",
            {"perplexity": PERPLEXITY},
            language_modeling.score_perplexity,
            rows=language_modeling.rows_perplexity,
            total=language_modeling.total_perplexity,
            signature=language_modeling.signature,
        ),
        "masked_loss": Metric(
            "masked_loss",
            {"masked_loss": NATS},
            language_modeling.score_masked_loss,
            rows=language_modeling.rows_perplexity,
            total=language_modeling.total_masked_loss,
            signature=language_modeling.signature_masked,
        ),
        "masked_perplexity": Metric(
            "masked_perplexity",
            {"masked_perplexity": PERPLEXITY},
            language_modeling.score_masked_perplexity,
            rows=language_modeling.rows_perplexity,
            total=language_modeling.total_masked_perplexity,
            signature=language_modeling.signature_masked,
        ),
    },
    wants=lambda value: None if isinstance(value, Metric) else "is no hf_suite.metrics.Metric",
)

__all__ = ["METRICS", "Metric", "Unit"]
