"""TaskSpec: what is scored, as facts. Checks a file's form only; whether kind and metrics exist is kinds.check's."""

import ast
import json
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from hf_suite import schema, shipped
from hf_suite.schema import Record


def _forty_hex(value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[0-9a-f]{40}", value):
        raise ValueError(f"{value!r} is not a commit; write its 40 hexadecimal digits in quotes, or null")
    return value


Revision = Annotated[str | None, AfterValidator(_forty_hex)]


def _several(value: Any) -> Any:
    """One word is short for a list of it."""
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_several)]


class Source(Record):
    """Where a task's rows come from."""

    path: str
    """The dataset's id on the hub (`nyu-mll/glue`), a folder of that name in a mirror; of own files their name."""
    subset: str | None = None
    """The dataset's configuration (`sst2`); null takes its only one."""
    files: dict[str, Words] = Field(default_factory=dict)
    """For rows of your own: split -> a file, folder, pattern or URL, or several; no mirror or hub is asked for it."""
    revision: Revision = None
    """A 40-hex commit; null means unpinned, which the Result says."""
    train: str | None = None
    """The split to train on; null where there is none."""
    eval: tuple[str, ...] = ()
    """The splits that are scored, each by itself."""
    test: str | None = None
    """A split without labels, kept for submissions."""
    rows: dict[str, int | None] = Field(default_factory=dict)
    """The published number of rows of each split, before anything is dropped; null where it has not been read."""

    @property
    def id(self) -> str:
        """`nyu-mll/glue/sst2`, or what own files are called."""
        return f"{self.path}/{self.subset}" if self.subset is not None else self.path


class Scale(Record):
    """The train labels' mean and standard deviation: a number is learnt as (label - mean) / sd."""

    mean: float
    sd: float


class MetricUse(Record):
    """A metric of the user's own, with how to read it."""

    name: str
    """A key of METRICS, or `evaluate:FILE.py[/config]`, or `evaluate:ID@COMMIT[/config]`."""
    unit: str | None = None
    """What its numbers are (percent, ratio, nats, ...); null shows them without ranking."""
    better: Literal["higher", "lower"] | None = None
    """Which way is better; null shows the numbers without ranking."""


class Published(Record):
    """A number from elsewhere, with its source."""

    model: str
    metric: str
    score: float
    setting: str
    url: str


class TaskSpec(Record):
    """One task: data, columns, labels, metrics. A task file holds exactly these fields."""

    name: str
    """Lower case, digits and underscores; also the name of the file."""
    kind: str
    """What a row is and what is asked of it: a key of KINDS (classification, translation, ...)."""
    version: int = Field(ge=1)
    """Raised whenever the number that this task gives could change."""
    source: Source
    columns: dict[str, str | tuple[str, ...]]
    """Role -> the data's own column (`text: sentence`); a dot reaches into a struct. Labels may have a column of 0 and
    1 each (`label: [toxic, insult]`), and are called like these."""
    labels: tuple[str, ...] | None = None
    """The label names in the order of the data's label ids; null where the answer is no label."""
    target: Literal["label", "labels", "number"] = "label"
    """What a classification answers: one of the labels, several of them (perhaps none), or a number."""
    separator: str | None = Field(None, min_length=1)
    """What stands between the labels of a row in their column (target: labels); null where the column holds lists."""
    unanswerable: bool = False
    """Whether a question may have no answer in its context (SQuAD 2.0)."""
    languages: dict[Literal["source", "target"], str] = Field(default_factory=dict)
    """The texts' languages by their ISO 639 codes, a script after an underscore where one is meant (`zh_Hant`)."""
    generation: dict[str, Any] = Field(default_factory=dict)
    """How answers are generated here, under the names of transformers' GenerationConfig."""
    document: Literal["row", "split", "heading"] = "row"
    """What a language model reads as one text: a row, a whole split, or the rows from one ` = Title = ` to the next."""
    scale: Scale | None = None
    """For numbers: found in the train labels when null."""
    metrics: tuple[str | MetricUse, ...] = Field(min_length=1)
    headline: str
    """The one of the numbers given by the metrics that stands for the task."""
    suite_score: Literal["headline", "mean"] = "headline"
    """What a suite's mean takes: the headline, or the mean of the task's main metrics (GLUE's rule)."""
    trained_on: str | None = None
    """The task whose run answers this one, where it has no train split of its own."""
    merge: dict[str, str] = Field(default_factory=dict)
    """Labels of a model that count as one of the task's (`neutral: not_entailment`), joined after deciding."""
    drop_unlabelled: bool = False
    """Whether rows without a label (-1) are counted and dropped instead of refused."""
    checked: Literal["mirror", "hub"] | None = None
    """Against what columns, labels and counts were compared; null when they were not."""
    published: tuple[Published, ...] = ()
    """Numbers from elsewhere, each with its source."""

    @model_validator(mode="after")
    def _form(self) -> "TaskSpec":
        if not re.fullmatch(r"[a-z0-9][a-z0-9_]*", self.name):
            raise ValueError(f"name {self.name!r} is not a task name; use lower case letters, digits and underscores")
        if self.labels is not None and len({normalized(label) for label in self.labels}) < len(self.labels):
            raise ValueError("two labels differ only in case, spaces, hyphens or underscores; rename one")
        if self.trained_on is not None and self.source.train is not None:
            raise ValueError("both a train split and trained_on; keep one of them")
        return self

    @property
    def pinned(self) -> bool:
        """Whether the data are fixed to a commit."""
        return self.source.revision is not None

    def column(self, role: str) -> str:
        """The column of a role, empty where the task has none; of several, all with a comma between them."""
        return ", ".join(self.columns_of(role))

    def columns_of(self, role: str) -> tuple[str, ...]:
        """The columns of a role: mostly one."""
        held = self.columns.get(role, ())
        return (held,) if isinstance(held, str) else held

    def facts(self) -> dict[str, Any]:
        """What is recorded of a task: all but where its files lie, of which the last names are kept."""
        found = self.model_dump(mode="json")
        files = found["source"]["files"]
        found["source"]["files"] = {split: [_last_name(word) for word in words] for split, words in files.items()}
        return found

    def metric_names(self) -> list[str]:
        """The metrics' names, in the file's order."""
        return [metric if isinstance(metric, str) else metric.name for metric in self.metrics]


def normalized(label: str) -> str:
    """A label name for comparing: case, spaces, hyphens and underscores do not count."""
    return re.sub(r"[\s_-]+", "_", str(label).strip().casefold())


def label_text(value: Any) -> str:
    """`1` for 1 and for 1.0, `true` for true."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def written_list(text: str) -> list[str | int] | None:
    """The texts and whole numbers of a list that is written as a text; None where it is none."""
    if not (text.strip().startswith("[") and text.strip().endswith("]")):
        return None
    found = _json(text)
    found = _literal(text) if found is None else found
    return found if found is not None and all(isinstance(part, str | int) for part in found) else None


def _json(text: str) -> list[Any] | None:
    """The list, which JSON and Python do not escape alike; None of what is no JSON."""
    try:
        found: list[Any] = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found


def _literal(text: str) -> list[Any] | None:
    """The list as Python shows it; None of what it would not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # of backslashes in what is no list
            found: list[Any] = ast.literal_eval(text.strip())
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def split_labels(value: Any, separator: str | None) -> list[Any]:
    """The labels of a row that may have several, each once: the parts of a text, a list's values, or one number.

    A list may be written as a text, in JSON or as Python shows it (`["a", "b"]`, `['a', 'b']`).
    """
    written = written_list(value) if isinstance(value, str) else None
    if written is not None:
        return list(dict.fromkeys(map(label_text, written)))
    if isinstance(value, int | float):
        return [value] if value == value else []
    if not isinstance(value, str):
        return list(dict.fromkeys(value))
    parts = value.split(separator) if separator is not None else [value]
    return list(dict.fromkeys(part for part in map(str.strip, parts) if part))


def read(task: str, over: dict[str, Any] | None = None) -> TaskSpec:
    """The task of that name (shipped) or path (a file of the user's own), with `over` laid upon its fields."""
    path = shipped.find("tasks", task)
    return schema.build(TaskSpec, schema.merged(_beside(path, schema.read_yaml(path)), over or {}), _place(path))


def of(task: Mapping[str, Any]) -> TaskSpec:
    """The task that a config's `task` says: a whole one as it stands, else the named one with what differs there."""
    fields = dict(task)
    if is_whole(fields):
        return schema.build(TaskSpec, fields, "task")
    return read(fields.pop("name"), fields)


def is_whole(task: Mapping[str, Any]) -> bool:
    """Whether a config's `task` holds all facts itself, so that its name is no file's."""
    return {"kind", "version", "source", "columns", "metrics"} <= task.keys()


def names() -> list[str]:
    """The names of the shipped tasks."""
    return list(shipped.files("tasks"))


def _beside(path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """A task file's facts, its files taken from where the task file lies."""
    source = facts.get("source")
    files = source.get("files") if isinstance(source, dict) else None
    if not isinstance(files, dict) or path.parent == Path():
        return facts
    moved = {split: [_from(path.parent, word) for word in _several(words)] for split, words in files.items()}
    return schema.merged(facts, {"source": {"files": moved}})


def _from(folder: Path, word: Any) -> Any:
    relative = isinstance(word, str) and "://" not in word and not word.startswith("~")
    return str(folder / word) if relative else word


def _last_name(word: str) -> str:
    return re.split(r"[?#]", word)[0].rstrip("/").rpartition("/")[2]


def _place(path: Path) -> str:
    return path.name if path.is_relative_to(shipped.folder("tasks")) else str(path)
