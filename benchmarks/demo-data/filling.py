"""What the generators of the demo's data share: the lexicons, and how phrases are filled. Makes no rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
Row = dict[str, Any]


def lexicon(task: str) -> dict[str, Any]:
    return yaml.safe_load((HERE / "lexicon" / f"{task}.yaml").read_text(encoding="utf-8"))


def upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def fill(template: str, **slots: str) -> str:
    """Replace <slot> by its text and <Slot> by its text with a capital first letter."""
    for name, text in slots.items():
        template = template.replace(f"<{name}>", text)
        template = template.replace(f"<{upper_first(name)}>", upper_first(text))
    return template


def parts(text: str, mark: str) -> list[str]:
    return [part.strip() for part in text.split(mark)]


def wordings(text: str, split: str) -> list[str]:
    """The last of the wordings of a fact is kept for validation."""
    found = parts(text, "|")
    return found[:-1] if split == "train" else found


def distinct(size: int, make: Any) -> list[Row]:
    """``size`` rows, ``make(i)`` for row i, drawn again while the same row was there before."""
    rows: list[Row] = []
    seen: set[str] = set()
    while len(rows) < size:
        row = make(len(rows))
        key = "\n".join(str(v) for k, v in row.items() if k not in ("label", "score"))
        if key not in seen:
            seen.add(key)
            rows.append(row)
    return rows
