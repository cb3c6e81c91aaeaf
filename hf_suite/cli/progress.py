"""What is seen while a run or a bench works: a bar on a terminal, plain lines otherwise. Decides nothing."""

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import rich.progress
import typer
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hf_suite.cli.common import speaks
from hf_suite.errors import SuiteError
from hf_suite.record import Result, read_json, read_result
from hf_suite.report.difference import words

MEASURED = 10
"""Steps after which the whole is estimated."""

_REDRAW = 0.1  # seconds
LARGE = 50_000_000
"""Bytes of a file whose reading has a bar."""


class Clock:
    """Steps per second and the time left of one stage, measured from its first step on."""

    def __init__(self) -> None:
        self.stage, self.first, self.begun, self.ended = "", 0, 0.0, False

    def note(self, stage: str, done: int, total: int) -> bool:
        """Whether a stage begins: one of another name, or after the end of the last; that starts the clock."""
        begins = stage != self.stage or self.ended
        if begins:
            self.stage, self.first, self.begun = stage, done, time.monotonic()
        self.ended = done >= total
        return begins

    def left(self, done: int, total: int) -> float | None:
        """Seconds to the end; None before anything was measured."""
        rate = self.rate(done)
        return (total - done) / rate if rate is not None else None

    def rate(self, done: int) -> float | None:
        """Steps (or rows) a second."""
        passed = time.monotonic() - self.begun
        return (done - self.first) / passed if done > self.first and passed > 0 else None


@contextlib.contextmanager
def watching(quiet: bool = False) -> Iterator[Callable[[Any], None]]:
    """A `watch` for one run: a bar with rate, time left and loss on a terminal, else a line now and then, on stderr."""
    if quiet:
        yield _nothing
    elif sys.stderr.isatty():
        with _bar() as bar:
            yield _on_bar(bar)
    else:
        yield lines()


def lines() -> Callable[[Any], None]:
    """A `watch` that writes plain lines: notes, the estimate of the whole, and each tenth of a stage."""
    clock, last, estimated = Clock(), 0, False

    def told(progress: Any) -> None:
        nonlocal last, estimated
        if progress.stage == "note":
            typer.echo(progress.note, err=True)
            return
        tenth = progress.done * 10 // max(1, progress.total)
        if clock.note(progress.stage, progress.done, progress.total):
            last = -1
        left = clock.left(progress.done, progress.total)
        measured = progress.stage == "finetune" and progress.done - clock.first == MEASURED
        if measured and left is not None and not estimated:
            estimated = True
            typer.echo(f"finetune: {progress.total:,} steps, about {spoken(left)} to go", err=True)
        if tenth > last:
            last = tenth
            typer.echo(line(progress, clock), err=True)

    return told


def line(progress: Any, clock: Clock) -> str:
    """`finetune 120 of 803, loss 0.4312, 5.1 a second, 2 min left`."""
    most = f"at least {progress.total:,}" if progress.more else f"{progress.total:,}"
    parts = [f"{progress.stage} {progress.done:,} of {most}"]
    rate = clock.rate(progress.done)
    left = None if progress.more else clock.left(progress.done, progress.total)
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
        return f"{max(1.0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def log_to_stderr() -> None:
    """Shows the library's own log: which files a name was taken for, which checkpoint was passed over."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[_Stderr()])
    if not speaks():
        return
    logging.getLogger("hf_suite").setLevel(logging.INFO)


def tell(note: str) -> None:
    """A sentence on stderr, which the log does not repeat."""
    log_to_stderr()
    typer.echo(note, err=True)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _Stderr):
            handler.said.add(note)


class _Stderr(logging.Handler):
    """Writes each message once, to what stderr is at the time, so that it stands above a bar and not within it."""

    def __init__(self) -> None:
        super().__init__()
        self.said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        message = self.format(record)
        if message not in self.said:
            self.said.add(message)
            typer.echo(message, err=True)


class BenchTable:
    """The cells of a bench and what has become of them; on a terminal a table that changes in place."""

    def __init__(self, cells: Sequence[Any], output: Path, *, quiet: bool = False) -> None:
        self.cells, self.output, self.quiet = list(cells), output, quiet
        self.states: dict[Any, str] = {cell.folder: "to do" for cell in cells}
        self.at, self.now, self.drawn = 0, "", 0.0
        self.clock, self.plain = Clock(), lines()
        live = sys.stderr.isatty() and not quiet
        self.live = Live(console=Console(stderr=True), auto_refresh=False) if live else None

    def __enter__(self) -> "BenchTable":
        if self.live is not None:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live is not None:
            self.now = ""
            self._draw(self.live)
            self.live.stop()

    def watch(self, cell: Any, state: str, progress: Any) -> None:
        """Takes what `bench` tells."""
        if progress is None:
            self._turn(cell, state)
        elif self.live is None and not self.quiet:
            self.plain(progress)
        elif progress.stage != "note":
            self.clock.note(progress.stage, progress.done, progress.total)
            self.now = f"{cell.spec.name}: {line(progress, self.clock)}"
        begins = progress is None or progress.done == self.clock.first
        if self.live is not None and (begins or time.monotonic() - self.drawn > _REDRAW):
            self._draw(self.live)

    def _turn(self, cell: Any, state: str) -> None:
        """A cell begins or ends."""
        self.clock, self.plain, self.now = Clock(), lines(), ""
        if cell.folder not in self.states:  # a trial that follows from the scores of others
            self.cells.append(cell)
        self.at = next(at for at, other in enumerate(self.cells) if other.folder == cell.folder)
        self.states[cell.folder] = f"{state}{_found(self.output / cell.folder, state)}"
        if self.live is None and not self.quiet:
            draw = " ".join(filter(None, (cell.folder.name.replace("-", " "), words(cell.trial))))
            said = f"{cell.spec.name} {cell.config.model.id} {draw}: {self.states[cell.folder]}"
            typer.echo(said, err=True)

    def _draw(self, live: Live) -> None:
        self.drawn = time.monotonic()
        said = [Text(self.now, no_wrap=True, overflow="ellipsis")] if self.now else []
        live.update(Group(self._table(live.console.height - 4), *said), refresh=True)

    def _table(self, height: int) -> Table:
        """At most `height` cells: those around the one at work."""
        table = Table("task", "model", "config", "seed", "state", show_edge=False, pad_edge=False)
        first, last = window(len(self.cells), self.at, height)
        for cell in self.cells[first:last]:
            config = " ".join(filter(None, (Path(cell.config_name).stem, words(cell.trial))))
            seed = cell.folder.name.removeprefix("seed-").replace("-", " ")
            texts = (cell.spec.name, cell.config.model.id, config, seed, self.states[cell.folder])
            table.add_row(*(Text(text, no_wrap=True, overflow="ellipsis") for text in texts))
        if (first, last) != (0, len(self.cells)):
            table.caption = f"cells {first + 1} to {last} of {len(self.cells)}"
        return table


def window(count: int, at: int, height: int) -> tuple[int, int]:
    """The first and last but one of `height` lines of `count` around line `at`."""
    height = max(1, height)
    first = max(0, min(at - height // 2, count - height))
    return first, min(count, first + height)


def _found(folder: Path, state: str) -> str:
    """What a cell that has ended found: its headline, or why it failed."""
    try:
        if state in ("done", "kept"):
            return f", {_headline(read_result(folder))}"
        return f": {read_json(folder / 'failure.json')['reason']}" if state == "failed" else ""
    except SuiteError:  # the file is for others to complain of
        return ""


def _headline(result: Result) -> str:
    if not result.scores:
        return "not scored"
    headline = result.headline
    return f"{headline.name} {'undefined' if headline.score is None else f'{headline.score:.2f}'}"


def _nothing(progress: Any) -> None:
    """Nobody watches."""


@contextlib.contextmanager
def reading() -> Iterator[Callable[[int, int], None]]:
    """What is told of bytes read, as a bar on a terminal; a file that is read at once has none."""
    bar = rich.progress.Progress(*rich.progress.Progress.get_default_columns(), console=Console(stderr=True))
    tasks: list[rich.progress.TaskID] = []

    def told(done: int, total: int) -> None:
        if total < LARGE or not sys.stderr.isatty():
            return
        if not tasks:
            tasks.append(bar.add_task("reading", total=total))
            bar.start()
        bar.update(tasks[0], completed=done, total=total)

    try:
        yield told
    finally:
        if tasks:  # else it would end a line that was never begun
            bar.stop()


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
        clock.note(progress.stage, progress.done, progress.total)
        if progress.stage not in tasks:
            tasks[progress.stage] = bar.add_task(progress.stage, total=None, loss="", rate="")
        rate = clock.rate(progress.done)
        bar.update(
            tasks[progress.stage],
            completed=progress.done,
            total=None if progress.more else progress.total,
            loss=f"loss {progress.loss:.4f}" if progress.loss is not None else "",
            rate=f"{rate:.1f}/s" if rate is not None else "",
        )

    return told
