"""Rows of one's own -> the task and splits of a run, each said with its reason; the run knows no guess."""

import itertools
import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hf_suite import columns, files, guessing, kinds, offsets, paths, schema
from hf_suite import spec as specs
from hf_suite.config import DataConfig, RunConfig, SplitConfig, TuneConfig
from hf_suite.errors import DataError
from hf_suite.files import Found
from hf_suite.spec import TaskSpec

_SHARES = {"train": 0.8, "tune": 0.1, "eval": 0.1}
STEPS = 100
"""The least steps on rows of one's own: of a hundred rows three epochs are nine, after which nothing is learnt yet."""
_RUNNING = {"kind": "language_modeling", "document": "split"}
"""What running text is meant for, which is no table."""
_WHY = {
    "kind": "running text, no table",
    "document": "one text, in blocks of max_length tokens; row makes each line one of its own",
    "text": "the text itself",
}


@dataclass(frozen=True)
class Own:
    """What was found out of rows of one's own."""

    task: dict[str, Any]
    """A whole task, as a config's `task` takes it."""
    reasons: dict[str, str]
    """Role or key -> why it is so; empty where the task was given."""
    notes: tuple[str, ...]
    """How the files are written, and how many rows of which split they have."""
    language: str

    @property
    def spec(self) -> TaskSpec:
        """The task as a record."""
        return specs.of(self.task)

    def written(self, folder: Path = Path()) -> str:
        """The task as YAML for a file in that folder, with the reason beside each key that was guessed."""
        lines, block = [], ""
        for line in schema.dump_yaml(_short(self.task, folder)).splitlines():
            key = line.partition(":")[0]
            block, named = block if key.startswith(" ") else key, key.strip().removeprefix("- ")
            reason = self.reasons.get(named) if block in {"kind", "columns", "document"} else None
            lines.append(f"{line}  # {reason}" if reason is not None else line)
        return "\n".join(lines) + "\n"


def look(
    data: DataConfig,
    task: Mapping[str, Any],
    *,
    name: str | None = None,
    lenient: bool = False,
    mirrors: Sequence[str] = (),
    told: files.Told | None = None,
) -> Own:
    """Reads the rows and finds the task: the one that `task` names, else the likeliest, with what `task` says of it.

    `name` is what a guessed task is to be called, else it is called like its file. `lenient` leaves to the doctor what
    he finds himself: labels written in two ways or unknown to train, answers that are not at their offset. `mirrors`
    are searched for a data set of the hub; `told` hears how many bytes of how many are read. Raises DataError,
    MissingData: rows that cannot be read or learnt; ConfigError; Ambiguous where a column must be named.
    """
    places = _places(data, mirrors)
    running = task.get("kind", _RUNNING["kind"]) == _RUNNING["kind"] and all(map(files.is_plain, places.values()))
    found = {split: files.head(paths) if running else files.read(paths, told=told) for split, paths in places.items()}
    notes = [note for each in found.values() for note in each.notes]
    train = found["train"]
    source = _source(train.name, places, data)
    if "name" in task and not specs.is_whole(task):
        facts, reasons = _given(task), {}
    else:
        said = {**_RUNNING, **task} if running else task
        guess = guessing.guess(train.table, place=train.name, said=said, names=train.names)
        facts, reasons = {"version": 1, **guess.facts}, {**guess.reasons, **(_WHY if running else {})}
        notes += guess.notes
        facts["name"] = _task_name(name or source["path"])
    _check_alike(found, facts)
    evals = [split for split in found if split != "train" and _is_labelled(found[split], facts)]
    source |= {"eval": evals, **({"test": "test"} if "test" in found and "test" not in evals else {})}
    whole = {"name": facts.pop("name"), "kind": facts.pop("kind"), "version": facts.pop("version"), "source": source}
    whole |= {"columns": facts.pop("columns"), **facts}
    if whole.get("labels"):
        whole["labels"] = _each_once(whole["labels"], train.name, lenient=lenient)
    spec = specs.of(whole)
    kinds.check(spec)
    if not lenient:
        notes += _checked(found, spec)
    for split, each in found.items():
        notes += [] if running else [f"{each.name}: {len(each.table):,} rows ({split})", *_huge(each, spec)]
    texts = _texts(train, spec)
    return Own(whole, reasons, tuple(dict.fromkeys(notes)), guessing.language(texts))


def settled(config: RunConfig, own: Own | None = None) -> RunConfig:
    """The config with the task that its `data` make, and how rows of one's own are split; any other as it is.

    What stands in `split` and `tune` is kept: without it rows of one file are dealt 80 / 10 (tune) / 10, and tune is
    cut off train where rows to score are given; equal texts stay together, and each label has its share everywhere.
    Of one running text 90 % of the blocks are train, 10 % eval, and no tune is cut unless that is said. Rows are learnt
    for at least STEPS steps, unless epochs, steps or tokens are said.
    Raises what `look` raises.
    """
    if config.data is not None:
        own = own or look(config.data, config.task, mirrors=config.mirror)
        config = config.model_copy(update={"task": own.task, "data": None})
    spec = specs.of(config.task)
    if not spec.source.files or spec.trained_on is not None:
        return config
    whole = spec.document == "split"  # its rows are blocks of one text, which has no rows to choose epochs by
    if config.train is not None and not whole and lasts(config.train.model_fields_set):
        config = config.model_copy(update={"train": config.train.model_copy(update={"min_steps": STEPS})})
    alike = {} if whole else {"together": True, "stratify": spec.target != "number" and "label" in spec.columns}
    if not spec.source.eval or config.split is not None:
        return config.model_copy(update={"split": _split(config, alike, tunes=not whole)})
    if config.tune is None and config.train is not None and not whole:
        return config.model_copy(update={"tune": TuneConfig(**alike)})
    return config


def lasts(said: Collection[str]) -> bool:
    """Whether a training with those keys said lasts at least so many steps, since nothing is said of its length."""
    return not {"epochs", "max_steps", "min_steps", "batch_tokens"} & set(said)


def _split(config: RunConfig, alike: dict[str, bool], *, tunes: bool) -> SplitConfig:
    """How to cut the only rows there are: as the config says, and else as is usual."""
    said = config.split.model_dump(exclude_defaults=True) if config.split is not None else {}
    if "shares" in said or config.train is None:
        shares = {"eval": 1.0}
    elif said.get("folds") is not None:
        shares = {"tune": 0.1} if config.tune is None and tunes else {}
    else:
        shares = _SHARES if config.tune is None and tunes else {"train": 0.9, "eval": 0.1}
    if said.get("group") is not None:
        alike = {**alike, "stratify": False}
    usual = {} if said.get("time") is not None else alike
    return SplitConfig(**{"of": "train", "shares": shares, **usual, **said})


def _places(data: DataConfig, mirrors: Sequence[str]) -> dict[str, list[Path]]:
    """Split -> files: train's word may bring its own, the others' words win."""
    found = files.splits(data.train, mirrors)
    for split, word in (("eval", data.eval), ("test", data.test)):
        if word is None:
            continue
        there = files.splits(word, mirrors)
        if len(there) > 1:
            raise DataError(word, f"holds {', '.join(there)}", f"name the one file or folder for data.{split}")
        if split == "eval":
            found.pop("validation", None)
        found[split] = there["train"]
    return found


def _source(name: str, places: Mapping[str, Sequence[Path]], data: DataConfig) -> dict[str, Any]:
    """Where the rows are found again: at their paths, or by the word for what lies elsewhere."""
    said = {"eval": data.eval, "test": data.test}
    words = {split: files.lasting(said.get(split) or data.train) for split in places}
    listed = {
        split: [word] if (word := words[split]) is not None else [str(path) for path in paths]
        for split, paths in places.items()
    }
    hub = words["train"] if (words["train"] or "").startswith(files.HUB) else None
    return {"path": (hub or name).removeprefix(files.HUB), "files": listed, "train": "train"}


def _given(task: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a named task that hold for other rows too."""
    spec = specs.of(task)
    facts = spec.model_dump(mode="json", exclude_defaults=True, exclude={"source", "published", "checked"})
    return {**facts, "version": spec.version}


def _task_name(name: str) -> str:
    """A task's name from a file's: `My Reviews.csv.gz` gives my_reviews."""
    stem = name.partition(".")[0].casefold()
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in stem).strip("_")
    return plain or "own"


def _check_alike(found: Mapping[str, Found], facts: Mapping[str, Any]) -> None:
    """Refuses a split that lacks a column to read. Raises DataError."""
    train = found["train"]
    for split, each in found.items():
        held = [_names(facts, role) for role in facts["columns"] if split != "test" or role not in _TARGETS]
        lacking = [name for names in held for name in names if name not in each.table.column_names]
        if split != "train" and lacking and lacking[0] in train.table.column_names:
            there = ", ".join(each.table.column_names)
            finding = f"has no column {lacking[0]!r}, which {train.name} has"
            raise DataError(each.name, finding, f"rename one of its own ({there})")


def _names(facts: Mapping[str, Any], role: str) -> list[str]:
    """The columns of a task's facts that a role reads."""
    held = facts["columns"][role]
    return list(map(paths.top, [held] if isinstance(held, str) else held))


_TARGETS = {"label", "answers", "target"}
"""Roles that rows kept for a submission may lack."""


def _is_labelled(found: Found, facts: Mapping[str, Any]) -> bool:
    """Whether the rows can be scored: a column of labels that is not all empty, nor -1 as on the hub."""
    import pyarrow
    import pyarrow.compute

    for name in (name for role in _TARGETS & facts["columns"].keys() for name in _names(facts, role)):
        values = found.table[name] if name in found.table.column_names else None
        if values is None or values.null_count == len(values):
            return False
        if pyarrow.types.is_integer(values.type) and pyarrow.compute.max(values).as_py() == -1:
            return False
    return True


def _checked(found: Mapping[str, Found], spec: TaskSpec) -> list[str]:
    """Refuses labels and answers that cannot be learnt or scored; says what reading mends. Raises DataError."""
    _check_labels(found, spec)
    if not {"answers", "context"} <= spec.columns.keys():
        return []
    where = spec.column("answers"), spec.column("context")
    splits = [found[split] for split in ("train", *spec.source.eval)]
    return [note for each in splits for note in offsets.mended(each.table, *where, place=each.name)[1]]


def _each_once(labels: Sequence[str], place: str, *, lenient: bool) -> list[str]:
    """The labels, of two spellings of one the first; refused unless that is left to the doctor. Raises DataError."""
    first: dict[str, str] = {}
    for label in labels:
        other = first.setdefault(specs.normalized(label), label)
        if other != label and not lenient:
            finding = f"labels {other!r} and {label!r} differ only in case, spaces, hyphens or underscores"
            raise DataError(place, finding, "write them alike, which hf-suite clean does with --fix trim")
    return list(first.values())


def _check_labels(found: Mapping[str, Found], spec: TaskSpec) -> None:
    """Refuses rows to score whose label no train row has. Raises DataError."""
    name = spec.columns.get("label")
    if not isinstance(name, str) or spec.target == "number":
        return
    seen: dict[str, Counter[str]] = {}
    for split in ("train", *spec.source.eval):
        each = found[split]
        plain = columns.plain(each.table, spec, ids=name in each.names)
        values = paths.column_of(plain, name, each.name, key="task.columns.label").to_pylist()
        parts = ([value] if spec.target == "label" else specs.split_labels(value, spec.separator)
                 for value in values if value is not None)  # fmt: skip
        seen[split] = Counter(str(label) for labels in parts for label in labels)
    known = {specs.normalized(label) for label in seen["train"]}
    for split in spec.source.eval:
        unknown = [(label, count) for label, count in seen[split].items() if specs.normalized(label) not in known]
        if unknown:
            label, count = unknown[0]
            finding = f"label {label!r} stands in {count:,} of its rows, and in none of {found['train'].name}"
            raise DataError(found[split].name, finding, "give such rows to train too, or take these out")


_HUGE = 1_000_000


def _huge(found: Found, spec: TaskSpec) -> list[str]:
    """A sentence for each column with a text so long that it looks like a mistake."""
    import pyarrow
    import pyarrow.compute

    notes = []
    for name in (name for role in spec.columns for name in spec.columns_of(role)):
        column = found.table[name] if name in found.table.column_names else None
        if column is None or not (pyarrow.types.is_string(column.type) or pyarrow.types.is_large_string(column.type)):
            continue
        longest = pyarrow.compute.max(pyarrow.compute.utf8_length(column)).as_py() or 0
        if longest > _HUGE:
            notes.append(f"{found.name}: a text of {name!r} has {longest:,} characters, and is cut as every other is")
    return notes


def _texts(found: Found, spec: TaskSpec) -> list[str]:
    """Some of the texts that are read."""
    roles = sorted(kinds.KINDS[spec.kind].inputs & spec.columns.keys())
    names = [spec.column(role) for role in roles if spec.column(role) in found.table.column_names]
    heads = (found.table[name].slice(0, 500).to_pylist() for name in names)
    return [str(text) for text in itertools.chain.from_iterable(heads) if text is not None]


def _short(task: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The task with its files as seen from a folder; a single one without the list around it."""
    listed = {}
    for split, words in task["source"]["files"].items():
        seen = [word if "://" in word or Path(word).is_absolute() else os.path.relpath(word, folder) for word in words]
        listed[split] = seen[0] if len(seen) == 1 else seen
    return {**task, "source": {**task["source"], "files": listed}}
