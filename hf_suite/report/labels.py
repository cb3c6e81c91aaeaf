"""Labels: the words that tell lines of one table apart, by how they were made. Hides no difference."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hf_suite.report.difference import words
from hf_suite.report.groups import Group, facts


def configs(found: Sequence[Group]) -> tuple[list[str], str]:
    """For each group the words that set its config apart, and the words that all share.

    Another protocol or task version always shows; other data, weights or task facts where nothing else tells
    two lines of the same task and model apart.
    """
    own = [group.settings for group in found]
    common = (
        {key: value for key, value in own[0].items() if all(_has(other, key, value) for other in own)} if own else {}
    )
    rest = [{key: value for key, value in each.items() if key not in common} for each in own]
    rest = [each | _differing(group, found, _protocol) for group, each in zip(found, rest, strict=True)]
    texts = [words(each) for each in rest]
    for index, group in enumerate(found):
        alike = [found[at] for at, text in enumerate(texts) if text == texts[index] and _same_place(group, found[at])]
        rest[index] = rest[index] | _differing(group, alike, _content)
    return [words(each) for each in rest], words(common)


def _has(data: Mapping[str, Any], key: str, value: Any) -> bool:
    return key in data and data[key] == value


def _same_place(one: Group, other: Group) -> bool:
    return one.title == other.title and one.model == other.model


def _differing(group: Group, others: Sequence[Group], of: Callable[[Group], dict[str, Any]]) -> dict[str, Any]:
    """What `of` says of a group and not of every other of the same task."""
    peers = [other for other in others if other.spec.name == group.spec.name]
    return {key: value for key, value in of(group).items() if any(of(peer)[key] != value for peer in peers)}


def _protocol(group: Group) -> dict[str, Any]:
    return {"protocol": group.first.protocol, "task.version": group.spec.version}


def _content(group: Group) -> dict[str, Any]:
    first = group.first
    return {
        "task.sha256": _short(facts(group.spec)),
        "data.sha256": _short(first.data.get("sha256")),
        "model.sha256": _short(first.model.get("sha256")),
        "model.revision": str(first.model.get("revision"))[:8],
    }


def _short(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]
