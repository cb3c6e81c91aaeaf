"""A user's own modules of `evaluate` as metrics of a task. The only door to `evaluate`; knows no model."""

import hashlib
import inspect
import logging
import math
import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple

from hf_suite.errors import ConfigError, ScoreError
from hf_suite.metrics.base import Answers, References, RowId
from hf_suite.scoring import same_rows
from hf_suite.spec import TaskSpec

log = logging.getLogger(__name__)

Scores = dict[str, float | None]

_FILE = re.compile(r"evaluate:(?P<file>[^@]+\.py)(?:/(?P<config>[^/]+))?")
_ID = re.compile(r"evaluate:(?P<id>[\w.-]+(?:/[\w.-]+)?)@(?P<commit>[0-9a-f]{40})(?:/(?P<config>[^/]+))?")


_UNSTATED = "unstated"


class _Name(NamedTuple):
    """The parts of a metric's name."""

    file: str | None
    id: str | None
    commit: str | None
    config: str | None


def check(name: str, *, allow_code: bool) -> None:
    """Refuses what can be refused before any work: the name, no consent, no file. Raises ConfigError."""
    parts = _parsed(name)
    if not allow_code:
        raise ConfigError(name, "runs code of its own", "say --allow-code if you trust it")
    if parts.file is not None and not Path(parts.file).is_file():
        raise ConfigError(name, f"no file {parts.file!r} here", "give the path of a module of evaluate")


def compute(
    name: str,
    spec: TaskSpec,
    answers: Answers,
    references: References,
    *,
    run_id: str,
    allow_code: bool = False,
    taken: Collection[str] = (),
) -> tuple[Scores, str]:
    """The numbers of `evaluate:FILE.py[/config]` or `evaluate:ID@COMMIT[/config]`, and what computed them.

    Labels go in as their positions in the task's list where the module asks for integers, as names where it
    asks for strings. A number whose name is among `taken` gets the module's before it; what is no number is
    left out. It works in memory, under `run_id`; what it raises itself passes through. Raises ConfigError
    as `check`, ScoreError where it cannot be loaded or takes the answers only with a loss.
    """
    check(name, allow_code=allow_code)
    same_rows(answers, references, place=name)
    parts = _parsed(name)
    module = _load(name, parts, run_id)
    options = module.features if isinstance(module.features, list) else [module.features]
    ordered = {row: answers[row] for row in references}
    features, inputs = _handed_over(name, options, {"predictions": ordered, "references": references}, spec)
    module.info.features = features  # of several, evaluate would choose by the first row and cast the others to it
    return _numbers(name, parts, module.compute(**inputs), taken), _signature(module, parts)


def add(
    spec: TaskSpec,
    answers: Mapping[str, Answers],
    references: Mapping[str, References],
    scores: Mapping[str, dict[str, float | None]],
    units: dict[str, tuple[str, Any]],
) -> dict[str, str]:
    """Computes every `evaluate:` metric of the task, its code being trusted, and gives their signatures.

    All mappings but `units` are by split. The numbers go into `scores`, and into `units` what the task declares
    for them; undeclared ones are never ranked. Raises as compute.
    """
    signatures = {}
    for use in spec.metrics:
        name, unit = (use, None) if isinstance(use, str) else (use.name, (use.unit or _UNSTATED, use.better))
        if not name.startswith("evaluate:"):
            continue
        taken = set(units)
        for split, given in scores.items():
            run_id = uuid.uuid4().hex  # two live modules of one id would wait for each other's lock
            found, signatures[name] = compute(
                name, spec, answers[split], references[split], run_id=run_id, allow_code=True, taken=taken
            )
            given.update(found)
            units.update(dict.fromkeys(found, unit or (_UNSTATED, None)))
    return signatures


def _parsed(name: str) -> _Name:
    found = _FILE.fullmatch(name) or _ID.fullmatch(name)
    if found is None:
        remedy = "write evaluate:FILE.py or evaluate:ID@COMMIT (40 digits), then /CONFIG if it has any"
        raise ConfigError(name, "is no module of evaluate", remedy)
    return _Name(*(found.groupdict().get(field) for field in _Name._fields))


def _load(name: str, parts: _Name, run_id: str) -> Any:
    path = Path(parts.file) if parts.file is not None else _fetched(name, parts)
    import evaluate

    try:
        return evaluate.load(str(path.absolute()), parts.config, keep_in_memory=True, experiment_id=run_id)
    except ImportError as error:
        raise ScoreError(name, f"cannot be imported ({error})", "install what it needs") from error


def _fetched(name: str, parts: _Name) -> Path:
    """The module's file at exactly its commit, from the hub's cache or from the hub.

    evaluate's own `revision` would not do: where the hub does not answer it takes the version it loaded last.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    identity = str(parts.id)
    wanted = {
        "repo_id": identity if "/" in identity else f"evaluate-metric/{identity}",
        "repo_type": "space",
        "revision": parts.commit,
        "allow_patterns": "*.py",
    }
    file = f"{identity.rpartition('/')[2]}.py"
    try:
        folder = Path(snapshot_download(**wanted, local_files_only=True))
    except LocalEntryNotFoundError:
        log.info("%s: asking the hub", name)
        folder = _downloaded(name, wanted)
    if not (folder / file).is_file():
        raise ScoreError(name, f"has no file {file} at that commit", "give the id of a module of evaluate")
    return folder / file


def _downloaded(name: str, wanted: Mapping[str, Any]) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(**wanted))
    except (LocalEntryNotFoundError, HfHubHTTPError) as error:
        finding = f"is neither in the hub's cache nor to be had from the hub ({type(error).__name__})"
        raise ScoreError(name, finding, "fetch it once with a network, or give a file") from error


Column = Mapping[RowId, Any]


def _handed_over(
    name: str, options: Sequence[Mapping[str, Any]], columns: Mapping[str, Column], spec: TaskSpec
) -> tuple[Mapping[str, Any], dict[str, list[Any]]]:
    """The first of the module's input formats that takes every row without loss, and the inputs in it."""
    refusals = []
    for features in options:
        if features.keys() != columns.keys():
            asked = ", ".join(sorted(features))
            raise ScoreError(name, f"it asks for {asked}", "a metric of a task gets predictions and references")
        try:
            return features, {side: _column(features[side], columns[side], spec, side) for side in columns}
        except _CastError as error:
            refusals.append(str(error))
    raise ScoreError(name, refusals[0], "give a module whose features fit the task's answers")


class _CastError(Exception):
    """A format that cannot hold what is handed over."""


def _column(feature: Any, column: Column, spec: TaskSpec, side: str) -> list[Any]:
    if isinstance(feature, Mapping):
        return [_record(feature, row, value, side) for row, value in column.items()]
    listed = hasattr(feature, "feature")
    dtype = str(getattr(feature.feature if listed else feature, "dtype", "a nested list"))
    convert = _list if listed else _scalar
    values = {row: convert(value, dtype, spec) for row, value in column.items()}
    bad = [row for row, value in values.items() if value is None]
    if bad:
        named = ", ".join(str(row) for row in bad[:3])
        raise _CastError(f"{len(bad):,} of {len(column):,} {side} cannot be {dtype} without loss ({named})")
    return list(values.values())


def _list(value: Any, dtype: str, spec: TaskSpec) -> list[Any] | None:
    """The values as the module's type, one alone as a list of one; None where that would lose something."""
    values = [_scalar(one, dtype, spec) for one in (value if isinstance(value, list) else [value])]
    return None if None in values else values


def _scalar(value: Any, dtype: str, spec: TaskSpec) -> Any:
    """The value (the one of a list, the text of an answer) as the module's type; None where that loses something."""
    value = value[0] if isinstance(value, list) and len(value) == 1 else value
    value = value.get("text") if isinstance(value, Mapping) else value
    if dtype in {"string", "large_string"}:
        return value if isinstance(value, str) else None
    labels = spec.labels or ()
    if isinstance(value, str):
        return labels.index(value) if dtype.startswith(("int", "uint")) and value in labels else None
    if not isinstance(value, int | float):
        return None
    if dtype.startswith(("int", "uint")):
        return int(value) if float(value).is_integer() else None
    return float(value) if dtype.startswith("float") else None


def _record(feature: Mapping[str, Any], row: RowId, value: Any, side: str) -> dict[str, Any]:
    """A row in SQuAD's own form, with the keys that the module asks for."""
    known: dict[str, Any] = {"id": str(row)}
    if isinstance(value, Mapping) and "text" in value:
        # A difference of two scores as a probability; where none is known every text is meant to be said.
        odds = value["no_answer"]
        known["no_answer_probability"] = 0.0 if odds is None else 1 / (1 + math.exp(-max(min(odds, 700.0), -700.0)))
        known["prediction_text"] = value["text"]
    if isinstance(value, list):
        known["answers"] = {"text": value, "answer_start": [-1] * len(value)}
    if not feature.keys() <= known.keys():
        raise _CastError(f"{side} are asked for with {', '.join(sorted(feature.keys() - known.keys()))}")
    return {key: known[key] for key in feature}


def _numbers(name: str, parts: _Name, result: Any, taken: Collection[str]) -> Scores:
    given = result if isinstance(result, Mapping) else {}
    scores = {str(key): float(value) for key, value in given.items() if isinstance(value, Real)}
    if not scores:
        raise ScoreError(name, "it gave no number", "its compute must return a mapping of names to numbers")
    left_out = [str(key) for key in given if str(key) not in scores]
    if left_out:
        log.warning("%s: %s left out, being no single number", name, ", ".join(left_out))
    stem = Path(parts.file or str(parts.id)).stem
    renamed = {f"{stem}_{key}" if key in taken else key: value for key, value in scores.items()}
    return {key: value if math.isfinite(value) else None for key, value in renamed.items()}


def _signature(module: Any, parts: _Name) -> str:
    """The sha256 of each of the module's files, with commit, config and evaluate's version."""
    import evaluate

    folder = Path(inspect.getfile(type(module))).parent  # evaluate's copy: the file and what it imports beside it
    files = [file for file in sorted(folder.glob("*.py")) if file.name != "__init__.py"]
    said = [f"{file.name}:{hashlib.sha256(file.read_bytes()).hexdigest()}" for file in files]
    said += [f"commit:{parts.commit}"] if parts.commit is not None else []
    said += [f"config:{parts.config}"] if parts.config is not None else []
    return "|".join([*said, f"evaluate:{evaluate.__version__}"])
