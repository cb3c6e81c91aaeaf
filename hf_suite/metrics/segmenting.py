"""Sentences and words of a text, by rules for any script that need no download. Knows no grammar."""

import re
import unicodedata
from functools import lru_cache

SENTENCES = "hf_suite-1"
"""The rules of `sentences` by name; another number whenever a text could be split otherwise."""
WORDS = "unicode-1"
"""The rules of `words`, likewise."""

_CLOSING = "\"'”’»)\\]"
_END = re.compile(rf"(?<=[.!?…।॥؟۔])[{_CLOSING}]*\s+(?=[^\s])|(?<=[。！？])[」』”’）]*\s*(?=[^\s」』”’）])")
_TITLES = frozenset(
    {"mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "rev", "hon", "gov", "sen", "rep", "gen", "col", "capt", "lt"}
    | {"sgt", "dept", "vs", "fig", "eq", "al", "inc", "ltd", "co", "corp", "e.g", "i.e", "cf", "approx", "jan", "feb"}
    | {"mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec"}
)
"""After these a full stop does not end a sentence."""
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
"""How Unicode's names begin for letters of scripts that put no spaces between words."""


def sentences(text: str) -> list[str]:
    """The sentences of a text, none empty: lines are split, and each after `.`, `!`, `?` and their like.

    A full stop does not end a sentence after a single letter or a known abbreviation, nor where the next letter is
    small. Ends of sentences in Chinese and Japanese need no space after them.
    """
    return [sentence for line in text.splitlines() for sentence in _of_line(line) if sentence]


def _of_line(line: str) -> list[str]:
    found, start = [], 0
    for end in _END.finditer(line):
        if _ends(line[start : end.start()], line[end.end()]):
            found.append(line[start : end.end()].strip())
            start = end.end()
    return [*found, line[start:].strip()]


def _ends(before: str, after: str) -> bool:
    """Whether a sentence ends between them."""
    if after.islower():
        return False
    last = before.rsplit(None, 1)[-1] if before.strip() else ""
    stem = last.rstrip(".").lstrip("(\"'“‘«[").lower()
    return not last.endswith(".") or not (stem in _TITLES or (len(stem) == 1 and stem.isalpha()))


def words(text: str) -> list[str]:
    """The words of a text in small letters and NFKC: runs of letters, marks and digits of any script.

    In scripts that put no spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) each letter, with the
    marks upon it, is one.
    """
    found: list[str] = []
    before = "other"
    for letter in unicodedata.normalize("NFKC", text).lower():
        sort = _sort(letter)
        if sort == "mark" and before != "other":
            found[-1] += letter
            continue
        if sort == before == "spaced":
            found[-1] += letter
        elif sort in ("spaced", "unspaced"):
            found.append(letter)
        before = sort
    return found


@lru_cache(maxsize=1 << 16)
def _sort(letter: str) -> str:
    """`spaced` and `unspaced` letters and digits, the `mark` upon them, or anything `other`."""
    kind = unicodedata.category(letter)[0]
    if kind not in "LN":
        return "mark" if kind == "M" else "other"
    return "unspaced" if unicodedata.name(letter, "").startswith(_UNSPACED) else "spaced"
