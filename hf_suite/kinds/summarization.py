"""Summarization: a text gets a shorter one that says what matters. Says nothing of how a model finds it."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from hf_suite.kinds.base import Row
from hf_suite.kinds.writing import Writing
from hf_suite.metrics.base import RowId
from hf_suite.spec import TaskSpec


class Summarization(Writing):
    """Its baseline is the first words of the source, where news and abstracts say what matters."""

    baseline_name: ClassVar[str] = "first words of the source"

    def baseline(self, rows: Iterable[Row], references: Mapping[RowId, Any], spec: TaskSpec) -> Mapping[RowId, str]:
        """As many of the source's words as the rows' first references have on average, at least one."""
        lengths = [len(texts[0].split()) for texts in references.values()]
        many = max(1, round(sum(lengths) / len(lengths)))
        return {row["row"]: " ".join(row["source"].split()[:many]) for row in rows}

    def wording(self, spec: TaskSpec) -> str:
        """The source, then what is wanted of it."""
        return "Text: {source}\nSummary:"
