"""What a check says: a Finding with severity, count, rows, threshold and remedy. Checks nothing and prints nothing."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from hf_suite.doctor.mislabelled import Suspect

Severity = Literal["ok", "warn", "bad"]
MARKS: dict[Severity, str] = {"ok": "✔", "warn": "⚠", "bad": "✘"}
SECTIONS = {
    "texts": "Texts",
    "labels": "Labels",
    "duplicates": "Duplicates within a split",
    "leaks": "Leaks across splits",
    "answers": "Answers in their contexts",
    "lengths": "Token lengths",
    "personal": "Personal data",
    "mislabelled": "Labels that look wrong",
}
"""What stands before the dot in a finding's name -> its heading, in the order of the report."""
SHOWN = 3
"""Rows that a finding names."""


@dataclass(frozen=True)
class Place:
    """A row: its split and its number, counted from 0, or its id."""

    split: str
    row: int | str

    def __str__(self) -> str:
        return f"{self.split} {self.row}"


@dataclass
class Tally:
    """Rows that are counted, of which the first are kept."""

    count: int = 0
    first: list[Place] = field(default_factory=list)

    def add(self, split: str, row: int | str) -> None:
        """One more row."""
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append(Place(split, row))

    def extend(self, split: str, rows: Sequence[int]) -> None:
        """Several more rows of a split."""
        self.count += len(rows)
        self.first += [Place(split, row) for row in rows[: SHOWN - len(self.first)]]


@dataclass(frozen=True)
class Bounds:
    """From which share of the rows on a finding is a warning, and from which it is bad."""

    warn: float = 0.0
    """0: from one row on."""
    bad: float | None = None
    """None: never; 0: from one row on."""

    def severity(self, count: int, of: int) -> Severity:
        """How serious so many rows of so many are; none are ok."""
        share = count / of if of else 0.0
        if not count or share < self.warn:
            return "ok"
        return "bad" if self.bad is not None and share >= self.bad else "warn"

    def __str__(self) -> str:
        if self.bad == 0:
            return f"✘ {_from(0)}"
        return f"⚠ {_from(self.warn)}" + (f", ✘ {_from(self.bad)}" if self.bad is not None else "")


@dataclass(frozen=True)
class Finding:
    """One line of a report."""

    name: str
    """`texts.empty`; what stands before the dot is the section."""
    severity: Severity
    sentence: str
    count: int = 0
    """Rows that are meant."""
    of: int = 0
    """Rows that were looked at."""
    rows: tuple[Place, ...] = ()
    """The first of them."""
    threshold: str = ""
    remedy: str = ""
    """The command that mends it, or what to do where none does; empty where all is well."""
    examples: tuple[str, ...] = ()

    @property
    def section(self) -> str:
        """The family of checks that it belongs to."""
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class Skipped:
    """What was not looked at, and for lack of what."""

    name: str
    why: str

    @property
    def section(self) -> str:
        """The family of checks that it belongs to."""
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class Report:
    """All that was found out of some data."""

    data: str
    """How the data are named."""
    task: str
    kind: str
    splits: Mapping[str, Mapping[str, Any]]
    """Split -> {rows, columns: [{name, role, holds, filled, distinct}]}."""
    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    """How the files are written, or what the evidence is of."""
    suspects: tuple[Suspect, ...] = ()
    """Rows whose labels look wrong, the surest first; where a model's evidence was looked at."""

    def of_section(self, section: str) -> list[Finding]:
        """Its findings."""
        return [finding for finding in self.findings if finding.section == section]

    def skipped_of(self, section: str) -> list[Skipped]:
        """What was not looked at there."""
        return [skipped for skipped in self.skipped if skipped.section == section]

    def counted(self, severity: Severity) -> int:
        """Findings of that severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """The report as JSON holds it, schema 1."""
        counts = {"ok": self.counted("ok"), "warnings": self.counted("warn"), "bad": self.counted("bad")}
        return {"schema": 1, **dataclasses.asdict(self), "counts": {**counts, "skipped": len(self.skipped)}}


def judged(
    name: str,
    found: Tally,
    of: int,
    bounds: Bounds,
    *,
    well: str,
    ill: str,
    remedy: str = "",
    examples: Sequence[str] = (),
) -> Finding:
    """A finding on rows: `well` where there are none, else `ill` after `12 of 5,000 (0.24 %)`."""
    severity, count = bounds.severity(found.count, of), found.count
    sentence = f"{share(count, of)} {ill}" if count else well
    mended = "" if severity == "ok" else remedy
    return Finding(name, severity, sentence, count, of, tuple(found.first), str(bounds), mended, tuple(examples))


def share(count: int, of: int) -> str:
    """`12 of 5,000 rows (0.24 %)`."""
    percent = 100 * count / of if of else 0.0
    return f"{count:,} of {of:,} rows ({percent:.{0 if percent >= 10 else 2}{'f' if percent >= 10 else 'g'}} %)"


def _from(bound: float) -> str:
    return f"from {100 * bound:g} %" if bound else "from one row"
