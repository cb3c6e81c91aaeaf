"""The data's own columns -> role-named ones: labels by name, nulls refused. Takes tables; fetches nothing."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from hf_suite import schema
from hf_suite.errors import DataError
from hf_suite.kinds import KINDS
from hf_suite.metrics.base import RowId
from hf_suite.spec import TaskSpec, label_text, normalized, split_labels

if TYPE_CHECKING:
    import pyarrow


def by_role(
    source: "pyarrow.Table",
    spec: TaskSpec,
    *,
    place: str,
    names: Sequence[str] | None,
    extra: Sequence[str] = (),
) -> "pyarrow.Table":
    """A table with `row`, then the task's roles, then `extra` columns of the data; the texts are not copied.

    `names` are the label names that the data carries, in the order of its ids; `place` opens the messages. A list of
    texts in an input is read as one, a space between two. Raises DataError: no such column, a null or something else
    than text in an input, a label outside the task's.
    """
    import pyarrow

    arrays = {role: _column(source, column, place, key=f"task.columns.{role}") for role, column in spec.columns.items()}
    ids = _row_ids(arrays.get("id"), len(source), place)
    for role in sorted(spec.columns.keys() - KINDS[spec.kind].targets(spec) - {"references"}):
        arrays[role] = _input(arrays[role], place, ids, role=role, column=spec.columns[role])
    if "label" in arrays:
        read, kind = _reader(spec, names)
        pairs = zip(arrays["label"].to_pylist(), ids, strict=True)
        arrays["label"] = pyarrow.array([read(value, place, row) for value, row in pairs], kind)
    if "answers" in arrays:
        _check_answers(arrays["answers"].type, place, column=spec.columns["answers"])
    for role in arrays.keys() & {"target", "references"}:
        arrays[role] = _texts(arrays[role], place, role=role, column=spec.columns[role])
    for column in extra:
        if spec.columns.get(column, column) != column:
            finding = f"{column!r} is a column of the data, and a role of another column"
            raise DataError(place, finding, "rename the column in the data to group by it")
        arrays[column] = _group(_column(source, column, place, key="group"), place, column=column)
    return pyarrow.table({"row": pyarrow.array(ids), **arrays})


def plain(source: "pyarrow.Table", spec: TaskSpec, *, ids: bool) -> "pyarrow.Table":
    """A table of files of one's own as `by_role` takes it.

    Labels are texts, unless they are `ids` of names that the data carries; a text that is not there is empty, which
    the run says, and so are the labels of a row that may have several.
    """
    import pyarrow.compute

    for role, column in spec.columns.items():
        if column not in source.column_names:
            continue
        at, values = source.column_names.index(column), source[column]
        if role == "label" and spec.target != "number" and not ids:
            texts = _label_texts(values) if spec.target == "label" else _label_lists(values, spec.separator)
            source = source.set_column(at, column, texts)
        elif role in KINDS[spec.kind].inputs | {"text_pair"} and values.null_count and _is_text(values.type):
            source = source.set_column(at, column, pyarrow.compute.fill_null(values, ""))
    return source


def _label_lists(values: "pyarrow.ChunkedArray", separator: str | None) -> "pyarrow.ChunkedArray":
    """Texts for what lists hold; texts are split, and one that is not there has no label."""
    import pyarrow

    if _is_text(values.type) or pyarrow.types.is_null(values.type):
        return pyarrow.chunked_array([[split_labels(value or "", separator) for value in values.to_pylist()]])
    if not _is_list(values.type):
        return values
    lists = [None if found is None else [label_text(value) for value in found] for found in values.to_pylist()]
    return pyarrow.chunked_array([lists])


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


def as_written(
    source: "pyarrow.Table", spec: TaskSpec, *, place: str, names: Sequence[str] | None
) -> dict[str, "pyarrow.ChunkedArray"]:
    """Role -> its column, nothing refused but a column that is not there, and nothing mended.

    Labels are texts as they are written; ids among them are read by `names`, where there are any. Raises DataError.
    """
    import pyarrow

    there = {role: path for role, path in spec.columns.items() if path.partition(".")[0] in source.column_names}
    lacking = KINDS[spec.kind].inputs & spec.columns.keys() - there.keys()
    roles = {
        role: _column(source, spec.columns[role], place, key=f"task.columns.{role}") for role in {*there, *lacking}
    }
    if "label" in roles and spec.target == "label":
        written = [_written(value, names or ()) for value in roles["label"].to_pylist()]
        roles["label"] = pyarrow.chunked_array([pyarrow.array(written)])
    return roles


def _written(value: Any, names: Sequence[str]) -> Any:
    """A label's name, its text, or a list of such; None for none, and for -1 among ids."""
    if isinstance(value, list):
        return [_written(one, names) for one in value]
    if value is None or value != value or value == "" or (value == -1 and names):
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else str(value)


def has_target(table: "pyarrow.Table", spec: TaskSpec) -> "pyarrow.Array":
    """Whether each row of a role-named table can be scored: a mask of shape (rows,)."""
    import pyarrow
    import pyarrow.compute

    mask = pyarrow.chunked_array([pyarrow.array([True] * len(table), pyarrow.bool_())])
    for role in KINDS[spec.kind].targets(spec) & set(table.column_names):
        mask = pyarrow.compute.and_(mask, table[role].is_valid())
    return mask.combine_chunks()


def _column(source: "pyarrow.Table", path: str, place: str, *, key: str) -> "pyarrow.ChunkedArray":
    """A column by its name, or by a dotted path into a struct."""
    import pyarrow.compute

    if path in source.column_names:
        return source[path]
    name, *inner = path.split(".")
    if name not in source.column_names:
        there = source.column_names
        remedy = f"{schema.nearest(name, there)}there are: {', '.join(there)}; write {key}=COLUMN"
        raise DataError(place, f"no column {name!r}", remedy)
    found = source[name]
    for field in inner:
        fields = [part.name for part in found.type] if pyarrow.types.is_struct(found.type) else []
        if field not in fields:
            remedy = f"{schema.nearest(field, fields)}there are: {', '.join(fields) or 'none'}; write {key}=COLUMN"
            raise DataError(place, f"no field {field!r} in column {name!r}", remedy)
        found = pyarrow.compute.struct_field(found, field)
    return found


def _row_ids(ids: "pyarrow.ChunkedArray | None", n: int, place: str) -> list[RowId]:
    """The values of role `id`, else the positions. Raises DataError where one is null or stands twice."""
    if ids is None:
        return list(range(n))
    first: dict[RowId, int] = {}
    for position, value in enumerate(ids.to_pylist()):
        if value is None or value in first:
            what = "is null" if value is None else f"is {value!r}, as in row {first[value]}"
            remedy = "give each row its own, or take out task.columns.id"
            raise DataError(place, f"the id of row {position} {what}", remedy)
        first[value] = position
    return list(first)


def _group(array: "pyarrow.ChunkedArray", place: str, *, column: str) -> "pyarrow.ChunkedArray":
    """The column itself, unless its values cannot tell groups apart."""
    import pyarrow

    if pyarrow.types.is_nested(array.type):
        finding = f"column {column!r} holds {array.type}"
        raise DataError(place, finding, "group by a column of texts or numbers")
    return array


def _input(
    array: "pyarrow.ChunkedArray", place: str, ids: Sequence[RowId], *, role: str, column: str
) -> "pyarrow.ChunkedArray":
    """The column itself, lists of texts joined. Refuses nulls, and in all roles but `id` anything but text."""
    import pyarrow.compute

    if array.null_count:
        row = ids[array.is_null().to_pylist().index(True)]
        finding = f"{array.null_count:,} rows have no {column!r} (null), first row {row}"
        remedy = f"fill or remove them, or name another column as task.columns.{role}=COLUMN"
        raise DataError(place, finding, remedy)
    if role != "id" and _is_list(array.type) and _is_text(array.type.value_type):
        return pyarrow.compute.binary_join(array, " ")
    if role != "id" and len(array) and not _is_text(array.type):
        finding = f"column {column!r} holds {array.type}, not text"
        raise DataError(place, finding, f"name a column of texts as task.columns.{role}=COLUMN")
    return array


def _texts(array: "pyarrow.ChunkedArray", place: str, *, role: str, column: str) -> "pyarrow.ChunkedArray":
    """A column of texts, or of lists of them, as lists without those that say nothing; null where none is left."""
    import pyarrow

    held = array.type.value_type if _is_list(array.type) else array.type
    if not _is_text(held) and not pyarrow.types.is_null(held):
        finding = f"column {column!r} holds {array.type}, neither texts nor lists of them"
        raise DataError(place, finding, f"name a column of texts as task.columns.{role}=COLUMN")
    read = _several if _is_list(array.type) else _singles
    return pyarrow.chunked_array(map(read, array.chunks), pyarrow.list_(pyarrow.string()))


def _singles(texts: "pyarrow.Array") -> "pyarrow.Array":
    """Each text as a list of one; null where it says nothing."""
    import numpy
    import pyarrow.compute

    strings = texts.cast(pyarrow.string())
    says = pyarrow.compute.not_equal(pyarrow.compute.utf8_trim_whitespace(strings), "")
    silent = pyarrow.compute.invert(pyarrow.compute.fill_null(says, False))
    return pyarrow.ListArray.from_arrays(numpy.arange(len(texts) + 1, dtype=numpy.int32), strings, mask=silent)


def _several(lists: "pyarrow.Array") -> "pyarrow.Array":
    import pyarrow

    saying = [[text for text in texts or () if text and text.strip()] or None for texts in lists.to_pylist()]
    return pyarrow.array(saying, pyarrow.list_(pyarrow.string()))


def is_readable(kind: "pyarrow.DataType") -> bool:
    """Whether values of that type are texts, lists of them, or none at all."""
    import pyarrow

    held = kind.value_type if _is_list(kind) else kind
    return _is_text(held) or pyarrow.types.is_null(held)


def _is_text(kind: "pyarrow.DataType") -> bool:
    import pyarrow

    tests = (pyarrow.types.is_string, pyarrow.types.is_large_string, pyarrow.types.is_string_view)
    return any(test(kind) for test in tests)


def _is_list(kind: "pyarrow.DataType") -> bool:
    import pyarrow

    return pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind)


def _check_answers(kind: "pyarrow.DataType", place: str, *, column: str) -> None:
    """Refuses anything but SQuAD's own form."""
    import pyarrow

    fields = {field.name for field in kind} if pyarrow.types.is_struct(kind) else set()
    if not fields >= {"text", "answer_start"} and not pyarrow.types.is_null(kind):
        finding = f"column {column!r} holds {kind}, not answers"
        remedy = 'write them as {"text": [...], "answer_start": [...]}, empty lists for none'
        raise DataError(place, finding, remedy)


def _number(value: Any, place: str, row: RowId) -> float | None:
    """The number of a row; None for null and NaN."""
    if value is None or value != value:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isinf(value):
        remedy = "name a column of numbers as task.columns.label=COLUMN"
        raise DataError(f"{place} row {row}", f"label {value!r} is no finite number", remedy)
    return float(value)


_Read = Callable[[Any, str, RowId], Any]
"""(value, place, row) -> a reference; None where the row has none."""


def _reader(spec: TaskSpec, names: Sequence[str] | None) -> tuple[_Read, "pyarrow.DataType"]:
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
