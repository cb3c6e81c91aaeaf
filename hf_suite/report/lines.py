"""Lines: a table's rows, for results, baselines, published numbers and missing runs. Sorts nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from hf_suite.kinds import KINDS
from hf_suite.record import Scores
from hf_suite.report.cells import Cell
from hf_suite.report.groups import Group, Number, caveats, mean_of, numbers

Role = Literal["result", "unfinished", "baseline", "published", "mean"]

BAG_OF_WORDS = "TF-IDF + logistic"
"""What `Result.bag_of_words` is called."""
_STATES = {"unscored": "trained, not scored", "failed": "failed", "begun": "unfinished", "planned": "to do"}


@dataclass(frozen=True)
class Line:
    """One row of a table; its first number is the one that ranks it."""

    role: Role
    task: str
    """The title of what was measured, or the suite and its rule for a mean."""
    model: str
    config: str = ""
    """What sets this line's config apart from the others', as key=value words."""
    seeds: int | None = None
    planned_seeds: int | None = None
    numbers: tuple[Number, ...] = ()
    state: str = ""
    """Stands where the score would: failed, unfinished, to do; trained, not scored."""
    notes: tuple[str, ...] = ()
    cost: Mapping[str, float | None] = field(default_factory=dict)
    """Mean over seeds: seconds of finetuning, milliseconds to answer 1 and 32, parameters, MB of memory and weights."""
    ids: tuple[str, ...] = ()
    """The Results behind it."""


def result_line(group: Group, config: str, beside: Sequence[Cell], *, cost: bool) -> Line:
    """A group's line; `beside` are the cells of the same group that have no Result."""
    own = numbers(group)
    count = len(group.results)
    notes = [
        *caveats(group),
        *group.notes,
        *(_undefined(number, count) for number in own if number.undefined),
    ]
    notes += [_without_result(cell) for cell in beside]
    return Line(
        role="result",
        task=group.title,
        model=group.model,
        config=config,
        seeds=count,
        planned_seeds=count + len(beside),
        numbers=tuple(own),
        notes=tuple(notes),
        cost=_cost(group) if cost else {},
        ids=tuple(result.id for result in group.results),
    )


def _undefined(number: Number, count: int) -> str:
    seeds = f"{count} seed{'s' if count > 1 else ''}"
    return f"{number.name} on {number.split} is undefined in {number.undefined} of {seeds}"


def _without_result(cell: Cell) -> str:
    seed = cell.folder.name.replace("-", " ") if cell.seed is not None else cell.folder.name
    return f"{seed} {_STATES[cell.state]}{f': {cell.reason}' if cell.reason else ''}"


def _cost(group: Group) -> dict[str, float | None]:
    def megabytes(value: int | None) -> float | None:
        return None if value is None else value / 1e6

    return {
        "finetune s": mean_of(group, lambda result: result.seconds.get("finetune")),
        "ms for 1": mean_of(group, lambda result: result.latency_ms.get("1")),
        "ms for 32": mean_of(group, lambda result: result.latency_ms.get("32")),
        "parameters": mean_of(group, lambda result: result.model.get("parameters")),
        "trainable": mean_of(group, lambda result: result.model.get("trainable")),
        "peak MB": mean_of(group, lambda result: megabytes(result.peak_memory_bytes)),
        "weights MB": mean_of(group, lambda result: megabytes(result.weights_bytes)),
    }


def baseline_lines(group: Group, config: str) -> list[Line]:
    """The scores of what answers a group's rows without a pretrained model: a constant, or words alone."""
    kind = KINDS.get(group.spec.kind)  # a file of a later version may have one more
    name = kind.baseline_name if kind is not None else "baseline"
    found = {name: group.first.baseline, BAG_OF_WORDS: group.first.bag_of_words}
    split = group.first.headline.split
    return [_baseline_line(group, config, name, scores) for name, scores in found.items() if split in scores]


def _baseline_line(group: Group, config: str, name: str, scores: Scores) -> Line:
    own = [
        Number(number.name, number.split, number.unit, number.better, scores[number.split][number.name])
        for number in numbers(group)
        if number.name in scores.get(number.split, {})
    ]
    return Line("baseline", group.title, name, config, numbers=tuple(own))


def published_lines(group: Group) -> list[Line]:
    """Numbers from elsewhere on the whole set, each with its setting and source as a note."""
    lines = []
    for number in group.spec.published:
        unit, better = group.first.units.get(number.metric, ("", None))
        own = (Number(number.metric, "", unit, better, number.score),)
        notes = (f"published: {number.setting}; {number.url}",)
        lines.append(Line("published", group.spec.name, number.model, numbers=own, notes=notes))
    return lines


def unfinished_line(cells: Sequence[Cell]) -> Line:
    """The line of a cell none of whose seeds has a Result yet."""
    first = cells[0]
    states = [_STATES[cell.state] for cell in cells]
    count = {state: f"{states.count(state)} " if len(states) > 1 else "" for state in states}
    notes = tuple(_without_result(cell) for cell in cells if cell.reason)
    return Line(
        role="unfinished",
        task=first.task,
        model=first.model,
        seeds=0,
        planned_seeds=len(cells),
        state=", ".join(f"{count[state]}{state}" for state in count),
        notes=notes,
    )
