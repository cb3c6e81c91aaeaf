"""Answers at their offsets in the context: found, put right where the text stands once, refused where it does not."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hf_suite.errors import DataError

if TYPE_CHECKING:
    import pyarrow

_FORM = 'write them as {"text": [...], "answer_start": [...]}, empty lists for none'


def mended(table: "pyarrow.Table", answers: str, context: str, *, place: str) -> tuple["pyarrow.Table", list[str]]:
    """The table with the column `answers` in SQuAD's form, each at its offset in `context`, and what was mended.

    An answer may be a text, a list of texts, or {text, answer_start}. Raises DataError: a text that does not stand in
    its context, or stands there more than once and not at the offset that is given.
    """
    import pyarrow

    found, moved = [], []
    for row, (gold, text) in enumerate(zip(*(table[name].to_pylist() for name in (answers, context)), strict=True)):
        try:
            texts, starts = _parts(gold)
        except TypeError as error:
            raise DataError(f"{place} row {row}", f"{answers!r} holds no answers", _FORM) from error
        right = [
            _at(text or "", one, start, f"{place} row {row}") for one, start in zip(texts, starts, strict=True)
        ]  # fmt: skip
        moved += [row for start, now in zip(starts, right, strict=True) if start is not None and start != now]
        found.append(None if gold is None else {"text": texts, "answer_start": right})
    kind = pyarrow.struct([("text", pyarrow.list_(pyarrow.string())), ("answer_start", pyarrow.list_(pyarrow.int64()))])
    table = table.set_column(table.column_names.index(answers), answers, pyarrow.array(found, kind))
    says = f"{place}: {len(moved):,} answers were not at their offset and now are, first row {min(moved, default=0)}"
    return table, [says] if moved else []


def fault(gold: Any, context: str) -> str | None:
    """What is wrong with a row's answers: MOVED, or what `mended` would refuse; None where nothing is."""
    try:
        texts, starts = _parts(gold)
    except (TypeError, KeyError):
        return "is in no form that is known"
    places = [(start, _found(context, text, start)) for text, start in zip(texts, starts, strict=True)]
    lost = [at for _, at in places if isinstance(at, str)]
    moved = any(start is not None and at != start for start, at in places)
    return lost[0] if lost else MOVED if moved else None


MOVED = "is not at its offset"


def _parts(gold: Any) -> tuple[list[str], Sequence[int | None]]:
    """The texts and offsets of a row's answers. Raises TypeError where it holds neither."""
    if gold is None or gold == "":
        return [], []
    if isinstance(gold, str):
        return [gold], [None]
    if isinstance(gold, list) and all(isinstance(text, str) for text in gold):
        return gold, [None] * len(gold)
    texts, starts = gold["text"], gold["answer_start"]
    if isinstance(texts, str):
        texts, starts = [texts], [starts]
    return [str(text) for text in texts], list(starts)


def _at(context: str, answer: str, start: int | None, place: str) -> int:
    """Where an answer begins. Raises DataError."""
    found = _found(context, answer, start)
    if isinstance(found, int):
        return found
    way = "mend its answer_start" if answer in context else "write it as it stands there, or leave the row out"
    raise DataError(place, f"the answer {answer[:40]!r} {found}", way)


def _found(context: str, answer: str, start: int | None) -> int | str:
    """Where an answer begins, or why it cannot be told."""
    if start is not None and context[start : start + len(answer)] == answer:
        return start
    count = context.count(answer)
    if not count:
        return "does not stand in its context"
    if count > 1 and start is not None:
        return f"stands {count:,} times in its context, and not at {start:,}"
    return context.index(answer)
