"""The doctor: what is wrong with rows before anything is learnt from them. Knows no file, model or tokenizer."""

from collections.abc import Callable, Collection, Iterator

from hf_suite.doctor import answers, duplicates, labels, lengths, personal, texts
from hf_suite.doctor.findings import MARKS, SECTIONS, Finding, Report, Severity, Skipped
from hf_suite.doctor.fixes import FIXES, mend
from hf_suite.doctor.minhash import likeness
from hf_suite.doctor.page import page
from hf_suite.doctor.subject import Lengths, Part, Subject

__all__ = [
    "CHECKS", "FIXES", "MARKS", "SECTIONS", "SHORT", "Finding", "Lengths", "Part", "Report", "Severity", "Skipped",
    "Subject", "examine", "likeness", "mend", "page",
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
    "lengths": lengths.check,
    "personal": personal.check,
}
SHORT = ("texts", "labels", "conflicts", "duplicates", "leaks")
"""Those that are quick enough to run before each training."""


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
