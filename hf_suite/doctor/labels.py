"""Checks of labels: missing, unknown, rare, uneven, spelt in several ways, contradicting; numbers written as texts."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy

from hf_suite.doctor.findings import SHOWN, Bounds, Finding, Place, Skipped, Tally, judged, share
from hf_suite.doctor.subject import Part, Subject
from hf_suite.spec import normalized

if TYPE_CHECKING:
    import pyarrow

RARE = 10
"""Train rows below which a label is rare."""
_UNEVEN = 0.9
_SHOWN = 8
_NUMBER = r"^\s*[-+]?(?:0|[1-9]\d*|[1-9]\d{0,2}(?:[.,]\d{3})+)?(?:[.,]\d+)?(?:[eE][-+]?\d+)?\s*%?\s*$"
_MOSTLY = 0.8
_AS_TEXTS = "⚠ from 80 % of a column"


def check(subject: Subject) -> Iterator[Finding | Skipped]:
    """What is wrong with the labels or numbers that are to be learnt."""
    if "label" not in subject.spec.columns:
        yield Skipped("labels", f"{subject.spec.kind.replace('_', ' ')} has no labels")
        return
    yield _missing(subject)
    if subject.spec.target == "number":
        yield from _numbers(subject)
        yield from _numbers_as_texts(subject)
        return
    counts = {part.name: _counted(part) for part in subject.parts}
    train = subject.train or subject.parts[0]
    yield _distribution(train, counts[train.name])
    yield _rare(train, counts[train.name])
    yield _spellings(subject, sum(counts.values(), Counter()))
    yield from (_unknown(part, train, counts) for part in subject.held_out if subject.train is not None)
    yield from _numbers_as_texts(subject)


def conflicts(subject: Subject) -> list[int]:
    """All rows, counted over the splits in one line, whose texts stand with another label elsewhere."""
    if "label" not in subject.spec.columns or subject.spec.target == "number":
        return []
    names = [_key(label) for part in subject.parts for label in _labels(part)]
    numbered = {name: at for at, name in enumerate(dict.fromkeys(names))}
    codes = numpy.array([-1 if name is None else numbered[name] for name in names])
    first = subject.first_equal
    known = codes >= 0
    differs = numpy.zeros(len(codes), dtype=bool)
    lead = numpy.full(len(codes), -1)
    for row in numpy.flatnonzero(known)[::-1]:  # backwards, so that each group ends with its first label
        lead[first[row]] = codes[row]
    differs[first[known & (codes != lead[first])]] = True
    return numpy.flatnonzero(known & differs[first]).tolist()


def check_conflicts(subject: Subject) -> Iterator[Finding | Skipped]:
    """Rows of equal texts whose labels differ."""
    if "label" not in subject.spec.columns or subject.spec.target == "number":
        return
    found = Tally()
    for number in conflicts(subject):
        place = subject.place(number)
        found.add(place.split, place.row)
    yield judged(
        "labels.conflicts",
        found,
        subject.total,
        Bounds(0, 0.01),
        well="no two rows of equal texts have different labels",
        ill="have the same texts as another row and a different label",
        remedy=subject.clean("conflicts"),
    )


def usual_spelling(subject: Subject) -> dict[str, str]:
    """Label -> how most rows write it, of those that differ from another in case and spaces only, or have spaces."""
    if "label" not in subject.spec.columns or subject.spec.target == "number":
        return {}
    counts = sum((_counted(part) for part in subject.parts if "label" in part.roles), Counter())
    usual: dict[str, str] = {}
    for label, _ in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])):
        usual.setdefault(normalized(label), label.strip())
    return {label: usual[normalized(label)] for label in counts if label != usual[normalized(label)]}


def _labels(part: Part) -> Iterator[object]:
    yield from part.roles["label"].to_pylist() if "label" in part.roles else [None] * len(part)


def _key(label: object) -> tuple[str, ...] | None:
    """The labels of a row for comparing; None where it has none."""
    return None if label is None else tuple(sorted({normalized(one) for one in _written(label)}))


def _written(label: object) -> list[str]:
    """The labels of a row as they are written."""
    return [str(one) for one in label] if isinstance(label, list) else [] if label is None else [str(label)]


def _marked(parts: Iterable[Part], labels: set[str]) -> Tally:
    """The rows that have one of these labels."""
    found = Tally()
    rows = ((part.name, row, label) for part in parts for row, label in enumerate(_labels(part)))
    for split, row, label in rows if labels else ():
        if not labels.isdisjoint(_written(label)):
            found.add(split, row)
    return found


def _counted(part: Part) -> Counter[str]:
    """How often each label occurs, as it is written."""
    found: Counter[str] = Counter()
    for label in _labels(part):
        found.update(_written(label))
    return found


def _missing(subject: Subject) -> Finding:
    found, of = Tally(), 0
    for part in subject.parts:
        column = part.roles.get("label")
        if column is None or column.null_count == len(column):
            continue  # rows kept for a submission
        of += len(part)
        for row in numpy.flatnonzero(column.is_null().to_numpy()) if column.null_count else ():
            found.add(part.name, int(row))
    return judged(
        "labels.missing",
        found,
        of,
        Bounds(0, 0.05),
        well="every row has a label",
        ill="have no label",
        remedy="hf-suite train ... task.drop_unlabelled=true leaves them out",
    )


def _distribution(train: Part, counts: Counter[str]) -> Finding:
    """How many of the train rows that are labelled have each label."""
    total = sum(label is not None for label in _labels(train))
    listed = ", ".join(f"{label} {100 * count / total:.1f} %" for label, count in counts.most_common(_SHOWN))
    more = f", and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else ""
    label, most = counts.most_common(1)[0] if counts else ("", 0)
    bounds = Bounds(_UNEVEN, 1.0)
    severity = bounds.severity(most, total)
    sentence = f"{len(counts):,} labels in {train.name}: {listed}{more}"
    if severity != "ok":
        sentence += f"; a model that always says {label} is right as often"
    remedy = "judge by task.headline=f1 or matthews_correlation, and look at the baseline beside each score"
    mended = remedy if severity != "ok" else ""
    return Finding("labels.distribution", severity, sentence, most, total, (), str(bounds), mended)


def _rare(train: Part, counts: Counter[str]) -> Finding:
    rare = {label for label, count in counts.items() if count < RARE}
    found = _marked([train], rare)
    names = _listed(sorted(rare, key=lambda label: (counts[label], label)), counts)
    return judged(
        "labels.rare",
        found,
        len(train),
        Bounds(0),
        well=f"every label has at least {RARE} rows of {train.name}",
        ill=f"have a label with fewer than {RARE} rows: {names}",
        remedy="gather more rows of them, or join them with another label in the file",
    )


def _spellings(subject: Subject, counts: Counter[str]) -> Finding:
    """Labels that differ in case and spaces only."""
    alike: dict[str, list[str]] = {}
    for label in counts:
        alike.setdefault(normalized(label), []).append(label)
    several = [sorted(group, key=lambda label: (-counts[label], label)) for group in alike.values() if len(group) > 1]
    wrong = {label for group in several for label in group[1:]}
    found = _marked(subject.parts, wrong)
    listed = "; ".join(" = ".join(repr(label) for label in group) for group in several[:3])
    return judged(
        "labels.spelling",
        found,
        subject.total,
        Bounds(0, 0),
        well="no two labels differ in case and spaces only",
        ill=f"have a label that differs from another in case and spaces only: {listed}",
        remedy=subject.clean("trim") if subject.spec.target == "label" else "write each label in one way in the file",
    )


def _unknown(part: Part, train: Part, counts: dict[str, Counter[str]]) -> Finding:
    """Rows to score whose label no train row has."""
    known = {normalized(label) for label in counts[train.name]}
    strange = [label for label in counts[part.name] if normalized(label) not in known]
    found = _marked([part], set(strange))
    return judged(
        "labels.unknown",
        found,
        len(part),
        Bounds(0, 0),
        well=f"every label of {part.name} is one of {train.name}",
        ill=f"of {part.name} have a label that no row of {train.name} has: {_listed(strange, counts[part.name])}",
        remedy=f"give such rows to {train.name} too, or take them out",
    )


def _listed(labels: Sequence[str], counts: Counter[str]) -> str:
    shown = ", ".join(f"{label} ({counts[label]:,})" for label in labels[:_SHOWN])
    return shown + (f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else "")


def _numbers(subject: Subject) -> Iterator[Finding]:
    """How the numbers that are to be learnt are spread."""
    import pyarrow

    for part in subject.parts:
        values = part.roles["label"]
        if not (pyarrow.types.is_integer(values.type) or pyarrow.types.is_floating(values.type)):
            continue
        numbers = values.drop_null().to_numpy().astype(float)
        finite = numbers[numpy.isfinite(numbers)]
        if not len(finite):
            continue
        spread = f"mean {finite.mean():.4g}, sd {finite.std():.4g}, from {finite.min():.4g} to {finite.max():.4g}"
        constant = len(numpy.unique(finite)) < 2
        remedy = "name another column as task.columns.label=COLUMN" if constant else ""
        sentence = f"numbers of {part.name}: {spread}" + ("; all are the same" if constant else "")
        bad = part.name == subject.spec.source.train and constant
        yield Finding("labels.distribution", "bad" if bad else "ok", sentence, 0, len(numbers), (), "", remedy)


def _numbers_as_texts(subject: Subject) -> list[Finding]:
    """Columns of texts most of which are numbers; reading takes for numbers only a column that holds nothing else."""
    classes = subject.spec.columns["label"] if subject.spec.target == "label" else None
    looked = [_as_texts(part, name, name == classes) for part in subject.parts for name in part.table.column_names]
    none = Finding("labels.numbers", "ok", "no column holds numbers as texts", 0, subject.total, (), _AS_TEXTS)
    return [one for one in looked if one is not None] or [none]


def _as_texts(part: Part, name: str, classes: bool) -> Finding | None:
    wrong, filled = _unnumbered(part.table[name])
    if not filled or (classes and not len(wrong)):
        return None  # classes may well be called 0 and 1
    numbers = filled - len(wrong)
    sentence = f"{name!r} of {part.name} has numbers written as texts in {share(numbers, filled)}"
    sentence += f"; {len(wrong):,} are none" if len(wrong) else ""
    rows = tuple(Place(part.name, int(row)) for row in wrong[:SHOWN])
    remedy = "write its cells as plain numbers (3.5), or leave them empty"
    return Finding("labels.numbers", "warn", sentence, numbers, filled, rows, _AS_TEXTS, remedy)


def _unnumbered(column: "pyarrow.ChunkedArray") -> tuple[numpy.ndarray[Any, Any], int]:
    """Where at least 80 % of a column's texts are numbers: the rows that are none, and the rows that say something."""
    import pyarrow
    import pyarrow.compute as compute

    if not (pyarrow.types.is_string(column.type) or pyarrow.types.is_large_string(column.type)):
        return numpy.zeros(0, dtype=int), 0
    says = compute.fill_null(compute.not_equal(compute.utf8_trim_whitespace(column), ""), False)
    fits = compute.and_(says, compute.fill_null(compute.match_substring_regex(column, _NUMBER), False))
    filled, numbers = compute.sum(says).as_py() or 0, compute.sum(fits).as_py() or 0
    if not numbers or numbers < _MOSTLY * filled:
        return numpy.zeros(0, dtype=int), 0
    return numpy.flatnonzero(compute.and_not(says, fits).to_numpy()), filled
