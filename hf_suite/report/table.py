"""The table: lines in their order, with what is to be said below them. Writes no text; `render` does."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from hf_suite.record import Result
from hf_suite.report.cells import Bench, Cell, benches, collect
from hf_suite.report.groups import Group, Number, groups, median
from hf_suite.report.labels import configs
from hf_suite.report.lines import Line, baseline_lines, published_lines, result_line, unfinished_line
from hf_suite.report.suites import mean_lines
from hf_suite.report.trials import picked

SCORELESS = ("unscored", "failed", "begun", "planned")

Key = tuple[str, str, str]
Blocks = dict[Key, list[Line]]
"""Task, title and what else must be equal for a ranking -> lines."""


@dataclass(frozen=True)
class Table:
    """Lines, block by block, and remarks on all of them."""

    lines: tuple[Line, ...]
    remarks: tuple[str, ...] = ()


def of_folder(folder: Path, **asked: bool) -> Table:
    """The table of every cell at or below a folder, with what is asked for. Raises RunError when there is none."""
    return table(collect(folder), plans=benches(folder), **asked)


def table(
    cells: Sequence[Cell],
    *,
    plans: Mapping[Path, Bench] | None = None,
    published: bool = False,
    cost: bool = False,
    signatures: bool = False,
    trials: bool = False,
    across_protocols: bool = False,
) -> Table:
    """The table of some cells, one line for each task, model and config; `plans` are their benches by folder.

    A block is one title (`squad`, `squad [2,000 train rows]`), task version, protocol (ours, and how the model
    answers, unless `across_protocols`) and headline; only inside it are lines in the order of their scores, best
    first, undefined last.
    Below them stand the baseline and, with `published`, numbers from elsewhere, which belong to the whole set
    only. With `signatures` a remark says what made the numbers of each metric that has a choice. Of the trials of a
    sweep only the one that is best on tune has a line, or, with `trials`, each.
    """
    shown = picked(cells, plans or {}, every=trials)
    found = [_with_median(group, plans or {}) for group in groups(shown)]
    labels, common = configs(found)
    missing = [cell for cell in shown if cell.state in SCORELESS]
    finished = _finished(found, labels, missing, cost=cost, across_protocols=across_protocols)
    blocks = finished | _unfinished(found, missing)
    if published:
        blocks |= _published(found)
    order = [cell.task for bench in (plans or {}).values() for cell in bench.cells]
    lines = [line for key in sorted(blocks, key=_place(order)) for line in blocks[key]]
    by_folder = {cell.folder: cell for cell in picked(cells, plans or {})}
    for place, bench in (plans or {}).items():
        lines += mean_lines(place, bench, by_folder)
    return Table(tuple(lines), (*_remarks(cells, found, labels, common), *(_signed(found) if signatures else ())))


def _with_median(group: Group, plans: Mapping[Path, Bench]) -> Group:
    """The group with a note of its medians, where its bench shows them and there is more than one seed."""
    shown = {(place / cell.folder).parent for place, bench in plans.items() if bench.median for cell in bench.cells}
    if len(group.results) < 2 or not group.places & shown:
        return group
    return replace(group, notes=(*group.notes, median(group)))


def _place(order: Sequence[str]) -> Callable[[Key], tuple[int, Key]]:
    """Tasks in the order of the plan, then by name; `~` sorts after everything else of a task."""
    at = {task: index for index, task in enumerate(dict.fromkeys(order))}
    return lambda key: (at.get(key[0], len(at)), key)


def _finished(
    found: Sequence[Group], labels: Sequence[str], missing: Sequence[Cell], *, cost: bool, across_protocols: bool
) -> Blocks:
    def key(pair: tuple[Group, str]) -> Key:
        first = pair[0].first
        answers = "" if across_protocols else first.resolved.get("protocol")
        rest = (pair[0].spec.version, first.protocol, answers, first.headline.name, first.headline.split)
        return pair[0].spec.name, pair[0].title, "/".join(map(str, rest))

    blocks: Blocks = {}
    for at, members in groupby(sorted(zip(found, labels, strict=True), key=key), key=key):
        pairs = list(members)
        lines = [_line(group, label, missing, cost=cost) for group, label in pairs]
        blocks[at] = sorted(lines, key=_rank) + _baselines(pairs)
    return blocks


def _baselines(pairs: Sequence[tuple[Group, str]]) -> list[Line]:
    """The baselines of a block, each once; with no config where all of one name are the same."""
    found: dict[str, dict[tuple[Number, ...], Line]] = {}
    for line in (line for group, label in pairs for line in baseline_lines(group, label)):
        found.setdefault(line.model, {}).setdefault(line.numbers, line)
    return [
        replace(line, config="") if len(distinct) == 1 else line
        for distinct in found.values()
        for line in distinct.values()
    ]


def _line(group: Group, label: str, missing: Sequence[Cell], *, cost: bool) -> Line:
    return result_line(group, label, [cell for cell in missing if cell.folder.parent in group.places], cost=cost)


def _rank(line: Line) -> tuple[int, float, str, str]:
    """Best first; what is undefined, or has no better and worse, stands last by name."""
    number = line.numbers[0]
    ranked = number.value is not None and number.better is not None
    sign = -1.0 if number.better == "higher" else 1.0
    return 0 if ranked else 1, sign * (number.value or 0.0) if ranked else 0.0, line.model, line.config


def _unfinished(found: Sequence[Group], missing: Sequence[Cell]) -> Blocks:
    """The cells none of whose seeds has a Result: one line for each folder of seeds."""
    beside = {place for group in found for place in group.places}
    alone: dict[tuple[str, Path], list[Cell]] = {}
    for cell in missing:
        if cell.folder.parent not in beside:
            alone.setdefault((cell.task, cell.folder.parent), []).append(cell)
    blocks: Blocks = {}
    for (task, _), members in alone.items():
        blocks.setdefault((task, "~", ""), []).append(unfinished_line(members))
    return blocks


def _published(found: Sequence[Group]) -> Blocks:
    """Each task's numbers from elsewhere: below the runs on its whole set, or, where there are none, below all."""
    whole = {group.spec.name for group in found if group.title == group.spec.name}
    return {
        (group.spec.name, group.spec.name if group.spec.name in whole else "~~", "~"): published_lines(group)
        for group in found
    }


def _remarks(cells: Sequence[Cell], found: Sequence[Group], labels: Sequence[str], common: str) -> list[str]:
    states = [cell.state for cell in cells if cell.state != "skipped"]
    counts = [f"{states.count(state)} {word}" for state, word in _STATES if state in states]
    remarks = [f"{states.count('done')} of {len(states)} runs done; {', '.join(counts)}"] if counts else []
    remarks += [f"skipped: {cell.task}: {cell.reason}" for cell in cells if cell.state == "skipped"]
    if found:
        besides = ", but for what its column says" if any(labels) else ""
        remarks.append(f"config of every line: {common or 'the defaults'}{besides}")
    return remarks + _made(result for group in found for result in group.results)


def _signed(found: Sequence[Group]) -> list[str]:
    """What exactly computed each metric of each task: a remark for each signature, with all that bear it."""
    told: dict[str, dict[str, None]] = {}
    for group in found:
        for metric, text in group.first.signatures.items():
            told.setdefault(text, {})[f"{group.spec.name} {metric}"] = None
    return [f"{', '.join(names)}: {text}" for text, names in told.items()]


_STATES = (("unscored", "trained, not scored"), ("failed", "failed"), ("begun", "unfinished"), ("planned", "to do"))


def _made(results: Iterable[Result]) -> list[str]:
    """What made the numbers: one remark for each commit, device and set of library versions."""
    return [f"made by {text}" for text in dict.fromkeys(_maker(result) for result in results)]


def _maker(result: Result) -> str:
    commit = f" at {result.commit[:12]}{' with changes' if result.dirty else ''}" if result.commit else ""
    known = [f"{name} {result.versions[name]}" for name in ("torch", "transformers", "peft") if name in result.versions]
    processes = f"{result.processes} process{'es' if result.processes > 1 else ''}"
    threads = f"{result.threads} thread{'s' if result.threads > 1 else ''}"
    where = f"{result.device}, {threads}, {processes}"
    suite = result.versions.get("hf_suite", result.versions.get("hf-suite", ""))
    return "; ".join([f"hf_suite {suite}{commit}".replace("  ", " "), *known, where, result.precision])
