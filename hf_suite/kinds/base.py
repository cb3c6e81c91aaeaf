"""What a kind of task is: its roles, references, decisions and baseline. Knows no model and no tokenizer."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from hf_suite import schema
from hf_suite.errors import ConfigError
from hf_suite.metrics import METRICS
from hf_suite.metrics.base import RowId
from hf_suite.spec import TaskSpec

Row = Mapping[str, Any]
Evidence = Mapping[str, Any]


class Kind(Protocol):
    """A kind turns a row into a reference and a row's evidence into an answer; it plays the same role for every model.

    Evidence is JSON: what a model found in one row, in the kind's own form; or, for any kind but language modelling,
    `{"texts": [best first], "cut": bool}`: what a model wrote to the kind's question, and whether it met its limit.
    `decide` works with `fitted = {}`.
    """

    inputs: ClassVar[frozenset[str]]
    """Roles that answering needs."""
    optional: ClassVar[frozenset[str]]
    """Roles that are read when the task names them."""
    baseline_name: ClassVar[str]
    """What `baseline` gives, in words."""

    def targets(self, spec: TaskSpec) -> frozenset[str]:
        """Roles that training and scoring need besides the inputs."""

    def check(self, spec: TaskSpec) -> None:
        """Refuse a spec that says too little or too much for this kind. Raises ConfigError."""

    def reference(self, row: Row, spec: TaskSpec) -> Any:
        """The gold answer of a row, as the metrics take it; None where the row has none."""

    def under(self, spec: TaskSpec, protocol: str | None) -> TaskSpec:
        """The task with metrics that answers under the protocol can feed."""

    def fits(self, spec: TaskSpec, protocol: str | None) -> bool:
        """Whether something must be fitted on tune before rows can be decided well (a threshold).

        A protocol that is None is the kind's own.
        """

    def gains(self, spec: TaskSpec, protocol: str | None) -> bool:
        """Whether tune, where there is one, betters what is told of a row though no answer needs it (a temperature)."""

    def fit(
        self, evidence: Mapping[RowId, Evidence], references: Mapping[RowId, Any], spec: TaskSpec
    ) -> dict[str, float]:
        """What is fitted on tune's evidence, by name."""

    def calibration(
        self,
        evidence: Mapping[RowId, Evidence],
        references: Mapping[RowId, Any],
        fitted: Mapping[str, float],
        spec: TaskSpec,
    ) -> dict[str, float]:
        """How far confidence is from the truth, before and after what was fitted; nothing where nothing was."""

    def decide(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> Any:
        """The answer of one row."""

    def told(
        self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec, *, everything: bool = False
    ) -> dict[str, Any]:
        """Column -> value of one row, as `predict` writes it: `prediction`, as `decide` has it, and what goes with it.

        `confidence`, from 0 to 1, is among them where the evidence says how sure the model is; `everything` adds the
        rest that it says.
        """

    def margin(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> float | None:
        """How far the decision was from another one, in the evidence's own unit; None where there is no such thing."""

    def miss(self, answer: Any, reference: Any, spec: TaskSpec) -> float:
        """How far one row's answer is from its reference: 0 where it is right, and the larger the worse."""

    def baseline(self, rows: Iterable[Row], references: Mapping[RowId, Any], spec: TaskSpec) -> Mapping[RowId, Any]:
        """What answers the same rows without a model; chosen by the task's headline where there is a choice."""

    def diagnosis(
        self,
        rows: Iterable[Row],
        answers: Mapping[RowId, Any],
        references: Mapping[RowId, Any],
        evidence: Mapping[RowId, Evidence],
        spec: TaskSpec,
    ) -> dict[str, float]:
        """What is to be noticed of the answers and is no score: how many are empty, cut, unreadable."""

    def wording(self, spec: TaskSpec) -> str:
        """The question that a prompted model is asked, with `{role}` where a row's text goes (see `prompt`)."""

    def candidates(self, spec: TaskSpec) -> list[str]:
        """The texts that can be answers, in the task's order; none where any text can be one."""

    def written(self, reference: Any, spec: TaskSpec) -> str:
        """A reference as a model should write it (the first of several); `read_back` understands it."""

    def read_back(self, text: str, spec: TaskSpec) -> Any | None:
        """The answer in what a model wrote; None where it is none."""

    def parse(self, text: Any, spec: TaskSpec) -> Any:
        """An answer as a predictions file writes it. Raises ScoreError for what cannot be one."""

    def empty_inputs(self, rows: Sequence[Row]) -> int:
        """How many rows have an input without text."""


def prompt(row: Row, wording: str, **words: str) -> str:
    """A wording with `{role}` replaced by the row's text, and each of `words` by its own; nothing else is special.

    Raises ConfigError for a name in braces that is neither.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in words and not isinstance(row.get(name), str):
            known = [*words, *(role for role, text in row.items() if isinstance(text, str))]
            hint = schema.nearest(name, known)
            raise ConfigError("prompt", f"no role {name!r} in this task", f"{hint}there are: {', '.join(known)}")
        return words[name] if name in words else row[name]

    return re.sub(r"\{(\w+)\}", value, wording)


def wrote(evidence: Evidence) -> str | None:
    """The best of the texts that a model wrote; None where it did not answer by writing."""
    return evidence["texts"][0] if "texts" in evidence else None


def softmax(scores: Sequence[float]) -> list[float]:
    """The scores' shares of 1."""
    highest = max(scores)
    powers = [math.exp(score - highest) for score in scores]
    return [power / math.fsum(powers) for power in powers]


def best_constant(constants: Sequence[Any], references: Mapping[RowId, Any], spec: TaskSpec) -> Mapping[RowId, Any]:
    """The constant answer, given to every row, whose headline is best; the first where no metric of ours gives it."""
    return best_of([dict.fromkeys(references, constant) for constant in constants], references, spec)


def best_of(
    found: Sequence[Mapping[RowId, Any]], references: Mapping[RowId, Any], spec: TaskSpec
) -> Mapping[RowId, Any]:
    """The answers whose headline is best (the first of equals); the first where no metric of ours gives it."""
    own = [METRICS[name] for name in spec.metric_names() if name in METRICS and spec.headline in METRICS[name].units]
    if not own:
        return found[0]
    sign = -1.0 if own[0].units[spec.headline].better == "lower" else 1.0

    def goodness(answers: Mapping[RowId, Any]) -> float:
        value = own[0].score(answers, references, spec)[spec.headline]
        return -math.inf if value is None else sign * value

    return max(found, key=goodness)
