"""What a column holds: of what sort, how many values, how long; looked at, not interpreted."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy

from hf_suite import indicators
from hf_suite.spec import written_list

if TYPE_CHECKING:
    import pyarrow

LOOKED_AT = 2_000
"""Rows that are read one by one; numbers of values are counted over all."""
FEW = 100
"""More values than these are no classes, unless they are named as such."""
_SLIPS = 2, 0.1
"""So many other values, in such a share of the rows, are slips of the pen among zeros and ones."""
_IDS = {"id", "ids", "uuid", "guid"}
"""What the names of columns end with that tell rows, people or things apart."""
_NUMERAL = r"[$€£]?\s*[-+]?(?:\d+|\d{1,3}(?:[.,]\d{3})+)?(?:[.,]\d+)?\s*[%$€£]?"
MARKS = ",%$€£"
"""What stands in numbers that are not written plainly."""
_NOT_ROLES = ("id", "idx", "index", "uid", "uuid", "guid", "row", "no", "number", "unnamed", "url", "file", "filename")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ]\d{1,2}:\d{2}.*)?")
_SEPARATORS = (";", "|", ",")

Sort = Literal["text", "whole", "number", "boolean", "date", "list", "struct", "nothing"]


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    sort: Sort
    rows: int
    filled: int
    """Rows with a value."""
    distinct: int
    """Different values; 0 where they are lists or structs."""
    values: tuple[Any, ...]
    """The different values, most frequent first, where they are few."""
    words: float
    """Mean number of words of a text."""
    fields: tuple[str, ...]
    """Of structs, and of lists of structs."""
    separator: str | None
    """What stands between the parts of short texts that share their parts."""
    lists: bool
    """Whether it holds lists of plain values."""
    counts: bool
    """Whether it only counts the rows: 0, 1, 2, ... or 1, 2, 3, ..."""

    listed: bool
    """Whether its texts are all lists as JSON or Python writes them."""
    numerals: bool
    """Whether its texts are all numbers that are not written plainly: `1,037`, `3,5`, `12 %`."""
    indicates: bool
    """Whether it is 0 or 1 (true, false) throughout and both occur, but for slips of the pen."""

    @property
    def is_id(self) -> bool:
        """Whether it only tells rows apart, by its name or because it counts them."""
        names = words(self.name)
        named = plain(self.name) in _NOT_ROLES or plain(self.name).startswith("unnamed")
        return named or self.counts or (len(names) > 1 and names[-1] in _IDS)

    @property
    def several(self) -> bool:
        """Whether it holds several values a row: a list, or short texts with a separator that share their parts."""
        return self.lists or self.listed or self.separator is not None

    @property
    def few(self) -> bool:
        """Whether its values could be classes: at least two, few, and most of them more than once."""
        return 2 <= self.distinct <= FEW and 2 * self.distinct <= self.filled

    @property
    def long(self) -> bool:
        """Whether its texts are longer than names and labels are."""
        return self.sort == "text" and self.words > 2.5


def plain(name: str) -> str:
    """A column's name for comparing: letters and digits in lower case."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def words(name: str) -> list[str]:
    """`starRating` and `star_rating` as star, rating."""
    return re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).casefold())


def columns(table: "pyarrow.Table") -> dict[str, Column]:
    """Every column of a table by its name."""
    return {name: column(table, name) for name in table.column_names}


def column(table: "pyarrow.Table", name: str) -> Column:
    """One column of a table."""
    import pyarrow.compute

    values = table[name]
    head = [value for value in values.slice(0, LOOKED_AT).to_pylist() if value is not None]
    sort = _sort(values.type, head)
    listed = sort == "text" and bool(head) and all(written_list(value) is not None for value in head)
    plain_values = sort not in {"list", "struct", "nothing"}
    distinct = pyarrow.compute.count_distinct(values).as_py() if plain_values else 0
    return Column(
        name=name,
        sort=sort,
        rows=len(values),
        filled=len(values) - values.null_count,
        distinct=distinct,
        values=_values(values) if plain_values and distinct <= FEW else (),
        words=sum(len(value.split()) for value in head) / len(head) if sort == "text" and head else 0.0,
        fields=_fields(values.type),
        separator=_separator(head) if sort == "text" and not listed and not _numerals(head) else None,
        lists=sort == "list" and not _fields(values.type) and _plain(head),
        counts=sort == "whole" and distinct == len(values) > 2 and _counts(values),
        listed=listed,
        numerals=sort == "text" and _numerals(head),
        indicates=plain_values and distinct <= FEW and _indicates(values),
    )


def _numerals(head: list[str]) -> bool:
    """Whether all are numbers, and one is written as no program writes it; `007` is a name."""
    plainly = all(re.fullmatch(_NUMERAL, text.strip()) and any(map(str.isdigit, text)) for text in head)
    return plainly and any(mark in text for text in head for mark in MARKS)


def _sort(kind: "pyarrow.DataType", head: list[Any]) -> Sort:
    import pyarrow.types as types

    if types.is_list(kind) or types.is_large_list(kind):
        return "list"
    tests: list[tuple[Any, Sort]] = [
        (types.is_struct, "struct"),
        (types.is_boolean, "boolean"),
        (types.is_integer, "whole"),
        (types.is_floating, "number"),
        (types.is_temporal, "date"),
        (types.is_null, "nothing"),
        (types.is_dictionary, "text"),
    ]
    found = next((sort for test, sort in tests if test(kind)), None)
    if found is not None:
        return found
    if not head:
        return "nothing"
    return "date" if all(_DATE.fullmatch(str(value).strip()) for value in head) else "text"


def _values(values: "pyarrow.ChunkedArray") -> tuple[Any, ...]:
    import pyarrow.compute

    counted = [(entry["values"], entry["counts"]) for entry in pyarrow.compute.value_counts(values).to_pylist()]
    found = [(value, count) for value, count in counted if value is not None and value == value]
    return tuple(value for value, _ in sorted(found, key=lambda entry: (-entry[1], str(entry[0]))))


def _fields(kind: "pyarrow.DataType") -> tuple[str, ...]:
    import pyarrow.types as types

    inner = kind.value_type if types.is_list(kind) or types.is_large_list(kind) else kind
    return tuple(field.name for field in inner) if types.is_struct(inner) else ()


def _plain(lists: list[Any]) -> bool:
    return all(isinstance(part, str | int) for value in lists for part in value)


def _separator(head: list[str]) -> str | None:
    """The first by which a tenth of the texts are of several parts, all of them short, few and repeated."""
    for separator in _SEPARATORS:
        parts = [[part.strip() for part in value.split(separator)] for value in head]
        many = [found for found in parts if len(found) > 1]
        counted = Counter(part for found in parts for part in found)
        short = all(len(part.split()) <= 3 for part in counted)
        if short and many and len(many) * 10 >= len(parts) and len(counted) <= FEW and 2 * len(counted) <= len(head):
            return separator
    return None


def _indicates(values: "pyarrow.ChunkedArray") -> bool:
    import pyarrow
    import pyarrow.compute

    said = indicators.said(values)
    slips = values.filter(pyarrow.array(said == indicators.OTHER))
    few = pyarrow.compute.count_distinct(slips).as_py() <= _SLIPS[0] and len(slips) <= _SLIPS[1] * len(values)
    return bool((said == 0).any() and (said == 1).any() and few)


def _counts(values: "pyarrow.ChunkedArray") -> bool:
    begin = values[0].as_py()
    if begin not in {0, 1}:
        return False
    return bool((values.to_numpy() == numpy.arange(begin, begin + len(values))).all())
