"""The rule of the mean against published rows: inputs and averages as their papers and pages print them."""

import pytest

from hf_suite.report.mean import suite_means, task_score
from hf_suite.spec import TaskSpec

GLUE = ("cola", "sst2", "mrpc", "stsb", "qqp", "mnli", "qnli", "rte", "wnli")
METRICS = {
    "cola": ["matthews_correlation"],
    "mrpc": ["accuracy", "f1"],
    "qqp": ["accuracy", "f1"],
    "stsb": ["pearson", "spearmanr"],
}
MM = ("validation_matched", "validation_mismatched")


def spec(task: str) -> TaskSpec:
    metrics = METRICS.get(task, ["accuracy"])
    return TaskSpec.model_validate(
        {
            "name": task,
            "kind": "classification",
            "version": 1,
            "source": {"path": "glue", "subset": task, "eval": MM if task == "mnli" else ["validation"]},
            "columns": {"text": "sentence", "label": "label"},
            "metrics": metrics,
            "headline": metrics[0],
            "suite_score": "mean",
        }
    )


def scores(task: str, printed: str) -> dict[str, dict[str, float]]:
    """One printed cell: for MNLI matched/mismatched, else the task's metrics in the order of METRICS."""
    values = [float(value) for value in printed.split("/")]
    if task == "mnli":
        return {split: {"accuracy": value} for split, value in zip(MM, values, strict=False)}
    return {"validation": dict(zip(METRICS.get(task, ["accuracy"]), values, strict=False))}


# Columns as in GLUE; accuracy and F1 of MRPC and QQP, Pearson and Spearman of STS-B, matched and mismatched
# MNLI are parted by a slash where both are printed. Sources: google-research/bert README (test sets),
# transformers' distillation README, fairseq's RoBERTa README, LoRA (arXiv 2106.09685) Table 2, AdaLoRA (arXiv
# 2303.10512) Table 1.
PUBLISHED = {
    "BERT-Tiny": (64.2, "0.0 83.2 71.1/81.1 74.3/73.6 83.4/62.2 70.2/70.3 81.5 57.2 62.3"),
    "BERT-Mini": (65.8, "0.0 85.9 71.8/81.1 75.4/73.3 86.2/66.4 74.8/74.3 84.1 57.9 62.3"),
    "BERT-Small": (71.2, "27.8 89.7 76.2/83.4 78.8/77.0 87.0/68.1 77.6/77.0 86.4 61.8 62.3"),
    "BERT-Medium": (73.5, "38.0 89.6 81.6/86.6 80.4/78.4 87.9/69.6 80.0/79.1 87.7 62.2 62.3"),
    "bert-base-uncased": (79.5, "56.3 92.7 88.6 89.0 89.6 84.7 91.8 69.3 53.5"),
    "distilbert-base-uncased": (77.0, "51.3 91.3 87.5 86.9 88.5 82.1 89.2 59.9 56.3"),
    "roberta-base LoRA": (87.2, "63.4 95.1 89.7 91.5 90.8 87.5 93.3 86.6"),
    "roberta-large LoRA": (89.0, "68.2 96.2 90.9 92.6 91.6 90.6 94.9 87.4"),
    "roberta-base full": (86.4, "63.6 94.8 90.2 91.2 91.9 87.6 92.8 78.7"),
    "DeBERTaV3-base full": (88.09, "69.19 95.63 89.46 91.60 92.40/89.80 89.90/90.12 94.03 83.75"),
    "DeBERTaV3-base LoRA r=8": (88.34, "69.82 94.95 89.95 91.60 91.99/89.38 90.65/90.69 93.87 85.20"),
    "DeBERTaV3-base AdaLoRA 1.27M": (89.31, "71.45 96.10 90.69 91.84 92.23/89.74 90.76/90.79 94.55 88.09"),
    "DeBERTaV3-base LoRA r=2": (88.15, "68.71 94.95 89.71 91.68 91.61/88.91 90.30/90.38 94.03 85.56"),
    "DeBERTaV3-base AdaLoRA .32M": (88.86, "70.04 95.80 90.44 91.63 91.78/89.16 90.66/90.70 94.49 87.36"),
}


@pytest.mark.parametrize("model", PUBLISHED)
def test_glue_rule_gives_the_published_average(model):
    average, row = PUBLISHED[model]
    cells = dict(zip(GLUE, row.split(), strict=False))
    own = {task: task_score(spec(task), scores(task, printed)) for task, printed in cells.items()}

    (mean, *_) = suite_means("glue", own, GLUE)

    assert mean.value == pytest.approx(average, abs=0.06)
    assert mean.name == f"by GLUE's rule, with{'' if 'wnli' in cells else 'out'} WNLI"


def test_a_suite_with_wnli_has_two_means():
    own = {"cola": 40.0, "rte": 60.0, "wnli": 56.0}

    means = suite_means("glue", own, ["cola", "rte", "wnli"])

    assert [(mean.name, mean.value) for mean in means] == [
        ("by GLUE's rule, with WNLI", 52.0),
        ("by GLUE's rule, without WNLI", 50.0),
    ]


def test_ax_does_not_count_in_glue_and_is_not_missed():
    (mean,) = suite_means("glue", {"cola": 40.0, "rte": 60.0, "ax": 10.0}, ["cola", "rte", "ax"])

    assert (mean.value, mean.tasks, mean.missing) == (50.0, ("cola", "rte"), ())


def test_every_task_counts_in_the_mean_of_the_headlines():
    (mean,) = suite_means("tasks", {"cola": 40.0, "rte": 60.0, "ax": 20.0}, ["cola", "rte", "ax", "sst2"])

    assert (mean.value, mean.tasks, mean.missing) == (40.0, ("cola", "rte", "ax"), ("sst2",))


def test_an_undefined_task_makes_the_mean_undefined():
    (mean,) = suite_means("glue", {"cola": 40.0, "stsb": None}, ["cola", "stsb"])

    assert (mean.value, mean.undefined) == (None, ("stsb",))


def test_a_task_that_is_not_averaged_gives_its_headline():
    one = spec("mrpc").model_copy(update={"suite_score": "headline"})

    assert task_score(one, {"validation": {"accuracy": 70.0, "f1": 80.0}}) == 70.0


def test_an_undefined_metric_makes_its_task_undefined():
    assert task_score(spec("stsb"), {"validation": {"pearson": None, "spearmanr": 80.0}}) is None
