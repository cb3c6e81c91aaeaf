"""Text to text: a text gets another by any rule that rows can show (spelling to sounds, terse to polite)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from hf_suite.kinds.base import Row, best_of
from hf_suite.kinds.writing import Writing
from hf_suite.metrics.base import RowId
from hf_suite.spec import TaskSpec


class Text2Text(Writing):
    """Its baseline is the better of the copied source and one text for every row."""

    baseline_name: ClassVar[str] = "copied source or most frequent target"

    def baseline(self, rows: Iterable[Row], references: Mapping[RowId, Any], spec: TaskSpec) -> Mapping[RowId, str]:
        """The source, or for every row the text that most rows have as a reference, by the headline."""
        copied = {row["row"]: row["source"] for row in rows}
        counts = Counter(text for texts in references.values() for text in dict.fromkeys(texts))
        return best_of([copied, dict.fromkeys(references, counts.most_common(1)[0][0])], references, spec)

    def wording(self, spec: TaskSpec) -> str:
        """The source alone: what is to be made of it only the rows can show."""
        return "{source}\n"
