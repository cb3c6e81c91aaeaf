"""Language modelling: a document, every token of it predicted from those before. Says nothing of context or stride."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from hf_suite.errors import ScoreError
from hf_suite.kinds.base import Evidence, Row
from hf_suite.metrics.base import RowId
from hf_suite.spec import TaskSpec

_GUESSED = ("masked_loss", "masked_perplexity")
"""METRICS of tokens that were guessed from both sides; of others all were predicted from those before."""


class LanguageModeling:
    """Evidence is `{"nll": nats, "tokens": n, "context": n, "stride": n}`, summed over all tokens, each scored once;
    under protocol masked over those that were guessed.

    The answer is nll and tokens, the reference the document's `{"bytes": n, "words": n}`: bytes of its UTF-8, words
    as white space parts them. A document is a row of the data, several joined, or a block of one text (the task's
    `document`).
    """

    inputs: ClassVar[frozenset[str]] = frozenset({"text"})
    optional: ClassVar[frozenset[str]] = frozenset({"id"})
    baseline_name: ClassVar[str] = "unigram of bytes"

    def targets(self, spec: TaskSpec) -> frozenset[str]:
        """None: the text is its own target."""
        return frozenset()

    def check(self, spec: TaskSpec) -> None:
        """Nothing besides the roles."""

    def reference(self, row: Row, spec: TaskSpec) -> dict[str, int]:
        """The document's bytes and words; of a block, which may begin within a word, the words that it says it has."""
        words = row["words"] if "words" in row else len(row["text"].split())
        return {"bytes": len(row["text"].encode()), "words": words}

    def under(self, spec: TaskSpec, protocol: str | None) -> TaskSpec:
        """Of the metrics those that count guessed tokens where tokens are guessed, else the others."""
        apart = [name for name in spec.metric_names() if (name in _GUESSED) == (protocol == "masked")]
        kept = apart or (list(_GUESSED) if protocol == "masked" else ["bits_per_byte"])
        if set(kept) == set(spec.metric_names()):
            return spec
        return spec.model_copy(update={"metrics": tuple(kept), "headline": kept[0]})

    def fits(self, spec: TaskSpec, protocol: str | None) -> bool:
        """Nothing needs fitting."""
        return False

    def gains(self, spec: TaskSpec, protocol: str | None) -> bool:
        """Nothing more."""
        return False

    def fit(
        self, evidence: Mapping[RowId, Evidence], references: Mapping[RowId, Any], spec: TaskSpec
    ) -> dict[str, float]:
        """Nothing."""
        return {}

    def calibration(
        self,
        evidence: Mapping[RowId, Evidence],
        references: Mapping[RowId, Any],
        fitted: Mapping[str, float],
        spec: TaskSpec,
    ) -> dict[str, float]:
        """Nothing is said of it."""
        return {}

    def decide(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> dict[str, Any]:
        """What the document cost, and in how many tokens."""
        return {"nll": evidence["nll"], "tokens": evidence["tokens"]}

    def told(
        self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec, *, everything: bool = False
    ) -> dict[str, Any]:
        """What the text cost in nats, and its tokens."""
        return {"prediction": evidence["nll"], "tokens": evidence["tokens"]}

    def margin(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> float | None:
        """None: nothing is decided."""
        return None

    def miss(self, answer: Any, reference: Any, spec: TaskSpec) -> float:
        """Nats a byte."""
        return float(answer["nll"] / max(1, reference["bytes"]))

    def baseline(
        self, rows: Iterable[Row], references: Mapping[RowId, Any], spec: TaskSpec
    ) -> Mapping[RowId, dict[str, Any]]:
        """Each byte costs -ln of its share of the scored rows' own bytes: no unigram of bytes can do better on them.

        It knows no tokens, so the perplexity per token is undefined.
        """
        texts = {row["row"]: Counter(row["text"].encode()) for row in rows}
        all_bytes: Counter[int] = sum(texts.values(), Counter())
        cost = {byte: math.log(all_bytes.total() / count) for byte, count in all_bytes.items()}
        return {
            row: {"nll": math.fsum(cost[byte] * many for byte, many in counts.items()), "tokens": None}
            for row, counts in texts.items()
        }

    def parse(self, text: Any, spec: TaskSpec) -> dict[str, Any]:
        """`{"nll": nats, "tokens": n}`, or a number of nats alone. Raises ScoreError."""
        nll: Any = text.get("nll") if isinstance(text, dict) else text
        tokens = text.get("tokens") if isinstance(text, dict) else None
        try:
            value = float(nll)
        except (TypeError, ValueError):
            value = math.nan
        whole = tokens is None or (isinstance(tokens, int) and not isinstance(tokens, bool) and tokens >= 0)
        if not (math.isfinite(value) and whole):
            remedy = 'write {"nll": 12.5, "tokens": 4}, in nats, or the nats alone'
            raise ScoreError(spec.name, f"answer {text!r} is no cost of a document", remedy)
        return {"nll": value, "tokens": tokens}

    def diagnosis(
        self,
        rows: Iterable[Row],
        answers: Mapping[RowId, Any],
        references: Mapping[RowId, Any],
        evidence: Mapping[RowId, Evidence],
        spec: TaskSpec,
    ) -> dict[str, float]:
        """The documents' bytes, words and tokens."""
        totals = {name: sum(found[name] for found in references.values()) for name in ("bytes", "words")}
        return {**totals, "tokens": sum(answer["tokens"] or 0 for answer in answers.values())}

    def wording(self, spec: TaskSpec) -> str:
        """The document itself: nothing is asked."""
        return "{text}"

    def candidates(self, spec: TaskSpec) -> list[str]:
        """None."""
        return []

    def written(self, reference: Any, spec: TaskSpec) -> str:
        """Nothing: the text that is to be predicted is the document."""
        return ""

    def read_back(self, text: str, spec: TaskSpec) -> None:
        """None: a text is no answer here."""
        return

    def empty_inputs(self, rows: Sequence[Row]) -> int:
        """Documents of whitespace alone."""
        return sum(not row["text"].strip() for row in rows)
