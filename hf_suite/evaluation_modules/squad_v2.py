"""The official SQuAD 2.0 scores as a module of `evaluate`. Made in hf_suite.metrics."""

import datasets
import evaluate

from hf_suite import evaluation_modules


class SquadV2(evaluate.Metric):
    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        said = {"id": text, "prediction_text": text, "no_answer_probability": datasets.Value("float32")}
        golds = datasets.Sequence({"text": text, "answer_start": datasets.Value("int32")})
        features = datasets.Features({"predictions": said, "references": {"id": text, "answers": golds}})
        return evaluate.MetricInfo(description=__doc__, citation="", features=features)

    def _compute(
        self, predictions: list[object], references: list[object], no_answer_threshold: float = 1.0
    ) -> dict[str, float]:
        return evaluation_modules.squad_v2_scores(predictions, references, threshold=no_answer_threshold)
