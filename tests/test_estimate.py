"""What a run would do and how long it would take, before it is done; nothing is written."""

import dataclasses
import shutil

import pytest
import world

import hf_suite
from hf_suite import schema
from hf_suite.config import SuiteConfig
from hf_suite.errors import ModelError
from hf_suite.estimate import costs, estimate
from hf_suite.plan import plan


@pytest.fixture
def cost(small_world, tiny_checkpoint, tmp_path):
    """The cost of a run in the test's folder."""

    def cost(name, **over):
        checkpoint = tiny_checkpoint(over.pop("architecture", "bert"))
        return estimate(world.run_config(small_world, name, checkpoint, output=str(tmp_path / "run"), **over))

    return cost


def test_rows_are_counted_by_split(cost):
    assert cost("reviews").rows == {"train": 64, "validation": 24}
    assert cost("reviews", limit=10, eval_limit=5).rows == {"train": 10, "validation": 5}
    assert cost("questions").rows == {"train": 20, "tune": 4, "validation": 12}


def test_a_longer_training_takes_longer(cost):
    short = cost("reviews")
    long = cost("reviews", train={"max_steps": None, "epochs": 1000})

    assert 0 < short.seconds < long.seconds / 10


def test_a_training_of_one_step_has_a_cost_too(cost):
    assert cost("reviews", train={"max_steps": 1}).seconds > 0


def test_steps_are_counted_by_rows_and_told_by_tokens(cost):
    whole = {"max_steps": None, "epochs": 2}

    assert cost("reviews", train={**whole, "batch_size": 7}).steps == 20
    assert cost("reviews", train={**whole, "batch_tokens": 10**6}).steps == 2


def test_nothing_is_written(cost, tmp_path):
    cost("reviews")

    assert list(tmp_path.iterdir()) == []


def test_what_the_run_would_refuse_is_refused(cost):
    with pytest.raises(ModelError) as e:
        cost("reviews", train=None)

    assert str(e.value) == (
        "bert: carries no head for classification, and train is null; finetune it first (hf-suite train), or give a "
        "model that carries its head"
    )


@pytest.fixture
def planned(tmp_path, small_world, tiny_checkpoint):
    """`planned(tasks)`: what a bench of those tasks in the test's folder would do."""
    (tmp_path / "short.yaml").write_text("device: cpu\nmax_length: 32\ntrain: {max_steps: 3, batch_size: 8}\n")

    def planned(*tasks, **differs):
        said = {str(small_world.tasks[task]): differs.get(task) for task in tasks}
        declared = schema.build(SuiteConfig, {"tasks": said, "config": str(tmp_path / "short.yaml")}, "suite.yaml")
        found = plan(
            declared,
            models=[str(tiny_checkpoint("bert"))],
            seeds=[0, 1],
            mirrors=[str(small_world.mirror)],
            output=tmp_path,
        )
        return declared, found

    return planned


def test_a_benchs_cells_are_measured_once_for_all_seeds(planned, tmp_path):
    _, found = planned("reviews", "entailed")

    said = costs(found.cells, tmp_path)

    assert [folder.parts[0] for folder in said] == ["reviews", "pairs", "entailed"] * 2
    first, second = (said[cell.folder] for cell in found.cells if cell.spec.name == "reviews")
    assert first is second
    assert [said[cell.folder].rows for cell in found.cells[:3]] == [
        {"train": 64, "validation": 24},
        {"train": 48, "validation": 24},
        {"validation": 24},
    ]


def test_a_source_that_must_be_trained_again_counts(planned, tmp_path, small_world, tiny_checkpoint):
    declared, found = planned("entailed")
    keywords = {"models": [str(tiny_checkpoint("bert"))], "mirrors": [str(small_world.mirror)], "seeds": [0]}
    outcome = hf_suite.bench(declared, output=tmp_path, **keywords)
    shutil.rmtree(tmp_path / outcome.done[1])
    answered = next(cell for cell in found.cells if cell.spec.name == "entailed")
    train = answered.source.config.train.model_copy(update={"max_steps": None, "epochs": 1000})
    config = answered.source.config.model_copy(update={"train": train})
    long = dataclasses.replace(answered, source=dataclasses.replace(answered.source, config=config))

    there = costs([long], tmp_path)[long.folder].seconds
    shutil.rmtree(tmp_path / outcome.done[0] / "model")
    gone = costs([long], tmp_path)[long.folder].seconds

    assert 0 < there < gone / 10


def test_a_cell_that_would_be_refused_says_why_and_the_others_are_measured(planned, tmp_path):
    _, found = planned("reviews", "likeness", reviews={"max_length": 600})

    said = costs(found.cells, tmp_path)

    refused, other = (said[cell.folder] for cell in found.cells[:2])
    assert (refused.seconds, refused.refusal) == (
        None,
        "max_length: 600 tokens, and bert has positions for 512; say max_length=512 or less",
    )
    assert other.seconds > 0
