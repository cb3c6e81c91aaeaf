"""Patterns of personal data: counted, never printed. What is found is likely, not certain; what is not may be there."""

import re
from collections.abc import Callable, Iterator

from hf_suite.doctor.findings import Bounds, Finding, Tally, judged
from hf_suite.doctor.subject import Subject


def _is_card(digits: str) -> bool:
    """Luhn's check of a card number."""
    plain = [int(digit) for digit in digits if digit.isdigit()]
    doubled = [digit if at % 2 == 0 else digit * 2 - 9 * (digit > 4) for at, digit in enumerate(reversed(plain))]
    return 13 <= len(plain) <= 19 and len(set(plain)) > 1 and sum(doubled) % 10 == 0


def _is_iban(text: str) -> bool:
    """The check digits of an account number (ISO 13616)."""
    plain = "".join(text.split()).upper()
    return int("".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])) % 97 == 1


def _is_phone(text: str) -> bool:
    """Nine to fifteen digits, with a plus, a bracket or a separator among them; no date."""
    digits = sum(map(str.isdigit, text))
    return 9 <= digits <= 15 and not re.fullmatch(r"\d{4}[-./]\d{2}[-./]\d{2}.*", text.strip())


def _any(_: str) -> bool:
    return True


PATTERNS: dict[str, tuple[re.Pattern[str], Callable[[str], bool]]] = {
    "e-mail address": (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,24}\b"), _any),
    "account number": (re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"), _is_iban),
    "card number": (re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.])"), _is_card),
    "social security number": (re.compile(r"\b(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}\b"), _any),
    "internet address": (
        re.compile(r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])"), _any,
    ),
    "phone number": (
        re.compile(
            r"(?<![\w.])(?:\+\d{1,3}[ ./-]?|\(\d{2,5}\)[ ./-]?|\d{3,5}[ ./-])"
            r"(?:\d{2,5}[ ./-]?){1,3}\d{2,5}(?![\w.]?\d)"
        ),
        _is_phone,
    ),
}  # fmt: skip
"""Kind -> where it may stand, and what else must hold of it; a text is tried in this order."""
_HINT = re.compile(r"@|\d\D?\d|\d{2}")


def masked(text: str) -> str:
    """The text with the kind of what looks personal in its place: `[e-mail address]`."""
    return _looked_through(text)[0]


def kinds(text: str) -> set[str]:
    """What of personal data a text seems to hold."""
    return _looked_through(text)[1]


def _looked_through(text: str) -> tuple[str, set[str]]:
    found = set()
    for name in PATTERNS if _HINT.search(text) else ():
        without = _replaced(text, name)
        found |= {name} if without != text else set()
        text = without
    return text, found


def _replaced(text: str, name: str) -> str:
    pattern, holds = PATTERNS[name]
    return pattern.sub(lambda found: f"[{name}]" if holds(found[0]) else found[0], text)


def check(subject: Subject) -> Iterator[Finding]:
    """Rows that seem to hold personal data, by its kind."""
    found = {name: Tally() for name in PATTERNS}
    mends: set[str] = set()
    for split, row, texts in subject.each():
        for name in set().union(*(kinds(text) for text in texts if text)):
            found[name].add(split, row)
            mends |= {name for text in subject.of_mended(texts) if text and name in kinds(text)}
    seen = {name: tally for name, tally in found.items() if tally.count}
    for name, tally in (seen or {"data": Tally()}).items():
        yield judged(
            f"personal.{name.replace(' ', '_').replace('-', '')}",
            tally,
            subject.total,
            Bounds(0),
            well=f"nothing looks like {', '.join(PATTERNS)}",
            ill=f"seem to hold a{'n' if name[0] in 'aei' else ''} {name}",
            remedy=subject.mend("personal", mends=name in mends),
        )
