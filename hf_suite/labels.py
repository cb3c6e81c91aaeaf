"""Labels as data hold them -> as a task names them: ids, texts, lists, numbers. Reads no other column."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from hf_suite.errors import DataError
from hf_suite.metrics.base import RowId
from hf_suite.spec import TaskSpec, label_text, normalized, split_labels

if TYPE_CHECKING:
    import pyarrow


def as_texts(values: "pyarrow.ChunkedArray", spec: TaskSpec) -> "pyarrow.ChunkedArray":
    """The labels of files of one's own, which are texts whatever they look like; lists of them where a row may have
    several."""
    return _label_texts(values) if spec.target == "label" else _label_lists(values, spec.separator)


def _label_lists(values: "pyarrow.ChunkedArray", separator: str | None) -> "pyarrow.ChunkedArray":
    """Texts for what lists hold; texts are split, a number is one label, and of what is not there there is none."""
    import pyarrow

    if is_list(values.type):
        lists = [None if found is None else [label_text(value) for value in found] for found in values.to_pylist()]
        return pyarrow.chunked_array([lists])
    if pyarrow.types.is_nested(values.type):
        return values
    parts = (split_labels("" if value is None else value, separator) for value in values.to_pylist())
    return pyarrow.chunked_array([[list(map(label_text, found)) for found in parts]])


def _label_texts(values: "pyarrow.ChunkedArray") -> "pyarrow.ChunkedArray":
    """`1` for 1 and for 1.0, `true` for true; null for what is no label."""
    import pyarrow
    import pyarrow.compute

    if pyarrow.types.is_floating(values.type):
        whole = [int(value) if value is not None and value.is_integer() else value for value in values.to_pylist()]
        return pyarrow.chunked_array([[None if value is None or value != value else str(value) for value in whole]])
    if pyarrow.types.is_nested(values.type):
        return values
    texts = pyarrow.compute.utf8_trim_whitespace(values.cast(pyarrow.string()))
    return pyarrow.compute.if_else(pyarrow.compute.equal(texts, ""), None, texts)


def written(value: Any, names: Sequence[str]) -> Any:
    """A label's name, its text, or a list of such; None for none, and for -1 among ids."""
    if isinstance(value, list):
        return [written(one, names) for one in value]
    if value is None or value != value or value == "" or (value == -1 and names):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else str(value)


_Read = Callable[[Any, str, RowId], Any]
"""(value, place, row) -> a reference; None where the row has none."""


def reader(spec: TaskSpec, names: Sequence[str] | None) -> tuple[_Read, "pyarrow.DataType"]:
    """What reads the column of role `label`, and the type of references."""
    import pyarrow

    namer = _namer(spec, names)
    readers: dict[str, tuple[_Read, pyarrow.DataType]] = {
        "label": (namer, pyarrow.string()),
        "labels": (_several_labels(spec, namer), pyarrow.list_(pyarrow.string())),
        "number": (_number, pyarrow.float64()),
    }
    return readers[spec.target]


def _several_labels(spec: TaskSpec, namer: _Read) -> _Read:
    """Label names in the task's order."""

    def read(value: Any, place: str, row: RowId) -> list[str] | None:
        if value is None:
            return None
        if not isinstance(value, str | list) or (spec.separator is None and isinstance(value, str)):
            remedy = "name a column of lists as task.columns.label=COLUMN, or say task.separator"
            raise DataError(f"{place} row {row}", f"label {value!r} is no list", remedy)
        found = {namer(part, place, row) for part in split_labels(value, spec.separator)} - {None}
        return [label for label in spec.labels or sorted(found) if label in found]

    return read


def _number(value: Any, place: str, row: RowId) -> float | None:
    """The number of a row; None for null and NaN."""
    if value is None or value != value:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isinf(value):
        remedy = "name a column of numbers as task.columns.label=COLUMN"
        raise DataError(f"{place} row {row}", f"label {value!r} is no finite number", remedy)
    return float(value)


def _namer(spec: TaskSpec, names: Sequence[str] | None) -> Callable[[Any, str, RowId], str | None]:
    """(value, place, row) -> the task's label name; None for null, NaN and -1.

    A number is an id, read by the data's own `names`, or else by the order of the task's labels. Where the
    task has no labels, a name stands for itself.
    """
    known = {normalized(label): label for label in spec.labels or ()}
    order = names if names is not None else spec.labels or ()

    def name(value: Any, place: str, row: RowId) -> str | None:
        if value is None or value == -1 or value != value:
            return None
        if isinstance(value, float) and value.is_integer():  # a reader's way to hold ids beside nulls
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(order):
            value = order[value]
        label = known.get(normalized(value)) if spec.labels is not None else str(value)
        if label is None:
            finding = f"label {value!r} is not one of {', '.join(spec.labels or ())}"
            raise DataError(f"{place} row {row}", finding, "write the data's label names as task.labels=[...]")
        return label

    return name


def is_text(kind: "pyarrow.DataType") -> bool:
    """Whether values of that type are texts."""
    import pyarrow

    tests = (pyarrow.types.is_string, pyarrow.types.is_large_string, pyarrow.types.is_string_view)
    return any(test(kind) for test in tests)


def is_list(kind: "pyarrow.DataType") -> bool:
    """Whether values of that type are lists."""
    import pyarrow

    return pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind)
