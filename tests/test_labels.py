"""Labels go by name between data, task and checkpoint, whatever their order; a head that knows others gives way."""

import itertools
import shutil

import pytest
import safetensors.torch
import transformers
import world
from making import answers, evaluated, settled

import hf_suite
from hf_suite import data, schema, stamp
from hf_suite.errors import ConfigError, ModelError
from hf_suite.spec import TaskSpec


@pytest.fixture(scope="module")
def judge(tiny_checkpoint):
    """A model that knows the three labels of pairs; its weights are drawn so wide that it gives each of them."""
    return tiny_checkpoint("bert", head="classification", labels=world.PAIR_LABELS, seed=11, initializer_range=0.5)


@pytest.fixture(scope="module")
def judged(judge, small_world, tmp_path_factory):
    """The judge's answers on pairs, by row, and its accuracy."""
    folder = tmp_path_factory.mktemp("judged") / "run"
    result = evaluated(small_world, "pairs", judge, folder)
    return answers(folder), result.scores["validation"]["accuracy"]


def reordered(judge, folder, order, names):
    """The judge with its outputs in another order, under these names."""
    shutil.copytree(judge, folder)
    file = folder / "model.safetensors"
    weights = safetensors.torch.load_file(file)
    for name in ("classifier.weight", "classifier.bias"):
        weights[name] = weights[name][list(order)].contiguous()
    safetensors.torch.save_file(weights, file, metadata={"format": "pt"})
    config = transformers.AutoConfig.from_pretrained(folder)
    config.id2label = dict(enumerate(names))
    config.label2id = {name: at for at, name in enumerate(names)}
    config.save_pretrained(folder)
    return folder


def gold(small_world):
    """The labels of pairs' validation rows."""
    spec = schema.build(TaskSpec, world.task("pairs"), "test")
    return data.references(spec, "validation", mirrors=[str(small_world.mirror)])


def refusal(call, *args, **keywords):
    with pytest.raises((ModelError, ConfigError)) as caught:
        call(*args, **keywords)
    return str(caught.value)


def test_the_judge_gives_every_label_and_is_sometimes_right(judged, small_world):
    given, accuracy = judged
    assert set(given.values()) == set(world.PAIR_LABELS)
    right = sum(given[row] == label for row, label in gold(small_world).items())
    assert 0 < right < 24
    assert accuracy == pytest.approx(100 * right / 24)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_labels_are_matched_by_name_whatever_their_order(judge, judged, small_world, tmp_path, order):
    model = reordered(judge, tmp_path / "model", order, [world.PAIR_LABELS[at] for at in order])
    result = evaluated(small_world, "pairs", model, tmp_path / "run")
    assert (answers(tmp_path / "run"), result.scores["validation"]["accuracy"]) == judged


def test_labels_are_matched_whatever_their_spelling_and_it_is_said(judge, judged, small_world, tmp_path):
    model = reordered(judge, tmp_path / "model", (2, 0, 1), ["CONTRADICTION", "Entailment ", "neutral"])
    told = []
    config = world.run_config(small_world, "pairs", model, train=None, output=str(tmp_path / "run"))
    hf_suite.run(config, watch=lambda progress: told.append(progress.note))
    assert answers(tmp_path / "run") == judged[0]
    assert "labels: the checkpoint's head knows contradiction, entailment, neutral; matched by name" in told


def test_a_model_of_three_labels_answers_a_task_that_merges_two(judge, judged, small_world, tmp_path):
    result = evaluated(small_world, "entailed", judge, tmp_path / "run")
    joined = {"entailment": "entailment", "neutral": "not_entailment", "contradiction": "not_entailment"}
    assert answers(tmp_path / "run") == {row: joined[label] for row, label in judged[0].items()}
    right = sum(joined[judged[0][row]] == joined[label] for row, label in gold(small_world).items())
    assert result.scores["validation"]["accuracy"] == pytest.approx(100 * right / 24)


def test_three_nameless_outputs_can_be_named_for_a_task_that_merges_two(judge, judged, small_world, tmp_path):
    model = reordered(judge, tmp_path / "nameless", (1, 2, 0), ["LABEL_0", "LABEL_1", "LABEL_2"])
    assert refusal(evaluated, small_world, "entailed", model, tmp_path / "run") == (
        "nameless: its head knows LABEL_0, LABEL_1, LABEL_2, the task entailment, not_entailment; "
        "say model.labels=[...] in the order of its outputs, or finetune it"
    )
    said = {"labels": ["neutral", "contradiction", "entailment"]}
    evaluated(small_world, "entailed", model, tmp_path / "run", model=said)
    joined = {"entailment": "entailment", "neutral": "not_entailment", "contradiction": "not_entailment"}
    assert answers(tmp_path / "run") == {row: joined[label] for row, label in judged[0].items()}


def test_a_suggestion_stays_within_the_models_positions(tiny_checkpoint, small_world, tmp_path):
    model = tiny_checkpoint("bert", head="classification", labels=2, max_position_embeddings=8)
    message = refusal(evaluated, small_world, "reviews", model, tmp_path / "run", max_length=None)
    assert message.startswith("bert: its head's outputs are named LABEL_0, LABEL_1; on 64 train rows the order ")


def test_a_suggestion_is_made_from_rows_all_over_the_file(tiny_checkpoint, small_world, tmp_path):
    rows = [{"sentence": f"the film was {word}", "label": label} for word, label in (("good", "positive"),) * 300]
    rows += [{"sentence": "the film was bad", "label": "negative"}] * 300
    world.write_rows(tmp_path / "own" / "reviews" / "default" / "train.jsonl", rows)
    model = tiny_checkpoint("bert", head="classification", labels=2)
    mirror = [str(tmp_path), str(small_world.mirror)]
    message = refusal(evaluated, small_world, "reviews", model, tmp_path / "run", mirror=mirror)
    # A model that gives one answer alone agrees with about half of the rows, and not with all or none.
    share = int(message.split("agrees with ")[1].split("%")[0])
    assert 40 <= share <= 60


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            ["entailment", "neutral", "maybe"],
            "model.labels: 'maybe' is no label of pairs; they are: entailment, neutral, contradiction",
        ),
        (["entailment", "neutral"], "model.labels: 2 names for 3 outputs; name each output once, in order"),
        (
            ["entailment", "neutral", "neutral"],
            "model.labels: entailment, neutral, neutral are not all labels of pairs; name each output once, in order",
        ),
    ],
)
def test_an_order_that_cannot_be_is_refused(judge, small_world, labels, message):
    assert refusal(settled, small_world, "pairs", judge, model={"labels": labels}, train=None) == message


def test_an_order_for_a_checkpoint_without_a_head_is_refused(tiny_checkpoint, small_world):
    said = {"labels": ["positive", "negative"]}
    assert refusal(settled, small_world, "reviews", tiny_checkpoint("bert"), model=said) == (
        "model.labels: bert carries no head whose outputs they could name; leave the key out"
    )


def test_a_head_of_other_labels_gives_way_in_training_and_is_refused_as_it_is(judge, small_world):
    found = settled(small_world, "reviews", judge)
    assert (found.keep_head, found.config.model.labels) == (False, ("negative", "positive"))
    assert found.notes[0] == (
        "labels: the checkpoint's head knows entailment, neutral, contradiction; a new head takes its place"
    )
    assert refusal(settled, small_world, "reviews", judge, train=None) == (
        "bert: its head knows entailment, neutral, contradiction, the task negative, positive; "
        "say model.labels=[...] in the order of its outputs, or finetune it"
    )


def test_a_head_of_the_tasks_labels_is_trained_on(judge, small_world):
    found = settled(small_world, "pairs", judge)
    assert (found.keep_head, found.config.model.labels) == (True, ("entailment", "neutral", "contradiction"))


def test_a_head_whose_labels_are_merged_answers_and_is_not_trained_on(judge, small_world):
    merge = {"entailment": "positive", "neutral": "negative", "contradiction": "negative"}
    found = settled(small_world, "reviews", judge, on={"merge": merge})
    assert (found.keep_head, found.config.model.labels) == (False, ("negative", "positive"))
    assert found.notes[0] == (
        "labels: the checkpoint's head knows entailment, neutral, contradiction, merged; a new head takes its place"
    )
    as_it_is = settled(small_world, "reviews", judge, on={"merge": merge}, train=None)
    assert (as_it_is.keep_head, as_it_is.config.model.labels) == (True, ("entailment", "neutral", "contradiction"))


# A new head where the checkpoint's own is in the way


def test_a_new_head_takes_the_place_of_a_nameless_one_on_request(tiny_checkpoint, small_world):
    model = tiny_checkpoint("bert", head="classification", labels=2)
    found = settled(small_world, "reviews", model, model={"id": str(model), "head": "new"})
    assert (found.keep_head, found.config.model.labels) == (False, ("negative", "positive"))
    assert "head: a new one, as model.head says" in found.notes


def test_a_head_for_spans_gives_way_on_request(tiny_checkpoint, small_world):
    model = tiny_checkpoint("bert", head="question_answering")
    kept = settled(small_world, "questions", model)
    anew = settled(small_world, "questions", model, model={"id": str(model), "head": "new"})
    assert (kept.keep_head, anew.keep_head) == (True, False)


@pytest.mark.parametrize(
    ("over", "message"),
    [
        (
            {"train": None},
            "model.head: new, and train is null: it would answer by chance; leave it out, or train",
        ),
        (
            {"model": {"labels": ["negative", "positive"]}},
            "model.labels: they name the outputs of a head that model.head=new replaces; leave one of them out",
        ),
    ],
)
def test_a_new_head_that_makes_no_sense_is_refused(tiny_checkpoint, small_world, over, message):
    model = tiny_checkpoint("bert", head="classification", labels=2)
    keys = {**over, "model": {"id": str(model), "head": "new", **over.get("model", {})}}
    assert refusal(settled, small_world, "reviews", model, **keys) == message


def test_a_run_with_a_new_head_is_another_cell(tiny_checkpoint, small_world):
    spec = schema.build(TaskSpec, world.task("reviews"), "test")
    model = tiny_checkpoint("bert", head="classification", labels=2)

    def key(**over):
        config = world.run_config(small_world, "reviews", model, **over)
        return stamp.cell_key(spec, config, model="0", mirrors=(str(small_world.mirror),))

    assert key(model={"head": "auto"}) == key() != key(model={"head": "new"})
