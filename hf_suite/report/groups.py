"""Groups: cells that differ only in their seed or fold, joined to means and deviations. Ranks nothing."""

import dataclasses
import hashlib
import json
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hf_suite.record import Result
from hf_suite.report.cells import Cell, Done
from hf_suite.report.title import title
from hf_suite.spec import TaskSpec

Draw = tuple[int, int]
"""A run's seed and fold; the fold is -1 where it is of none."""

NOT_SCORES = (("count", None), ("no-answer score", None))
"""Units, with neither better nor worse, of numbers that only explain others."""


@dataclass(frozen=True)
class Number:
    """One named number of one split over the seeds of a group."""

    name: str
    split: str
    unit: str
    better: str | None
    value: float | None
    """The mean over seeds; None as soon as one of them is undefined."""
    sd: float | None = None
    """The sample standard deviation (n - 1); None for one seed."""
    undefined: int = 0
    """How many seeds gave no number."""


@dataclass(frozen=True)
class Group:
    """The finished runs of one task, model and config, one for each seed."""

    results: tuple[Result, ...]
    spec: TaskSpec
    title: str
    places: frozenset[Path]
    """The folders above the run folders: a cell that failed beside them belongs to the group."""
    settings: dict[str, Any]
    """How its runs were done, as dotted keys that differ from the defaults."""
    notes: tuple[str, ...] = ()

    @property
    def first(self) -> Result:
        """The Result that stands for what all seeds share."""
        return self.results[0]

    @property
    def model(self) -> str:
        """The checkpoint's id."""
        return str(self.first.model.get("id", ""))


def groups(cells: Iterable[Cell]) -> list[Group]:
    """The finished cells, joined over seeds; in the order in which each group first appears.

    Joined are only Results of the same task and version, config as written, protocol, model weights and data.
    A seed that stands twice counts once, as it finished last, and a note says so where the scores differ; an
    evaluation that only repeats a run's own scores does not count.
    """
    done = [cell for cell in cells if isinstance(cell, Done)]
    known = {cell.result.id: cell.result for cell in done}
    found: dict[str, list[Done]] = {}
    for bare in done:
        cell = dataclasses.replace(bare, source=_source(bare.result, known))
        if not _repeats(cell):
            found.setdefault(_key(cell), []).append(cell)
    return [_group(members) for members in found.values()]


def _source(result: Result, known: Mapping[str, Result]) -> Result | None:
    """The run whose model it scored again."""
    return known.get(str(result.lineage[-1].get("id"))) if result.lineage else None


def _repeats(cell: Done) -> bool:
    """Whether it only scored a known run's model again, on that run's own task, and found the same."""
    result, source = cell.result, cell.source
    return source is not None and source.task["name"] == result.task["name"] and source.scores == result.scores


def _key(cell: Done) -> str:
    """All that must be equal; where and when a run was made does not count."""
    result = cell.result
    how = {"settings": cell.settings, "protocol": result.protocol, "title": title(result)}
    model = {name: result.model.get(name) for name in ("id", "revision", "sha256")}
    content = {"task": facts(cell.spec), "model": model, "data": result.data.get("sha256"), **how}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def facts(spec: TaskSpec) -> dict[str, Any]:
    """What a task says of its data and its scores, without what only documents it."""
    return spec.model_dump(mode="json", exclude={"published", "checked"})


def _group(cells: Sequence[Done]) -> Group:
    latest: dict[Draw, Done] = {}
    notes = []
    for cell in sorted(cells, key=lambda cell: cell.result.finished):
        own = draw(cell.result)
        before = latest.get(own)
        if before is not None and before.result.scores != cell.result.scores:
            notes.append(f"{spoken(own)} was run more than once, with other scores; shown is {cell.folder}")
        latest[own] = cell
    chosen = [latest[each] for each in sorted(latest)]
    results = tuple(cell.result for cell in chosen)
    places = frozenset(cell.folder.parent for cell in cells)
    notes += _by_draw((draw(cell.result), cell.notes) for cell in chosen)
    return Group(results, chosen[0].spec, title(results[0]), places, chosen[0].settings, tuple(notes))


def draw(result: Result) -> Draw:
    """Which of the runs of one cell it is."""
    fold = (result.config.get("split") or {}).get("fold")
    return result.seed, -1 if fold is None else int(fold)


def spoken(own: Draw) -> str:
    """`seed 1`, or `seed 1 fold 0`."""
    seed, fold = own
    return f"seed {seed}" if fold < 0 else f"seed {seed} fold {fold}"


def numbers(group: Group) -> list[Number]:
    """The headline, then the other numbers by split; counts and thresholds are left to `result.json`."""
    first = group.first
    names = [(split, name) for split, scores in first.scores.items() for name in scores]
    head = (first.headline.split, first.headline.name)
    ordered = [head, *(pair for pair in names if pair != head and _unit(first, pair[1]) not in NOT_SCORES)]
    return [_number(group, split, name) for split, name in ordered]


def _number(group: Group, split: str, name: str) -> Number:
    unit, better = _unit(group.first, name)
    values = [result.scores.get(split, {}).get(name) for result in group.results]
    return Number(name, split, unit, better, *over_seeds(values))


def median(group: Group) -> str:
    """The medians over seeds, in words; an undefined number has none."""
    found = []
    for number in numbers(group):
        values = [result.scores.get(number.split, {}).get(number.name) for result in group.results]
        defined = [value for value in values if value is not None]
        if len(defined) == len(values):
            found.append(f"{number.name} {statistics.median(defined):.2f}")
    return f"median of {len(group.results)} seeds: {', '.join(found) or 'none'}"


def _unit(result: Result, name: str) -> tuple[str, str | None]:
    return result.units.get(name, ("", None))


def over_seeds(values: Sequence[float | None]) -> tuple[float | None, float | None, int]:
    """Mean, sample standard deviation (n - 1) and how many are undefined.

    A mean over an undefined number is undefined.
    """
    defined = [value for value in values if value is not None]
    undefined = len(values) - len(defined)
    if undefined or not defined:
        return None, None, undefined
    return statistics.fmean(defined), statistics.stdev(defined) if len(defined) > 1 else None, 0


def caveats(group: Group) -> list[str]:
    """The caveats of all seeds; one that only some seeds have names them."""
    return _by_draw((draw(result), result.caveats) for result in group.results)


def _by_draw(said: Iterable[tuple[Draw, Sequence[str]]]) -> list[str]:
    """Each sentence once; one that only some runs have names them."""
    draws: dict[str, list[Draw]] = {}
    whole = 0
    for own, sentences in said:
        whole += 1
        for sentence in sentences:
            draws.setdefault(sentence, []).append(own)
    return [text if len(own) == whole else f"{text} ({_listed(own)})" for text, own in draws.items()]


def _listed(draws: Sequence[Draw]) -> str:
    if all(fold < 0 for _, fold in draws):
        return f"seed{'s' if len(draws) > 1 else ''} {', '.join(str(seed) for seed, _ in draws)}"
    return ", ".join(spoken(own) for own in draws)


def mean_of(group: Group, value: Callable[[Result], float | None]) -> float | None:
    """The mean over seeds of what each Result says of itself (its seconds); None where one does not."""
    return over_seeds([value(result) for result in group.results])[0]
