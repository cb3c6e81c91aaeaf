"""What a user can get wrong is one line of place, finding and remedy, and exit code 2, and leaves nothing behind."""

import json
import shutil
from pathlib import Path

import pytest
import refusing
from command import said
from refusing import TRAIN, refused

from hf_suite import errors


@pytest.fixture
def place(tmp_path, monkeypatch, tiny_checkpoint):
    """The current folder, with all that a run needs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_SUITE_MIRROR", "mirror")
    refusing.make(tiny_checkpoint("bert"))


# What is written


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sed=3"], "run.yaml: unknown key 'sed'; did you mean 'seed'?"),
        (["train.epoch=3"], "run.yaml: unknown key 'train.epoch'; did you mean 'epochs'?"),
        (["lora.rnk=3"], "run.yaml: unknown key 'lora.rnk'; did you mean 'rank'?"),
        (["task.metric=[f1]"], "tasks/reviews.yaml: unknown key 'metric'; did you mean 'metrics'?"),
        (["train.epochs=many"], "run.yaml: train.epochs is 'many'; input should be a valid integer"),
        (["train.epochs=0"], "run.yaml: train.epochs is 0; input should be greater than or equal to 1"),
        (["seed=true"], "run.yaml: seed is True; input should be a valid integer"),
        (["lora.dropout=1"], "run.yaml: lora.dropout is 1; input should be less than 1"),
        (["precision=fp8"], "run.yaml: precision is 'fp8'; input should be 'fp32', 'bf16', 'fp16' or 'auto'"),
        (["limit=5", "--limit", "5"], "limit: given as a flag and as limit=...; keep one of them"),
        (["=5"], "=5: is neither a file nor key=value; write it as key=value, for instance train.epochs=3"),
        (
            ["model.revision=main"],
            "run.yaml: model.revision: 'main' is not a commit; write its 40 hexadecimal digits in quotes, or null",
        ),
        (
            ["task.source.revision=v1.0"],
            "tasks/reviews.yaml: source.revision: 'v1.0' is not a commit; write its 40 hexadecimal digits in quotes, "
            "or null",
        ),
        (
            ["task.metrics=[acuracy]"],
            "reviews.metrics: no metric 'acuracy'; did you mean 'accuracy'? there are: accuracy, f1, "
            "matthews_correlation, multilabel_f1, subset_accuracy, map, pearson, spearmanr, squad, squad_v2, bleu, "
            "chrf, chrf++, ter, rouge, exact_match, token_f1, cer, bits_per_byte, word_perplexity, loss, perplexity, "
            "masked_loss, masked_perplexity",
        ),
        (["task.headline=f1"], "reviews.headline: no metric of the task gives 'f1'; they give: accuracy"),
        (["train.select_on=test"], "train.select_on: this run has no rows 'test'; it has: validation"),
    ],
)
def test_what_cannot_be_is_refused_with_the_nearest_that_can(place, capsys, words, message):
    assert refused(capsys, *TRAIN, *words) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("taks: tasks/reviews.yaml\n", "own.yaml: unknown key 'taks'; did you mean 'task'?"),
        ("task: tasks/reviews.yaml\nlimit: ten\n", "own.yaml: limit is 'ten'; input should be a valid integer"),
        ("seed: 1\nlimit: 5\nseed: 2\n", "own.yaml line 3: key 'seed' stands twice; see the file's syntax as YAML 1.2"),
        ("seed\n", "own.yaml: holds no mapping; write `key: value` lines"),
        ("limit: 5\n", "own.yaml: key 'task' is missing; add it"),
    ],
)
def test_a_file_that_says_what_cannot_be_is_named(place, capsys, text, message):
    Path("own.yaml").write_text(text)

    assert refused(capsys, "train", "own.yaml", "--model", "bert") == message


def test_a_duplicate_key_of_a_task_names_its_line(place, capsys):
    with Path("tasks/reviews.yaml").open("a") as file:
        file.write("version: 2\n")

    message = refused(capsys, *TRAIN)

    line = len(Path("tasks/reviews.yaml").read_text().splitlines())
    assert message == f"tasks/reviews.yaml line {line}: key 'version' stands twice; see the file's syntax as YAML 1.2"


# Folders


def folder(**files):
    Path("run").mkdir()
    for name, text in files.items():
        Path("run", name.replace("_", ".")).write_text(text)


def test_the_folder_of_a_finished_run(place, capsys):
    folder(result_json="{}")

    assert refused(capsys, *TRAIN) == "run: holds a finished run; give another folder with --output"


def test_the_folder_of_a_half_finished_run(place, capsys):
    folder(run_yaml="{}")

    assert refused(capsys, *TRAIN) == (
        "run: holds a half-finished run; go on with --resume, or give another folder with --output"
    )


def test_the_folder_of_another_half_finished_run_cannot_be_resumed(place, capsys):
    folder(run_yaml="seed: 3\nlimit: 5\n")

    assert refused(capsys, *TRAIN, "--resume") == (
        "run: began with another config (other: device, limit, max_length, model, seed, task, train); "
        "resume with the config it began with (run.yaml), or give another folder"
    )


def test_a_folder_without_a_run_cannot_be_resumed(place, capsys):
    assert refused(capsys, *TRAIN, "--resume") == ("run: holds no run to resume; leave --resume out to begin one")


def test_a_folder_of_other_things(place, capsys):
    folder(thesis_tex="")

    assert refused(capsys, *TRAIN) == "run: is not empty and holds no run; give another folder with --output"


def test_a_file_in_the_folders_place(place, capsys):
    Path("run").write_text("")

    assert refused(capsys, *TRAIN) == "run: run is a file; give another folder with --output"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="there is no /proc, where nobody can write")
def test_a_folder_that_cannot_be_written(place, capsys):
    assert refused(capsys, "train", "run.yaml", "-o", "/proc/run") == (
        "/proc/run: cannot be written to; give a folder of your own with --output"
    )


def test_a_checkpoint_of_which_no_copy_is_whole(place, capsys):
    said(capsys, *TRAIN)
    shutil.rmtree("run/model")
    Path("run/result.json").unlink()
    Path("run/checkpoints/step-2").mkdir(parents=True)

    assert refused(capsys, *TRAIN, "--resume") == (
        "run/checkpoints/step-2: MANIFEST.json is missing or unreadable, and no older checkpoint is whole; "
        "use another output folder"
    )


# Predictions


def test_predictions_of_other_rows_are_counted_and_named(place, capsys):
    ids = [f"{at}-{number}" for at in range(6, 9) for number in range(4)]
    Path("predictions.json").write_text(json.dumps(dict.fromkeys([*ids[4:], "a", "b"], "")))

    assert refused(capsys, "score", "predictions.json", "--task", "tasks/questions.yaml") == (
        "predictions.json: 4 of 12 rows without an answer (6-0, 6-1, 6-2), 2 unknown row ids (a, b); "
        "give one answer for each row of the split that is scored"
    )


def test_a_config_where_a_task_is_due(place, capsys):
    Path("predictions.json").write_text("{}")

    assert refused(capsys, "score", "predictions.json", "run.yaml") == (
        "run.yaml: is a config; score reads a task: --task NAME, or a file with kind:"
    )


# The tree of errors


def test_every_error_of_the_user_is_a_suite_error_with_three_parts():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]

    assert [kind for kind in kinds if not issubclass(kind, errors.SuiteError)] == []
    error = errors.RunError("run", "holds a finished run", "give another folder")
    assert (error.place, error.finding, error.remedy) == ("run", "holds a finished run", "give another folder")
    assert str(error) == "run: holds a finished run; give another folder"
    assert (error.exit_code, errors.Interrupted("run", "stopped", "go on", signal=15).exit_code) == (2, 143)
