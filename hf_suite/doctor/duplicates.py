"""Checks of rows that stand twice: within a split, and across splits, where a score then counts what was learnt."""

from collections.abc import Iterator

import numpy

from hf_suite.doctor import equal, minhash
from hf_suite.doctor.findings import SHOWN, Bounds, Finding, Place, Skipped, Tally, judged
from hf_suite.doctor.minhash import Numbers
from hf_suite.doctor.personal import masked
from hf_suite.doctor.subject import Part, Subject

_WITHIN, _NEARLY_WITHIN = Bounds(0, 0.2), Bounds(0)
_LEAKS, _NEAR_LEAKS = Bounds(0, 0.01), Bounds(0, 0.05)
_EXCERPT = 60


def check(subject: Subject) -> Iterator[Finding | Skipped]:
    """Rows whose texts stand earlier in the same split."""
    for part, start in placed(subject):
        rows, partners = repeats(subject, part)
        yield judged(
            "duplicates.exact",
            _tally(part, rows - start),
            len(part),
            _WITHIN,
            well=f"no text of {part.name} stands there twice",
            ill=f"of {part.name} repeat an earlier text (case and spaces aside)",
            remedy=subject.clean("dedupe"),
            examples=_examples(subject, rows, partners),
        )


def check_near(subject: Subject) -> Iterator[Finding | Skipped]:
    """Rows whose texts nearly stand earlier in the same split."""
    for part, start in placed(subject):
        own = numpy.arange(start, start + len(part))
        partners = subject.near.within[start : start + len(part)]
        rows = own[partners != own]
        yield judged(
            "duplicates.near",
            _tally(part, rows - start),
            len(part),
            _NEARLY_WITHIN,
            well=f"no text of {part.name} nearly stands there twice ({_ALIKE})",
            ill=f"of {part.name} nearly repeat an earlier text ({_ALIKE})",
            remedy=subject.clean("near"),
            examples=_examples(subject, rows, partners[rows - start]),
        )


def check_leaks(subject: Subject) -> Iterator[Finding | Skipped]:
    """Rows to score whose texts stand in train."""
    if not _has_both(subject):
        yield Skipped("leaks.exact", _ONE)
        return
    for part, start in placed(subject)[1:]:
        rows = leaked(subject, part)
        yield judged(
            "leaks.exact",
            _tally(part, rows - start),
            len(part),
            _LEAKS,
            well=f"no text of {part.name} stands in {subject.parts[0].name}",
            ill=f"of {part.name} leak: their texts stand in {subject.parts[0].name} (case and spaces aside)",
            remedy=subject.clean("leaks"),
            examples=_examples(subject, rows, subject.first_equal[rows]),
        )


def check_near_leaks(subject: Subject) -> Iterator[Finding | Skipped]:
    """Rows to score whose texts nearly stand in train."""
    if not _has_both(subject):
        return
    for part, start in placed(subject)[1:]:
        rows = nearly_leaked(subject, part)
        yield judged(
            "leaks.near",
            _tally(part, rows - start),
            len(part),
            _NEAR_LEAKS,
            well=f"no text of {part.name} nearly stands in {subject.parts[0].name} ({_ALIKE})",
            ill=f"of {part.name} leak nearly: like a text of {subject.parts[0].name} ({_ALIKE})",
            remedy=subject.clean("near_leaks"),
            examples=_examples(subject, rows, subject.near.in_train[rows]),
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


def _tally(part: Part, rows: Numbers) -> Tally:
    return Tally(len(rows), [Place(part.name, row) for row in rows[:SHOWN].tolist()])


def _examples(subject: Subject, rows: Numbers, partners: Numbers) -> list[str]:
    """`validation 3: a text ~ train 17: A text`, each shortened and without what looks personal."""
    pairs = zip(rows[:SHOWN].tolist(), partners[:SHOWN].tolist(), strict=True)
    return [f"{_excerpt(subject, row)} ~ {_excerpt(subject, partner)}" for row, partner in pairs]


def _excerpt(subject: Subject, row: int) -> str:
    (texts,) = subject.texts_of(numpy.array([row]))
    said = masked(" | ".join(" ".join(text.split()) for text in texts))
    return f"{subject.place(row)}: {said if len(said) <= _EXCERPT else said[: _EXCERPT - 1] + '…'}"
