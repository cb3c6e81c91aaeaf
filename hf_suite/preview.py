"""Rows as a model will see them: their tokens, what of them is cut, and where the loss falls. Loads no weights."""

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hf_suite import own
from hf_suite.adapters import Adapter, Strip, take
from hf_suite.adapting import Adapted, adapted
from hf_suite.config import RunConfig
from hf_suite.errors import DataError

_WHOLE = 1 << 20  # tokens: more than a row has
_SPACE = "Ġ"  # a space in a vocabulary of bytes
_COMPARED = 5_000  # tokens of a row in which what is cut is looked for


@dataclass(frozen=True)
class Token:
    """One token as people read it."""

    text: str
    special: bool
    """Whether the tokenizer put it there."""
    learnt: bool
    """Whether the loss falls on it, or points to it."""


@dataclass(frozen=True)
class Shown:
    """What a model reads, writes or learns, in tokens or in words."""

    title: str
    tokens: tuple[Token, ...]
    text: str


@dataclass(frozen=True)
class RowShown:
    """One row: its features (several where it is read in windows), and the pieces of it that no feature holds.

    None of a row without a text, where texts are learnt from what they are.
    """

    row: int | str
    features: tuple[tuple[Shown, ...], ...]
    cut: Mapping[str, tuple[str, ...]]
    """Title -> pieces of text."""


@dataclass(frozen=True)
class Preview:
    """The first rows, what was settled on the way, and how much is cut in them."""

    rows: tuple[RowShown, ...]
    notes: tuple[str, ...]
    max_length: int | None


def preview(config: RunConfig, *, rows: int = 3) -> Preview:
    """The first train rows of a run (of one that trains nothing: the first to score), through its own adapter.

    Raises SuiteError where the run would be refused before its weights are loaded.
    """
    run = adapted(own.settled(config))
    split = run.parts.train or next(iter(run.parts.eval.values()))
    first = split.rows.select(range(min(rows, len(split.rows))))
    if not len(first):
        raise DataError(f"{run.spec.name} {split.name}", "has no row to show", "give it rows")
    seen, whole = _by_row(run.adapter, first), _by_row(_without_limit(run), first)
    shown = tuple(_row(run.tokenizer, row, seen.get(row, []), whole.get(row, [])) for row in first["row"])
    return Preview(shown, run.notes, run.resolved.config.max_length)


def _without_limit(run: Adapted) -> Adapter:
    """The same adapter with room for all there is: what it reads besides is what is cut."""
    config = run.resolved.config
    over: dict[str, Any] = {"max_length": _WHOLE}
    over |= {"max_target_length": _WHOLE} if config.max_target_length is not None else {}
    return type(run.adapter)(run.resolved.spec, config.model_copy(update=over), run.tokenizer, shots=run.shots)


def _by_row(adapter: Adapter, rows: Any) -> dict[int | str, list[list[Strip]]]:
    features = adapter.train_features(rows)
    found: dict[int | str, list[list[Strip]]] = {}
    for feature in take(features, range(len(features))):
        found.setdefault(feature["row"], []).append(adapter.shown(feature))
    return found


def _row(tokenizer: Any, row: int | str, seen: Sequence[Sequence[Strip]], whole: Sequence[Sequence[Strip]]) -> RowShown:
    features = tuple(tuple(_shown(tokenizer, strip) for strip in strips) for strips in seen)
    cut: dict[str, tuple[str, ...]] = {}
    for at, strip in enumerate(whole[0] if whole else ()):
        pieces = _lost(list(strip.ids), [list(strips[at].ids) for strips in seen])
        texts = tuple(tokenizer.decode(piece) for piece in pieces)
        cut |= {strip.title: texts} if texts else {}
    return RowShown(row, features, cut)


def _lost(whole: list[int], parts: Sequence[list[int]]) -> list[list[int]]:
    """The runs of tokens of the whole that stand in no part; none where there are too many to compare."""
    if len(whole) > _COMPARED or any(part == whole for part in parts):
        return []
    there = [False] * len(whole)
    for part in parts:
        for block in difflib.SequenceMatcher(None, whole, part, autojunk=False).get_matching_blocks():
            there[block.a : block.a + block.size] = [True] * block.size
    found: list[list[int]] = []
    for at, is_there in enumerate(there):
        if is_there:
            continue
        if at == 0 or there[at - 1]:
            found.append([])
        found[-1].append(whole[at])
    return found


def _shown(tokenizer: Any, strip: Strip) -> Shown:
    learnt, special = set(strip.learnt), set(tokenizer.all_special_ids)
    names = tokenizer.convert_ids_to_tokens(list(strip.ids))
    if any(_SPACE in name for name in names):  # bytes, each under the name of some letter
        names = [tokenizer.decode([token]) for token in strip.ids]
    texts = (name.replace("▁", "␣").replace(" ", "␣").replace("\n", "↵") for name in names)
    tokens = [
        Token(text, token in special, at in learnt)
        for at, (text, token) in enumerate(zip(texts, strip.ids, strict=True))
    ]
    return Shown(strip.title, tuple(tokens), strip.text)


def as_json(found: Preview) -> dict[str, Any]:
    """The same as plain values."""
    return dataclasses.asdict(found)
