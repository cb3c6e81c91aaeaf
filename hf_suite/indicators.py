"""Columns of 0 and 1, one a label: what they say of each row. Reads no other way to write labels down."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy

from hf_suite.errors import DataError
from hf_suite.spec import label_text

if TYPE_CHECKING:
    import pyarrow

Said = numpy.ndarray[Any, numpy.dtype[numpy.int64]]
EMPTY, OTHER = -1, 2
_SAYS = {"0": 0, "false": 0, "1": 1, "true": 1, "": EMPTY, "-1": EMPTY}


def said(column: "pyarrow.ChunkedArray") -> Said:
    """For each row 0 or 1, however it is written (`true`), EMPTY (-1 too, as on the hub) or OTHER."""
    import pyarrow

    if pyarrow.types.is_nested(column.type):
        return numpy.full(len(column), OTHER)
    encoded = column.combine_chunks().dictionary_encode()
    says = [_SAYS.get(_plain(value), OTHER) for value in encoded.dictionary.to_pylist()]
    return numpy.array([*says, EMPTY])[encoded.indices.fill_null(len(says)).to_numpy(zero_copy_only=False)]


def labels(columns: "Mapping[str, pyarrow.ChunkedArray]", *, target: str, place: str) -> "pyarrow.ChunkedArray":
    """The names of the columns that say 1 of a row: a list of them, or, where `target` is label, the only one.

    Null for a row of which all columns are empty. Raises DataError for one of which a column is neither 0 nor 1, or,
    where a row has one label, of which none says 1, or two do.
    """
    import pyarrow
    import pyarrow.compute

    names = list(columns)
    each = numpy.stack([said(column) for column in columns.values()], axis=1)
    known = (each != EMPTY).any(axis=1)
    _check_cells(columns, each, known, place)
    counts = (each == 1).sum(axis=1)
    odd = numpy.flatnonzero(known & (counts != 1))
    if target == "label" and len(odd):
        finding = f"{counts[odd[0]]} of {', '.join(names)} are 1, and a row has one label"
        raise DataError(f"{place} row {odd[0]}", finding, "mend the row, or say task.target=labels")
    ones = pyarrow.array(names).take(pyarrow.array(numpy.nonzero(each == 1)[1]))
    ends = numpy.concatenate([[0], counts.cumsum()]).astype(numpy.int32)
    if target == "label":
        return pyarrow.chunked_array([ones.take(pyarrow.array(numpy.minimum(ends[:-1], len(ones) - 1), mask=~known))])
    return pyarrow.chunked_array([pyarrow.ListArray.from_arrays(ends, ones, mask=pyarrow.array(~known))])


def _check_cells(columns: "Mapping[str, pyarrow.ChunkedArray]", each: Said, known: Said, place: str) -> None:
    wrong = numpy.argwhere(((each == EMPTY) | (each == OTHER)) & known[:, None])
    if not len(wrong):
        return
    row, at = wrong[0].tolist()
    name = list(columns)[at]
    value = columns[name][row].as_py()
    finding = f"is {value!r}" if _plain(value) else "is empty"
    remedy = "write 0 or 1, or name the columns of labels as task.columns.label=[COLUMN, COLUMN]"
    raise DataError(f"{place} row {row}", f"{name!r} {finding}, where others are 0 or 1", remedy)


def _plain(value: Any) -> str:
    return "" if value is None or value != value else label_text(value).casefold()
