"""A finished run, scored again: on its own rows, on another task, elsewhere, and what is refused."""

import os
import shutil
import signal

import pytest
import tiny
import world

import hf_suite
from hf_suite import record
from hf_suite.errors import ConfigError, Interrupted, ModelError, RunError
from hf_suite.finished import evaluate_run


@pytest.fixture(scope="module")
def runs(tmp_path_factory, small_world, tiny_checkpoint):
    """`runs(task, ...)`: the folder of a finished run, only read but for its eval/; made once."""
    made = {}

    def run(name, **over):
        key = repr((name, sorted(over.items())))
        if key not in made:
            folder = tmp_path_factory.mktemp("runs") / name
            hf_suite.run(world.run_config(small_world, name, tiny_checkpoint("bert"), output=str(folder), **over))
            made[key] = folder
        return made[key]

    return run


@pytest.fixture
def scored(small_world):
    """Scores a run again with the small world's mirror."""

    def scored(folder, **keywords):
        return evaluate_run(folder, mirrors=(str(small_world.mirror),), **keywords)

    return scored


def answers(folder):
    """What the model found; what the words say is learnt from train rows, which an evaluation does not read."""
    lines = record.read_answers(folder / "answers.parquet")
    return [{name: value for name, value in line.items() if name != "words"} for line in lines]


@pytest.mark.parametrize("name", ["reviews", "likeness", "questions"])
def test_a_run_scored_again_gives_the_same_numbers_each_time(runs, scored, name):
    folder = runs(name)
    first = record.read_result(folder)

    again, once_more = scored(folder), scored(folder)

    assert (again.scores, again.fitted, again.baseline) == (first.scores, first.fitted, first.baseline)
    assert once_more.scores == first.scores
    assert answers(folder / "eval" / name) == answers(folder)
    assert record.read_result(folder / "eval" / name).scores == first.scores


def test_scored_again_it_names_the_run_and_says_its_caveats_once(runs, scored):
    first = record.read_result(runs("reviews"))

    again = scored(runs("reviews"))

    assert again.lineage == [
        {
            "task": "reviews",
            "id": first.id,
            "seed": 0,
            "caveats": ["unpinned", "max_steps 3"],
            "model": "bert",
            "headline": {"name": "accuracy", "split": "validation", "score": first.headline.score},
        }
    ]
    assert again.caveats == ["unpinned", "max_steps 3"]
    assert again.id != first.id


def test_a_run_on_rows_cut_anew_is_scored_on_the_same_rows(runs, scored):
    cut = {"of": "validation", "shares": {"train": 0.5, "tune": 0.2, "eval": 0.3}, "group": "title"}
    folder = runs("questions", split=cut)

    scored(folder)

    assert answers(folder / "eval" / "questions") == answers(folder)


def test_its_own_task_may_be_named_by_its_file(runs, scored, small_world):
    folder = runs("questions")

    again = scored(folder, task=str(small_world.tasks["questions"]))

    assert again.scores == record.read_result(folder).scores


def test_fewer_rows_can_be_asked_for(runs, scored, tmp_path):
    again = scored(runs("reviews"), over={"eval_limit": 10}, output=tmp_path / "ten")

    assert (again.rows, again.config["eval_limit"]) == ({"validation": 10}, 10)
    assert again.caveats == ["unpinned", "eval_limit 10", "max_steps 3"]


def test_a_task_can_be_changed_in_words(runs, scored, tmp_path):
    again = scored(runs("reviews"), over={"task": {"metrics": ["accuracy", "f1"]}}, output=tmp_path / "more")

    assert list(again.scores["validation"]) == ["accuracy", "f1"]
    assert again.task["metrics"] == ["accuracy", "f1"]


def test_how_it_answers_is_written_down_where_it_differs(runs, scored, tmp_path):
    again = scored(runs("reviews"), over={"max_length": 8}, output=tmp_path / "short")

    assert (again.config["max_length"], again.resolved["max_length"]) == (8, 8)


# Another task


def test_a_run_answers_another_task_with_its_caveats_and_its_own_name(runs, scored, small_world, tmp_path):
    folder = runs("pairs", limit=30)

    found = scored(folder, task=str(small_world.tasks["entailed"]), output=tmp_path / "entailed")

    (run,) = found.lineage
    assert (run["task"], run["id"]) == ("pairs", record.read_result(folder).id)
    assert found.task["name"] == "entailed"
    assert found.caveats == [
        "unpinned",
        "from the run of pairs: unpinned",
        "from the run of pairs: limit 30",
        "from the run of pairs: max_steps 3",
    ]
    assert {line["answer"] for line in answers(tmp_path / "entailed")} <= {"entailment", "not_entailment"}


def test_another_tasks_answers_are_written_below_the_run(runs, scored, small_world):
    folder = runs("pairs")

    scored(folder, task=str(small_world.tasks["entailed"]))

    assert (folder / "eval" / "entailed" / "result.json").is_file()


def test_a_threshold_that_was_fitted_goes_with_the_model(runs, scored, tmp_path, small_world):
    other = tmp_path / "quiz.yaml"
    other.write_text(small_world.tasks["questions"].read_text().replace("name: questions", "name: quiz"))

    found = scored(runs("questions"), task=str(other), output=tmp_path / "quiz")

    assert found.fitted == record.read_result(runs("questions")).fitted
    assert found.scores == record.read_result(runs("questions")).scores


@pytest.mark.parametrize(
    ("run", "task", "finding"),
    [
        ("reviews", "questions", "is question_answering, and the run learnt classification"),
        ("reviews", "likeness", "is classification of numbers, and the run learnt classification"),
    ],
)
def test_a_task_of_another_kind_is_refused(runs, scored, small_world, run, task, finding):
    file = str(small_world.tasks[task])

    with pytest.raises(ModelError) as e:
        scored(runs(run), task=file)

    assert str(e.value) == f"{file}: {finding}; name a task of the run's own kind"


def test_a_task_of_other_labels_is_refused(runs, scored, small_world):
    file = str(small_world.tasks["entailed"])

    with pytest.raises(ModelError) as e:
        scored(runs("reviews"), task=file)

    assert str(e.value) == (
        f"{file}: its labels are entailment, not_entailment, and the run knows negative, positive; "
        "say task.merge.LABEL=LABEL, or train on it"
    )


# A run or a base that has moved


def test_a_run_folder_that_was_moved_still_answers(runs, scored, tmp_path):
    moved = tmp_path / "elsewhere" / "reviews"
    shutil.copytree(runs("reviews"), moved)

    assert scored(moved).scores == record.read_result(runs("reviews")).scores


@pytest.fixture
def alone(tmp_path, small_world):
    """A run whose base is the test's own, at `base`."""
    base, folder = tiny.checkpoint(tmp_path / "base", "bert"), tmp_path / "run"
    hf_suite.run(world.run_config(small_world, "reviews", base, output=str(folder)))
    return folder


def test_a_base_whose_weights_have_changed_is_refused(alone, scored, tmp_path):
    tiny.checkpoint(tmp_path / "base", "bert", seed=1)

    with pytest.raises(ModelError) as e:
        scored(alone)

    assert str(e.value) == (
        f"{alone}: the base base has other weights than the run was trained on; put the checkpoint of then back, "
        "or say with --model where it lies now"
    )


def test_a_base_that_was_moved_can_be_named(alone, scored, tmp_path, small_world):
    (tmp_path / "base").rename(tmp_path / "other")

    with pytest.raises(ModelError) as e:
        scored(alone)
    found = scored(alone, base=str(tmp_path / "other"))

    assert str(e.value).endswith("; say where the base checkpoint lies now, with --model or --mirror")
    assert (found.scores, found.model["id"]) == (record.read_result(alone).scores, "base")


def test_a_run_that_finetuned_all_weights_needs_no_base(small_world, scored, tmp_path):
    base, folder = tiny.checkpoint(tmp_path / "base", "bert"), tmp_path / "run"
    first = hf_suite.run(world.run_config(small_world, "reviews", base, output=str(folder), lora=None))
    shutil.rmtree(base)

    assert scored(folder).scores == first.scores


# Refusals


def test_what_was_settled_in_training_cannot_be_asked_for(runs, scored):
    with pytest.raises(ConfigError) as e:
        scored(runs("reviews"), over={"lora": {"rank": 3}})

    assert str(e.value) == (
        "lora: was settled when the run was trained; of a finished run may differ: task, eval_limit, device, "
        "precision, max_length, stride, processes, generation"
    )


def test_more_tokens_than_the_model_has_positions_for_are_refused(runs, scored):
    with pytest.raises(ConfigError) as e:
        scored(runs("reviews"), over={"max_length": 600})

    assert str(e.value) == "max_length: 600 tokens, and bert has positions for 512; say max_length=512 or less"


def test_a_folder_that_is_no_run_is_refused(scored, tmp_path):
    with pytest.raises(RunError) as e:
        scored(tmp_path)

    assert str(e.value) == (
        f"{tmp_path}: is no finished run (model/hf_suite.json is missing); give the output folder of a training"
    )


def test_another_run_is_never_written_over(runs, scored):
    with pytest.raises(RunError) as e:
        scored(runs("pairs"), output=runs("reviews"))

    assert str(e.value) == f"{runs('reviews')}: holds a run; give another folder with --output"


def test_a_folder_of_other_things_is_never_written_into(runs, scored, tmp_path):
    (tmp_path / "thesis.tex").write_text("")

    with pytest.raises(RunError) as e:
        scored(runs("pairs"), output=tmp_path)

    assert str(e.value) == f"{tmp_path}: is not empty and holds no evaluation; give another folder with --output"


def test_asked_to_stop_it_says_how_to_go_on(runs, scored, tmp_path):
    def watch(progress):
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted) as e:
        scored(runs("reviews"), output=tmp_path / "again", watch=watch)

    assert str(e.value) == f"{tmp_path / 'again'}: stopped by SIGINT; run the same command again"
    assert e.value.exit_code == 130
