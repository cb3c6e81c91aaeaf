"""One run from end to end: what it finds, what it writes down, which epoch it keeps."""

import json
import re
import subprocess

import numpy
import pytest
import safetensors.torch
import scipy.stats
import sklearn.metrics
import tiny
import world

from hf_suite import experiment, record
from hf_suite.errors import RunError


@pytest.fixture(scope="module")
def ran(small_world, tiny_checkpoint, tmp_path_factory):
    """`ran(task, ...)`: folder and Result of such a run, done once."""
    done = {}

    def made(name, model=None, **over):
        key = repr((name, model, sorted(over.items())))
        if key not in done:
            folder = tmp_path_factory.mktemp("runs") / name
            config = world.run_config(small_world, name, model or tiny_checkpoint("bert"), **over, output=str(folder))
            done[key] = folder, experiment.run(config)
        return done[key]

    return made


def rows_of(small_world, name, split):
    file = small_world.mirror / "own" / name / "default" / f"{split}.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()]


def answers(folder):
    return list(record.read_answers(folder / "answers.parquet"))


def weights(folder):
    return (folder / "model" / "adapter_model.safetensors").read_bytes()


# three kinds of answer


def test_a_classification_is_scored_on_every_row(ran, small_world):
    folder, result = ran("pairs", train={"epochs": 2, "max_steps": None})
    lines, rows = answers(folder), rows_of(small_world, "pairs", "validation")
    assert [line["row"] for line in lines] == list(range(24))
    assert [line["reference"] for line in lines] == [row["label"] for row in rows]
    assert {line["split"] for line in lines} == {"validation"}
    for line in lines:
        scores = line["evidence"]["scores"]
        assert list(scores) == ["entailment", "neutral", "contradiction"]
        assert line["answer"] == max(scores, key=scores.get)
    accuracy = sklearn.metrics.accuracy_score([line["reference"] for line in lines], [line["answer"] for line in lines])
    assert result.scores == {"validation": {"accuracy": pytest.approx(100 * accuracy, abs=1e-9)}}
    assert (result.headline.name, result.headline.split) == ("accuracy", "validation")
    assert result.headline.score == result.scores["validation"]["accuracy"]
    assert result.baseline == {"validation": {"accuracy": pytest.approx(100 / 3, abs=1e-9)}}  # 8 rows of each label
    assert result.counts == {"validation": {"truncated": 0, "near_ties": 0}}
    assert result.units == {"accuracy": ("percent", "higher")}


def test_a_number_is_learnt_standardised_and_answered_on_its_own_scale(ran, small_world):
    folder, result = ran("likeness", train={"epochs": 4, "max_steps": None})
    lines, rows = answers(folder), rows_of(small_world, "likeness", "validation")
    assert [line["reference"] for line in lines] == [row["score"] for row in rows]
    # Train labels are 0 to 5, eight of each.
    assert result.task["scale"] == {"mean": 2.5, "sd": pytest.approx((35 / 12) ** 0.5, rel=1e-12)}
    found = [line["answer"] for line in lines]
    assert found == [line["evidence"]["value"] for line in lines]
    assert 0 < numpy.mean(found) < 5
    gold = [row["score"] for row in rows]
    assert result.scores["validation"] == {
        "pearson": pytest.approx(100 * scipy.stats.pearsonr(found, gold).statistic, abs=1e-9),
        "spearmanr": pytest.approx(100 * scipy.stats.spearmanr(found, gold).statistic, abs=1e-9),
    }
    assert result.baseline == {"validation": {"pearson": None, "spearmanr": None}}  # of a constant: undefined


def test_questions_are_decided_by_a_threshold_fitted_on_rows_that_are_not_scored(ran, small_world):
    folder, result = ran("questions", train={"epochs": 3, "max_steps": None, "learning_rate": 0.05})
    lines, rows = answers(folder), rows_of(small_world, "questions", "validation")
    assert [line["row"] for line in lines] == [row["id"] for row in rows]
    assert [line["reference"] for line in lines] == [row["answers"]["text"] for row in rows]
    assert result.rows == {"train": 20, "tune": 4, "validation": 12}  # a tenth is less than a title; a title has four
    threshold = result.fitted["null_threshold"]
    for line in lines:
        text, _, _, score = line["evidence"]["spans"][0]
        no_answer = line["evidence"]["null"] - score
        assert line["answer"] == {"text": "" if no_answer > threshold else text, "no_answer": no_answer}
    right = [line["answer"]["text"] in (line["reference"] or [""]) for line in lines]
    assert result.scores["validation"]["exact"] == pytest.approx(100 * sum(right) / 12, abs=1e-9)
    assert result.baseline["validation"]["f1"] == 25.0  # a quarter cannot be answered
    assert result.counts["validation"]["em_upper_bound"] == 100.0
    assert json.loads((folder / "model" / "hf_suite.json").read_text())["fitted"] == result.fitted


# what is written down


def test_a_result_says_what_it_was_made_from(ran, small_world):
    folder, result = ran("reviews", train={"epochs": 2, "max_steps": None}, limit=40, eval_limit=20)
    assert result.rows == {"train": 40, "validation": 20}
    assert result.caveats == ["unpinned", "limit 40", "eval_limit 20"]
    assert [(entry["epoch"], entry["step"], list(entry)) for entry in result.history] == [
        (1, 5, ["epoch", "step", "train_loss"]),
        (2, 10, ["epoch", "step", "train_loss", "eval"]),
    ]
    assert result.history[1]["eval"] == result.scores
    assert len(answers(folder)) == 20
    assert list(result.seconds) == ["load", "encode", "finetune", "evaluate", "bag_of_words"]
    assert result.tokens_per_second > 0
    assert result.lineage == []
    assert result.fitted == {}
    assert result.protocol == 1
    assert result.processes == 1
    assert result.precision == "fp32"


def test_a_result_tells_how_much_is_trained_and_how_much_is_kept(ran):
    folder, result = ran("reviews")
    # Rank 4 on query and value of two layers of width 32: 2 * 2 * 4 * (32 + 32); the head: 32 * 2 + 2; the pooler,
    # which a language model's checkpoint lacks: 32 * 32 + 32.
    assert result.model["trainable"] == 1024 + 66 + 1056
    kept = safetensors.torch.load_file(folder / "model" / "adapter_model.safetensors")
    assert sum(value.numel() for value in kept.values()) == result.model["trainable"]
    assert result.weights_bytes == (folder / "model" / "adapter_model.safetensors").stat().st_size


def test_the_commit_is_the_checkouts(ran):
    _, result = ran("reviews")
    root = ["git", "-C", str(experiment.__file__).rsplit("/", 2)[0]]
    if subprocess.run([*root, "rev-parse"], check=False, capture_output=True).returncode:
        pytest.skip("not a checkout")
    known = subprocess.run([*root, "cat-file", "-t", result.commit], check=False, capture_output=True, text=True)
    assert known.stdout == "commit\n"
    assert isinstance(result.dirty, bool)


def test_the_file_holds_the_result(ran):
    folder, result = ran("reviews")
    assert record.read_result(folder) == result


def test_rows_longer_than_the_model_reads_are_counted_and_a_caveat(ran):
    _, result = ran("reviews", max_length=8, eval_limit=10)
    assert result.counts["validation"]["truncated"] == 0  # five words and two special tokens
    _, result = ran("pairs", max_length=12, eval_limit=10)
    assert result.counts["validation"]["truncated"] == 10
    assert "validation: 10 rows longer than max_length 12 were cut" in result.caveats


def test_rows_decided_by_nothing_are_counted_as_near_ties(ran, tmp_path):
    folder = tiny.checkpoint(tmp_path / "even", "bert", head="classification", labels=["negative", "positive"])
    tensors = safetensors.torch.load_file(folder / "model.safetensors")
    tensors["classifier.weight"].zero_()
    tensors["classifier.bias"].zero_()
    safetensors.torch.save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    _, result = ran("reviews", folder, train=None)
    assert result.counts["validation"]["near_ties"] == 24
    assert result.scores == {"validation": {"accuracy": 50.0}}  # the first of equals, for every row


def test_a_model_with_a_head_is_scored_as_it_is(ran, tmp_path):
    model = tiny.checkpoint(tmp_path / "headed", "bert", head="classification", labels=["Positive", "NEGATIVE"])
    folder, result = ran("reviews", model, train=None)
    assert list(answers(folder)[0]["evidence"]["scores"]) == ["positive", "negative"]  # by name, in the head's order
    assert sorted(path.name for path in folder.iterdir()) == ["answers.parquet", "result.json", "run.yaml"]
    assert result.rows == {"validation": 24}
    assert (result.history, result.tokens_per_second, result.weights_bytes) == ([], None, None)
    assert list(result.seconds) == ["load", "evaluate"]


# which epoch


def test_without_rows_that_choose_the_last_epoch_is_kept(ran):
    folder, result = ran("likeness", train={"epochs": 2, "max_steps": None})
    assert all("scores" not in entry for entry in result.history)
    assert "epoch selected on validation, which it reports" not in result.caveats
    assert not (folder / "checkpoints").exists()


CHOOSING = {"max_steps": None, "learning_rate": 0.05, "schedule": "constant", "warmup": 0}


def test_the_best_epoch_is_kept_and_is_what_a_run_of_that_length_gives(ran):
    train = {**CHOOSING, "epochs": 4, "select_on": "validation"}
    folder, result = ran("likeness", seed=2, train=train)
    scores = [entry["scores"]["validation"]["pearson"] for entry in result.history]
    best = scores.index(max(scores)) + 1
    assert best < 4
    assert result.headline.score == max(scores)
    assert result.caveats == [
        "unpinned",
        "epoch selected on validation, which it reports",
        "validation: 24 of 24 rows stand in train too; no others are left",
    ]
    shorter, _ = ran("likeness", seed=2, train={**CHOOSING, "epochs": best})
    assert weights(folder) == weights(shorter)


def test_another_number_may_choose(ran):
    train = {**CHOOSING, "epochs": 3, "select_on": "validation", "select_metric": "spearmanr"}
    _, result = ran("likeness", seed=2, train=train)
    scores = [entry["scores"]["validation"]["spearmanr"] for entry in result.history]
    assert result.scores["validation"]["spearmanr"] == max(scores)


def test_of_equal_epochs_the_first_is_kept(small_world, tiny_checkpoint, tmp_path):
    # One row to choose by is right or wrong: with so small a rate it stays what it is.
    train = {"max_steps": None, "epochs": 3, "learning_rate": 1e-7, "select_on": "validation"}
    config = world.run_config(
        small_world, "reviews", tiny_checkpoint("bert"), train=train, eval_limit=1, output=str(tmp_path / "run")
    )
    notes = []
    result = experiment.run(config, watch=lambda progress: notes.append(progress.note))
    assert len({entry["scores"]["validation"]["accuracy"] for entry in result.history}) == 1
    assert "epoch 1 scored best on validation and is kept" in notes


def test_tune_chooses_where_it_is_cut_and_is_neither_trained_on_nor_reported(ran):
    train = {**CHOOSING, "epochs": 3}
    _, result = ran("likeness", seed=2, tune={"share": 0.25}, train=train)
    assert result.rows == {"train": 36, "tune": 12, "validation": 24}
    assert [list(entry["scores"]) for entry in result.history] == [["tune"]] * 3
    assert list(result.scores) == ["validation"]
    assert [caveat for caveat in result.caveats if "stand in train" not in caveat] == ["unpinned"]


# the same again


def test_the_same_run_twice_is_the_same_to_the_last_bit_and_another_seed_is_not(
    ran, small_world, tiny_checkpoint, tmp_path
):
    folder, result = ran("reviews")
    again = world.run_config(small_world, "reviews", tiny_checkpoint("bert"), output=str(tmp_path / "again"))
    other = world.run_config(small_world, "reviews", tiny_checkpoint("bert"), output=str(tmp_path / "other"), seed=1)
    assert experiment.run(again).id == result.id
    assert experiment.run(other).id != result.id
    assert weights(tmp_path / "again") == weights(folder) != weights(tmp_path / "other")
    assert (tmp_path / "again" / "answers.parquet").read_bytes() == (folder / "answers.parquet").read_bytes()


@pytest.mark.parametrize("name", ["reviews", "likeness", "questions"])
def test_bf16_runs_from_end_to_end(ran, name):
    _, result = ran(name, precision="bf16")
    assert result.precision == "bf16"
    _, exact = ran(name)
    assert [entry["train_loss"] for entry in result.history] == pytest.approx(
        [entry["train_loss"] for entry in exact.history], rel=0.05
    )


def test_full_finetuning_runs_from_end_to_end(ran):
    folder, result = ran("reviews", lora=None, train={"learning_rate": 1e-4})
    assert result.model["trainable"] == result.model["parameters"]
    assert (folder / "model" / "model.safetensors").is_file()


# what can go wrong on the way


def test_a_model_that_answers_nothing_finite_is_not_scored(small_world, tmp_path):
    model = tiny.checkpoint(tmp_path / "huge", "bert", head="classification", labels=["negative", "positive"])
    tensors = safetensors.torch.load_file(model / "model.safetensors")
    tensors["bert.pooler.dense.bias"].fill_(100.0)
    tensors["classifier.weight"].fill_(3e38)
    safetensors.torch.save_file(tensors, model / "model.safetensors", {"format": "pt"})
    config = world.run_config(small_world, "reviews", model, train=None, output=str(tmp_path / "run"))
    with pytest.raises(RunError) as error:
        experiment.run(config)
    assert str(error.value) == "row 0: the model's output is not finite; use precision=fp32, or look at this row"
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["run.yaml"]


def test_a_watcher_is_told_of_every_step_and_of_what_was_settled(small_world, tiny_checkpoint, tmp_path):
    told = []
    config = world.run_config(small_world, "likeness", tiny_checkpoint("bert"), output=str(tmp_path / "run"))
    experiment.run(config, watch=told.append)
    steps = [progress for progress in told if progress.stage == "finetune"]
    assert [(progress.done, progress.total) for progress in steps] == [(1, 3), (2, 3), (3, 3)]
    assert all(progress.loss > 0 for progress in steps)
    notes = [progress.note for progress in told if progress.stage == "note"]
    assert "scale: train labels have mean 2.5 and standard deviation 1.708; learnt standardised" in notes
    assert [(progress.done, progress.total) for progress in told if progress.stage == "evaluate"] == [(24, 24)]


def test_a_run_without_an_output_makes_a_folder_named_by_task_and_time(
    small_world, tiny_checkpoint, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    config = world.run_config(small_world, "reviews", tiny_checkpoint("bert"))
    experiment.run(config)
    (folder,) = (tmp_path / "runs").iterdir()
    assert re.fullmatch(r"reviews-\d{8}-\d{6}", folder.name)
