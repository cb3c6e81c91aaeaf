"""Results with literal values, for tests of everything that reads them. Holds no test."""

from pathlib import Path
from typing import Any

from hf_suite.record import Result, write_json, write_result

COLA: dict[str, Any] = {
    "name": "cola",
    "kind": "classification",
    "version": 1,
    "source": {"path": "glue", "subset": "cola", "train": "train", "eval": ["validation"]},
    "columns": {"text": "sentence", "label": "label"},
    "labels": ["unacceptable", "acceptable"],
    "metrics": ["matthews_correlation"],
    "headline": "matthews_correlation",
}
STSB: dict[str, Any] = {
    "name": "stsb",
    "kind": "classification",
    "version": 1,
    "source": {"path": "glue", "subset": "stsb", "train": "train", "eval": ["validation"]},
    "columns": {"text": "sentence1", "text_pair": "sentence2", "label": "label"},
    "target": "number",
    "metrics": ["pearson", "spearmanr"],
    "headline": "pearson",
    "suite_score": "mean",
}
MNLI: dict[str, Any] = {
    "name": "mnli",
    "kind": "classification",
    "version": 1,
    "source": {
        "path": "glue",
        "subset": "mnli",
        "train": "train",
        "eval": ["validation_matched", "validation_mismatched"],
    },
    "columns": {"text": "premise", "text_pair": "hypothesis", "label": "label"},
    "labels": ["entailment", "neutral", "contradiction"],
    "metrics": ["accuracy"],
    "headline": "accuracy",
    "suite_score": "mean",
}


def result(
    task: dict[str, Any] = COLA,
    scores: dict[str, dict[str, float | None]] | None = None,
    *,
    seed: int = 0,
    model: str = "minilm",
    config: dict[str, Any] | None = None,
    **over: Any,
) -> Result:
    """A Result of a run on all rows, 1,000 for training and 100 in each eval split, unless told otherwise."""
    splits = task["source"]["eval"]
    scores = scores or {splits[0]: {task["headline"]: 50.0}}
    names = {name for numbers in scores.values() for name in numbers}
    train = task["source"].get("train")
    rows = ({train: 1000} if train else {}) | dict.fromkeys(splits, 100)
    facts: dict[str, Any] = {
        "id": f"{task['name']}-{model}-{seed}",
        "task": task,
        "config": {"task": {"name": task["name"]}, "model": {"id": model}, "seed": seed, **(config or {})},
        "resolved": {},
        "seed": seed,
        "scores": scores,
        "headline": {
            "name": task["headline"],
            "split": splits[0],
            "score": scores[splits[0]].get(task["headline"]),
        },
        "baseline": {split: dict.fromkeys(numbers, 0.0) for split, numbers in scores.items()},
        "units": dict.fromkeys(names, ("percent", "higher")),
        "rows": rows,
        "expected_rows": rows,
        "caveats": [],
        "history": [],
        "fitted": {},
        "signatures": {},
        "lineage": [],
        "model": {
            "id": model,
            "revision": None,
            "sha256": "a" * 64,
            "parameters": 22_000_000,
            "trainable": 98_000,
        },
        "data": {"id": "glue", "revision": None, "sha256": {"train": "b" * 64}},
        "counts": {},
        "seconds": {"load": 1.0, "encode": 2.0, "finetune": 60.0, "evaluate": 4.0},
        "tokens_per_second": 5000.0,
        "peak_memory_bytes": 900_000_000,
        "weights_bytes": 1_200_000,
        "precision": "fp32",
        "device": "cpu",
        "threads": 2,
        "processes": 1,
        "versions": {"hf_suite": "0.1.0", "torch": "2.13.0"},
        "commit": "c" * 40,
        "dirty": False,
        "started": "2026-01-01T00:00:00+00:00",
        "finished": "2026-01-01T00:01:00+00:00",
    }
    return Result(**(facts | over))


def write(bench: Path, found: Result, key: str = "0123456789ab") -> Path:
    """Writes a Result where a bench would: task/model/key/seed-n."""
    folder = bench / found.task["name"] / found.model["id"] / key / f"seed-{found.seed}"
    write_result(folder, found)
    return folder


def fail(folder: Path, reason: str) -> None:
    """Leaves a failed cell in a folder."""
    write_json(folder / "failure.json", {"reason": reason})
