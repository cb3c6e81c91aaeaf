"""Answers and references -> scores, once proven to be of the same rows. Loads no model and no data."""

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hf_suite import schema
from hf_suite.errors import ConfigError, ScoreError
from hf_suite.kinds import KINDS, Evidence, Row
from hf_suite.metrics import METRICS, Unit
from hf_suite.metrics.base import Answers, References, RowId
from hf_suite.spec import TaskSpec

Scores = dict[str, float | None]

NEAR = 1e-5
"""Decisions closer than this may turn with the batch size or the machine."""


def score(
    spec: TaskSpec,
    answers: Answers,
    references: References,
    *,
    evidence: Mapping[Any, Evidence] | None = None,
    metrics: Iterable[str] | None = None,
    place: str | None = None,
) -> Scores:
    """The numbers of the task's metrics (of METRICS; `evaluate:` ones are interop's), None where undefined.

    `metrics` takes others instead; `place` is what an error names, the task's name when not given. Raises
    ScoreError unless answers and references have exactly the same rows and every row has a reference;
    ConfigError for a metric that does not exist or does not fit the task.
    """
    same_rows(answers, references, place=place or spec.name)
    bare = [row for row, reference in references.items() if reference is None]
    if bare:
        finding = f"{len(bare):,} of {len(references):,} rows have no reference ({_three(bare)})"
        raise ScoreError(place or spec.name, finding, "score a split with labels, or set drop_unlabelled: true")
    ordered = {row: answers[row] for row in references}
    scores: Scores = {}
    for name in _own(spec, metrics):
        scores |= METRICS[name].score(ordered, references, spec, evidence=evidence)
    return scores


def same_rows(answers: Answers, references: References, *, place: str) -> None:
    """Refuses answers that are not of exactly the references' rows: the count and three ids of each sort."""
    missing = [row for row in references if row not in answers]
    unknown = [row for row in answers if row not in references]
    findings = []
    if missing:
        findings.append(f"{len(missing):,} of {len(references):,} rows without an answer ({_three(missing)})")
    if unknown:
        findings.append(f"{len(unknown):,} unknown row ids ({_three(unknown)})")
    if findings:
        raise ScoreError(place, ", ".join(findings), "give one answer for each row of the split that is scored")
    if not references:
        raise ScoreError(place, "no rows", "there is nothing to score")


def units(spec: TaskSpec) -> dict[str, Unit]:
    """The unit of each number that the task's METRICS may give. Raises ConfigError where two share a name."""
    found: dict[str, Unit] = {}
    for name in _own(spec, None):
        twice = found.keys() & METRICS[name].units.keys()
        if twice:
            raise ConfigError(f"{spec.name}.metrics", f"two give {min(twice)!r}", f"take out {name} or the other")
        found |= METRICS[name].units
    return found


def giving(spec: TaskSpec, number: str) -> list[str]:
    """Those of the task's METRICS that give a number: one, or none."""
    return [name for name in _own(spec, None) if number in METRICS[name].units]


def baseline(spec: TaskSpec, rows: Iterable[Row], references: References) -> Scores:
    """The scores on the same rows of what answers them without a model: the best constant, a copied source."""
    names = [name for name in _own(spec, None) if not METRICS[name].needs_evidence]
    return score(spec, KINDS[spec.kind].baseline(rows, references, spec), references, metrics=names)


def signatures(
    spec: TaskSpec, answers: Answers, references: References, *, evidence: Mapping[Any, Evidence] | None = None
) -> dict[str, str]:
    """Metric -> what exactly made its numbers, for those of the task's METRICS that have a choice."""
    found = {name: METRICS[name].signature for name in _own(spec, None)}
    ordered = {row: answers[row] for row in references}
    return {
        name: signature(ordered, references, spec, evidence=evidence)
        for name, signature in found.items()
        if signature is not None
    }


def near_ties(spec: TaskSpec, evidence: Mapping[Any, Evidence], fitted: Mapping[str, float]) -> int:
    """How many rows were decided by less than NEAR, so that another machine may decide otherwise."""
    margins = (KINDS[spec.kind].margin(found, fitted, spec) for found in evidence.values())
    return sum(margin is not None and abs(margin) < NEAR for margin in margins)


def read_predictions(path: Path, spec: TaskSpec) -> dict[RowId, Any]:
    """The answers in a file, by row id as it stands there (in JSON and CSV always a text).

    `.json` is an object {row id: answer}, as SQuAD's scripts read it. `.jsonl` has an object a line and
    `.csv` a header, with `row`, `answer` and, for question answering, `no_answer` if wanted: how surely there
    is none. `.txt` has an answer a line, in the order of the rows. Raises ScoreError with the line.
    """
    if path.suffix not in _READERS:
        raise ScoreError(path.name, f"cannot tell its format from {path.suffix!r}", f"name it {', '.join(_READERS)}")
    if path.suffix == ".txt" and "id" in spec.columns:
        finding = f"lines without row ids, and the rows of {spec.name} have ids"
        raise ScoreError(path.name, finding, f"write {_EXAMPLE} a line and name it .jsonl")
    try:
        text = path.read_bytes().decode("utf-8-sig")  # to the letter: an answer may hold breaks of other systems
    except (OSError, UnicodeDecodeError) as error:
        raise ScoreError(str(path), f"cannot be read ({error})", "give a predictions file in UTF-8") from error
    answers: dict[RowId, Any] = {}
    seen: set[str] = set()
    for place, fields in _READERS[path.suffix](text, path.name):
        row = fields["row"]
        if not isinstance(row, str | int) or isinstance(row, bool):
            raise ScoreError(place, f"row id {row!r}", "write it as a text or a whole number")
        if str(row) in seen:
            raise ScoreError(place, f"row {str(row)!r} stands twice", "keep one answer for each row")
        seen.add(str(row))
        answers[row] = _answer(fields, spec, place)
    return answers


def matched(answers: Answers, references: References) -> dict[RowId, Any]:
    """The answers under the references' own ids: a file has the text `7` where the row is the number 7."""
    own = {str(row): row for row in references}
    return {own.get(str(row), row): answer for row, answer in answers.items()}


Lines = Iterator[tuple[str, dict[str, Any]]]
"""A place for errors, and the fields row, answer and maybe no_answer."""


def _json(text: str, name: str) -> Lines:
    try:
        pairs = json.loads(text, object_pairs_hook=tuple)  # tuples, for a mapping would swallow what stands twice
    except ValueError as error:
        raise ScoreError(name, f"is no JSON ({error})", "write {row id: answer}, or name it .jsonl") from error
    if not isinstance(pairs, tuple):
        raise ScoreError(name, "holds no object", "write {row id: answer}")
    for row, answer in pairs:
        yield f"{name} row {row}", {"row": row, "answer": _plain(answer)}


def _plain(value: Any) -> Any:
    """JSON whose objects were read as tuples of pairs, with its objects."""
    if isinstance(value, tuple):
        return {key: _plain(inner) for key, inner in value}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _jsonl(text: str, name: str) -> Lines:
    for number, line in enumerate(text.split("\n"), 1):
        place = f"{name} line {number}"
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except ValueError as error:
            raise ScoreError(place, f"is no JSON ({error})", f"write {_EXAMPLE}") from error
        if not isinstance(fields, dict):
            raise ScoreError(place, "holds no object", f"write {_EXAMPLE}")
        _check_columns(fields, place)
        yield place, fields


def _txt(text: str, name: str) -> Lines:
    lines = text.removesuffix("\n").split("\n") if text else []  # other breaks may stand inside an answer
    for row, line in enumerate(lines):
        yield f"{name} line {row + 1}", {"row": row, "answer": line.removesuffix("\r")}


def _csv(text: str, name: str) -> Lines:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        _check_columns(header, f"{name} line 1")
        for values in filter(None, reader):
            place = f"{name} line {reader.line_num}"
            yield place, _under(header, values, place)
    except csv.Error as error:
        raise ScoreError(f"{name} line {reader.line_num}", f"is no CSV ({error})", "mend its quotes") from error


def _under(header: Sequence[str], values: Sequence[str], place: str) -> dict[str, str]:
    if len(values) != len(header):
        raise ScoreError(place, f"{len(values)} values under {len(header)} columns", "quote commas in answers")
    return dict(zip(header, values, strict=True))


_READERS: dict[str, Callable[[str, str], Lines]] = {".json": _json, ".jsonl": _jsonl, ".csv": _csv, ".txt": _txt}
_EXAMPLE = '{"row": "id", "answer": "text"}'


def _check_columns(names: Iterable[str], place: str) -> None:
    listed = list(names)
    if not {"row", "answer"} <= set(listed) <= {"row", "answer", "no_answer"} or len(set(listed)) < len(listed):
        found = ", ".join(listed) or "none"
        raise ScoreError(place, f"columns are {found}", "name them row, answer and, if wanted, no_answer")


def _answer(fields: Mapping[str, Any], spec: TaskSpec, place: str) -> Any:
    try:
        answer = KINDS[spec.kind].parse(fields["answer"], spec)
    except ScoreError as error:
        raise ScoreError(place, error.finding, error.remedy) from error
    value = fields.get("no_answer")
    if value is None or value == "":
        return answer
    if not isinstance(answer, dict):
        raise ScoreError(place, f"no_answer in a task of kind {spec.kind}", "take the column out")
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ScoreError(place, f"no_answer is {value!r}", "write a finite number")
    return {**answer, "no_answer": number}


def _own(spec: TaskSpec, metrics: Iterable[str] | None) -> list[str]:
    names = list(metrics) if metrics is not None else [name for name in spec.metric_names() if ":" not in name]
    for name in names:
        if name not in METRICS:
            hint = schema.nearest(name, METRICS)
            raise ConfigError(f"{spec.name}.metrics", f"no metric {name!r}", f"{hint}there are: {', '.join(METRICS)}")
    return names


def _three(rows: Iterable[Any]) -> str:
    return ", ".join(str(row) for row in list(rows)[:3])
