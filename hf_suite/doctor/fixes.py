"""FIXES: what mends rows: texts changed, rows left out, each with its reason. Writes no file."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy

from hf_suite.doctor import answers, duplicates, labels, minhash, repairs
from hf_suite.doctor.findings import Place
from hf_suite.doctor.minhash import Numbers
from hf_suite.doctor.personal import kinds, masked
from hf_suite.doctor.subject import Part, Subject

if TYPE_CHECKING:
    import pyarrow

Line = dict[str, Any]
"""What was done to one row: split, row (its number in the data as given), fix, and what and why."""
_TOLD = ("before", "after")
Left = Iterator[tuple[int, str, int | None]]
"""Rows to leave out: number in one line, why, and the row on whose account, where there is one."""


@dataclass(frozen=True)
class Mended:
    """The rows of each split after the fixes, and a line for everything that was done."""

    tables: "dict[str, pyarrow.Table]"
    lines: list[Line]


def mend(subject: Subject, fixes: Sequence[str]) -> Mended:
    """The data with these fixes done: texts first, so that rows that are equal only then are found, then rows."""
    lines: list[Line] = []
    for name in TEXTS:
        if name in fixes:
            subject = replace(subject, parts=tuple(_changed(part, subject, name, lines) for part in subject.parts))
    if "trim" in fixes:
        subject = _spelt(subject, lines)
    numbers = {part.name: numpy.arange(len(part)) for part in subject.parts}
    for name in ROWS:
        if name in fixes:
            subject, numbers = _left_out(subject, numbers, name, lines)
    if "personal" in fixes:  # a fix that was done before it has told what stood there
        lines = [
            {key: _fixed(said, "personal") if key in _TOLD else said for key, said in line.items()} for line in lines
        ]
    return Mended({part.name: part.table for part in subject.parts}, lines)


def _left_out(
    subject: Subject, numbers: dict[str, Numbers], fix: str, lines: list[Line]
) -> tuple[Subject, dict[str, Numbers]]:
    """The data and the numbers that their rows had, without the rows that a fix leaves out, until it finds no more."""
    while left := {row: (why, partner) for row, why, partner in ROWS[fix](subject)}:
        lines += [_removed(subject, numbers, row, fix, *left[row]) for row in sorted(left)]
        subject, numbers = _without(subject, numbers, set(left))
    return subject, numbers


TEXTS: dict[str, Callable[[str], str]] = {
    "mojibake": repairs.repaired,
    "control": repairs.without_control,
    "html": repairs.without_html,
    "personal": masked,
    "trim": repairs.trimmed,
}
"""Fixes that change texts, in the order in which they are done."""


def _blank(subject: Subject) -> Left:
    for row, (_, _, texts) in enumerate(subject.each()):
        if any(map(repairs.is_blank, texts)):
            yield row, "has no text", None


def _answers(subject: Subject) -> Left:
    """Rows whose answers do not stand in their context; answers that only stand elsewhere are put right by reading."""
    for part, start in duplicates.placed(subject):
        lost = [(row, fault) for row, fault in answers.faults(part) if fault != answers.MOVED]
        yield from ((start + row, f"an answer {fault}", None) for row, fault in lost)


def _conflicting(subject: Subject) -> Left:
    for row in labels.conflicts(subject):
        yield row, "the same texts stand with another label elsewhere", None


def _repeated(subject: Subject) -> Left:
    for part in subject.parts:
        rows, partners = duplicates.repeats(subject, part)
        for row, partner in zip(rows.tolist(), partners.tolist(), strict=True):
            yield row, "the same texts as", partner


def _nearly_repeated(subject: Subject) -> Left:
    """Rows that are nearly like one that stays; of a chain of likes, what is like none that does stays too."""
    for part in subject.parts:
        rows, partners = duplicates.near_repeats(subject, part)
        numbers = numpy.union1d(rows, partners)
        texts = dict(zip(numbers.tolist(), subject.texts_of(numbers), strict=True))
        yield from _unlike(zip(rows.tolist(), partners.tolist(), strict=True), texts)


def _unlike(pairs: Iterable[tuple[int, int]], texts: Mapping[int, tuple[str, ...]]) -> Left:
    """Of pairs (row, an earlier one like it), in the order of the rows, those rows that are like one that stays."""
    chains: dict[int, list[int]] = {}
    for row, partner in pairs:
        staying = chains[row] = chains.setdefault(partner, [partner])
        like = [partner] if partner in staying else staying
        found = next((one for one in like if minhash.are_near(texts[one], texts[row])), None)
        if found is None:
            staying.append(row)
        else:
            yield row, "nearly the same texts as", found


def _leaking(subject: Subject) -> Left:
    """Train rows that stand in a split to be scored, which stays as it is."""
    bound = len(subject.train or ())
    held = range(bound, subject.total) if bound else ()
    accounts = {int(subject.first_equal[row]): row for row in held if subject.first_equal[row] < bound}
    for row in range(bound):
        partner = accounts.get(int(subject.first_equal[row]))
        if partner is not None:
            yield row, "the same texts as", partner


def _nearly_leaking(subject: Subject) -> Left:
    """Train rows that nearly stand in a split to be scored."""
    for row in range(len(subject.train or ()), subject.total if subject.train is not None else 0):
        if subject.near.in_train[row] != row:
            yield int(subject.near.in_train[row]), "nearly the same texts as", row


ROWS: dict[str, Callable[[Subject], Left]] = {
    "trim": _blank,
    "answers": _answers,
    "conflicts": _conflicting,
    "dedupe": _repeated,
    "near": _nearly_repeated,
    "leaks": _leaking,
    "near_leaks": _nearly_leaking,
}
"""Fixes that leave rows out, in the order in which they are done, each again until it finds no more."""

FIXES = tuple(dict.fromkeys([*TEXTS, *ROWS]))


def _changed(part: Part, subject: Subject, fix: str, lines: list[Line]) -> Part:
    """The split with a fix done to the texts of its roles, wherever their columns lie."""
    changed = part
    for role in (role for role in (*subject.mended, "target") if role in part.roles):
        column, before = subject.spec.column(role), part.roles[role].to_pylist()
        after = [_fixed(text, fix) for text in before]
        done = [row for row, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
        lines += [_change(part.name, row, fix, column, before[row], after[row]) for row in done]
        changed = _with_role(changed, role, column, after) if done else changed
    return changed


def _fixed(value: Any, fix: str) -> Any:
    """A text, or each of a list of them, with a fix done."""
    if isinstance(value, list):
        return [_fixed(one, fix) for one in value]
    return TEXTS[fix](value) if isinstance(value, str) else value


def _change(split: str, row: int, fix: str, column: str, before: Any, after: Any) -> Line:
    """What was done to a text, or to a list of them; what was personal is not kept."""
    texts = before if isinstance(before, list) else [before]
    what = (
        {"kinds": sorted(set().union(*map(kinds, filter(None, texts))))}
        if fix == "personal"
        else {"before": before, "after": after}
    )
    return {"split": split, "row": row, "fix": fix, "column": column, **what}


def _spelt(subject: Subject, lines: list[Line]) -> Subject:
    """Labels that differ in case and spaces only, all as most rows write them."""
    usual = labels.usual_spelling(subject)
    column = subject.spec.column("label")
    parts = []
    for part in subject.parts:
        before = part.roles["label"].to_pylist() if usual and "label" in part.roles else []
        after = [usual.get(label, label) if isinstance(label, str) else label for label in before]
        done = [row for row, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
        lines += [_change(part.name, row, "trim", column, before[row], after[row]) for row in done]
        parts.append(_with_role(part, "label", column, after) if done else part)
    return replace(subject, parts=tuple(parts))


def _with_role(part: Part, role: str, path: str, values: Sequence[Any]) -> Part:
    """The split with other values in a role, and in the column that it lies in."""
    roles = {**part.roles, role: _column(values, part.roles[role].type)}
    return Part(part.name, _with(part.table, path, values), roles)


def _with(table: "pyarrow.Table", path: str, values: Sequence[Any]) -> "pyarrow.Table":
    """The table with other values in a column, or at a dotted path into one."""
    name, *inner = [path] if path in table.column_names else path.split(".")
    rows = zip(table[name].to_pylist(), values, strict=True) if inner else ()
    held = [_inside(row, inner, value) for row, value in rows] if inner else values
    return table.set_column(table.column_names.index(name), name, _column(held, table[name].type))


def _column(values: Sequence[Any], kind: "pyarrow.DataType") -> "pyarrow.ChunkedArray":
    import pyarrow

    return pyarrow.chunked_array([pyarrow.array(values, kind)])


def _inside(row: dict[str, Any] | None, path: Sequence[str], value: Any) -> Any:
    """An object with another value at a path; one that is not there stays so."""
    if not path or row is None:
        return value if not path else None
    return {**row, path[0]: _inside(row[path[0]], path[1:], value)}


def _removed(subject: Subject, numbers: dict[str, Numbers], row: int, fix: str, why: str, partner: int | None) -> Line:
    """What was left out and why, by the numbers of the data as given."""
    given = [_given(subject, numbers, one) for one in (row, partner) if one is not None]
    (part,) = (part for part in subject.parts if part.name == given[0].split)
    values = part.table.slice(subject.place(row).row, 1).to_pylist()[0]
    reason = " ".join([why, *map(str, given[1:])])
    return {"split": part.name, "row": given[0].row, "fix": fix, "why": reason, "removed": values}


def _given(subject: Subject, numbers: dict[str, Numbers], row: int) -> Place:
    place = subject.place(row)
    return Place(place.split, int(numbers[place.split][place.row]))


def _without(subject: Subject, numbers: dict[str, Numbers], left: set[int]) -> tuple[Subject, dict[str, Numbers]]:
    parts, kept_numbers = [], {}
    for part, start in duplicates.placed(subject):
        kept = numpy.array([row for row in range(len(part)) if start + row not in left], dtype=numpy.int64)
        roles = {role: column.take(kept) for role, column in part.roles.items()}
        parts.append(Part(part.name, part.table.take(kept), roles))
        kept_numbers[part.name] = numbers[part.name][kept]
    return replace(subject, parts=tuple(parts)), kept_numbers
