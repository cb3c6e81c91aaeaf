"""The data's own columns -> role-named ones: labels by name, nulls refused. Takes tables; fetches nothing."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hf_suite import indicators, labels
from hf_suite.errors import DataError
from hf_suite.kinds import KINDS, read_roles
from hf_suite.labels import is_list, is_text
from hf_suite.metrics.base import RowId
from hf_suite.paths import column_of, top
from hf_suite.spec import TaskSpec, split_labels

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

    arrays = {role: _role(source, spec, role, place) for role in spec.columns}
    ids = _row_ids(arrays.get("id"), len(source), place)
    for role in sorted(spec.columns.keys() - KINDS[spec.kind].targets(spec) - {"references"}):
        arrays[role] = _input(arrays[role], place, ids, role=role, column=spec.column(role))
    if "label" in arrays:
        read, kind = labels.reader(spec, names)
        pairs = zip(arrays["label"].to_pylist(), ids, strict=True)
        arrays["label"] = pyarrow.array([read(value, place, row) for value, row in pairs], kind)
    if "answers" in arrays:
        _check_answers(arrays["answers"].type, place, column=spec.column("answers"))
    for role in arrays.keys() & {"target", "references"}:
        arrays[role] = _texts(arrays[role], place, role=role, column=spec.column(role))
    for column in extra:
        if spec.columns.get(column, column) != column:
            finding = f"{column!r} is a column of the data, and a role of another column"
            raise DataError(place, finding, "rename the column in the data to group by it")
        arrays[column] = _group(column_of(source, column, place, key="group"), place, column=column)
    return pyarrow.table({"row": pyarrow.array(ids), **arrays})


def plain(source: "pyarrow.Table", spec: TaskSpec, *, ids: bool) -> "pyarrow.Table":
    """A table of files of one's own as `by_role` takes it.

    Labels are texts, unless they are `ids` of names that the data carries; a text that is not there is empty, which
    the run says, and so are the labels of a row that may have several.
    """
    import pyarrow.compute

    for role, column in spec.columns.items():
        if not isinstance(column, str) or top(column) not in source.column_names:
            continue
        values = column_of(source, column, "", key=f"task.columns.{role}")
        if role == "label" and spec.target != "number" and not ids:
            source = _with(source, column, labels.as_texts(values, spec))
        elif role in read_roles(spec) and values.null_count and is_text(values.type):
            source = _with(source, column, pyarrow.compute.fill_null(values, ""))
    return source


def _with(source: "pyarrow.Table", path: str, values: "pyarrow.ChunkedArray") -> "pyarrow.Table":
    """The table with other values in a column; what lies inside objects is found under its whole path then."""
    if path not in source.column_names:
        return source.append_column(path, values)
    return source.set_column(source.column_names.index(path), path, values)


def as_written(
    source: "pyarrow.Table", spec: TaskSpec, *, place: str, names: Sequence[str] | None
) -> dict[str, "pyarrow.ChunkedArray"]:
    """Role -> its column, nothing mended, nothing refused but a column that is not there and what is neither 0 nor 1.

    Labels are texts as they are written; ids among them are read by `names`, where there are any. Raises DataError.
    """
    import pyarrow

    there = {role for role in spec.columns if all(top(path) in source.column_names for path in spec.columns_of(role))}
    lacking = KINDS[spec.kind].inputs & spec.columns.keys() - there
    roles = {role: _role(source, spec, role, place) for role in there | lacking}
    if "label" in roles and spec.target != "number":
        values = roles["label"].to_pylist()
        if spec.target == "labels" and not pyarrow.types.is_nested(roles["label"].type):
            values = [split_labels("" if value is None else value, spec.separator) for value in values]
        roles["label"] = pyarrow.chunked_array(
            [pyarrow.array([labels.written(value, names or ()) for value in values])]
        )
    return roles


def has_target(table: "pyarrow.Table", spec: TaskSpec) -> "pyarrow.Array":
    """Whether each row of a role-named table can be scored: a mask of shape (rows,)."""
    import pyarrow
    import pyarrow.compute

    mask = pyarrow.chunked_array([pyarrow.array([True] * len(table), pyarrow.bool_())])
    for role in KINDS[spec.kind].targets(spec) & set(table.column_names):
        mask = pyarrow.compute.and_(mask, table[role].is_valid())
    return mask.combine_chunks()


def _role(source: "pyarrow.Table", spec: TaskSpec, role: str, place: str) -> "pyarrow.ChunkedArray":
    """The column of a role; of columns of 0 and 1 the labels that they give each row. Raises DataError."""
    held, key = spec.columns[role], f"task.columns.{role}"
    if isinstance(held, str):
        return column_of(source, held, place, key=key)
    found = {name: column_of(source, name, place, key=key) for name in held}
    return indicators.labels(found, target=spec.target, place=place)


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
    if role != "id" and is_list(array.type) and is_text(array.type.value_type):
        return pyarrow.compute.binary_join(array, " ")
    if role != "id" and len(array) and not is_text(array.type):
        finding = f"column {column!r} holds {array.type}, not text"
        raise DataError(place, finding, f"name a column of texts as task.columns.{role}=COLUMN")
    return array


def _texts(array: "pyarrow.ChunkedArray", place: str, *, role: str, column: str) -> "pyarrow.ChunkedArray":
    """A column of texts, or of lists of them, as lists without those that say nothing; null where none is left."""
    import pyarrow

    held = array.type.value_type if is_list(array.type) else array.type
    if not is_text(held) and not pyarrow.types.is_null(held):
        finding = f"column {column!r} holds {array.type}, neither texts nor lists of them"
        raise DataError(place, finding, f"name a column of texts as task.columns.{role}=COLUMN")
    read = _several if is_list(array.type) else _singles
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

    held = kind.value_type if is_list(kind) else kind
    return is_text(held) or pyarrow.types.is_null(held)


def _check_answers(kind: "pyarrow.DataType", place: str, *, column: str) -> None:
    """Refuses anything but SQuAD's own form."""
    import pyarrow

    fields = {field.name for field in kind} if pyarrow.types.is_struct(kind) else set()
    if not fields >= {"text", "answer_start"} and not pyarrow.types.is_null(kind):
        finding = f"column {column!r} holds {kind}, not answers"
        remedy = 'write them as {"text": [...], "answer_start": [...]}, empty lists for none'
        raise DataError(place, finding, remedy)
