"""The LoRA paper's GLUE recipe, in both readings: what its cells are, and that each of them runs."""

import pytest
import world

from hf_suite import spec
from hf_suite.config import read_suite
from hf_suite.plan import plan
from hf_suite.suite import bench

# Batch, epochs, rate: arXiv 2106.09685, table 9; and the scripts of its repository, whose batch is for each of 8 GPUs
# (CoLA: 2).
PAPER = {
    "mnli": (16, 30, 5e-4),
    "sst2": (16, 60, 5e-4),
    "mrpc": (16, 30, 4e-4),
    "cola": (32, 80, 4e-4),
    "qnli": (32, 25, 4e-4),
    "qqp": (16, 25, 5e-4),
    "rte": (32, 80, 5e-4),
    "stsb": (16, 40, 4e-4),
}
SCRIPTS = {name: (batch * (2 if name == "cola" else 8), epochs, rate) for name, (batch, epochs, rate) in PAPER.items()}


@pytest.fixture(scope="module")
def glue(tmp_path_factory):
    """A mirror with a few made-up rows of each task, under the columns that the task names."""
    place = tmp_path_factory.mktemp("glue")
    for name in PAPER:
        facts = spec.read(name)
        folder = place / facts.source.path / facts.source.subset
        for split, count in ((facts.source.train, 12), *((each, 6) for each in facts.source.eval)):
            rows = [row(facts, at) for at in range(count)]
            world.write_rows(folder / f"{split}.jsonl", rows)
    return place


def row(facts, at):
    texts = {facts.columns[role]: f"the {at} dogs walk by the river" for role in facts.columns if role != "label"}
    return {**texts, facts.columns["label"]: at % len(facts.labels) if facts.labels else at % 6 - 0.5 * (at % 2)}


def planned(suite, glue, model):
    return plan(suite, models=[str(model)], mirrors=[str(glue)])


@pytest.mark.parametrize(
    ("suite", "recipe", "alpha", "decay"), [("lora-paper", PAPER, 8, 0.01), ("lora-scripts", SCRIPTS, 16, 0.1)]
)
def test_a_reading_has_its_own_batches_and_alpha_and_the_same_epochs_and_rates(
    glue, tiny_checkpoint, suite, recipe, alpha, decay
):
    cells = planned(suite, glue, tiny_checkpoint("roberta")).cells
    found = {cell.spec.name: cell.config for cell in cells}
    trains = {name: config.train for name, config in found.items()}
    assert {name: (one.batch_size, one.epochs, one.learning_rate) for name, one in trains.items()} == recipe
    assert {(one.warmup, one.schedule, one.weight_decay) for one in trains.values()} == {(0.06, "linear", decay)}
    assert {(c.max_length, c.lora.rank, c.lora.alpha, c.lora.dropout) for c in found.values()} == {(512, 8, alpha, 0.0)}
    assert {name: one.select_on for name, one in trains.items() if one.select_on != "validation"} == {
        "mnli": "validation_matched"
    }
    assert {name for name, config in found.items() if config.init_from == "task:mnli"} == {"mrpc", "rte", "stsb"}
    assert sorted(cell.config.seed for cell in cells) == sorted([0, 1, 2, 3, 4] * 8)
    assert read_suite(suite).median


@pytest.mark.parametrize("suite", ["lora-paper", "lora-scripts"])
def test_each_cell_runs_for_two_steps(glue, tiny_checkpoint, tmp_path, suite):
    outcome = bench(
        suite,
        models=[str(tiny_checkpoint("roberta"))],
        output=tmp_path,
        seeds=[0],
        mirrors=[str(glue)],
        over={"train": {"max_steps": 2}, "device": "cpu"},
    )
    assert (outcome.failed, outcome.skipped) == ({}, {})
    assert sorted(folder.parts[0] for folder in outcome.done) == sorted(PAPER)
