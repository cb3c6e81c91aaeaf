"""Files and key=value words -> frozen, closed records. The only reader of YAML; knows no field of ours."""

import difflib
import json
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import pydantic
import yaml

from hf_suite.errors import ConfigError


class Record(pydantic.BaseModel):
    """A frozen record that refuses keys it does not know; a field's docstring is its documentation."""

    model_config = pydantic.ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, protected_namespaces=(), allow_inf_nan=False
    )


R = TypeVar("R", bound=Record)

MAX_BYTES = 1_000_000


class _Loader(yaml.SafeLoader):
    """YAML 1.2's core schema: only true/false are booleans, 3e-4 is a number, dates are strings."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.composer.ComposerError(
                None, None, "anchors and aliases are not read", self.peek_event().start_mark
            )
        if getattr(self.peek_event(), "tag", None):
            raise yaml.composer.ComposerError(None, None, "tags are not read", self.peek_event().start_mark)
        self.depth += 1
        if self.depth > 40:
            raise yaml.composer.ComposerError(None, None, "nested more than 40 deep", self.peek_event().start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"^(?:true|false)$", "tf"),
    ("null", r"^(?:null|~|)$", ["n", "~", ""]),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$|^[-+]?\.inf$|^\.nan$", "-+0123456789."),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(loader.construct_scalar(node))


_Loader.add_constructor("tag:yaml.org,2002:int", _integer)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    seen: set[Hashable] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, Hashable):
            raise yaml.constructor.ConstructorError(None, None, "a key is a list or a mapping", key_node.start_mark)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} stands twice", key_node.start_mark)
        seen.add(key)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises ConfigError with the line of what cannot be read."""
    try:
        size = path.stat().st_size
        text = path.read_text("utf-8") if size <= MAX_BYTES else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), f"cannot be read ({error})", "give a YAML file in UTF-8") from error
    if size > MAX_BYTES:
        raise ConfigError(str(path), f"{size:,} bytes", f"a config or task has at most {MAX_BYTES:,}")
    value = _parse(text, str(path))
    if not isinstance(value, dict):
        raise ConfigError(str(path), "holds no mapping", "write `key: value` lines")
    return value


def parse(text: str, place: str) -> Any:
    """One value as YAML would read it: `3e-4` a number, `[a, b]` a list, `null` None."""
    return _parse(text, place)


def _parse(text: str, place: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark is not None and "\n" in text.strip() else ""
        finding = (getattr(error, "problem", None) or str(error)).replace("\n", " ")
        raise ConfigError(f"{place}{line}", finding, "see the file's syntax as YAML 1.2") from error


def nearest(word: str, choices: Iterable[str]) -> str:
    """`did you mean 'x'? `, or an empty string when nothing is near."""
    close = difflib.get_close_matches(str(word), [str(choice) for choice in choices], n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}? " if close else ""


def build(kind: type[R], data: Mapping[str, Any], place: str) -> R:
    """The record of that kind. Raises ConfigError: unknown key (nearest named), wrong type, missing key."""
    try:
        # As JSON, so that lists are tuples and yet nothing else is cast: "3" is no number, true is none either.
        return kind.model_validate_json(json.dumps(data), strict=True)
    except pydantic.ValidationError as error:
        raise _refusal(kind, error, place) from error


def _refusal(kind: type[Record], error: pydantic.ValidationError, place: str) -> ConfigError:
    # Of a union's complaints the deepest one is about the member that fits best; a misspelt key is also a missing one.
    first = max(error.errors(include_url=False), key=lambda at: (len(at["loc"]), at["type"] == "extra_forbidden"))
    path = [str(part) for part in first["loc"] if not _is_union_tag(part)]
    key = ".".join(path)
    if first["type"] == "extra_forbidden":
        fields = _fields_at(kind, path[:-1])
        hint = nearest(path[-1], fields).strip()
        return ConfigError(place, f"unknown key {key!r}", hint or f"known here: {', '.join(sorted(fields))}")
    if first["type"] == "missing":
        return ConfigError(place, f"key {key!r} is missing", "add it")
    if first["type"] == "value_error":
        finding, _, remedy = str(first["ctx"]["error"]).partition("; ")
        return ConfigError(f"{place}: {key}" if key else place, finding, remedy or "mend it")
    message = first["msg"][0].lower() + first["msg"][1:]
    return ConfigError(place, f"{key} is {first['input']!r}", message)


def _is_union_tag(part: int | str) -> bool:
    """Pydantic names the member of a union in the path: a type or a record class."""
    types = {"str", "int", "bool", "float"}
    return isinstance(part, str) and (part.endswith("]") or part in types or part[:1].isupper())


def _fields_at(kind: type[Record], path: Sequence[str]) -> list[str]:
    """The keys that a record knows at a path into its nested records."""
    for name in path:
        field = kind.model_fields.get(name)
        inner = record_of(field.annotation) if field is not None else None
        if inner is None:
            return []
        kind = inner
    return list(kind.model_fields)


def record_of(annotation: Any) -> type[Record] | None:
    """The Record class inside an annotation such as `LoraConfig | None`, if there is one."""
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return annotation
    return next((found for part in get_args(annotation) if (found := record_of(part))), None)


def words(texts: Iterable[str]) -> dict[str, Any]:
    """`["train.epochs=3", "limit=100"]` as a nested mapping."""
    result: dict[str, Any] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise ConfigError(
                text, "is neither a file nor key=value", "write it as key=value, for instance train.epochs=3"
            )
        result = merged(result, nested(key.strip(), parse(value, key.strip())))
    return result


def unflat(dotted: Mapping[str, Any]) -> dict[str, Any]:
    """`{"a.b": 1, "a.c": 2}` as `{"a": {"b": 1, "c": 2}}`."""
    result: dict[str, Any] = {}
    for key, value in dotted.items():
        result = merged(result, nested(key, value))
    return result


def nested(dotted: str, value: Any) -> dict[str, Any]:
    """`("a.b", 1)` as `{"a": {"b": 1}}`."""
    head, _, rest = dotted.partition(".")
    return {head: nested(rest, value) if rest else value}


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `over` laid upon it, mapping by mapping; anything else is replaced whole."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


class _Dumper(yaml.SafeDumper):
    """Quotes exactly the texts that `_Loader` would read as something else (`1e5`, which YAML 1.1 takes for a text)."""


_Dumper.yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers


def dump_yaml(data: Mapping[str, Any]) -> str:
    """A mapping as YAML text, in the order given; `read_yaml` gives it back."""
    return yaml.dump(dict(data), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
