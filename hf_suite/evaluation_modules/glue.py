"""GLUE's scores as a module of `evaluate`, a config for each task. Made in hf_suite.metrics."""

import datasets
import evaluate

from hf_suite import evaluation_modules


class Glue(evaluate.Metric):
    def _info(self) -> evaluate.MetricInfo:
        evaluation_modules.check_config(self.config_name)
        value = datasets.Value("float32" if self.config_name == "stsb" else "int64")
        features = datasets.Features({"predictions": value, "references": value})
        return evaluate.MetricInfo(description=__doc__, citation="", features=features, format="numpy")

    def _compute(self, predictions: list[object], references: list[object]) -> dict[str, float]:
        return evaluation_modules.glue_scores(self.config_name, predictions, references)
