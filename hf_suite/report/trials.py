"""Which trial of a sweep stands for its model: the one that is best on tune. Reads Results and no scores but tune's."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from hf_suite.record import Result
from hf_suite.report.cells import Bench, Cell, Done, PlannedCell, Swept
from hf_suite.report.difference import words


def tuned(result: Result, known: Mapping[str, Result] | None = None) -> tuple[str, float | None, bool]:
    """The number on tune that chose a run's weights: its name, its best value, and whether lower is better.

    Of a run that only answers, that of the run which its model comes from, by its id in `known`. The value is None
    where there is none.
    """
    found = [pair for entry in result.history for pair in entry.get("scores", {}).get("tune", {}).items()]
    if not found:
        source = (known or {}).get(str(result.lineage[-1].get("id"))) if result.lineage else None
        return tuned(source, {}) if source is not None else (result.headline.name, None, False)
    name, lower = found[-1][0], result.units.get(found[-1][0], ("", None))[1] == "lower"
    values = [value for _, value in found if value is not None]
    return name, (min(values) if lower else max(values)) if values else None, lower


def rank(result: Result, known: Mapping[str, Result] | None = None) -> float | None:
    """What orders trials, higher being better; None for a trial without a score on tune."""
    _, value, lower = tuned(result, known)
    return None if value is None else -value if lower else value


def picked(cells: Sequence[Cell], plans: Mapping[Path, Bench], *, every: bool = False) -> list[Cell]:
    """The cells with, of the trials of one model, task, seed and fold, only the best on tune, which says so.

    While none is finished the first stands for all. With `every` all stay, each with its score on tune.
    """
    known = {cell.result.id: cell.result for cell in cells if isinstance(cell, Done)}
    planned = {place / cell.folder: cell for place, bench in plans.items() for cell in bench.cells if cell.trial}
    groups: dict[tuple[str, ...], list[Cell]] = {}
    for cell in cells:
        groups.setdefault(_of(cell, planned), []).append(cell)
    found: list[Cell] = []
    for members in groups.values():
        is_trial = members[0].folder in planned
        found += _one(members, planned, known, every=every) if is_trial else members
    return found


def _of(cell: Cell, planned: Mapping[Path, PlannedCell]) -> tuple[str, ...]:
    """What the trials of one choice share; any other cell stands alone."""
    own = planned.get(cell.folder)
    if own is None:
        return (str(cell.folder),)
    return own.task, own.model, own.config, own.sweep, cell.folder.name, str(cell.folder.parents[3])


def _one(
    trials: Sequence[Cell], planned: Mapping[Path, PlannedCell], known: Mapping[str, Result], *, every: bool
) -> Iterable[Cell]:
    done = [cell for cell in trials if isinstance(cell, Done)]
    if not done:
        return trials if every else trials[:1]
    ranks = {cell.folder: rank(cell.result, known) for cell in done}
    best = max(done, key=lambda cell: (ranks[cell.folder] is not None, ranks[cell.folder] or 0.0))
    own = planned[best.folder]
    if every:
        shown = (_told(cell, known, best=cell is best) if isinstance(cell, Done) else cell for cell in trials)
        return list(shown)
    note = f"{_count(trials, done)}: {words(own.trial)}"
    if ranks[best.folder] is None:
        note = f"{_count(trials, done)}, none of which has a score there; shown is {words(own.trial)}"
    return [replace(best, swept=Swept(tuple(own.trial), own.sweep), notes=(note,))]


def _count(trials: Sequence[Cell], done: Sequence[Done]) -> str:
    """`best of 3 on tune`, and what of the trials is not there."""
    failed = sum(cell.state == "failed" for cell in trials)
    to_do = len(trials) - len(done) - failed
    rest = [f"{failed} failed"] * bool(failed) + [f"{to_do} to do"] * bool(to_do)
    return f"best of {len(done)} on tune" + (f" ({', '.join(rest)})" if rest else "")


def _told(cell: Done, known: Mapping[str, Result], *, best: bool) -> Done:
    name, value, _ = tuned(cell.result, known)
    score = "undefined" if value is None else f"{value:.2f}"
    return replace(cell, notes=(f"a trial: {name} {score} on tune{', the best' if best else ''}",))
