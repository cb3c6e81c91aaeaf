"""KINDS: what each kind of task is, one file per kind. Says nothing of models."""

from collections.abc import Sequence

from hf_suite import schema
from hf_suite.errors import ConfigError
from hf_suite.kinds.base import Evidence, Kind, Row, prompt
from hf_suite.kinds.classification import Classification
from hf_suite.kinds.language_modeling import LanguageModeling
from hf_suite.kinds.question_answering import QuestionAnswering
from hf_suite.kinds.summarization import Summarization
from hf_suite.kinds.text2text import Text2Text
from hf_suite.kinds.translation import Translation
from hf_suite.metrics import METRICS
from hf_suite.plugins import Registry, lacks
from hf_suite.spec import MetricUse, TaskSpec, normalized

KINDS: Registry[str, Kind] = Registry(
    "hf_suite.kinds",
    {
        "classification": Classification(),
        "question_answering": QuestionAnswering(),
        "translation": Translation(),
        "summarization": Summarization(),
        "text2text": Text2Text(),
        "language_modeling": LanguageModeling(),
    },
    wants=lambda value: "is a class; make it an object" if isinstance(value, type) else lacks(Kind, value),
)

__all__ = ["KINDS", "Evidence", "Kind", "Row", "check", "prompt", "read_roles"]


def read_roles(spec: TaskSpec) -> tuple[str, ...]:
    """The roles whose texts are read to answer a row, in the task's order."""
    kind = KINDS[spec.kind]
    read = kind.inputs | (kind.optional & {"text_pair"})
    return tuple(role for role in spec.columns if role in read)


def check(spec: TaskSpec) -> None:
    """Refuses a task whose kind, roles or metrics do not exist or do not fit each other. Raises ConfigError."""
    if spec.kind not in KINDS:
        hint = schema.nearest(spec.kind, KINDS)
        raise ConfigError(f"{spec.name}.kind", f"no kind {spec.kind!r}", f"{hint}there are: {', '.join(KINDS)}")
    kind = KINDS[spec.kind]
    needed = kind.inputs | kind.targets(spec)
    known = needed | kind.optional
    for role in sorted(needed - spec.columns.keys()):
        raise ConfigError(f"{spec.name}.columns", f"role {role!r} is missing", f"name its column: {role}: COLUMN")
    for role in sorted(spec.columns.keys() - known):
        hint = schema.nearest(role, known)
        raise ConfigError(
            f"{spec.name}.columns", f"unknown role {role!r}", f"{hint}{spec.kind} knows: {', '.join(sorted(known))}"
        )
    for role, held in spec.columns.items():
        if not isinstance(held, str):
            _check_columns(spec, role, held)
    for metric in spec.metrics:
        _check_metric(spec, metric)
    _check_headline(spec)
    if spec.document != "row" and spec.columns.keys() != {"text"}:
        finding = f"joins rows, and {', '.join(sorted(spec.columns.keys() - {'text'}))} is a role of each"
        raise ConfigError(f"{spec.name}.document", f"{spec.document} {finding}", "leave text the only role")
    kind.check(spec)


def _check_columns(spec: TaskSpec, role: str, names: Sequence[str]) -> None:
    """Refuses several columns in a role but those of labels, one each."""
    place = f"{spec.name}.columns.{role}"
    if role != "label" or spec.target == "number":
        raise ConfigError(place, "several columns", "name one; a column each have the labels of a row alone")
    if len(set(names)) < max(2, len(names)):
        raise ConfigError(place, f"{', '.join(names) or 'none'}", "name two columns or more, each once")
    if {normalized(label) for label in spec.labels or names} != {normalized(name) for name in names}:
        finding = f"the columns are {', '.join(names)}, and the labels {', '.join(spec.labels or ())}"
        raise ConfigError(place, finding, "leave labels out, or call them like their columns")


def _check_metric(spec: TaskSpec, metric: str | MetricUse) -> None:
    name = metric if isinstance(metric, str) else metric.name
    if name not in METRICS and not name.startswith("evaluate:"):
        hint = schema.nearest(name, METRICS)
        raise ConfigError(f"{spec.name}.metrics", f"no metric {name!r}", f"{hint}there are: {', '.join(METRICS)}")


def _check_headline(spec: TaskSpec) -> None:
    own = [METRICS[name] for name in spec.metric_names() if name in METRICS]
    numbers = [number for metric in own for number in metric.units]
    if spec.headline not in numbers and len(own) == len(spec.metrics):
        raise ConfigError(
            f"{spec.name}.headline",
            f"no metric of the task gives {spec.headline!r}",
            f"they give: {', '.join(numbers)}",
        )
