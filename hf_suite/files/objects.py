"""JSON and JSON lines: rows as objects, one at a time; also SQuAD's nested form and columns of lists."""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any

from hf_suite.errors import DataError

if TYPE_CHECKING:
    import pyarrow

BLOCK = 5_000
"""Rows that are turned into columns at once."""
_CHUNK = 1 << 16
_SHAPES = 'write a list of rows ([{"text": ...}, ...]), or SQuAD\'s {"data": [...]}, or one row a line (.jsonl)'

Places = Iterator[tuple[str, Any]]
"""Where a row stands, for errors, and the row."""


def lines(text: IO[str], name: str) -> Places:
    """One object a line; blank lines do not count. Raises DataError with the line."""
    for number, line in enumerate(text, 1):
        if not line.strip():
            continue
        place = f"{name} line {number}"
        try:
            yield place, json.loads(line)
        except ValueError as error:
            raise DataError(place, f"is no JSON ({_reason(error)})", "mend the line") from error


def document(text: IO[str], name: str) -> Places:
    """The rows of one JSON document: a list of objects, SQuAD's nesting, or an object of columns."""
    start = text.read(_CHUNK)
    if start.lstrip().startswith("["):
        for number, row in enumerate(_elements(start, text, name)):
            yield f"{name} row {number}", row
        return
    try:
        whole = json.loads(start + text.read())
    except ValueError as error:
        raise DataError(name, f"is no JSON ({_reason(error)})", "mend it") from error
    for number, row in enumerate(_shaped(whole, name)):
        yield f"{name} row {number}", row


def _elements(start: str, text: IO[str], name: str) -> Iterator[Any]:
    """The elements of a list, without holding it all."""
    rest, number = start.lstrip()[1:].lstrip(), 0
    while not rest.startswith("]"):
        value, rest = _element(rest, text, f"{name} row {number}")
        yield value
        number += 1
        rest = rest.lstrip(" \t\r\n,") or text.read(_CHUNK).lstrip(" \t\r\n,")


def _element(rest: str, text: IO[str], place: str) -> tuple[Any, str]:
    """The value at the beginning, and what stands after it; more is read until it is whole."""
    found = _decoded(rest, place, ended=False)
    while found is None:
        more = text.read(max(_CHUNK, len(rest)))
        rest += more
        found = _decoded(rest, place, ended=not more)
    return found


def _decoded(rest: str, place: str, *, ended: bool) -> tuple[Any, str] | None:
    """The value at the beginning, and what stands after it; None where more is to come that may belong to it."""
    try:
        value, end = json.JSONDecoder().raw_decode(rest)
    except ValueError as error:
        if not ended:
            return None
        raise DataError(place, f"is no JSON ({_reason(error)})", "mend it") from error
    return (value, rest[end:]) if ended or end < len(rest) else None


def _shaped(whole: Any, name: str) -> Iterator[Mapping[str, Any]]:
    """The rows in an object."""
    data = whole.get("data") if isinstance(whole, dict) else None
    if isinstance(data, list) and any(isinstance(entry, dict) and "paragraphs" in entry for entry in data):
        return _squad(data, name)
    if isinstance(data, list):
        return iter(data)
    if isinstance(whole, dict) and whole and all(isinstance(column, list) for column in whole.values()):
        return _from_columns(whole, name)
    what = f"an object with {', '.join(list(whole)[:5])}" if isinstance(whole, dict) else "one value"
    raise DataError(name, f"holds {what}, not rows", _SHAPES)


def _from_columns(columns: Mapping[str, list[Any]], name: str) -> Iterator[Mapping[str, Any]]:
    lengths = {key: len(column) for key, column in columns.items()}
    if len(set(lengths.values())) > 1:
        finding = f"its lists differ in length ({', '.join(f'{key} {n:,}' for key, n in lengths.items())})"
        raise DataError(name, finding, _SHAPES)
    return ({key: column[at] for key, column in columns.items()} for at in range(next(iter(lengths.values()))))


def _squad(data: list[Any], name: str) -> Iterator[Mapping[str, Any]]:
    """SQuAD's articles, paragraphs and questions as rows with id, title, context, question and answers."""
    paragraphs = ((article, paragraph) for article in data for paragraph in article["paragraphs"])
    try:
        for article, paragraph in paragraphs:
            yield from (_asked(article, paragraph, question) for question in paragraph["qas"])
    except (KeyError, TypeError, AttributeError) as error:
        finding = f"is nested as SQuAD is, and lacks a part ({error})"
        shape = (
            "each of data has title and paragraphs, each of them context and qas, each of them id, question, answers"
        )
        raise DataError(name, finding, shape) from error


def _asked(article: Mapping[str, Any], paragraph: Mapping[str, Any], question: Mapping[str, Any]) -> dict[str, Any]:
    golds = question.get("answers") or []
    return {
        "id": str(question["id"]),
        "title": str(article.get("title", "")),
        "context": paragraph["context"],
        "question": question["question"],
        "answers": {
            "text": [gold["text"] for gold in golds],
            "answer_start": [gold["answer_start"] for gold in golds],
        },
    }


def batches(rows: Iterable[tuple[str, Any]], *, name: str) -> Iterator["pyarrow.RecordBatch"]:
    """The rows as columns; a key that a row lacks is null. Raises DataError where rows or types do not fit."""
    first: dict[str, tuple[str, str]] = {}
    checked = _checked(rows, first)
    while block := list(itertools.islice(checked, BLOCK)):
        yield _columns(block, list(first), name)


def _checked(rows: Iterable[tuple[str, Any]], first: dict[str, tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """The rows, once each value is of the sort that its key first had; `first` gathers those."""
    for place, row in rows:
        if not isinstance(row, dict):
            raise DataError(place, f"holds {_sort(row)}, not an object", 'write rows as {"text": ..., "label": ...}')
        sorts = {key: _sort(value) for key, value in row.items() if value is not None}
        for key in [key for key in sorts if key not in first]:
            first[key] = (sorts[key], place)
        other = next((key for key, sort in sorts.items() if first[key][0] != sort), None)
        if other is not None:
            known, where = first[other]
            finding = f"{other!r} is {sorts[other]} here and {known} at {' '.join(where.split()[-2:])}"
            raise DataError(place, finding, "write it the same way in every row")
        yield row


def _sort(value: Any) -> str:
    sorts = {str: "a text", bool: "true or false", int: "a number", float: "a number", list: "a list"}
    return sorts.get(type(value), "an object")


def _columns(rows: list[dict[str, Any]], names: list[str], name: str) -> "pyarrow.RecordBatch":
    import pyarrow

    columns = {}
    for key in names:
        values = [row.get(key) for row in rows]
        if any(isinstance(value, float) for value in values):
            values = [float(value) if type(value) is int else value for value in values]
        try:
            columns[key] = pyarrow.array(values)
        except UnicodeEncodeError:
            columns[key] = pyarrow.array([_encodable(value) for value in values])
        except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, OverflowError) as error:
            finding = f"the values of {key!r} are not all of one form ({str(error).splitlines()[0]})"
            raise DataError(name, finding, "write it the same way in every row") from error
    return pyarrow.record_batch(columns)


def _encodable(value: Any) -> Any:
    """The value with U+FFFD for each half of a surrogate pair, as a text that was cut within an emoji ends with."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_encodable(one) for one in value]
    return {key: _encodable(one) for key, one in value.items()} if isinstance(value, dict) else value


def _reason(error: ValueError) -> str:
    message = getattr(error, "msg", str(error))
    return message[:1].lower() + message[1:]
