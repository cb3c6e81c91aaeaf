"""Tasks of which no eval split is at hand: trained for others to go on from, shown as such, and never ranked."""

import benching
import pytest
import world
from benching import done, results, suite
from command import said

from hf_suite import experiment
from hf_suite.errors import MissingData
from hf_suite.estimate import costs
from hf_suite.plan import plan
from hf_suite.record import read_answers
from hf_suite.report import table

ABSENT = (
    "own/pairs/default: split validation is not at hand: no validation.parquet, .jsonl or .txt in a mirror, "
    "and the hub is switched off (HF_HUB_OFFLINE)"
)


@pytest.fixture
def own(tmp_path, tiny_checkpoint):
    """A world whose pairs, on which entailed is trained, have train rows alone."""
    own = benching.make(tmp_path, tiny_checkpoint("bert"))
    (own.mirror / "own" / "pairs" / "default" / "validation.jsonl").unlink()
    return own


def settings(own, output):
    return world.run_config(own, "pairs", own.mirror.parent / "bert", output=str(output))


def planned(own, *tasks, output=None):
    place = own.mirror.parent
    return plan(suite(own, *tasks), models=[str(place / "bert")], mirrors=[str(own.mirror)], output=output)


def test_training_such_a_task_is_refused_unless_asked_for(own, tmp_path):
    with pytest.raises(MissingData) as error:
        experiment.run(settings(own, tmp_path / "run"))
    assert f"{error.value.place}: {error.value.finding}" == ABSENT
    assert not (tmp_path / "run").exists()

    result = experiment.run(settings(own, tmp_path / "run"), needs_eval=False)

    assert (result.scores, result.baseline, result.rows) == ({}, {}, {"train": 48})
    assert result.headline.model_dump() == {"name": "accuracy", "split": "", "score": None}
    assert result.events == ["trained and not scored: no eval split of pairs is at hand"]
    assert list(read_answers(tmp_path / "run" / "answers.parquet")) == []


def test_the_command_line_says_that_there_is_no_score(own, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["train", "short.yaml", "tasks/pairs.yaml", "--model", "bert", "--mirror", own.mirror, "-o", "run"]
    code, out, _ = said(capsys, *words, "--no-eval")
    assert (code, out.splitlines()) == (
        0,
        [
            "caveat: unpinned",
            "caveat: max_steps 3",
            "note: trained and not scored: no eval split of pairs is at hand",
            "written to run",
        ],
    )


def test_a_bench_trains_it_for_the_task_that_needs_it(own, tmp_path, tiny_checkpoint):
    (tmp_path / "whole").mkdir()
    whole = benching.make(tmp_path / "whole", tiny_checkpoint("bert"))

    outcome, told = done(own, "entailed")
    done(whole, "entailed")

    assert (outcome.failed, outcome.skipped) == ({}, {})
    assert told == [("pairs", "begun"), ("pairs", "done"), ("entailed", "begun"), ("entailed", "done")]
    assert results(own)["pairs"].scores == {}
    assert results(own)["entailed"].scores == results(whole)["entailed"].scores  # with the same model


def test_as_a_task_of_the_suite_it_is_skipped_with_the_reason_now_and_later(own, tmp_path):
    for _ in range(2):
        found = planned(own, "pairs", "entailed", output=tmp_path / "bench")
        assert [(cell.spec.name, cell.is_source) for cell in found.cells] == [("pairs", True), ("entailed", False)]
        assert found.skipped == {"pairs": ABSENT}
        done(own, "pairs", "entailed")


def test_what_it_would_cost_is_measured(own, tmp_path):
    cells = planned(own, "entailed").cells
    found = costs(cells, tmp_path / "bench")
    assert [found[cell.folder].rows for cell in cells] == [{"train": 48}, {"validation": 24}]
    assert all(found[cell.folder].seconds > 0 for cell in cells)


def test_a_table_says_so_and_ranks_nothing(own, tmp_path):
    done(own, "entailed")
    found = table.of_folder(tmp_path / "bench")
    (line,) = [line for line in found.lines if line.task == "pairs"]
    assert (line.role, line.state, line.numbers) == ("unfinished", "trained, not scored", ())
    assert found.remarks[0] == "1 of 2 runs done; 1 trained, not scored"
