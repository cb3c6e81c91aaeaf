"""Models of a bench that are no single checkpoint: halves and models from scratch, beside checkpoints or alone."""

import logging

import benching
import pytest
import safetensors.torch
import yaml
from benching import done, made, results
from planning import folders, planned

from hf_suite.errors import ConfigError
from hf_suite.report import table

SCRATCH = {"architecture": "llama", "layers": 1, "hidden": 16, "heads": 2, "positions": 64, "vocabulary": 300}
NAME = "scratch-llama-1x16-300-heads2-positions64"


@pytest.fixture
def own(tmp_path, tiny_checkpoint):
    return benching.make(tmp_path, tiny_checkpoint("bert"))


def config(own, name, **keys):
    (own.mirror.parent / name).write_text(yaml.safe_dump(benching.SHORT | keys))
    return name


def models(found):
    return [at[:2] for at in folders(found)]


def test_keys_that_name_a_model_are_one_more_and_all_other_keys_are_for_each(own):
    found = planned(own, "reviews", "likeness", over={"model": SCRATCH, "limit": 10})

    assert models(found) == [("reviews", "bert"), ("likeness", "bert"), ("reviews", NAME), ("likeness", NAME)]
    assert [cell.config.limit for cell in found.cells] == [10, 10, 10, 10]
    assert [cell.config.model.architecture for cell in found.cells] == [None, None, "llama", "llama"]


def test_they_are_a_models_own_where_no_other_is_named(own):
    halves = dict.fromkeys(("encoder", "decoder"), str(own.mirror.parent / "bert"))

    assert models(planned(own, "reviews", models=(), over={"model": halves})) == [("reviews", "bert+bert")]
    assert models(planned(own, "reviews", models=(), over={"model": SCRATCH})) == [("reviews", NAME)]


def test_keys_that_say_how_to_take_a_model_name_none(own):
    (cell,) = planned(own, "reviews", over={"model": {"head": "new"}}).cells

    assert (cell.model, cell.config.model.head) == ("bert", "new")


def test_a_suites_own_models_are_taken_where_none_are_said(own):
    bert = str(own.mirror.parent / "bert")
    both = {"own_models": [bert, SCRATCH]}

    assert models(planned(own, "reviews", models=(), **both)) == [("reviews", "bert"), ("reviews", NAME)]
    assert models(planned(own, "reviews", **both)) == [("reviews", "bert")]
    assert models(planned(own, "reviews", models=(), over={"model": SCRATCH}, **both)) == [("reviews", NAME)]


def test_a_task_that_names_its_model_keeps_it_beside_keys_that_name_another(own):
    tasks = {str(own.tasks["reviews"]): {"model": str(own.mirror.parent / "bert")}, str(own.tasks["likeness"]): None}

    found = planned(own, models=(), tasks=tasks, over={"model": SCRATCH})

    assert models(found) == [("reviews", "bert"), ("likeness", NAME)]


def test_other_sizes_are_another_name_and_another_cell(own):
    recipes = [SCRATCH, SCRATCH | {"heads": 4}, SCRATCH | {"positions": 32}]

    found = folders(planned(own, "reviews", models=(), own_models=recipes))

    assert [at[1].removeprefix("scratch-llama-1x16-300-") for at in found] == [
        "heads2-positions64",
        "heads4-positions64",
        "heads2-positions32",
    ]
    assert len({at[2] for at in found}) == 3


def test_configs_that_make_nothing_of_drawn_weights_are_left_out_and_named(own, caplog):
    names = ("short.yaml", config(own, "as-it-is.yaml", train=None), config(own, "small.yaml", lora={"rank": 4}))

    with caplog.at_level(logging.INFO, "hf_suite"):
        found = planned(own, "reviews", models=(), configs=names, over={"model": SCRATCH})

    assert [cell.config_name.rpartition("/")[2] for cell in found.cells] == ["short.yaml"]
    assert [line for line in caplog.messages if " left out " in line] == [
        f"reviews by as-it-is is left out for {NAME}: untrained, what is drawn of it answers by chance",
        f"reviews by small is left out for {NAME}: beside drawn weights that are frozen, PEFT learns nothing",
    ]


def test_two_halves_are_not_scored_as_they_are_and_take_lora(own):
    bert = str(own.mirror.parent / "bert")
    names = (config(own, "as-it-is.yaml", train=None), config(own, "small.yaml", lora={"rank": 4}))

    found = planned(own, "reviews", models=(), configs=names, over={"model": {"encoder": bert, "decoder": bert}})

    assert [cell.config_name.rpartition("/")[2] for cell in found.cells] == ["small.yaml"]


def test_a_bench_that_has_only_such_configs_is_refused(own):
    with pytest.raises(ConfigError) as e:
        planned(own, "reviews", models=(), configs=(config(own, "small.yaml", lora={}),), over={"model": SCRATCH})

    assert str(e.value) == (
        f"{own.tasks['reviews']} in the suite: lora beside model.architecture: lora on a frozen base of random weights "
        "learns nothing; say lora=null (a config file may say lora)"
    )


def test_a_model_from_scratch_that_another_task_taught_answers_a_task_without_train_rows(own):
    found = planned(own, "entailed", models=(), over={"model": SCRATCH})

    assert models(found) == [("pairs", NAME), ("entailed", NAME)]
    source, answered = found.cells
    assert (answered.source, answered.trained, answered.config.train) == (source, source, None)


def test_a_size_that_is_said_is_not_swept_as_well(own):
    with pytest.raises(ConfigError) as e:
        planned(own, "reviews", over={"model": SCRATCH}, sweep={"model.layers": [1, 2]})

    assert str(e.value) == "--sweep model.layers: model.layers is given as well; keep one of the two"


def test_a_bench_of_a_drawn_model_is_done_once_and_each_seed_draws_another(own):
    keys = {"models": (), "over": {"model": SCRATCH, "train": {"max_steps": 1, "learning_rate": 1e-6}}}
    first, _ = done(own, "entailed", seeds=[0, 1], **keys)
    before = made(own)
    _, told = done(own, "entailed", seeds=[0, 1], **keys)

    assert (len(first.done), first.failed) == (4, {})
    assert [state for _, state in told] == ["kept"] * 4
    assert made(own) == before
    weights = [
        safetensors.torch.load_file(own.mirror.parent / "bench" / folder / "model" / "model.safetensors")
        for folder in first.done
        if folder.parts[0] == "pairs"
    ]
    drawn = [each["model.layers.0.self_attn.q_proj.weight"] for each in weights]
    assert (drawn[0] - drawn[1]).std() > 0.02  # each is drawn with 0.02; 1e-6 is learnt
    assert results(own)["entailed"].model["id"] == NAME


def test_the_table_names_it_and_says_no_size_twice(own):
    done(own, "reviews", models=("bert",), over={"model": SCRATCH})

    found = table.of_folder(own.mirror.parent / "bench")

    lines = [(line.model, line.config) for line in found.lines if line.role == "result"]
    assert sorted(lines) == [("bert", ""), (NAME, "lora=null")]
    assert not [remark for remark in found.remarks if "architecture" in remark]
