"""A suite's one number, by GLUE's rule or as the mean of the headlines. Knows no table and no file.

GLUE's rule (Wang et al. 2018, and the leaderboard's FAQ): a task's metrics are averaged first, then its
eval splits, then the tasks, each counting once; the diagnostic set AX does not count. Papers differ in
whether WNLI does.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hf_suite.record import Scores
from hf_suite.spec import TaskSpec

MAIN = ("accuracy", "f1", "matthews_correlation", "pearson", "spearmanr")
"""The metrics that GLUE averages within a task, where the task has several."""

NOT_IN_GLUE_MEAN = "ax"


@dataclass(frozen=True)
class SuiteMean:
    """One number for a suite, with the tasks it is made of."""

    name: str
    """Which tasks and which of their numbers count."""
    tasks: tuple[str, ...]
    missing: tuple[str, ...]
    """Tasks of the suite that it should have and has not."""
    value: float | None
    """None as soon as one task is undefined; those stand in `undefined`."""
    undefined: tuple[str, ...] = ()


def task_score(spec: TaskSpec, scores: Scores) -> float | None:
    """A task's one number: its headline, or its main metrics' mean where it says so, over its eval splits.

    `scores` is split -> number -> value; splits and metrics that are not there do not count. None is
    undefined.
    """
    wanted = [name for name in MAIN if name in spec.metric_names()] if spec.suite_score == "mean" else [spec.headline]
    splits = [
        [scores[split][name] for name in wanted if name in scores[split]]
        for split in spec.source.eval
        if split in scores
    ]
    return _mean([_mean(values) for values in splits if values])


def suite_means(rule: str, scores: Mapping[str, float | None], suite: Iterable[str]) -> list[SuiteMean]:
    """The means of a suite's tasks, from each task's one number.

    `glue` leaves AX out and gives two means where WNLI is there, with and without it; `tasks` takes all.
    """
    names = list(suite)
    if rule == "tasks":
        return [_suite_mean("headlines", scores, names)]
    counting = [name for name in names if name != NOT_IN_GLUE_MEAN]
    without = [name for name in counting if name != "wnli"]
    means = [_suite_mean("by GLUE's rule, without WNLI", scores, without)]
    if scores.keys() & {"wnli"}:
        means.insert(0, _suite_mean("by GLUE's rule, with WNLI", scores, counting))
    return means


def _suite_mean(name: str, scores: Mapping[str, float | None], suite: Sequence[str]) -> SuiteMean:
    own = tuple(task for task in suite if task in scores)
    missing = tuple(task for task in suite if task not in scores)
    undefined = tuple(task for task in own if scores[task] is None)
    return SuiteMean(name, own, missing, _mean([scores[task] for task in own]), undefined)


def _mean(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return statistics.fmean(defined) if defined and len(defined) == len(values) else None
