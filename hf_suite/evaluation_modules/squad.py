"""The official SQuAD 1.1 scores as a module of `evaluate`. Made in hf_suite.metrics."""

import datasets
import evaluate

from hf_suite import evaluation_modules


class Squad(evaluate.Metric):
    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        said = {"id": text, "prediction_text": text}
        golds = datasets.Sequence({"text": text, "answer_start": datasets.Value("int32")})
        features = datasets.Features({"predictions": said, "references": {"id": text, "answers": golds}})
        return evaluate.MetricInfo(description=__doc__, citation="", features=features)

    def _compute(self, predictions: list[object], references: list[object]) -> dict[str, float]:
        return evaluation_modules.squad_scores(predictions, references)
