"""Result: what a run found and what made it, and the files it lives in. Knows no model and no torch."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pydantic

from hf_suite import schema
from hf_suite.errors import RunError
from hf_suite.schema import Record

SCHEMA = 1
PROTOCOL = 1
"""Raised whenever the same config on the same data could give another number."""

Scores = dict[str, dict[str, float | None]]


class Headline(Record):
    """The one number that stands for a run."""

    name: str
    split: str
    """Empty where no eval split was at hand; then there is no score."""
    score: float | None
    """In the unit of `units[name]`; null is undefined and never ranked."""


class Result(Record):
    """One run's scores with everything needed to say what they are. `result.json` holds exactly this."""

    schema_version: int = pydantic.Field(SCHEMA, alias="schema")
    id: str
    """sha256 (16 hex digits) of task, config, model, data and seed: the same content has the same id."""
    task: dict[str, Any]
    """The resolved TaskSpec."""
    config: dict[str, Any]
    """The config as written, without output, mirror and processes."""
    resolved: dict[str, Any]
    """The same config with every null and auto replaced by the value that was used."""
    seed: int
    protocol: int = PROTOCOL
    scores: Scores
    """Split -> number -> value; null is undefined. Empty for a run that was only trained, for others to go on from."""
    unleaked: Scores = pydantic.Field(default_factory=dict)
    """The same on the rows whose texts do not stand in train, for splits where others do (`counts`: leaked)."""
    headline: Headline
    baseline: Scores
    """The scores on the same rows of what answers them without a model: the best constant answer, a copied source."""
    bag_of_words: Scores = pydantic.Field(default_factory=dict)
    """The scores on the same rows of logistic regression on TF-IDF, learnt from the same train rows; empty for none."""
    units: dict[str, tuple[str, str | None]]
    """Number -> unit, and higher or lower is better (null: never ranked)."""
    rows: dict[str, int]
    """Rows used of each split (train, tune and each eval split)."""
    expected_rows: dict[str, int | None]
    """Published rows of each split of the task; null where they are not known, or are joined into documents."""
    shots: list[int | str] = pydantic.Field(default_factory=list)
    """Ids of the train rows that stood, answered, before each question, in their order."""
    caveats: list[str]
    """Sentences for all that keeps the number from being the plain one."""
    history: list[dict[str, Any]]
    """One entry an epoch, or an evaluation where `train.eval_every` is set: epoch, step, train_loss and, where rows
    choose, scores; of the weights that are kept also `eval`, the scores of the eval splits."""
    events: list[str] = pydantic.Field(default_factory=list)
    """Sentences for what happened on the way and is no caveat: memory that ran out, an early stop."""
    fitted: dict[str, float]
    signatures: dict[str, str]
    """Metric -> what exactly computed it, where that is not our own code at `commit`."""
    lineage: list[dict[str, Any]]
    """Runs that this one's weights come from, oldest first."""
    model: dict[str, Any]
    """id, revision, sha256, parameters, trainable."""
    data: dict[str, Any]
    """id, revision, sha256 of each split."""
    counts: dict[str, Any]
    """What was noticed on the way: truncated rows, near ties, recoverable gold answers, empty texts."""
    seconds: dict[str, float]
    latency_ms: dict[str, float] = pydantic.Field(default_factory=dict)
    """Features answered at once (1, 32) -> the median milliseconds of such a batch, from tokens to outputs."""
    tokens_per_second: float | None
    """Real (unpadded) train tokens per second of finetuning."""
    peak_memory_bytes: int | None
    """The most that any one process held: on its GPU, else in memory."""
    weights_bytes: int | None
    """Size of the saved weights."""
    precision: str
    device: str
    threads: int
    """Of each process."""
    processes: int
    versions: dict[str, str]
    commit: str | None
    dirty: bool | None
    """Whether tracked files differed from the commit."""
    started: str
    finished: str

    model_config = pydantic.ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, use_attribute_docstrings=True
    )


def write_json(path: Path, data: Any) -> None:
    """Writes JSON by a temporary file and a rename, so that a reader sees the old file or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=1, ensure_ascii=False, allow_nan=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(path: Path) -> None:
    """Makes a file, or the names inside a folder, last through a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(folder: Path) -> None:
    """The same for all files of a folder without folders, and then for itself."""
    for path in folder.iterdir():
        sync(path)
    sync(folder)


def read_json(path: Path) -> Any:
    """The JSON in a file. Raises RunError when it is none."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(
            str(path), f"cannot be read ({error})", "restore it, or run again into another folder"
        ) from error


def write_result(folder: Path, result: Result) -> None:
    """Writes `result.json` into the run folder, last and atomically: where it stands, the run is finished."""
    write_json(folder / "result.json", result.model_dump(mode="json", by_alias=True))


def read_result(path: Path) -> Result:
    """The Result of a run folder or of a `result.json`. Raises RunError, ConfigError."""
    file = path / "result.json" if path.is_dir() else path
    return schema.build(Result, read_json(file), str(file))


def write_answers(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """Writes answers.parquet: columns split, row, evidence, answer, reference; perhaps text, how the row begins, and
    words, the evidence of TF-IDF with logistic regression. All but the first as JSON texts."""
    import pyarrow
    import pyarrow.parquet

    more = (name for name in ("text", "words") if lines and name in lines[0])
    names = ("split", "row", "evidence", "answer", "reference", *more)
    columns = {name: [line[name] if name == "split" else _text(line[name]) for line in lines] for name in names}
    table = pyarrow.table({name: pyarrow.array(values, pyarrow.string()) for name, values in columns.items()})
    temporary = path.with_name(f".{path.name}.tmp")
    pyarrow.parquet.write_table(table, temporary, compression="zstd", write_page_checksum=True)
    sync(temporary)
    temporary.replace(path)
    sync(path.parent)


def write_rows(path: Path, rows: Mapping[str, Sequence[int | str]]) -> None:
    """Writes rows.parquet: which rows of the data are in which part; columns part and row, a row id as JSON text."""
    import pyarrow
    import pyarrow.parquet

    pairs = [(part, _text(row)) for part, ids in rows.items() for row in ids]
    table = pyarrow.table({"part": [part for part, _ in pairs], "row": [row for _, row in pairs]})
    temporary = path.with_name(f".{path.name}.tmp")
    pyarrow.parquet.write_table(table, temporary, compression="zstd")
    temporary.replace(path)


def read_rows(path: Path) -> dict[str, list[int | str]]:
    """What write_rows wrote. Raises RunError where it cannot be read."""
    import pyarrow
    import pyarrow.parquet

    try:
        lines = pyarrow.parquet.read_table(path).to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        raise RunError(
            str(path), f"cannot be read ({error})", "restore it, or run again into another folder"
        ) from error
    found: dict[str, list[int | str]] = {}
    for line in lines:
        found.setdefault(line["part"], []).append(json.loads(line["row"]))
    return found


def read_answers(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of answers.parquet, values as they were written."""
    import pyarrow.parquet

    for line in pyarrow.parquet.read_table(path, page_checksum_verification=True).to_pylist():
        yield {name: value if name == "split" else json.loads(value) for name, value in line.items()}


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
