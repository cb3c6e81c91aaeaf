"""A table -> the task that it is most likely meant for, with a reason for each column; what is said overrules."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hf_suite import paths, schema
from hf_suite.errors import ConfigError, DataError
from hf_suite.guessing.asked import Ambiguous, Asked, Found
from hf_suite.guessing.facts import FEW, MARKS, Column, columns
from hf_suite.guessing.rules import ROLES, RULES
from hf_suite.kinds import KINDS
from hf_suite.spec import label_text

if TYPE_CHECKING:
    import pyarrow

__all__ = ["Ambiguous", "Guess", "guess", "language"]

MANY = 1_000
"""More labels than these, of rows that have several, are no classes unless they are named as such."""
_WAY = "name another column as task.columns.label=COLUMN"


@dataclass(frozen=True)
class Guess:
    """The fields of a task but for its name and source, and why each column plays its role."""

    facts: dict[str, Any]
    reasons: dict[str, str]
    notes: tuple[str, ...] = ()


def guess(
    table: "pyarrow.Table", *, place: str, said: Mapping[str, Any], names: Mapping[str, list[str]] | None = None
) -> Guess:
    """The task that a table is most likely meant for.

    `said` holds fields of a task that the user has settled (kind, columns, target, labels, metrics); `names` are the
    label names that the data carries, by column. Raises Ambiguous where two columns could play a role, DataError where
    none can, or one that does cannot be learnt; ConfigError for a kind that there is not.
    """
    said = schema.merged(said, {"columns": _one_each(said.get("columns", {}))})
    table = _with_said(table, said["columns"], place)
    asked = Asked(place, table, columns(table), said, names or {})
    found = _by_rules(asked)
    facts = schema.merged(found.facts, {key: value for key, value in said.items() if key != "name"})
    if facts["kind"] not in KINDS:
        finding = f"looks like {facts['kind']} ({found.reasons['kind']}), which this version does not do"
        raise ConfigError(place, finding, f"say task.kind=..., one of: {', '.join(KINDS)}, and task.columns")
    complete = _COMPLETED.get(facts["kind"])
    return Guess(complete(facts, asked) if complete is not None else facts, found.reasons, found.notes)


def _one_each(said: Mapping[str, Any]) -> dict[str, Any]:
    """Role -> its column, or the columns of labels. Raises ConfigError for several in another role."""
    several = {role: names for role, names in said.items() if isinstance(names, list | tuple) and len(names) != 1}
    for role in several.keys() - {"label"}:
        finding = f"{len(several[role])} columns are named"
        raise ConfigError(f"task.columns.{role}", finding, "name one; a column each can have labels alone")
    return {role: names[0] if isinstance(names, list | tuple) and role not in several else names
            for role, names in said.items()}  # fmt: skip


def _with_said(table: "pyarrow.Table", said: Mapping[str, Any], place: str) -> "pyarrow.Table":
    """The table with each field of objects that is named for a role as a column, too. Raises DataError."""
    there = table.column_names
    several = {role: names if isinstance(names, list | tuple) else [names] for role, names in said.items()}
    for role, name in ((role, str(name)) for role, names in several.items() for name in names):
        if paths.top(name) not in there and name not in there:
            remedy = f"{schema.nearest(name, there)}there are: {', '.join(there)}"
            raise DataError(place, f"no column {name!r} (task.columns.{role})", remedy)
        if name not in table.column_names:
            field = paths.column_of(table, name, place, key=f"task.columns.{role}")
            table = table.append_column(name, field)
    return table


def _by_rules(asked: Asked) -> Found:
    kind = asked.said.get("kind")
    added = KINDS[kind].inputs if kind is not None and kind in KINDS and kind not in RULES else None
    if added is not None and added <= asked.said.get("columns", {}).keys():  # a package's, whose columns are said
        return Found({"kind": kind, "columns": {}}, {"kind": "as said"})
    if kind is not None and kind not in RULES:
        hint = schema.nearest(str(kind), RULES)
        raise ConfigError("task.kind", f"no kind {kind!r} can be guessed", f"{hint}there are: {', '.join(RULES)}")
    rules = RULES if kind is None else {kind: RULES[kind]}
    tried = (rule for name, rule in rules.items() if kind is not None or _has_roles(name, asked))
    found = next((made for rule in tried if (made := rule(asked)) is not None), None)
    if found is not None:
        return found
    listed = ", ".join(f"{column.name} ({_spoken(column)})" for column in asked.columns.values())
    if len(asked.columns) == 1:
        remedy = "give a second column, with the label of each text, or say task.kind=language_modeling"
        raise DataError(asked.place, f"has one column, {listed}, and nothing to learn from it", remedy)
    roles = ROLES[kind or "classification"]
    remedy = f"name them as {' '.join(f'task.columns.{role}=COLUMN' for role in roles)}"
    raise DataError(asked.place, f"no {' and '.join(roles)} are to be found among {listed}", remedy)


def _has_roles(kind: str, asked: Asked) -> bool:
    """Whether a kind has the roles that the user named, but for those that no kind must have."""
    named = asked.said.get("columns", {}).keys() & {role for roles in ROLES.values() for role in roles}
    return named <= set(ROLES[kind])


def _spoken(column: Column) -> str:
    sorts = {"text": "texts", "whole": "whole numbers", "number": "numbers", "boolean": "true and false"}
    sorts |= {"date": "dates", "list": "lists", "struct": "objects", "nothing": "empty"}
    return f"{column.distinct:,} {sorts[column.sort]}" if column.distinct else sorts[column.sort]


def _classes(facts: dict[str, Any], asked: Asked) -> dict[str, Any]:
    """Labels found, once the columns can be learnt."""
    if not isinstance(facts["columns"]["label"], str):
        _check_texts(facts, asked, None)
        return {**facts, "labels": facts.get("labels") or list(facts["columns"]["label"])}
    label = asked.columns[facts["columns"]["label"]]
    _check_texts(facts, asked, label)
    several = facts.get("target") == "labels"
    values = asked.labels(label, facts.get("separator")) if several else label.values
    _check_label(facts, asked, label)
    if facts.get("target") == "number" or facts.get("labels") is not None:
        return facts
    found = asked.names.get(label.name) or sorted({label_text(value) for value in values}, key=_natural)
    if several:
        _check_several(found, label, asked.place)
    return {**facts, "labels": found}


def _check_several(found: Sequence[str], label: Column, place: str) -> None:
    if len(found) < 2:
        finding = f"the only label of all rows is {next(iter(found), '')!r} (column {label.name!r})"
        raise DataError(place, finding, f"give rows of another label too, or {_WAY}")
    if len(found) > MANY:
        finding = f"column {label.name!r} has {len(found):,} different labels, too many to be taken for classes"
        raise DataError(place, finding, f"list them as task.labels=[...], or {_WAY}")


def _natural(label: str) -> tuple[int, float, str]:
    number = re.fullmatch(r"-?\d+(?:\.\d+)?", label)
    return (0, float(label), label) if number else (1, 0.0, label)


def _check_texts(facts: dict[str, Any], asked: Asked, label: Column | None) -> None:
    for role in ("text", "text_pair"):
        column = asked.columns.get(facts["columns"].get(role, ""))
        if column is None:
            continue
        way = f"name another column as task.columns.{role}=COLUMN"
        if column.fields:
            way = f"name a field of it, as task.columns.{role}={column.name}.{column.fields[0]}, or another column"
        if column.sort != "text" and not column.lists:  # a list of texts is read as one
            raise DataError(asked.place, f"column {column.name!r} holds {_spoken(column)}, not texts", way)
        if label is not None and (column.name == label.name or _same(asked.table, column, label)):
            raise DataError(asked.place, f"column {column.name!r} is the label {label.name!r} itself", way)


def _same(table: "pyarrow.Table", column: Column, label: Column) -> bool:
    """Whether a text is its row's label, in all rows that are looked at."""
    if column.sort != "text" or label.sort != "text":
        return False
    pairs = zip(*(table[name].slice(0, 1_000).to_pylist() for name in (column.name, label.name)), strict=True)
    return all(str(text).strip() == str(value).strip() for text, value in pairs)


def _check_label(facts: dict[str, Any], asked: Asked, label: Column) -> None:
    name, place = label.name, asked.place
    if label.sort == "list" and (facts.get("target") != "labels" or not label.lists):
        finding = f"column {name!r} holds lists" + ("" if label.lists else " of something else than labels")
        raise DataError(place, finding, f"say task.target=labels, or {_WAY}" if label.lists else _WAY)
    if label.sort == "date":
        raise DataError(place, f"column {name!r} holds dates, not labels", _WAY)
    if label.counts:
        raise DataError(place, f"column {name!r} only counts the rows, so it is no label", _WAY)
    if not label.filled:
        raise DataError(place, f"column {name!r} is empty, so no row has a label", _WAY)
    if label.sort == "list":
        return
    if (len(label.values) if label.values else label.distinct) < 2:
        only = label_text(label.values[0]) if label.values else ""
        finding = f"column {name!r} has one label alone, {only!r}, in {label.filled:,} of its rows"
        raise DataError(place, finding, f"give rows of another label too, or {_WAY}")
    if facts.get("target") == "number":
        _check_number(label, asked)
        return
    if facts.get("target") == "labels":
        return
    if label.distinct >= label.filled > 2:
        raise DataError(place, f"no two of {label.filled:,} rows have the same label (column {name!r})", _WAY)
    if label.distinct > FEW and facts.get("labels") is None:
        finding = f"column {name!r} has {label.distinct:,} different values, too many to be taken for classes"
        raise DataError(place, finding, f"list them as task.labels=[...], or {_WAY}")


def _check_number(label: Column, asked: Asked) -> None:
    name, place = label.name, asked.place
    if label.numerals:
        odd = next(text for text in asked.table[name].to_pylist() if text and not set(MARKS).isdisjoint(text))
        finding = f"column {name!r} has numbers that are not written plainly, as {odd!r}"
        raise DataError(place, finding, "write its cells like 3.5; for classes say task.target=label")
    if label.sort not in {"whole", "number"}:
        raise DataError(place, f"column {label.name!r} holds {_spoken(label)}, not numbers", _WAY)


def _answers(facts: dict[str, Any], asked: Asked) -> dict[str, Any]:
    """Whether questions without an answer occur, and the scores that follow."""
    column = asked.columns[facts["columns"]["answers"]]
    golds = asked.table[column.name].to_pylist()
    none = sum(not (gold.get("text") if isinstance(gold, dict) else gold) for gold in golds)
    metric = {"unanswerable": True, "metrics": ["squad_v2"]} if none else {"metrics": ["squad"]}
    return {**metric, "headline": "f1", **facts}


_COMPLETED = {"classification": _classes, "question_answering": _answers}
"""Kind -> what else is to be found in the rows."""

_ENGLISH = {"the", "a", "an", "of", "and", "to", "in", "is", "it", "that", "was", "for", "with", "this", "on", "are"}


def language(texts: Iterable[str]) -> str:
    """`English` where its commonest words are as frequent as they are in English, else `another`."""
    words = [word for text in texts for word in re.findall(r"\w+", text.casefold())]
    common = sum(word in _ENGLISH for word in words)
    return "English" if words and common * 10 > len(words) else "another"
