"""A head whose outputs have no names is refused, with the order that train rows suggest, and never guessed."""

import json

import numpy
import pytest
import safetensors.torch
import world

import hf_suite
from hf_suite import config, schema
from hf_suite.config import RunConfig
from hf_suite.errors import ConfigError, ModelError
from hf_suite.label_order import best_order


def test_the_best_order_agrees_with_the_most_rows():
    # Rows by (output, label): output 0 fires mostly on label 2, output 1 on label 0, output 2 on label 1.
    table = numpy.array([[1, 2, 20], [30, 4, 3], [5, 15, 20]])

    assert best_order(table) == ([2, 0, 1], 0.65)


def test_the_best_order_gives_each_label_once_though_another_would_be_likelier_alone():
    assert best_order(numpy.array([[10, 9], [8, 0]])) == ([1, 0], 17 / 27)


def test_without_rows_nothing_agrees():
    assert best_order(numpy.zeros((2, 2), dtype=int)) == ([0, 1], 0.0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, small_world, tiny_checkpoint):
    """The folder of a model that has learnt the reviews, all weights, its head's outputs negative and positive."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    train = {"max_steps": None, "epochs": 5, "learning_rate": 3e-3}
    result = hf_suite.run(
        world.run_config(small_world, "reviews", tiny_checkpoint("bert"), output=str(folder), lora=None, train=train)
    )
    assert result.headline.score == 100.0
    return folder / "model"


@pytest.fixture
def nameless(trained, tmp_path):
    """`nameless(order)`: a copy of it whose outputs, in that order, are LABEL_0 and LABEL_1."""

    def made(order):
        folder = tmp_path / "mood"
        folder.mkdir()
        for path in trained.iterdir():
            if path.suffix != ".safetensors" and path.name != "hf_suite.json":
                (folder / path.name).write_bytes(path.read_bytes())
        weights = safetensors.torch.load_file(trained / "model.safetensors")
        for name in ("classifier.weight", "classifier.bias"):
            weights[name] = weights[name][list(order)].clone()
        safetensors.torch.save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        said = json.loads((folder / "config.json").read_text())
        said |= {"id2label": {0: "LABEL_0", 1: "LABEL_1"}, "label2id": {"LABEL_0": 0, "LABEL_1": 1}}
        (folder / "config.json").write_text(json.dumps(said))
        return folder

    return made


def scored(small_world, checkpoint, folder, **over):
    said = world.keys(small_world, "reviews", checkpoint, output=str(folder), train=None)
    return hf_suite.run(schema.build(RunConfig, config.layered(said, over), "test"))


@pytest.mark.parametrize(("order", "said"), [((0, 1), "negative, positive"), ((1, 0), "positive, negative")])
def test_the_order_that_train_rows_suggest_is_said_and_not_taken(nameless, small_world, tmp_path, order, said):
    model = nameless(order)

    with pytest.raises(ModelError) as e:
        scored(small_world, model, tmp_path / "run")

    assert str(e.value) == (
        f"mood: its head's outputs are named LABEL_0, LABEL_1; on 64 train rows the order {said} agrees with 100% of "
        f"the labels; if that is right, say model.labels=[{said}]"
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("order", "score"), [(["positive", "negative"], 100.0), (["negative", "positive"], 0.0)])
def test_the_order_that_is_said_is_the_one_that_counts(nameless, small_world, tmp_path, order, score):
    found = scored(small_world, nameless((1, 0)), tmp_path / "run", model={"labels": order})

    assert found.headline.score == score


def test_without_train_rows_only_the_question_is_put(nameless, small_world, tmp_path):
    task = world.write_task(tmp_path, "reviews", source={"train": None})

    with pytest.raises(ModelError) as e:
        scored(small_world, nameless((0, 1)), tmp_path / "run", task={"name": str(task)})

    assert str(e.value) == (
        "mood: its head's outputs are named LABEL_0, LABEL_1; say model.labels=[...], with negative, positive in the "
        "order of its outputs"
    )


def test_a_label_that_the_task_does_not_have_is_refused(nameless, small_world, tmp_path):
    with pytest.raises(ConfigError) as e:
        scored(small_world, nameless((0, 1)), tmp_path / "run", model={"labels": ["bad", "positive"]})

    assert str(e.value) == "model.labels: 'bad' is no label of reviews; they are: negative, positive"
