"""Checks of rows that stand twice: within a split, and across splits, where a score then counts what was learnt."""

from collections.abc import Iterator

import numpy

from hf_suite.doctor import equal, minhash
from hf_suite.doctor.findings import SHOWN, Bounds, Finding, Skipped, Tally, judged
from hf_suite.doctor.minhash import Numbers
from hf_suite.doctor.personal import masked
from hf_suite.doctor.subject import Part, Subject

_WITHIN, _NEARLY_WITHIN = Bounds(0, 0.2), Bounds(0)
_LEAKS, _NEAR_LEAKS = Bounds(0, 0.01), Bounds(0, 0.05)
_EXCERPT = 60


def check(subject: Subject) -> Iterator[Finding | Skipped]:
    """Rows whose texts stand earlier in the same split."""
    for part in subject.parts:
        yield _judged(
            subject,
            "duplicates.exact",
            part,
            repeats(subject, part),
            _WITHIN,
            well=f"no text of {part.name} stands there twice",
            ill=f"of {part.name} repeat an earlier text (case and spaces aside)",
            remedy=subject.clean("dedupe"),
        )


def check_near(subject: Subject) -> Iterator[Finding | Skipped]:
    """Rows whose texts nearly stand earlier in the same split."""
    for part in subject.parts:
        yield _judged(
            subject,
            "duplicates.near",
            part,
            near_repeats(subject, part),
            _NEARLY_WITHIN,
            well=f"no text of {part.name} nearly stands there twice ({_ALIKE})",
            ill=f"of {part.name} nearly repeat an earlier text ({_ALIKE})",
            remedy=subject.clean("near"),
        )


def check_leaks(subject: Subject) -> Iterator[Finding | Skipped]:
    """Rows to score whose texts stand in train."""
    if not _has_both(subject):
        yield Skipped("leaks.exact", _ONE)
        return
    train = subject.parts[0].name
    for part in subject.parts[1:]:
        rows = leaked(subject, part)
        yield _judged(
            subject,
            "leaks.exact",
            part,
            (rows, subject.first_equal[rows]),
            _LEAKS,
            well=f"no text of {part.name} stands in {train}",
            ill=f"of {part.name} leak: their texts stand in {train} (case and spaces aside)",
            remedy=subject.clean("leaks"),
        )


def check_near_leaks(subject: Subject) -> Iterator[Finding | Skipped]:
    """Rows to score whose texts nearly stand in train."""
    if not _has_both(subject):
        return
    train = subject.parts[0].name
    for part in subject.parts[1:]:
        rows = nearly_leaked(subject, part)
        yield _judged(
            subject,
            "leaks.near",
            part,
            (rows, subject.near.in_train[rows]),
            _NEAR_LEAKS,
            well=f"no text of {part.name} nearly stands in {train} ({_ALIKE})",
            ill=f"of {part.name} leak nearly: like a text of {train} ({_ALIKE})",
            remedy=subject.clean("near_leaks"),
        )


def placed(subject: Subject) -> list[tuple[Part, int]]:
    """Each split with the number of its first row when all stand in one line."""
    starts = numpy.cumsum([0, *map(len, subject.parts)]).tolist()
    return list(zip(subject.parts, starts, strict=False))


def repeats(subject: Subject, part: Part) -> tuple[Numbers, Numbers]:
    """The rows of a split whose texts stand earlier in it, and where; numbers in one line."""
    start = _start(subject, part)
    first = equal.firsts(subject.first_equal[start : start + len(part)])
    rows = numpy.flatnonzero(first != numpy.arange(len(part)))
    return rows + start, first[rows] + start


def near_repeats(subject: Subject, part: Part) -> tuple[Numbers, Numbers]:
    """The rows of a split whose texts nearly stand earlier in it, and where; numbers in one line."""
    own = numpy.arange(_start(subject, part), _start(subject, part) + len(part))
    rows = own[subject.near.within[own] != own]
    return rows, subject.near.within[rows]


def leaked(subject: Subject, part: Part) -> Numbers:
    """The rows of a split whose texts stand in train; numbers in one line."""
    start = _start(subject, part)
    return numpy.flatnonzero(subject.first_equal[start : start + len(part)] < len(subject.parts[0])) + start


def nearly_leaked(subject: Subject, part: Part) -> Numbers:
    """The rows of a split whose texts do not stand in train, but nearly; numbers in one line."""
    start = _start(subject, part)
    own = numpy.arange(start, start + len(part))
    near = subject.near.in_train[own] != own
    return own[near & (subject.first_equal[own] >= len(subject.parts[0]))]


_ALIKE = f"{100 * minhash.LIKE:g} % of the letter triples are common"
_ONE = "there are no two splits, one to learn from; training cuts one so that equal texts stay together"


def _start(subject: Subject, part: Part) -> int:
    return next(at for found, at in placed(subject) if found is part)


def _has_both(subject: Subject) -> bool:
    return subject.train is not None and len(subject.parts) > 1


def _judged(
    subject: Subject, name: str, part: Part, found: tuple[Numbers, Numbers], bounds: Bounds, **said: str
) -> Finding:
    """A finding on rows and the rows that they are like."""
    tally = Tally()
    tally.extend(part.name, (found[0] - _start(subject, part)).tolist())
    return judged(name, tally, len(part), bounds, examples=_examples(subject, *found), **said)


def _examples(subject: Subject, rows: Numbers, partners: Numbers) -> list[str]:
    """`validation 3: a text ~ train 17: A text`, each shortened and without what looks personal."""
    pairs = zip(rows[:SHOWN].tolist(), partners[:SHOWN].tolist(), strict=True)
    return [f"{_excerpt(subject, row)} ~ {_excerpt(subject, partner)}" for row, partner in pairs]


def _excerpt(subject: Subject, row: int) -> str:
    (texts,) = subject.texts_of(numpy.array([row]))
    said = masked(" | ".join(" ".join(text.split()) for text in texts))
    return f"{subject.place(row)}: {said if len(said) <= _EXCERPT else said[: _EXCERPT - 1] + '…'}"
