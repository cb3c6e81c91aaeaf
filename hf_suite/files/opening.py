"""Opens a file: how it is packed, what format and encoding its bytes have, whatever its name says."""

import codecs
import functools
import gzip
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from hf_suite.errors import DataError

_PACKED = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
_PACKED_SUFFIXES = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd"}
_MAGIC = {
    b"PAR1": "parquet",
    b"ARROW1\0\0": "arrow",
    b"\xff\xff\xff\xff": "stream",
    b"SQLite format 3\0": "sqlite",
    b"PK\x03\x04": "zip",
    b"\xd0\xcf\x11\xe0": "xls",
    b"%PDF": "pdf",
}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SPOKEN = {"utf-8-sig": "UTF-8 with a byte order mark", "cp1252": "Windows-1252", "latin-1": "Latin-1"}
GUESSED = ("cp1252", "latin-1")
"""Encodings that a text is taken to have since it is not UTF-8."""
FORMATS = "CSV, TSV, JSON, JSON lines, Parquet, Arrow or text, also packed by gzip or zstd"

_CHUNK = 1 << 20
_HEAD = 1 << 16
BOMB_BYTES, BOMB_RATIO = 100_000_000, 100
"""A file that unpacks to more bytes than both allow is taken for one made to fill the memory."""


@dataclass(frozen=True)
class Examined:
    """What the bytes of a file are."""

    path: Path
    packing: str | None
    """gzip, zstd or None."""
    magic: str | None
    """The binary format; None for text."""
    encoding: str
    head: str
    """The text's beginning; empty for a binary format."""
    sha256: str
    """Of the file as it lies there."""
    notes: tuple[str, ...]
    """What was found out and is not what one would expect, as sentences."""

    @property
    def suffix(self) -> str:
        """The name's ending below that of the packing, in lower case."""
        suffixes = [suffix.lower() for suffix in self.path.suffixes]
        return next((suffix for suffix in reversed(suffixes) if suffix not in _PACKED_SUFFIXES), "")


def examined(path: Path) -> Examined:
    """Reads a file once through. Raises DataError: unreadable, empty, packed wrongly, binary, or too large unpacked."""
    try:
        stat = path.stat()
        now = (path.absolute(), stat.st_mtime_ns, stat.st_size)
        if now not in _known:
            _known[now] = _examined(path)
        return _known[now]
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> DataError:
    """The error for a file that the system does not give."""
    finding = f"cannot be read ({error.strerror or error})"
    remedy = "give yourself the right to read it" if isinstance(error, PermissionError) else "give a file"
    return DataError(str(path), finding, remedy)


_known: dict[tuple[Path, int, int], Examined] = {}
"""What has been found out in this process, by path, time of change and size."""


def _examined(path: Path) -> Examined:
    with path.open("rb") as file:
        start = file.read(16)
    if not start:
        raise DataError(str(path), "is empty", "give a file with rows")
    packing = _packing(path, start)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    with unpacked(path, packing) as stream:
        head = stream.read(_HEAD)
    if not head:
        raise DataError(str(path), "is empty once unpacked", "give a file with rows")
    magic = next((name for begin, name in _MAGIC.items() if head.startswith(begin)), None)
    if magic == "zip" and packing is None and "xl/workbook.xml" in zipfile.ZipFile(path).namelist():
        magic = "workbook"
    if magic is not None:
        return Examined(path, packing, magic, "", "", sha256, ())
    encoding = _encoding(path, packing, head)
    notes = []
    if encoding != "utf-8":
        notes.append(f"{path.name}: read as {_SPOKEN.get(encoding, encoding.upper())}")
    text = codecs.getincrementaldecoder(encoding)().decode(head)
    return Examined(path, packing, None, encoding, text, sha256, tuple(notes))


def _packing(path: Path, start: bytes) -> str | None:
    found = next((name for name, magic in _PACKED.items() if start.startswith(magic)), None)
    named = _PACKED_SUFFIXES.get(path.suffix.lower())
    if named is not None and found != named:
        finding = f"is named {path.suffix}, and is no {named} file"
        raise DataError(str(path), finding, f"rename it without {path.suffix}, or pack it again")
    return found


def unpacked(path: Path, packing: str | None) -> IO[bytes]:
    """The bytes of a file, unpacked as they are read; what is damaged or made to fill the memory is refused."""
    if packing is None:
        return path.open("rb")
    return io.BufferedReader(_Unpacking(path, packing), _CHUNK)


class _Unpacking(io.RawIOBase):
    """A packed file's content, counted. Raises DataError where it is damaged or a bomb."""

    def __init__(self, path: Path, packing: str) -> None:
        import pyarrow

        super().__init__()
        self.path, self.packing, self.count = path, packing, 0
        self.allowed = max(BOMB_BYTES, BOMB_RATIO * path.stat().st_size)
        opened = gzip.GzipFile if packing == "gzip" else functools.partial(pyarrow.input_stream, compression="zstd")
        self.inner = cast("IO[bytes]", opened(str(path)))

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fills the buffer; 0 at the end."""
        try:
            data = self.inner.read(len(buffer))
        except (OSError, EOFError, zlib.error) as error:
            remedy = "copy it again, or pack it anew"
            raise DataError(str(self.path), f"is a damaged {self.packing} file", remedy) from error
        self.count += len(data)
        if self.count > self.allowed:
            finding = f"unpacks to more than {self.allowed:,} bytes, over {BOMB_RATIO} times its size"
            raise DataError(str(self.path), finding, "unpack it yourself if it is meant to")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Closes the file too."""
        self.inner.close()
        super().close()


def _encoding(path: Path, packing: str | None, head: bytes) -> str:
    """The encoding of the whole text. Raises DataError where it is no text."""
    marked = next((name for bom, name in _BOMS if head.startswith(bom)), None)
    if marked is not None:
        return _whole(path, packing, marked)
    if b"\0" in head:
        odd, even = head[1::2].count(0), head[::2].count(0)
        wide = "utf-16-le" if odd > len(head) // 6 > even else "utf-16-be" if even > len(head) // 6 > odd else None
        if wide is None:
            raise _binary(path, f"byte {head.index(0):,} is null")
        return _whole(path, packing, wide)
    for chunk in _chunks(path, packing):
        if b"\0" in chunk:
            raise _binary(path, "it holds null bytes")
    first = _undecodable(path, packing, "utf-8")
    if first is None:
        return "utf-8"
    controls = sum(head.count(byte) for byte in range(32) if byte not in (9, 10, 12, 13))
    if controls * 100 > len(head):
        raise _binary(path, "it is full of control characters")
    return "cp1252" if _undecodable(path, packing, "cp1252") is None else "latin-1"


def _whole(path: Path, packing: str | None, encoding: str) -> str:
    """The encoding itself. Raises DataError where the text is not all in it."""
    spoken = _SPOKEN.get(encoding, encoding.upper())
    if _undecodable(path, packing, encoding) is not None:
        raise DataError(str(path), f"begins as {spoken}, and is not all of it", "save it as UTF-8")
    return encoding


def _binary(path: Path, why: str) -> DataError:
    return DataError(str(path), f"is no text ({why}) and no format that is known", f"give {FORMATS}")


def _chunks(path: Path, packing: str | None) -> Iterator[bytes]:
    with unpacked(path, packing) as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def _undecodable(path: Path, packing: str | None, encoding: str) -> str | None:
    """Why the file is not all in that encoding; None where it is."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in _chunks(path, packing):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return error.reason
    return None
