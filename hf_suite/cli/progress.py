"""What is seen while a run or a bench works: a bar on a terminal, plain lines otherwise. Decides nothing."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import rich.progress
import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

MEASURED = 10
"""Steps after which the whole is estimated."""


class Clock:
    """Steps per second and the time left of one stage, measured from its first step on."""

    def __init__(self) -> None:
        self.stage, self.first, self.begun = "", 0, 0.0

    def note(self, stage: str, done: int) -> None:
        """A stage that begins anew, or goes back, starts the clock."""
        if stage != self.stage or done < self.first:
            self.stage, self.first, self.begun = stage, done, time.monotonic()

    def left(self, done: int, total: int) -> float | None:
        """Seconds to the end; None before anything was measured."""
        if done <= self.first:
            return None
        return (time.monotonic() - self.begun) / (done - self.first) * (total - done)

    def rate(self, done: int) -> float | None:
        """Steps (or rows) a second."""
        passed = time.monotonic() - self.begun
        return (done - self.first) / passed if done > self.first and passed > 0 else None


@contextlib.contextmanager
def watching(quiet: bool = False) -> Iterator[Callable[[Any], None]]:
    """A `watch` for one run: a bar with rate, time left and loss on a terminal, else a line now and then, on stderr."""
    if quiet:
        yield lambda progress: None
    elif sys.stderr.isatty():
        with _bar() as bar:
            yield _on_bar(bar)
    else:
        yield lines()


def lines() -> Callable[[Any], None]:
    """A `watch` that writes plain lines: notes, the estimate of the whole, and each tenth of a stage."""
    clock = Clock()

    def told(progress: Any) -> None:
        if progress.stage == "note":
            typer.echo(progress.note, err=True)
            return
        clock.note(progress.stage, progress.done)
        left = clock.left(progress.done, progress.total)
        if progress.stage == "finetune" and progress.done - clock.first == MEASURED and left is not None:
            typer.echo(f"finetune: {progress.total:,} steps, about {spoken(left)} to go", err=True)
        tenth = max(1, progress.total // 10)
        if progress.done % tenth == 0 or progress.done == progress.total:
            typer.echo(line(progress, clock), err=True)

    return told


def line(progress: Any, clock: Clock) -> str:
    """`finetune 120 of 803, loss 0.4312, 5.1 a second, 2 min left`."""
    parts = [f"{progress.stage} {progress.done:,} of {progress.total:,}"]
    rate, left = clock.rate(progress.done), clock.left(progress.done, progress.total)
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:.4f}")
    if rate is not None:
        parts.append(f"{rate:.1f} a second")
    if left:
        parts.append(f"{spoken(left)} left")
    return ", ".join(parts)


def spoken(seconds: float) -> str:
    """Seconds as one would say them: `40 s`, `12 min`, `3.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class BenchTable:
    """The cells of a bench and what has become of them; on a terminal a table that changes in place."""

    def __init__(self, cells: list[Any]) -> None:
        self.cells = cells
        self.states: dict[Any, str] = {cell.folder: "to do" for cell in cells}
        self.clock, self.now = Clock(), ""
        self.live = Live(console=Console(stderr=True), auto_refresh=False) if sys.stderr.isatty() else None
        self.plain = lines()

    def __enter__(self) -> "BenchTable":
        if self.live is not None:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live is not None:
            self.live.stop()

    def watch(self, cell: Any, state: str, progress: Any) -> None:
        """Takes what `bench` tells."""
        if progress is None:
            self.states[cell.folder] = state
        elif progress.stage != "note":
            self.clock.note(f"{cell.folder} {progress.stage}", progress.done)
            self.now = f"{cell.spec.name}: {line(progress, self.clock)}"
        if self.live is not None:
            self.live.update(Group(self._table(), Text(self.now)), refresh=True)
        elif progress is None:
            typer.echo(f"{cell.spec.name} {cell.config.model.id} seed {cell.config.seed}: {state}", err=True)
        else:
            self.plain(progress)

    def _table(self) -> Table:
        table = Table("task", "model", "config", "seed", "state", show_edge=False, pad_edge=False)
        for cell in self.cells:
            words = (cell.spec.name, cell.config.model.id, cell.config_name, cell.config.seed, self.states[cell.folder])
            table.add_row(*(Text(str(word)) for word in words))
        return table


def _bar() -> rich.progress.Progress:
    return rich.progress.Progress(
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(),
        rich.progress.MofNCompleteColumn(),
        rich.progress.TextColumn("{task.fields[loss]}"),
        rich.progress.TextColumn("{task.fields[rate]}"),
        rich.progress.TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def _on_bar(bar: rich.progress.Progress) -> Callable[[Any], None]:
    tasks: dict[str, rich.progress.TaskID] = {}
    clock = Clock()

    def told(progress: Any) -> None:
        if progress.stage == "note":
            bar.console.print(Text(progress.note))
            return
        clock.note(progress.stage, progress.done)
        if progress.stage not in tasks:
            tasks[progress.stage] = bar.add_task(progress.stage, total=progress.total, loss="", rate="")
        rate = clock.rate(progress.done)
        bar.update(
            tasks[progress.stage],
            completed=progress.done,
            total=progress.total,
            loss=f"loss {progress.loss:.4f}" if progress.loss is not None else "",
            rate=f"{rate:.1f}/s" if rate is not None else "",
        )

    return told
