"""Checks of answers to questions: whether each stands in its context, at its offset."""

from collections import Counter
from collections.abc import Iterator

from hf_suite import offsets
from hf_suite.doctor.findings import Bounds, Finding, Tally, judged
from hf_suite.doctor.subject import Part, Subject
from hf_suite.offsets import MOVED

__all__ = ["MOVED", "check", "faults"]


def check(subject: Subject) -> Iterator[Finding]:
    """Answers that are not at their offset, which reading puts right where they stand once, and those that are lost."""
    if not {"answers", "context"} <= subject.spec.columns.keys():
        return
    moved, lost, of = Tally(), Tally(), 0
    seen: Counter[str] = Counter()
    for part in subject.parts:
        of += len(part)
        for row, fault in faults(part):
            seen[fault.partition(",")[0]] += 1
            (moved if fault == MOVED else lost).add(part.name, row)
    yield judged(
        "answers.moved",
        moved,
        of,
        Bounds(0),
        well="every answer is at its offset, or has none",
        ill="have an answer that is not at its offset, and stands once: reading puts it right",
        remedy="nothing is to be done",
    )
    sorts = "; ".join(f"{count:,} {sort}" for sort, count in seen.most_common() if sort != MOVED)
    yield judged(
        "answers.lost",
        lost,
        of,
        Bounds(0, 0),
        well="every answer stands in its context",
        ill=f"have an answer that cannot be found ({sorts})",
        remedy=subject.clean("answers"),
    )


def faults(part: Part) -> Iterator[tuple[int, str]]:
    """Rows of a split whose answers are not where they should be, and what is wrong with them."""
    golds = part.roles["answers"].to_pylist() if {"answers", "context"} <= part.roles.keys() else []
    for row, (gold, context) in enumerate(zip(golds, part.texts("context") if golds else (), strict=True)):
        fault = offsets.fault(gold, context or "")
        if fault is not None:
            yield row, fault
