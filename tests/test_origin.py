"""A run that goes on from another: whose weights it begins with, what of the head is kept, what does not fit."""

import json
import shutil

import benching
import pytest
import reloading
import tiny
import torch
import world
from benching import done, made, results
from command import said

import hf_suite
from hf_suite import experiment
from hf_suite.errors import SuiteError
from hf_suite.finished import evaluate_run, opened
from hf_suite.record import read_result
from hf_suite.stopping import Stopping

FULL = {"lora": None, "train": {"learning_rate": 1e-3}}


def refusal(call, *args, **keywords):
    with pytest.raises(SuiteError) as caught:
        call(*args, **keywords)
    return str(caught.value)


def begun(small_world, task, checkpoint, folder, /, **over):
    """A run as it stands before its first step, and what was said of it."""
    notes = []
    config = world.run_config(small_world, task, checkpoint, init_from=str(folder), **over)
    session = experiment.prepared(
        config, resume=False, allow_code=False, watch=lambda said: notes.append(said.note), stopping=Stopping()
    )
    return session, [note for note in notes if note.startswith("init_from")]


@pytest.fixture(scope="module")
def source(tmp_path_factory, tiny_checkpoint, small_world):
    """Finished runs of `pairs`, which has three labels: with LoRA and of all weights."""
    root = tmp_path_factory.mktemp("sources")
    for name, over in (("lora", {}), ("full", FULL)):
        config = world.run_config(small_world, "pairs", tiny_checkpoint("bert"), output=str(root / name), **over)
        hf_suite.run(config)
    return root


@pytest.mark.parametrize(("name", "over"), [("lora", {}), ("full", FULL)])
def test_a_run_with_the_same_labels_begins_where_the_other_ended(source, tiny_checkpoint, small_world, name, over):
    session, notes = begun(small_world, "pairs", tiny_checkpoint("bert"), source / name, limit=20, **over)
    before = opened(source / name)
    rows = session.parts.train.rows.select(range(4))
    expected = reloading.logits(before.model, before.adapter, rows)
    assert reloading.logits(session.model, session.adapter, rows) == pytest.approx(expected, abs=1e-6, rel=0)
    assert notes == ["init_from: goes on from the run of pairs, head and all"]


@pytest.mark.parametrize(("name", "over"), [("lora", {}), ("full", FULL)])
def test_other_labels_get_a_new_head_on_the_weights_of_the_other(source, tiny_checkpoint, small_world, name, over):
    session, notes = begun(small_world, "reviews", tiny_checkpoint("bert"), source / name, **over)
    before, now = opened(source / name).model.state_dict(), session.model.state_dict()
    head = [name for name in now if "classifier" in name and "original" not in name]
    assert {tuple(now[name].shape) for name in head} == {(2, 32), (2,)}
    # The pooler, which this checkpoint lacks, is the backbone's: it was trained, and goes on.
    rest = [name for name in now if "classifier" not in name and "original" not in name]
    assert [name for name in rest if "pooler" in name or "lora_B" in name] != []
    assert [name for name in rest if not torch.equal(before[name], now[name])] == []
    assert notes == [
        "init_from: goes on from the run of pairs, whose labels are entailment, neutral, contradiction; "
        "a new head answers negative, positive"
    ]


def test_the_new_head_is_drawn_by_the_seed(source, tiny_checkpoint, small_world):
    def head(seed):
        session, _ = begun(small_world, "reviews", tiny_checkpoint("bert"), source / "lora", seed=seed)
        return session.model.get_base_model().classifier.modules_to_save["default"].weight

    assert torch.equal(head(1), head(1))
    assert not torch.equal(head(1), head(2))


def test_a_head_for_the_same_labels_in_another_order_keeps_its_own(source, tiny_checkpoint, small_world):
    labels = ["contradiction", "neutral", "entailment"]
    session, notes = begun(small_world, "pairs", tiny_checkpoint("bert"), source / "lora", task={"labels": labels})
    assert session.config.model.labels == ("entailment", "neutral", "contradiction")
    assert notes == ["init_from: goes on from the run of pairs, head and all"]


def test_what_it_comes_from_stands_in_the_result_without_a_path(source, tiny_checkpoint, small_world, tmp_path, capsys):
    over = {"init_from": str(source / "lora"), "output": str(tmp_path / "run")}
    result = hf_suite.run(world.run_config(small_world, "reviews", tiny_checkpoint("bert"), **over))
    (run,) = result.lineage
    assert run["id"] == read_result(source / "lora").id
    assert (run["task"], run["seed"], run["model"], run["headline"]["name"]) == ("pairs", 0, "bert", "accuracy")
    assert (result.config["init_from"], result.resolved["init_from"]) == ("task:pairs", "task:pairs")
    mark = f"goes on from a run of pairs (accuracy {run['headline']['score']:.2f})"
    assert mark in result.caveats
    assert str(source) not in (tmp_path / "run" / "result.json").read_text("utf-8")
    assert str(source) not in (tmp_path / "run" / "model" / "hf_suite.json").read_text("utf-8")
    code, out, _ = said(capsys, "results", tmp_path / "run")
    assert (code, mark in " ".join(out.split()), "init_from" in out) == (0, True, True)


def test_a_run_that_went_on_is_scored_again_with_its_whole_lineage(source, tiny_checkpoint, small_world, tmp_path):
    over = {"init_from": str(source / "lora"), "output": str(tmp_path / "run")}
    first = hf_suite.run(world.run_config(small_world, "reviews", tiny_checkpoint("bert"), **over))
    again = evaluate_run(tmp_path / "run", mirrors=(str(small_world.mirror),))
    assert again.scores == first.scores
    assert [run["task"] for run in again.lineage] == ["pairs", "reviews"]
    assert again.caveats == first.caveats


def test_an_interrupted_run_goes_on_only_from_the_same_weights(source, tiny_checkpoint, small_world, tmp_path):
    shutil.copytree(source / "lora", tmp_path / "source")
    over = {"init_from": str(tmp_path / "source"), "output": str(tmp_path / "run"), "train": {"save_every": 1}}
    config = world.run_config(small_world, "reviews", tiny_checkpoint("bert"), **over)
    with pytest.raises(KeyboardInterrupt):
        hf_suite.run(config, watch=_stopping_at(2))
    tiny.checkpoint(tmp_path / "other", "bert", seed=5)
    file = tmp_path / "source" / "model" / "adapter_model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-4] + b"\0\0\0\0")
    assert refusal(hf_suite.run, config, resume=True) == (
        f"{tmp_path / 'run'}: began with other content (init_from); "
        "put it back as it was, or begin anew in another folder"
    )
    file.write_bytes(whole)
    resumed = hf_suite.run(config, resume=True)
    undisturbed = config.model_copy(update={"output": str(tmp_path / "undisturbed")})
    assert resumed.scores == hf_suite.run(undisturbed).scores
    assert resumed.id == hf_suite.run(undisturbed.model_copy(update={"output": str(tmp_path / "third")})).id


def _stopping_at(step):
    def watch(progress):
        if (progress.stage, progress.done) == ("finetune", step):
            raise KeyboardInterrupt

    return watch


@pytest.mark.parametrize(
    ("over", "message"),
    [
        (FULL, "init_from: {source} was trained with LoRA; leave lora=null out, or give another run"),
        ({"lora": {"rank": 2}}, "lora.rank: 2, and {source} was trained with 4; say the same, or give another run"),
        (
            {"lora": {"method": "dora"}},
            "lora.method: dora, and {source} was trained with lora; say the same, or give another run",
        ),
        (
            {"lora": {"targets": ["key"]}},
            "lora.targets: ('key',), and {source} was trained with None; say the same, or give another run",
        ),
    ],
)
def test_another_method_is_refused(source, tiny_checkpoint, small_world, over, message):
    folder = source / "lora"
    assert refusal(begun, small_world, "pairs", tiny_checkpoint("bert"), folder, **over) == message.format(
        source=folder
    )


def test_another_base_is_refused(source, small_world, tmp_path):
    other = tiny.checkpoint(tmp_path / "other", "bert", seed=5)
    assert refusal(begun, small_world, "pairs", other, source / "lora") == (
        f"init_from: {source / 'lora'} was trained on bert, whose weights are not those of other; "
        "give the model that it was trained on, or another run"
    )


def test_a_folder_that_is_no_finished_run_is_refused(source, tiny_checkpoint, small_world, tmp_path):
    model = tiny_checkpoint("bert")
    assert refusal(begun, small_world, "pairs", model, tmp_path) == (
        f"{tmp_path}: is no finished run (model/hf_suite.json is missing); give the output folder of a training"
    )
    half = shutil.copytree(source / "lora", tmp_path / "half")
    (half / "result.json").unlink()
    assert refusal(begun, small_world, "pairs", model, half) == (
        f"{half}: is no finished run (result.json is missing); finish it first, with --resume"
    )
    assert refusal(begun, small_world, "pairs", model, "task:pairs") == (
        "init_from: task:pairs names a task of a suite; give the folder of a finished run"
    )


def test_going_on_without_training_is_refused(source, small_world):
    assert refusal(world.run_config, small_world, "pairs", "m", init_from="x", train=None) == (
        "test: init_from beside train=null; leave init_from out, or score that run by hf-suite eval RUN"
    )


def test_a_run_of_another_kind_goes_on_where_its_layers_are_the_same(source, tiny_checkpoint, small_world):
    session, _ = begun(small_world, "questions", tiny_checkpoint("bert"), source / "lora", max_length=64)
    before, now = opened(source / "lora").model.state_dict(), session.model.state_dict()
    lora = [name for name in now if "lora_" in name]
    assert lora != []
    assert [name for name in lora if not torch.equal(before[name], now[name])] == []


def test_a_run_of_another_kind_whose_layers_are_others_is_refused(tiny_checkpoint, small_world, tmp_path):
    model, folder = tiny_checkpoint("t5"), tmp_path / "run"
    hf_suite.run(world.run_config(small_world, "pairs", model, output=str(folder)))
    message = refusal(begun, small_world, "questions", model, folder, max_length=64)
    assert message.startswith(f"{folder / 'model'}: its weights do not fit T5ForQuestionAnswering (base_model.model.")
    assert message.endswith(", ...); go on from a run of the same kind of task")


# In a bench


@pytest.fixture
def own(tmp_path, tiny_checkpoint):
    return benching.make(tmp_path, tiny_checkpoint("bert"))


ON = {"reviews": {"init_from": "task:pairs"}}


def test_a_bench_makes_the_source_first_and_goes_on_from_it(own):
    outcome, told = done(own, "reviews", differs=ON)
    assert told == [("pairs", "begun"), ("pairs", "done"), ("reviews", "begun"), ("reviews", "done")]
    found = results(own)
    assert found["reviews"].lineage[0]["id"] == found["pairs"].id
    assert found["reviews"].config["init_from"] == "task:pairs"
    assert (outcome.failed, outcome.skipped) == ({}, {})
    assert done(own, "reviews", differs=ON)[1] == [("pairs", "kept"), ("reviews", "kept")]


def test_a_source_whose_weights_are_gone_is_trained_again_for_it(own, tmp_path):
    outcome, _ = done(own, "reviews", differs=ON)
    before = results(own)["reviews"]
    source, cell = (tmp_path / "bench" / folder for folder in outcome.done)
    shutil.rmtree(source / "model")
    shutil.rmtree(cell)
    kept = made(own)
    _, told = done(own, "reviews", differs=ON)
    after = results(own)["reviews"]
    assert (after.scores, after.id) == (before.scores, before.id)
    assert told == [("pairs", "kept"), ("reviews", "begun"), ("reviews", "done")]
    assert kept.items() <= made(own).items()
    assert not (tmp_path / "bench" / ".sources").exists()


def test_what_goes_on_from_a_failed_or_missing_source_fails_or_is_skipped(own, tmp_path):
    data = own.mirror / "own" / "pairs" / "default"
    row = {"premise": "one man is here", "hypothesis": "a man is here", "label": "perhaps"}
    (data / "train.jsonl").write_text(json.dumps(row) + "\n")
    outcome, _ = done(own, "reviews", differs=ON)
    source, cell = outcome.failed
    assert outcome.failed[cell] == f"{source}: the run that this task needs has failed; see its failure.json"
    (data / "train.jsonl").unlink()
    outcome, _ = done(own, "reviews", differs=ON)
    assert outcome.skipped == {"reviews": "pairs, which it goes on from: no train split train at hand"}
