"""Plain text: files read as they stand, a piece at a time and to the letter, or their first lines. Finds no rows."""

import codecs
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from hf_suite.errors import DataError
from hf_suite.files.opening import GUESSED, Examined, unpacked

_BYTES = 1 << 20
"""Of a file that are read at once."""


def pieces(files: Sequence[Examined]) -> Iterator[str]:
    """The texts of files, one after another, in pieces that end where a line or at least a word does, if any does.

    A file ends its last line. Raises DataError where one is not UTF-8 (or what its byte order mark says).
    """
    rest = ""
    for text in itertools.chain.from_iterable(_whole(file, file is files[-1]) for file in files):
        rest += text
        at = (rest.rfind("\n") + 1) or max(rest.rfind(" "), 0)
        if at:
            yield rest[:at]
            rest = rest[at:]
    if rest:
        yield rest


def lines(file: Examined, most: int) -> list[str]:
    """The first lines, at most so many, of what was looked at of the file."""
    check(file)
    return file.head.splitlines()[:most]


def check(file: Examined) -> None:
    """Refuses a text that is not in UTF-8, with the place of the first byte that is not. Raises DataError."""
    if file.encoding not in GUESSED:
        return
    decoder, done = codecs.getincrementaldecoder("utf-8")(), 0
    with unpacked(file.path, file.packing) as stream:
        while chunk := stream.read(_BYTES):
            held = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk, final=len(chunk) < _BYTES)
            except UnicodeDecodeError as error:
                raise _not_utf8(file.path, done - held + error.start, error) from error
            done += len(chunk)


def _not_utf8(path: Path, at: int, error: UnicodeDecodeError) -> DataError:
    byte = error.object[error.start]
    finding = f"is not UTF-8: byte {at:,} (0x{byte:02X}, from 0) fits nothing"
    return DataError(str(path), finding, "save it as UTF-8, or take that byte out")


def _whole(file: Examined, is_last: bool) -> Iterator[str]:
    """A file's text, its last line ended unless it is the last file. Raises DataError."""
    check(file)
    end = "\n"
    for text in _decoded(file):
        end = text[-1:] or end
        yield text
    if end != "\n" and not is_last:
        yield "\n"


def _decoded(file: Examined) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(file.encoding)()
    with unpacked(file.path, file.packing) as stream:
        while chunk := stream.read(_BYTES):
            yield decoder.decode(chunk)
        yield decoder.decode(b"", final=True)
