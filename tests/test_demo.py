"""What the demo concludes from its Results. The demo itself is run by `make demo`."""

import pytest
import typer
from results import result, write

from hf_suite import spec
from hf_suite.cli import demo


def made(task, scores, baseline):
    facts = spec.read(task).model_dump(mode="json")
    return result(facts, {"validation": scores}, baseline={"validation": baseline})


def world(reviews=75.0, answers=60.0, pearson=50.0, bleu=7.5, bits=1.0, f1=40.0, has=20.0):
    """Six Results; a third of the 126 questions is unanswerable."""
    squad = {"f1": f1, "HasAns_f1": has, "NoAns_f1": 80.0, "total": 126, "HasAns_total": 84, "NoAns_total": 42}
    never = {"f1": 100 / 3, "HasAns_f1": 0.0, "NoAns_f1": 100.0}
    return {
        "demo_reviews": made("demo_reviews", {"accuracy": reviews}, {"accuracy": 50.0}),
        "demo_answers": made("demo_answers", {"accuracy": answers}, {"accuracy": 50.0}),
        "demo_similarity": made("demo_similarity", {"pearson": pearson}, {"pearson": None}),
        "demo_translation": made("demo_translation", {"bleu": bleu}, {"bleu": 2.5}),
        "demo_stories": made("demo_stories", {"bits_per_byte": bits}, {"bits_per_byte": 4.25}),
        "demo_squad": made("demo_squad", squad, never),
    }


def concluded(found, folder, capsys, monkeypatch):
    """What is printed, line by line, and whether it exits 1."""
    monkeypatch.delenv("COLUMNS", raising=False)
    for each in found.values():
        write(folder, each)
    code = 0
    try:
        demo.conclude(folder)
    except typer.Exit as ended:
        code = ended.exit_code
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()], code


def test_a_demo_that_reaches_everything_shows_each_score_beside_that_of_no_model(tmp_path, capsys, monkeypatch):
    lines, code = concluded(world(), tmp_path, capsys, monkeypatch)

    assert code == 0
    assert [line for line in lines if not line.startswith("━")] == [
        "task ┃ number ┃ score ┃ without a model ┃ must reach ┃",
        "demo_reviews │ accuracy │ 75.0 │ 50.0 │ 60.0 │ reached",
        "demo_answers │ accuracy │ 60.0 │ 50.0 │ 60.0 │ reached",
        "demo_similarity │ pearson │ 50.0 │ undefined │ 50.0 │ reached",
        "demo_translation │ bleu │ 7.5 │ 2.5 │ 7.5 │ reached",
        "demo_stories │ bits_per_byte │ 1.0 │ 4.2 │ 1.0 │ reached",
        "demo_squad │ f1 │ 40.0 │ 33.3 │ │",
        "demo_squad │ HasAns_f1 │ 20.0 │ 0.0 │ │",
    ]


@pytest.mark.parametrize(
    ("missed", "task"),
    [
        ({"reviews": 59.9}, "demo_reviews"),
        ({"answers": 50.0}, "demo_answers"),
        ({"pearson": 49.9}, "demo_similarity"),
        ({"pearson": None}, "demo_similarity"),
        ({"bleu": 7.4}, "demo_translation"),
        ({"bits": 1.1}, "demo_stories"),
        ({"bits": None}, "demo_stories"),
    ],
)
def test_a_demo_that_misses_a_goal_exits_1_and_names_the_task(missed, task, tmp_path, capsys, monkeypatch):
    lines, code = concluded(world(**missed), tmp_path, capsys, monkeypatch)

    assert code == 1
    assert lines[-1] == f"not reached: {task}"


def test_a_task_without_a_result_has_not_reached_its_goal(tmp_path, capsys, monkeypatch):
    found = world()
    del found["demo_answers"]

    lines, code = concluded(found, tmp_path, capsys, monkeypatch)

    assert code == 1
    assert "demo_answers │ accuracy │ undefined │ undefined │ 10.0 │ not reached" in lines
    assert lines[-1] == "not reached: demo_answers"


@pytest.mark.parametrize("f1", [33.3, 20.0])
def test_question_answering_that_does_not_beat_never_answering_is_said_and_costs_nothing(
    f1, tmp_path, capsys, monkeypatch
):
    lines, code = concluded(world(f1=f1), tmp_path, capsys, monkeypatch)

    assert code == 0
    assert lines[-1] == ("demo_squad: the model does not beat answering `unanswerable` to every question (F1 33.3)")


def test_the_goals_are_those_of_tasks_in_the_demos_suite():
    from hf_suite.config import read_suite

    assert [*demo.WANTED, *demo.BESIDE] == list(read_suite("demo").tasks)
