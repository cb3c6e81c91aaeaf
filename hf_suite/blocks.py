"""A text -> blocks of so many tokens, one after another, each with the tokens before it. Reads no file, holds few."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hf_suite.errors import ModelError

if TYPE_CHECKING:
    import pyarrow

COLUMNS = ("input_ids", "scored", "length", "words")
"""What a block has besides `row` and `text`: its tokens after those before it, how many are its own and are learnt at
once, its words."""
_AT_ONCE = 256
_LETTERS = 4  # of a token, where no tokenizer is at hand

Encode = Callable[[str], tuple[list[int], list[int]]]
"""A text's tokens, and at which letter each begins."""


@dataclass(frozen=True)
class Blocks:
    """How a text is cut: `size` tokens to learn at a time, `step` to score at a time after `shared` that are known."""

    encode: Encode
    begin: int
    """The token that stands before the text."""
    size: int
    step: int
    shared: int

    def batches(self, texts: Iterable[str], size: int) -> Iterator["pyarrow.RecordBatch"]:
        """The blocks of a text that comes in pieces: columns `row`, `text` and COLUMNS.

        Their texts together are the text, to the letter; a letter of several tokens stands where its last one is. A
        word counts in the block in which it begins.
        """
        found = self._found(texts, size)
        for first in itertools.count(0, _AT_ONCE):
            held = list(itertools.islice(found, _AT_ONCE))
            if not held:
                return
            yield _columns(held, first)

    def _found(self, texts: Iterable[str], size: int) -> Iterator[dict[str, Any]]:
        """The blocks; of the text no more is held than a piece and a block."""
        text, ids, starts, before, last = "", list[int](), list[int](), [self.begin], " "
        for piece, is_last in _ended(texts):
            more, places = self.encode(piece)
            starts += [len(text) + place for place in places]
            ids, text, at, begun = ids + more, text + piece, 0, 0
            while len(ids) - at > size or (is_last and at < len(ids)):
                end = min(at + size, len(ids))
                ends = starts[end] if end < len(ids) else len(text)
                part = text[begun:ends]
                known = [*before, *ids[max(0, at - self.shared - 1) : at]][-self.shared - 1 :]
                many = {"scored": end - at, "length": end - at, "words": _words(part, last)}
                yield {"text": part, "input_ids": known + ids[at:end], **many}
                last, at, begun = part[-1:] or last, end, ends
            before = [*before, *ids[:at]][-self.shared - 1 :]
            text, ids, starts = text[begun:], ids[at:], [place - begun for place in starts[at:]]


def of_tokenizer(tokenizer: Any, *, begin: int, length: int, shared: int, place: str) -> Blocks:
    """Blocks of a tokenizer's tokens. Raises ModelError where it does not tell at which letters they begin."""
    if not tokenizer.is_fast:
        finding = "its tokenizer does not tell where in a text its tokens stand, so that blocks cannot be cut"
        raise ModelError(place, finding, "say task.document=row, which learns line by line")

    def encode(text: str) -> tuple[list[int], list[int]]:
        found = tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, return_attention_mask=False, verbose=False
        )
        return found["input_ids"], [start for start, _ in found["offset_mapping"]]

    return Blocks(encode, begin, length, length - shared, shared)


def roughly(length: int | None) -> Blocks:
    """Blocks as large as they mostly are, where no tokenizer is at hand to cut them: for counting alone."""

    def encode(text: str) -> tuple[list[int], list[int]]:
        starts = list(range(0, len(text), _LETTERS))
        return [0] * len(starts), starts

    size = length or 512
    return Blocks(encode, 0, size, size, 0)


def _ended(texts: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Each piece, and whether it is the last."""
    before = None
    for piece in texts:
        if before is not None:
            yield before, False
        before = piece
    if before is not None:
        yield before, True


def _words(text: str, last: str) -> int:
    """Words that begin in a text which follows the letter `last`."""
    goes_on = not last.isspace() and text[:1] != "" and not text[:1].isspace()
    return len(text.split()) - goes_on


def _columns(held: list[dict[str, Any]], first: int) -> "pyarrow.RecordBatch":
    import pyarrow

    types = {"text": pyarrow.large_string(), "input_ids": pyarrow.list_(pyarrow.int32())}
    columns = {
        name: pyarrow.array([block[name] for block in held], types.get(name, pyarrow.int32())) for name in held[0]
    }
    return pyarrow.record_batch({"row": pyarrow.array(range(first, first + len(held)), pyarrow.int64()), **columns})
