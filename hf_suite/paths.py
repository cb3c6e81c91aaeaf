"""A column of a table by its name, or by a dotted path into objects. Knows no roles."""

from typing import TYPE_CHECKING

from hf_suite import schema
from hf_suite.errors import DataError

if TYPE_CHECKING:
    import pyarrow


def top(path: str) -> str:
    """The column that a dotted path reaches into."""
    return path.partition(".")[0]


def column_of(source: "pyarrow.Table", path: str, place: str, *, key: str) -> "pyarrow.ChunkedArray":
    """A column by its name, or by a dotted path into a struct. Raises DataError where it is not there."""
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
