"""suspect(): a run or bench folder -> a report of labels that look wrong in the rows that its models had not learnt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy

from hf_suite import record
from hf_suite import spec as specs
from hf_suite.doctor import Finding, Report, Skipped, mislabelled
from hf_suite.doctor.findings import SHOWN, Bounds, Place, share
from hf_suite.doctor.minhash import Numbers
from hf_suite.errors import ConfigError, RunError
from hf_suite.kinds.calibration import HEAT, probabilities
from hf_suite.record import Result
from hf_suite.spec import TaskSpec

_BOUNDS = Bounds(0.01)


@dataclass
class _Row:
    """A row that was held out: its label, and each label's probability by whoever had not learnt it."""

    label: str
    by_models: list[dict[str, float]] = field(default_factory=list)
    by_words: list[dict[str, float]] = field(default_factory=list)
    """By TF-IDF with logistic regression, learnt from the same rows; empty where its run has none."""


_Held = dict[tuple[str, int | str], _Row]
"""By split and row."""


def holds_runs(word: str) -> bool:
    """Whether a word names the folder of a finished run, or of a bench."""
    folder = Path(word)
    marks = (folder / "result.json", folder / "bench.json", folder.parent / "bench.json")  # the last: of one task
    return folder.is_dir() and any(mark.is_file() for mark in marks)


def suspect(folder: Path) -> Report:
    """Labels that look wrong: of all rows where folds held each out once, else of the rows to score alone.

    Of a bench with several models or configs it takes the one that scored best. Raises RunError, ConfigError.
    """
    runs = _best(folder)
    results = [record.read_result(run) for run in runs]
    spec = specs.of(results[0].task)
    if spec.kind != "classification" or spec.target != "label" or spec.labels is None:
        finding = f"its task {spec.name} has no one label a row"
        raise ConfigError(str(folder), finding, "give a run of a classification with one label a row")
    held = _held(runs, results, spec)
    found, given = _found(held, spec.labels)
    suspects = mislabelled.suspects(list(held), found, given, spec.labels)
    whole = _folds(results) is not None and len({_fold(result) for result in results}) == _folds(results)
    return Report(
        data=str(folder),
        task=spec.name,
        kind=spec.kind,
        splits={},
        findings=(_finding(suspects, len(held)),),
        skipped=() if whole else (Skipped("mislabelled.trained", _part(results)),),
        notes=(_said(results, held, whole),),
        suspects=tuple(suspects),
    )


def ranking(folder: Path) -> list[tuple[str, int | str]]:
    """Every held-out row (split, row) of a run or bench, the one whose label looks most wrong first."""
    runs = _best(folder)
    results = [record.read_result(run) for run in runs]
    spec = specs.of(results[0].task)
    held = _held(runs, results, spec)
    places = list(held)
    return [places[row] for row in mislabelled.ranked(*_found(held, spec.labels or ())).tolist()]


def _found(held: _Held, labels: Sequence[str]) -> tuple[Numbers, Numbers]:
    """Probabilities (rows, labels) and the labels given, by number.

    They are the mean of what the models found, pooled with what the words alone say: the two seldom err alike.
    """

    def mean(found: Sequence[dict[str, float]]) -> list[float]:
        return [sum(one.get(label, 0.0) for one in found) / len(found) for label in labels]

    given = numpy.array([labels.index(row.label) for row in held.values()])
    found = numpy.array([mean(row.by_models) for row in held.values()])
    if _words(held):
        found = mislabelled.pooled(found, numpy.array([mean(row.by_words) for row in held.values()]), given)
    return found, given


def _words(held: _Held) -> bool:
    """Whether the words were asked about all rows."""
    return all(row.by_words for row in held.values())


def _finding(suspects: Sequence[mislabelled.Suspect], of: int) -> Finding:
    severity = _BOUNDS.severity(len(suspects), of)
    rows = tuple(Place(one.split, one.row) for one in suspects[:SHOWN])
    sentence = f"{share(len(suspects), of)} have a label that looks wrong" if suspects else "no label looks wrong"
    remedy = "read these rows, the surest first, and mend their labels in the file" if severity != "ok" else ""
    return Finding("mislabelled.labels", severity, sentence, len(suspects), of, rows, str(_BOUNDS), remedy)


def _best(folder: Path) -> list[Path]:
    """The runs of one model and config: of a bench those whose headline is best in the mean, over seeds and folds."""
    if (folder / "result.json").is_file():
        return [folder]
    groups: dict[Path, list[Path]] = {}
    for path in sorted(folder.rglob("result.json")):
        if (path.parent / "answers.parquet").is_file():
            groups.setdefault(path.parent.parent, []).append(path.parent)
    if not groups:
        raise RunError(str(folder), "holds no finished run with answers", "give a run or a bench that is done")
    tasks = sorted({record.read_result(runs[0]).task["name"] for runs in groups.values()})
    if len(tasks) > 1:
        raise ConfigError(
            str(folder), f"is a bench of {', '.join(tasks)}", f"name the runs of one: {folder / tasks[0]}"
        )
    return max(groups.values(), key=_headline)


def _headline(runs: Sequence[Path]) -> float:
    scores = [record.read_result(run).headline.score for run in runs]
    return sum(score for score in scores if score is not None) / len(scores)


def _held(runs: Sequence[Path], results: Sequence[Result], spec: TaskSpec) -> _Held:
    lacking = next((run for run in runs if not (run / "answers.parquet").is_file()), None)
    if lacking is not None:
        raise RunError(str(lacking), "has no answers.parquet", "score it again by hf-suite eval")
    held: _Held = {}
    for run, result in zip(runs, results, strict=True):
        of = (result.resolved.get("split") or {}).get("of")
        lines = (line for line in record.read_answers(run / "answers.parquet") if _tells(line, spec))
        for line in lines:
            place = (line["split"] if line["split"] != "eval" else of or "eval", line["row"])
            row = held.setdefault(place, _Row(line["reference"]))
            row.by_models.append(probabilities(line["evidence"], spec, result.fitted.get(HEAT, 1.0)))
            row.by_words += [probabilities(line["words"], spec)] if "words" in line else []
    if not held:
        remedy = "give a run with a head over labels"
        raise RunError(str(runs[0]), "its answers tell no label's probability", remedy)
    return held


def _tells(line: Mapping[str, Any], spec: TaskSpec) -> bool:
    return "scores" in line["evidence"] and line["reference"] in (spec.labels or ())


def _folds(results: Sequence[Result]) -> int | None:
    folds: int | None = (results[0].resolved.get("split") or {}).get("folds")
    return folds


def _fold(result: Result) -> int | None:
    fold: int | None = (result.resolved.get("split") or {}).get("fold")
    return fold


def _said(results: Sequence[Result], held: _Held, whole: bool) -> str:
    model, rows = results[0].model["id"], len(held)
    scores = [result.headline.score for result in results if result.headline.score is not None]
    headline = f"{results[0].headline.name} {sum(scores) / len(scores):.2f}" if scores else "no score"
    times = max(len(row.by_models) for row in held.values())
    which = (
        f"all {rows:,} rows, each held out by one of {_folds(results)} folds" if whole else f"{rows:,} held-out rows"
    )
    which += f", each asked of {times} runs" if times > 1 else ""
    words = " and of TF-IDF with logistic regression" if _words(held) else ""
    return f"evidence of {model} ({headline}){words} on {which}"


def _part(results: Sequence[Result]) -> str:
    trained = results[0].rows.get("train")
    many = f"the {trained:,} rows that were trained on" if trained is not None else "rows that are not scored"
    return f"{many}; hf-suite bench --data DATA split.folds=5 holds each row out once"
