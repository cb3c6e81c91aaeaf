"""What a kind of task is: its roles, references, decisions and baseline. Knows no model and no tokenizer."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

from hf_suite.metrics import METRICS
from hf_suite.metrics.base import RowId
from hf_suite.spec import TaskSpec

Row = Mapping[str, Any]
Evidence = Mapping[str, Any]


class Kind(Protocol):
    """A kind turns a row into a reference and a row's evidence into an answer; it plays the same role for every model.

    Evidence is JSON: what a model found in one row. `decide` works with `fitted = {}`.
    """

    inputs: ClassVar[frozenset[str]]
    """Roles that answering needs."""
    optional: ClassVar[frozenset[str]]
    """Roles that are read when the task names them."""

    def targets(self, spec: TaskSpec) -> frozenset[str]:
        """Roles that training and scoring need besides the inputs."""

    def check(self, spec: TaskSpec) -> None:
        """Refuse a spec that says too little or too much for this kind. Raises ConfigError."""

    def reference(self, row: Row, spec: TaskSpec) -> Any:
        """The gold answer of a row, as the metrics take it; None where the row has none."""

    def fits(self, spec: TaskSpec) -> bool:
        """Whether something must be fitted on tune before rows can be decided well (a threshold)."""

    def fit(
        self, evidence: Mapping[RowId, Evidence], references: Mapping[RowId, Any], spec: TaskSpec
    ) -> dict[str, float]:
        """What is fitted on tune's evidence, by name."""

    def decide(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> Any:
        """The answer of one row."""

    def margin(self, evidence: Evidence, fitted: Mapping[str, float], spec: TaskSpec) -> float | None:
        """How far the decision was from another one, in the evidence's own unit; None where there is no such thing."""

    def baseline(self, references: Mapping[RowId, Any], spec: TaskSpec) -> Mapping[RowId, Any]:
        """The best constant answer by the task's headline, given to every row."""

    def parse(self, text: Any, spec: TaskSpec) -> Any:
        """An answer as a predictions file writes it. Raises ScoreError for what cannot be one."""

    def empty_inputs(self, rows: Sequence[Row]) -> int:
        """How many rows have an input without text."""


def best_constant(constants: Sequence[Any], references: Mapping[RowId, Any], spec: TaskSpec) -> Mapping[RowId, Any]:
    """The constant answer, given to every row, whose headline is best; the first where no metric of ours gives it."""
    everywhere = [dict.fromkeys(references, constant) for constant in constants]
    own = [METRICS[name] for name in spec.metric_names() if name in METRICS and spec.headline in METRICS[name].units]
    if not own:
        return everywhere[0]
    return max(everywhere, key=lambda answers: own[0].score(answers, references, spec)[spec.headline] or 0.0)
