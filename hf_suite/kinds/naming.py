"""Labels by their names: as a person or a model writes them, one or several in a line. Knows no scores."""

import re
from collections.abc import Sequence

from hf_suite.errors import ConfigError, ScoreError
from hf_suite.spec import TaskSpec, normalized


def check(spec: TaskSpec) -> None:
    """There are labels to choose from. Raises ConfigError."""
    if spec.labels is None or len(spec.labels) < 2:
        raise ConfigError(
            f"{spec.name}.labels", "fewer than two", "list the label names in the order of the data's ids"
        )


def label(text: object, spec: TaskSpec) -> str:
    """The label of that name (case, spaces and hyphens do not count). Raises ScoreError."""
    names = {normalized(label): label for label in spec.labels or ()}
    found = names.get(normalized(text)) if isinstance(text, str) else None
    if found is None:
        raise ScoreError(spec.name, f"answer {text!r} is no label", f"write one of: {', '.join(spec.labels or ())}")
    return found


def in_words(label: str) -> str:
    """With spaces for underscores."""
    return label.replace("_", " ")


def listed(spec: TaskSpec) -> str:
    """`a, b or c`."""
    names = [in_words(label) for label in spec.labels or ()]
    return " or ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def opening(line: str, spec: TaskSpec) -> str | None:
    """The label that a line opens with, after `merge`; None where it opens with none."""
    names = _names(spec)
    found = _pattern(names).match(words(line))
    return spec.merge.get(names[found[0]], names[found[0]]) if found else None


def named(line: str, spec: TaskSpec) -> list[str]:
    """The labels that a line names, in its order, each once, after `merge`.

    Case and punctuation do not count, and of `not entailment` and `entailment` the longer is read.
    """
    names = _names(spec)
    labels = [names[found] for found in _pattern(names).findall(words(line))]
    return list(dict.fromkeys(spec.merge.get(label, label) for label in labels))


def words(text: str) -> str:
    """Its words in lower case, one space apart."""
    return re.sub(r"[\W_]+", " ", text.casefold()).strip()


def _names(spec: TaskSpec) -> dict[str, str]:
    return {words(label): label for label in (*(spec.labels or ()), *spec.merge)}


def _pattern(names: Sequence[str] | dict[str, str]) -> re.Pattern[str]:
    choices = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    return re.compile(rf"(?<!\S)(?:{choices})(?!\S)")
