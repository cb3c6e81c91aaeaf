"""A bench's one number for each model and config, as lines of a table. The rules are in `mean`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from hf_suite.report.cells import Bench, Cell, PlannedCell
from hf_suite.report.groups import Draw, Group, Number, draw, groups, over_seeds
from hf_suite.report.lines import Line
from hf_suite.report.mean import SuiteMean, suite_means, task_score

Seeds = Mapping[Draw, float | None]


def mean_lines(place: Path, bench: Bench, cells: Mapping[Path, Cell]) -> list[Line]:
    """The means of the bench in the folder `place`, over the cells that are there, by run folder."""
    if bench.mean is None:
        return []
    unscored = {cell.task for cell in cells.values() if cell.state == "unscored"}  # only trained, for others
    planned = [cell.task for cell in bench.cells if cell.task not in unscored]
    suite = list(dict.fromkeys(planned + list(bench.skipped)))
    several = len({cell.config for cell in bench.cells}) > 1
    lines = []
    for of in dict.fromkeys(_of(cell) for cell in bench.cells):
        folders = [place / cell.folder for cell in bench.cells if _of(cell) == of]
        own = groups(cells[folder] for folder in folders if folder in cells)
        lines += _lines(bench.suite, bench.mean, own, suite, of[1] if several else "") if own else []
    return lines


def _of(cell: PlannedCell) -> tuple[str, str, str]:
    return cell.model, cell.config, cell.sweep


def _lines(name: str, rule: str, own: Sequence[Group], suite: Sequence[str], config: str) -> list[Line]:
    by_task = {group.spec.name: _by_seed(group, rule) for group in own}
    titles = {group.spec.name: group.title for group in own}
    units = {group.first.units.get(group.first.headline.name, ("", None))[0] for group in own}
    seeds = {tuple(scores) for scores in by_task.values()}
    lines = []
    for mean, sd in _means(rule, by_task, suite):
        notes = _notes(mean, titles)
        notes += ["its tasks have different seeds"] if len(seeds) > 1 else []
        notes += [f"its tasks have different units: {', '.join(sorted(units))}"] if len(units) > 1 else []
        value = mean.value if len(units) == 1 else None
        number = Number("mean", "", min(units), "higher", value, sd if value is not None else None)
        count = len(next(iter(seeds))) if len(seeds) == 1 else None
        lines.append(
            Line(
                "mean",
                f"{name}, {mean.name}",
                own[0].model,
                config,
                seeds=count,
                numbers=(number,),
                notes=tuple(notes),
            )
        )
    return lines


def _by_seed(group: Group, rule: str) -> Seeds:
    if rule == "tasks":
        return {draw(result): result.headline.score for result in group.results}
    return {draw(result): task_score(group.spec, result.scores) for result in group.results}


def _means(rule: str, by_task: Mapping[str, Seeds], suite: Sequence[str]) -> list[tuple[SuiteMean, float | None]]:
    """Each mean with its deviation over seeds, which it has only where every task has the same seeds."""
    over_tasks = {task: over_seeds(list(scores.values()))[0] for task, scores in by_task.items()}
    means = suite_means(rule, over_tasks, suite)
    seeds = {tuple(scores) for scores in by_task.values()}
    if len(seeds) > 1:
        return [(mean, None) for mean in means]
    each = [suite_means(rule, {task: s[seed] for task, s in by_task.items()}, suite) for seed in next(iter(seeds))]
    return [(mean, over_seeds([one[at].value for one in each])[1]) for at, mean in enumerate(means)]


def _notes(mean: SuiteMean, titles: Mapping[str, str]) -> list[str]:
    """Says which tasks it is made of, unless that is the whole suite, each on its whole set."""
    names = [titles[task] for task in mean.tasks]
    notes = []
    if mean.missing:
        notes.append(f"mean of {len(names)} of {len(names) + len(mean.missing)} tasks: {', '.join(names)}")
    elif names != list(mean.tasks):
        notes.append(f"mean of {', '.join(names)}")
    return notes + ([f"undefined in {', '.join(mean.undefined)}"] if mean.undefined else [])
