"""What is seen of a run at work: rates, times, lines in a pipe, and which cells of a long bench."""

import logging
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from command import Terminal

from hf_suite.cli import progress
from hf_suite.cli.progress import BenchTable, Clock, line, lines, log_to_stderr, reading, spoken, tell, watching, window
from hf_suite.session import Progress


@pytest.fixture
def time(monkeypatch):
    """A clock that the test sets."""
    time = SimpleNamespace(now=100.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: time.now)
    return time


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "1 s"), (40, "40 s"), (89.4, "89 s"), (90, "2 min"), (720, "12 min"), (5400, "1.5 h"), (12600, "3.5 h")],
)
def test_times_are_said_as_one_would_say_them(seconds, said):
    assert spoken(seconds) == said


def test_rate_and_time_left_count_from_the_first_step_on(time):
    clock = Clock()

    assert clock.note("finetune", 1, 100) is True
    assert (clock.rate(1), clock.left(1, 100)) == (None, None)
    time.now += 5
    assert clock.note("finetune", 11, 100) is False
    assert (clock.rate(11), clock.left(11, 100)) == (2.0, 44.5)


def test_a_resumed_run_is_measured_from_where_it_goes_on(time):
    clock = Clock()
    clock.note("finetune", 51, 100)
    time.now += 5

    clock.note("finetune", 61, 100)

    assert clock.left(61, 100) == 19.5


def test_a_stage_of_the_same_name_after_its_end_begins_anew(time):
    clock = Clock()
    clock.note("evaluate", 24, 24)

    assert clock.note("evaluate", 24, 24) is True


def test_a_line_says_step_loss_rate_and_time_left(time):
    clock = Clock()
    clock.note("finetune", 20, 803)
    time.now += 20

    assert line(Progress("finetune", 120, 803, loss=0.43119), clock) == (
        "finetune 120 of 803, loss 0.4312, 5.0 a second, 2 min left"
    )


def test_of_a_file_that_is_not_read_to_its_end_no_time_is_left(time):
    clock = Clock()
    clock.note("answer", 0, 4_096)
    time.now += 20

    assert line(Progress("answer", 100, 4_096, more=True), clock) == "answer 100 of at least 4,096, 5.0 a second"


def piped(capsys, time, told, *, steps, total, stage="finetune"):
    for step in range(1, steps + 1):
        time.now += 0.5
        told(Progress(stage, step, total, loss=1.0))
    return capsys.readouterr().err.splitlines()


def test_in_a_pipe_there_is_a_line_for_each_tenth_and_the_estimate_of_the_whole(capsys, time):
    assert piped(capsys, time, lines(), steps=50, total=100) == [
        "finetune 1 of 100, loss 1.0000",
        "finetune 10 of 100, loss 1.0000, 2.0 a second, 45 s left",
        "finetune: 100 steps, about 44 s to go",
        "finetune 20 of 100, loss 1.0000, 2.0 a second, 40 s left",
        "finetune 30 of 100, loss 1.0000, 2.0 a second, 35 s left",
        "finetune 40 of 100, loss 1.0000, 2.0 a second, 30 s left",
        "finetune 50 of 100, loss 1.0000, 2.0 a second, 25 s left",
    ]


def test_the_estimate_of_the_whole_is_said_once_and_not_after_each_epoch(capsys, time):
    told = lines()
    for step in range(1, 61):
        time.now += 0.5
        told(Progress("finetune", step, 100, loss=1.0))
        if step % 20 == 0:
            told(Progress("evaluate", 24, 24))

    assert [line for line in capsys.readouterr().err.splitlines() if "to go" in line] == [
        "finetune: 100 steps, about 44 s to go"
    ]


def test_in_a_pipe_tenths_are_seen_though_no_step_falls_on_one(capsys, time):
    told = lines()
    for rows in (256, 512, 768, 872):
        time.now += 1
        told(Progress("evaluate", rows, 872))

    assert capsys.readouterr().err.splitlines() == [
        "evaluate 256 of 872",
        "evaluate 512 of 872, 256.0 a second, 1 s left",
        "evaluate 768 of 872, 256.0 a second, 1 s left",
        "evaluate 872 of 872, 205.3 a second",
    ]


def test_each_of_two_stages_of_one_name_is_seen(capsys, time):
    told = lines()
    told(Progress("evaluate", 24, 24))
    told(Progress("evaluate", 12, 12))

    assert capsys.readouterr().err == "evaluate 24 of 24\nevaluate 12 of 12\n"


def test_notes_are_lines(capsys):
    with watching() as watch:
        watch(Progress("note", note="max_length: 128, the usual length"))

    assert capsys.readouterr() == ("", "max_length: 128, the usual length\n")


def test_asked_to_be_quiet_nothing_is_seen(capsys):
    with watching(quiet=True) as watch:
        watch(Progress("note", note="said"))
        watch(Progress("finetune", 1, 3, loss=1.0))

    assert capsys.readouterr() == ("", "")


def test_the_librarys_log_is_said_once(capsys):
    root, library = logging.getLogger(), logging.getLogger("hf_suite")
    before, root.handlers = root.handlers, []
    try:
        log_to_stderr()
        tell("rows.csv: separated by semicolons")
        library.getChild("data").info("rows.csv: separated by semicolons")
        for _ in range(2):
            library.getChild("data").info("rows from %s", "mirror")
        logging.getLogger("urllib3").info("not of ours")
    finally:
        root.handlers = before

    assert capsys.readouterr().err == "rows.csv: separated by semicolons\nrows from mirror\n"


# The table of a bench


@pytest.mark.parametrize(
    ("count", "at", "height", "seen"),
    [(3, 0, 10, (0, 3)), (40, 0, 10, (0, 10)), (40, 20, 10, (15, 25)), (40, 39, 10, (30, 40)), (5, 2, 0, (2, 3))],
)
def test_of_a_long_bench_the_cells_around_the_one_at_work_are_seen(count, at, height, seen):
    assert window(count, at, height) == seen


def cells(count):
    config = SimpleNamespace(model=SimpleNamespace(id="bert"), seed=0)
    return [
        SimpleNamespace(
            folder=Path(f"cola{at}", "seed-0"),
            spec=SimpleNamespace(name=f"cola{at}"),
            trial={},
            config=config,
            config_name="demo",
        )
        for at in range(count)
    ]


def test_in_a_pipe_a_bench_is_a_line_for_each_turn_of_a_cell(capsys, tmp_path):
    (first, second) = cells(2)
    with BenchTable([first, second], tmp_path) as table:
        table.watch(first, "begun", None)
        table.watch(first, "progress", Progress("evaluate", 24, 24))
        table.watch(first, "skipped", None)
        table.watch(second, "begun", None)
        table.watch(second, "progress", Progress("evaluate", 24, 24))

    assert capsys.readouterr().err.splitlines() == [
        "cola0 bert seed 0: begun",
        "evaluate 24 of 24",
        "cola0 bert seed 0: skipped",
        "cola1 bert seed 0: begun",
        "evaluate 24 of 24",
    ]


def test_a_failed_cell_says_why(capsys, tmp_path):
    (cell,) = cells(1)
    (tmp_path / "cola0" / "seed-0").mkdir(parents=True)
    (tmp_path / "cola0" / "seed-0" / "failure.json").write_text('{"reason": "cola train: there are no rows; look"}')
    with BenchTable([cell], tmp_path) as table:
        table.watch(cell, "failed", None)

    assert capsys.readouterr().err == "cola0 bert seed 0: failed: cola train: there are no rows; look\n"


def test_asked_to_be_quiet_a_bench_says_nothing(capsys, tmp_path):
    (cell,) = cells(1)
    with BenchTable([cell], tmp_path, quiet=True) as table:
        table.watch(cell, "begun", None)
        table.watch(cell, "progress", Progress("finetune", 1, 3, loss=1.0))

    assert capsys.readouterr() == ("", "")


def test_on_a_small_terminal_the_table_fits(monkeypatch, tmp_path):
    for name, value in {"TERM": "xterm", "LINES": "12", "COLUMNS": "80"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stderr", Terminal())
    many = cells(40)
    with BenchTable(many, tmp_path) as table:
        table.watch(many[20], "begun", None)

    shown = sys.stderr.getvalue()
    assert [at for at in range(40) if f"cola{at} " in shown] == [16, 17, 18, 19, 20, 21, 22, 23]
    assert "cells 17 to 24 of 40" in shown


@pytest.mark.parametrize(("total", "shown"), [(60_000_000, True), (40_000_000, False)])
def test_the_reading_of_a_large_file_has_a_bar(monkeypatch, total, shown):
    monkeypatch.setattr(sys, "stderr", Terminal())

    with reading() as told:
        told(total // 2, total)

    assert ("reading" in sys.stderr.getvalue()) == shown
