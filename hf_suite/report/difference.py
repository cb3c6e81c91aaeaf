"""What a config says that the defaults do not. Names no file and reads none."""

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo

from hf_suite.basis import SAID_BY_NAME
from hf_suite.config import RunConfig
from hf_suite.schema import Record, record_of

NOT_SETTINGS = ("task", "model", "seed", "output", "mirror", "processes")
"""Keys that say which run it is, or where; not how it is done."""


_DRAWS = {"split.fold"}
"""Nested keys that, as the seed does, say which run it is."""


def difference(config: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a RunConfig's mapping that differs from the defaults, nested as it was; unknown keys stay.

    A nested record that is null by default is compared with its own defaults: `tune: {share: 0.1}` gives
    `tune: {}`.
    """
    return _different(RunConfig, config)


def settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """How a run was done: dotted keys that differ from the defaults (`train.epochs`: 5); no seed, no model's name."""
    own = {key: value for key, value in difference(config).items() if key not in NOT_SETTINGS}
    task = {key: value for key, value in _mapping(config.get("task")).items() if key != "name"}
    said = _mapping(config.get("model"))
    model = {key: value for key, value in said.items() if key not in SAID_BY_NAME and value is not None}
    found = flat(own) | flat({"task": task, "model": model})
    return {key: value for key, value in found.items() if key not in _DRAWS}


def flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{"a": {"b": 1}}` as `{"a.b": 1}`; an empty mapping is a value, unless it is all of task or model."""
    result: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping) and value:
            result |= flat(value, f"{prefix}{key}.")
        elif value != {} or key not in {"task", "model"}:
            result[f"{prefix}{key}"] = value
    return result


def words(data: Mapping[str, Any]) -> str:
    """Dotted keys as the command line takes them: `lora=null train.epochs=5`."""
    return " ".join(f"{key}={_word(value)}" for key, value in data.items())


def _word(value: Any) -> str:
    """JSON is YAML; a text stands bare where YAML would read it as the same text."""
    if isinstance(value, str) and re.fullmatch(r"(?!(true|false|null)$)[A-Za-z_][\w./@-]*", value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _different(kind: type[Record], data: Mapping[str, Any]) -> dict[str, Any]:
    result = {name: value for name, value in data.items() if name not in kind.model_fields}
    for name, field in kind.model_fields.items():
        if name in data:
            result |= _part(name, field, data[name])
    return result


def _part(name: str, field: FieldInfo, value: Any) -> dict[str, Any]:
    """The key with what differs from its default, or nothing."""
    inner = record_of(field.annotation)
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    if isinstance(value, Mapping) and inner is not None:
        below = _different(inner, value)
        return {name: below} if below or not isinstance(default, Record) else {}
    is_default = not field.is_required() and _plain(value) == _plain(default)
    return {} if is_default else {name: value}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
