"""Checks of single texts: empty, padded, wrongly decoded, with control characters or HTML, in another script."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from hf_suite.doctor import repairs
from hf_suite.doctor.findings import Bounds, Finding, Tally, judged
from hf_suite.doctor.repairs import is_blank
from hf_suite.doctor.subject import Subject

_FAULTS: dict[str, tuple[Callable[[str | None], bool], Bounds, str, str, str]] = {
    "empty": (is_blank, Bounds(0, 0.05), "no text is empty", "have no text ({})", "trim"),
    "padded": (
        repairs.is_padded, Bounds(0.01), "few or no texts have spaces around them", "have spaces around a text", "trim",
    ),
    "mojibake": (
        repairs.is_mojibake, Bounds(0, 0.05), "no text was decoded wrongly", "were decoded wrongly (é as Ã©, or lost)",
        "mojibake",
    ),
    "control": (
        repairs.has_control, Bounds(0), "no text has control characters", "have control or invisible characters",
        "control",
    ),
    "html": (repairs.has_html, Bounds(0.001), "few or no texts have HTML", "have HTML tags or entities", "html"),
}  # fmt: skip
"""Name -> whether a text has it, bounds, what is said without and with it, and what takes it out."""
_MAIN = 0.9


def check(subject: Subject) -> Iterator[Finding]:
    """What is wrong with texts to read, one finding a fault over all splits."""
    found = {name: Tally() for name in _FAULTS}
    blank: Counter[str] = Counter()
    mends = {"empty"}  # such a row goes
    for split, row, texts in subject.each():
        blank.update(map(_sort, filter(is_blank, texts)))
        for name in _faults(texts):
            found[name].add(split, row)
        mends.update(_faults(subject.of_mended(texts)))
    sorts = ", ".join(f"{count:,} {sort}" for sort, count in sorted(blank.items()))
    for name, (_, bounds, well, ill, fix) in _FAULTS.items():
        said = {"well": well, "ill": ill.format(sorts), "remedy": subject.mend(fix, mends=name in mends)}
        yield judged(f"texts.{name}", found[name], subject.total, bounds, **said)
    yield _scripts(subject)


def _faults(texts: Sequence[str | None]) -> list[str]:
    return [name for name, (holds, *_) in _FAULTS.items() if any(map(holds, texts))]


def _sort(blank: str | None) -> str:
    return "null" if blank is None else "of spaces" if blank else "empty"


def _scripts(subject: Subject) -> Finding:
    """Rows whose letters are of another script than nearly all others."""
    seen = Counter(name for _, _, name in _scripted(subject))
    if not seen or max(seen.values()) < _MAIN * seen.total():
        mix = ", ".join(f"{name.lower()} {100 * count / seen.total():.0f} %" for name, count in seen.most_common(4))
        return Finding("texts.scripts", "ok", f"letters of no one usual script ({mix or 'there are none'})")
    main = seen.most_common(1)[0][0]
    found = Tally()
    for split, row, name in _scripted(subject) if len(seen) > 1 else ():
        if name != main:
            found.add(split, row)
    others = ", ".join(name.lower() for name, _ in seen.most_common(4) if name != main)
    return judged(
        "texts.scripts",
        found,
        subject.total,
        Bounds(0),
        well=f"all texts are in {main.lower()} letters",
        ill=f"are in {others} letters, unlike the rest, which are in {main.lower()} ones",
        remedy="look at these rows, and take out what the model is not to read",
    )


def _scripted(subject: Subject) -> Iterator[tuple[str, int, str]]:
    """Split, row and script of each row that has letters."""
    for split, row, texts in subject.each():
        name = repairs.script(" ".join(filter(None, texts)))
        if name:
            yield split, row, name
