"""Texts that something went wrong with on their way: how each fault is seen, and the text without it. Knows no rows."""

import html
import re
import unicodedata
from functools import lru_cache

_TAGS = (
    "a abbr article b blockquote body br center code dd div dl dt em figure font footer form h1 h2 h3 h4 h5 h6 head "
    "header hr html i iframe img input ins label li link main meta nav ol p pre script section small span strike "
    "strong style sub sup svg table tbody td textarea th thead title tr tt u ul video"
)
_TAG = re.compile(rf"</?(?:{'|'.join(_TAGS.split())})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});")
_BREAKS = re.compile(r"</?(?:br|p|div|li|tr|h[1-6])(?:\s[^<>]*)?/?>", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u0080-\u009f\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]")
_RUN = re.compile(r"[\u0080-\u00ff\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u2122]{2,}")
_LOST = "\ufffd"


def is_blank(text: str | None) -> bool:
    """Whether there is no text: null, or nothing but spaces."""
    return text is None or not text.strip()


def is_padded(text: str | None) -> bool:
    """Whether spaces stand before or after the text."""
    return text is not None and text != text.strip() and bool(text.strip())


def trimmed(text: str) -> str:
    """Without spaces before and after."""
    return text.strip()


def has_control(text: str | None) -> bool:
    """Whether a control character or an invisible mark stands in it; tabs and line ends do not count."""
    return text is not None and _CONTROL.search(text) is not None


def without_control(text: str) -> str:
    """Without them."""
    return _CONTROL.sub("", text)


def has_html(text: str | None) -> bool:
    """Whether a tag or an entity of HTML stands in it."""
    if text is None:
        return False
    if "<" in text and _TAG.search(text) is not None:
        return True
    return "&" in text and any(html.unescape(found) != found for found in _ENTITY.findall(text))


def without_html(text: str) -> str:
    """Entities as the characters that they are, tags taken out; those that begin a line leave a space."""
    return _without_tags(html.unescape(_without_tags(text)))


def _without_tags(text: str) -> str:
    return _TAG.sub("", _BREAKS.sub(" ", text))


def is_mojibake(text: str | None) -> bool:
    """Whether UTF-8 was read as Latin-1 or cp1252 (`Ã©` for `é`), or characters were lost (U+FFFD)."""
    return text is not None and not text.isascii() and (_LOST in text or repaired(text) != text)


def repaired(text: str) -> str:
    """Runs of characters that are UTF-8 read in a wrong encoding, read as UTF-8; what was lost stays lost."""
    return text if text.isascii() else _RUN.sub(lambda found: _as_utf8(found[0]), text)


def script(text: str) -> str:
    """The script of most letters: LATIN, CYRILLIC, CJK, ...; empty where there is no letter."""
    if text.isascii():
        return "LATIN" if any(map(str.isalpha, text)) else ""
    counts: dict[str, int] = {}
    for letter in text[:400]:
        name = _script_of(letter)
        counts[name] = counts.get(name, 0) + 1
    counts.pop("", None)
    return max(counts, key=lambda name: (counts[name], name)) if counts else ""


def _as_utf8(run: str) -> str:
    for encoding in ("cp1252", "latin-1"):
        try:
            return run.encode(encoding).decode("utf-8")
        except UnicodeError:
            continue
    return run


_JAPANESE = {"HIRAGANA": "CJK", "KATAKANA": "CJK", "HANGUL": "CJK"}
"""East Asian texts mix them."""


@lru_cache(maxsize=100_000)
def _script_of(letter: str) -> str:
    if not letter.isalpha():
        return ""
    first = unicodedata.name(letter, "").partition(" ")[0]
    return _JAPANESE.get(first, first)
