"""The doctor: what is wrong with rows before anything is learnt from them. Knows no file, model or tokenizer."""

from collections.abc import Callable, Collection, Iterator

from hf_suite.doctor import answers, duplicates, labels, personal, texts
from hf_suite.doctor.findings import Finding, Report, Severity, Skipped
from hf_suite.doctor.fixes import FIXES, mend
from hf_suite.doctor.subject import Lengths, Part, Subject

__all__ = [
    "CHECKS", "FIXES", "SECTIONS", "Finding", "Lengths", "Part", "Report", "Severity", "Skipped", "Subject", "examine",
    "mend",
]  # fmt: skip

Check = Callable[[Subject], Iterator[Finding | Skipped]]

CHECKS: dict[str, Check] = {
    "texts": texts.check,
    "labels": labels.check,
    "conflicts": labels.check_conflicts,
    "duplicates": duplicates.check,
    "near": duplicates.check_near,
    "leaks": duplicates.check_leaks,
    "near_leaks": duplicates.check_near_leaks,
    "answers": answers.check,
    "personal": personal.check,
}
SECTIONS = {
    "texts": "Texts",
    "labels": "Labels",
    "duplicates": "Duplicates within a split",
    "leaks": "Leaks across splits",
    "answers": "Answers in their contexts",
    "personal": "Personal data",
}
"""What stands before the dot in a finding's name -> its heading, in the order of the report."""


def examine(subject: Subject, only: Collection[str] = tuple(CHECKS)) -> Report:
    """What the checks of these names find."""
    said = [line for name, check in CHECKS.items() if name in only for line in check(subject)]
    return Report(
        data=subject.word,
        task=subject.spec.name,
        kind=subject.spec.kind,
        splits={part.name: part.facts(subject.spec) for part in subject.parts},
        findings=tuple(line for line in said if isinstance(line, Finding)),
        skipped=tuple(line for line in said if isinstance(line, Skipped)),
        notes=subject.notes,
    )
