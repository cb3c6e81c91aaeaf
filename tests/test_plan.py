"""What a bench sets out to do: which cells, under which folders, and which tasks it skips."""

import itertools
import shutil
from pathlib import Path

import planning
import pytest
import tiny
import world
from planning import folders, key, planned, suite

from hf_suite.errors import ConfigError, ModelError
from hf_suite.plan import plan, slug


@pytest.fixture
def own(tmp_path, tiny_checkpoint):
    return planning.make(tmp_path, tiny_checkpoint("bert"))


def refusal(*arguments, **keywords):
    with pytest.raises(ConfigError) as e:
        planned(*arguments, **keywords)
    return str(e.value)


def test_a_cell_is_a_folder_of_task_model_key_and_seed(own):
    ((task, model, digits, seed),) = folders(planned(own, "reviews", seeds=[7]))

    assert (task, model, seed) == ("reviews", "bert", "seed-7")
    assert len(digits) == 12
    assert set(digits) <= set("0123456789abcdef")


def test_every_task_is_planned_for_every_model_config_and_seed(own):
    shutil.copytree(own.mirror.parent / "bert", own.mirror.parent / "other")
    (own.mirror.parent / "long.yaml").write_text("device: cpu\ntrain: {max_steps: 4}\n")
    configs = ("short.yaml", "long.yaml")

    found = planned(own, "reviews", "likeness", models=("bert", "other"), seeds=range(2), configs=configs)

    said = [
        (cell.spec.name, cell.folder.parts[1], Path(cell.config_name).name, cell.config.seed) for cell in found.cells
    ]
    assert sorted(said) == sorted(itertools.product(("reviews", "likeness"), ("bert", "other"), configs, (0, 1)))
    assert len(set(folders(found))) == 16


def test_a_task_that_names_its_model_has_it_whatever_models_the_others_are_planned_for(own):
    for name in ("other", "mine"):
        shutil.copytree(own.mirror.parent / "bert", own.mirror.parent / name)
    tasks = {str(own.tasks["reviews"]): {"model": str(own.mirror.parent / "mine")}, str(own.tasks["likeness"]): None}

    found = planned(own, tasks=tasks, models=("bert", "other"))

    assert [at[:2] for at in folders(found)] == [("reviews", "mine"), ("likeness", "bert"), ("likeness", "other")]


def test_no_model_is_asked_for_where_every_task_names_its_own(own):
    two = {"model": {"encoder": str(own.mirror.parent / "bert"), "decoder": str(own.mirror.parent / "bert")}}

    (at,) = folders(planned(own, tasks={str(own.tasks["reviews"]): two}, models=()))

    assert at[:2] == ("reviews", "bert+bert")


def test_a_task_that_says_how_to_take_its_model_takes_those_that_are_named(own):
    found = planned(own, tasks={str(own.tasks["reviews"]): {"model.head": "new"}})

    assert [(at[1], cell.config.model.head) for at, cell in zip(folders(found), found.cells, strict=True)] == [
        ("bert", "new")
    ]


def test_the_suites_own_seeds_are_taken_where_none_are_said(own):
    declared = suite(own, "reviews").model_copy(update={"seeds": (5, 6)})

    found = plan(declared, models=[str(own.mirror.parent / "bert")], mirrors=[str(own.mirror)])

    assert [at[3] for at in folders(found)] == ["seed-5", "seed-6"]


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("FacebookAI/roberta-base", "FacebookAI~roberta-base"),
        ("a~b", "a%7Eb"),
        ("a b", "a%20b"),
        ("a%7Eb", "a%257Eb"),
        ("package:minilm/model", "package%3Aminilm~model"),
        ("größe", "gr%C3%B6%C3%9Fe"),
        ("reader+writer", "reader+writer"),
        ("reader%2Bwriter", "reader%252Bwriter"),
    ],
)
def test_a_models_name_becomes_one_part_of_a_path_that_no_other_name_has(name, folder):
    assert slug(name) == folder


# What makes another cell


@pytest.mark.parametrize(
    "over",
    [
        {"train": {"max_steps": 4}},
        {"limit": 10},
        {"lora": None},
        {"precision": "bf16"},
        {"task": {"metrics": ["accuracy", "f1"]}},
        {"task": {"version": 2}},
    ],
)
def test_another_config_or_task_is_another_cell(own, over):
    assert key(own, "reviews", over=over) != key(own, "reviews")


@pytest.mark.parametrize("over", [{"train": {"epochs": 3}}, {"lora": {"rank": 8}}, {"task": {"version": 1}}])
def test_a_default_that_is_said_makes_no_other_cell(own, over):
    assert key(own, "reviews", over=over) == key(own, "reviews")


def test_another_version_of_the_task_is_another_cell(own):
    before = key(own, "reviews")
    world.write_task(own.tasks["reviews"].parent, "reviews", version=2)

    assert key(own, "reviews") != before


@pytest.mark.parametrize("split", ["train", "validation"])
def test_other_rows_are_another_cell(own, split):
    before = key(own, "reviews")
    with (own.mirror / "own" / "reviews" / "default" / f"{split}.jsonl").open("a") as file:
        file.write('{"sentence": "the song was fine", "label": "positive"}\n')

    assert key(own, "reviews") != before


def test_other_weights_are_another_cell(own):
    before = key(own, "reviews")
    tiny.checkpoint(own.mirror.parent / "bert", "bert", seed=1)

    assert key(own, "reviews") != before


def test_where_things_lie_makes_no_other_cell(own, tmp_path):
    before = key(own, "reviews")
    moved = world.make(tmp_path / "moved")
    shutil.copytree(tmp_path / "bert", tmp_path / "moved" / "bert")
    shutil.copy(tmp_path / "short.yaml", tmp_path / "moved" / "short.yaml")

    assert key(moved, "reviews", seeds=[3]) == before


def test_rows_that_a_cell_does_not_read_make_no_other_cell(own):
    cut = {"of": "validation", "shares": {"train": 0.5, "eval": 0.5}}
    before = key(own, "reviews", over={"split": cut})
    (own.mirror / "own" / "reviews" / "default" / "train.jsonl").unlink()

    assert key(own, "reviews", over={"split": cut}) == before


# What the suite and the command line say


def test_what_the_suite_says_for_a_task_and_then_the_command_line_lies_upon_the_config(own):
    tasks = {str(own.tasks["reviews"]): {"train.max_steps": 5, "limit": 10}, str(own.tasks["pairs"]): None}

    found = planned(own, over={"limit": 20}, tasks=tasks)

    said = {cell.spec.name: (cell.config.train.max_steps, cell.config.limit) for cell in found.cells}
    assert said == {"reviews": (5, 20), "pairs": (3, 20)}


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ({"seed": 3}, "command line: seed: a bench sets it for each cell; say --seeds K, or `seeds:` in the suite"),
        ({"output": "x"}, "command line: output: a bench sets it for each cell; say --output DIR for the whole bench"),
        ({"task": "sst2"}, "command line: task.name: a bench sets it for each cell; name tasks in the suite"),
        ({"model": "bert"}, "command line: model.id: a bench sets it for each cell; name models with --model"),
    ],
)
def test_a_key_that_the_bench_sets_itself_is_refused(own, over, message):
    assert refusal(own, "reviews", over=over) == message


def test_a_key_that_the_bench_sets_itself_is_refused_in_the_suite_too(own):
    name = str(own.tasks["reviews"])

    assert refusal(own, tasks={name: {"seed": 3}}) == (
        f"{name} in the suite: seed: a bench sets it for each cell; say --seeds K, or `seeds:` in the suite"
    )


def test_an_unknown_key_of_a_task_names_the_task(own):
    name = str(own.tasks["reviews"])

    assert refusal(own, tasks={name: {"trian.epochs": 3}}) == (
        f"{name} in the suite: unknown key 'trian'; did you mean 'train'?"
    )


def test_a_bench_without_a_model_is_refused(own):
    assert refusal(own, "reviews", models=()) == "bench: no model is named; name at least one with --model"


def test_a_model_that_is_not_there_is_refused_before_any_cell(own, tmp_path, monkeypatch):
    monkeypatch.delenv("HF_SUITE_MIRROR", raising=False)

    with pytest.raises(ModelError) as e:
        planned(own, "reviews", models=("bert", "brt"))

    missing, mirror = tmp_path / "brt", own.mirror
    assert str(e.value) == (
        f"{missing}: no such model; looked for the folder {missing}, {mirror / missing}, the hub's cache "
        "(HF_HUB_OFFLINE is set); give a folder with config.json, a mirror that holds it (--mirror), or a hub id that "
        "can be reached"
    )


# Tasks that cannot be done


def test_a_task_without_data_is_skipped_and_the_others_are_planned(own):
    shutil.rmtree(own.mirror / "own" / "likeness")

    found = planned(own, "reviews", "likeness", seeds=range(2))

    assert [cell.spec.name for cell in found.cells] == ["reviews", "reviews"]
    (reason,) = found.skipped.items()
    assert reason[0] == "likeness"
    finding = "split validation is not at hand: no validation.parquet, .jsonl or .txt in "
    assert reason[1].startswith(f"own/likeness/default: {finding}")


def test_a_task_without_train_rows_is_skipped(own):
    (own.mirror / "own" / "reviews" / "default" / "train.jsonl").unlink()

    found = planned(own, "reviews")

    assert (found.cells, found.skipped) == ((), {"reviews": "no train split train at hand"})


def test_a_task_whose_eval_rows_are_all_unlabelled_is_skipped_without_training_for_it(own):
    rows = [{"premise": "one man is here", "hypothesis": "a man is here", "label": -1}] * 3
    world.write_rows(own.mirror / "own" / "entailed" / "default" / "validation.jsonl", rows)

    found = planned(own, "entailed")

    assert found.cells == ()
    assert found.skipped == {
        "entailed": "entailed validation: none of the 3 rows has a label, so they can be answered but not scored"
    }


def test_a_task_whose_source_has_no_data_is_skipped_with_that_reason(own):
    (own.mirror / "own" / "pairs" / "default" / "train.jsonl").unlink()

    found = planned(own, "entailed")

    assert found.cells == ()
    assert found.skipped == {"entailed": "pairs, which it is trained on: no train split train at hand"}


def test_rows_that_are_wrong_rather_than_absent_are_left_to_the_cell(own):
    rows = [{"sentence": "the song was fine", "label": "lovely"}]
    world.write_rows(own.mirror / "own" / "reviews" / "default" / "validation.jsonl", rows)

    found = planned(own, "reviews")

    assert ([cell.spec.name for cell in found.cells], found.skipped) == (["reviews"], {})
