"""A bench does what is missing, and records what fails."""

import shutil

import benching
import pytest
import world
from benching import done, made, results, suite

from hf_suite.errors import RunError
from hf_suite.record import read_json
from hf_suite.report.cells import collect
from hf_suite.suite import bench


@pytest.fixture
def own(tmp_path, tiny_checkpoint):
    return benching.make(tmp_path, tiny_checkpoint("bert"))


def test_each_cell_is_done_once(own):
    first, told = done(own, "reviews", "questions")
    before = made(own)
    second, told_again = done(own, "reviews", "questions")

    assert told == [("reviews", "begun"), ("reviews", "done"), ("questions", "begun"), ("questions", "done")]
    assert told_again == [("reviews", "kept"), ("questions", "kept")]
    assert [folder.parts[0] for folder in first.done] == ["reviews", "questions"]
    assert (first.done, first.failed, first.skipped) == (second.done, second.failed, second.skipped)
    assert made(own) == before


def test_another_seed_is_another_folder_beside_it(own):
    done(own, "reviews", seeds=[0])
    outcome, told = done(own, "reviews", seeds=[0, 1])

    assert told == [("reviews", "kept"), ("reviews", "begun"), ("reviews", "done")]
    assert [folder.name for folder in outcome.done] == ["seed-0", "seed-1"]
    assert outcome.done[0].parent == outcome.done[1].parent


def test_a_bench_says_what_it_set_out_to_do(own, tmp_path):
    shutil.rmtree(own.mirror / "own" / "likeness")

    outcome, _ = done(own, "reviews", "likeness")

    said = read_json(tmp_path / "bench" / "bench.json")
    assert said["suite"] == "suite"
    assert said["cells"] == [
        {
            "folder": str(outcome.done[0]),
            "task": "reviews",
            "model": "bert",
            "config": str(tmp_path / "short.yaml"),
            "seed": 0,
            "sweep": "",
            "trial": {},
        }
    ]
    assert said["skipped"].keys() == outcome.skipped.keys() == {"likeness"}


def test_cells_of_another_model_stay_in_the_plan_of_the_folder(own, tmp_path, tiny_checkpoint):
    shutil.copytree(tiny_checkpoint("gpt2"), tmp_path / "gpt2")

    done(own, "reviews")
    done(own, "reviews", models=("gpt2",))

    cells = read_json(tmp_path / "bench" / "bench.json")["cells"]
    assert [cell["folder"].split("/")[1] for cell in cells] == ["gpt2", "bert"]


def test_the_table_can_be_read_while_the_bench_runs(own, tmp_path):
    seen = []

    def watch(cell, state, progress):
        if state == "begun":
            seen.append([(found.task, found.state) for found in collect(tmp_path / "bench")])

    models, mirrors = [str(tmp_path / "bert")], [str(own.mirror)]
    bench(suite(own, "reviews", "likeness"), models=models, output=tmp_path / "bench", mirrors=mirrors, watch=watch)

    assert seen == [
        [("reviews", "planned"), ("likeness", "planned")],
        [("reviews", "done"), ("likeness", "planned")],
    ]


# Cells that fail


def test_a_cell_that_fails_is_recorded_and_the_others_go_on(own, tmp_path):
    rows = [{"sentence": "the song was fine", "label": "lovely"}]
    world.write_rows(own.mirror / "own" / "reviews" / "default" / "validation.jsonl", rows)

    outcome, told = done(own, "reviews", "likeness")

    reason = (
        "reviews validation row 0: label 'lovely' is not one of negative, positive; write the data's label names as "
        "task.labels=[...]"
    )
    ((folder, said),) = outcome.failed.items()
    assert said == reason
    assert read_json(tmp_path / "bench" / folder / "failure.json") == {"reason": reason, "traceback": None}
    assert told == [("reviews", "begun"), ("reviews", "failed"), ("likeness", "begun"), ("likeness", "done")]


MODULE = """\
import datasets
import evaluate


class Own(evaluate.Metric):
    def _info(self):
        value = datasets.Value("string")
        features = datasets.Features({"predictions": value, "references": value})
        return evaluate.MetricInfo(description="", citation="", features=features)

    def _compute(self, predictions, references):
        return {"own": NUMBER}
"""


def own_metric(own, number):
    """What the suite says of a task that is scored by a metric of the user's own as well."""
    file = own.mirror.parent / "own.py"
    file.write_text(MODULE.replace("NUMBER", number))
    return {"task.metrics": ["accuracy", f"evaluate:{file}"]}


def test_a_bug_in_one_cell_is_kept_with_its_traceback_and_costs_no_other(own, tmp_path):
    differs = {"reviews": own_metric(own, "1 / 0")}

    outcome, _ = done(own, "reviews", "likeness", differs=differs, allow_code=True)

    ((folder, reason),) = outcome.failed.items()
    assert reason == "ZeroDivisionError: division by zero"
    assert read_json(tmp_path / "bench" / folder / "failure.json")["traceback"].startswith("Traceback (most recent")
    assert results(own).keys() == {"likeness"}


def test_a_cell_that_failed_is_tried_again_and_its_failure_forgotten(own, tmp_path):
    differs = {"reviews": own_metric(own, "1 / 4")}

    refused, _ = done(own, "reviews", differs=differs)
    allowed, told = done(own, "reviews", differs=differs, allow_code=True)

    ((folder, reason),) = refused.failed.items()
    assert reason == f"evaluate:{tmp_path / 'own.py'}: runs code of its own; say --allow-code if you trust it"
    assert (allowed.done, allowed.failed) == ([folder], {})
    assert told == [("reviews", "begun"), ("reviews", "done")]
    assert results(own)["reviews"].scores["validation"]["own"] == 0.25
    assert not (tmp_path / "bench" / folder / "failure.json").exists()


def test_a_task_whose_rows_turn_out_to_be_absent_is_skipped_and_not_failed(own, tmp_path):
    world.write_task(own.tasks["reviews"].parent, "reviews", source={"revision": "0" * 40})
    (own.mirror / "own" / "reviews" / "default" / "train.jsonl").unlink()

    outcome, told = done(own, "reviews", "likeness")

    assert told == [("reviews", "begun"), ("reviews", "skipped"), ("likeness", "begun"), ("likeness", "done")]
    assert outcome.failed == {}
    assert outcome.skipped["reviews"].startswith("own/reviews/default: split train is not at hand: ")
    assert read_json(tmp_path / "bench" / "bench.json")["skipped"] == outcome.skipped


def test_a_task_whose_source_turns_out_to_be_absent_is_skipped_too(own):
    world.write_task(own.tasks["pairs"].parent, "pairs", source={"revision": "0" * 40})
    (own.mirror / "own" / "pairs" / "default" / "train.jsonl").unlink()

    outcome, told = done(own, "entailed")

    assert told == [("pairs", "begun"), ("pairs", "skipped"), ("entailed", "begun"), ("entailed", "skipped")]
    assert outcome.skipped["entailed"] == f"pairs: {outcome.skipped['pairs']}"


# Tasks that others' runs answer


def test_a_task_is_answered_by_the_run_of_its_source(own):
    outcome, _ = done(own, "entailed")

    found = results(own)
    (run,) = found["entailed"].lineage
    assert [folder.parts[0] for folder in outcome.done] == ["pairs", "entailed"]
    assert (run["task"], run["id"], run["seed"]) == ("pairs", found["pairs"].id, 0)
    assert found["entailed"].caveats == [
        "unpinned",
        "from the run of pairs: unpinned",
        "from the run of pairs: max_steps 3",
    ]
    assert found["entailed"].rows == {"validation": 24}


def test_what_the_suite_says_of_an_answered_task_counts(own):
    done(own, "entailed", differs={"entailed": {"eval_limit": 10, "task.metrics": ["accuracy", "f1"]}})

    found = results(own)["entailed"]
    assert found.rows == {"validation": 10}
    assert list(found.scores["validation"]) == ["accuracy", "f1"]


def test_a_source_whose_model_is_gone_is_trained_again_and_answers_the_same(own, tmp_path):
    done(own, "entailed")
    before = results(own)["entailed"]
    pairs = next((tmp_path / "bench" / "pairs").rglob("model"))
    entailed = next((tmp_path / "bench" / "entailed").rglob("seed-0"))
    shutil.rmtree(pairs)
    shutil.rmtree(entailed)

    _, told = done(own, "entailed")

    after = results(own)["entailed"]
    assert told == [("pairs", "kept"), ("entailed", "begun"), ("entailed", "done")]
    assert (after.id, after.scores, after.lineage) == (before.id, before.scores, before.lineage)
    assert (pairs.is_dir(), (tmp_path / "bench" / ".sources").exists()) == (False, False)


def test_a_task_whose_source_failed_fails_with_that_reason(own):
    world.write_rows(own.mirror / "own" / "pairs" / "default" / "train.jsonl", [
        {"premise": "one man is here", "hypothesis": "a man is here", "label": "neutral"}
    ] * 2)  # fmt: skip

    outcome, _ = done(own, "entailed")

    source, answered = outcome.failed
    assert [source.parts[0], answered.parts[0]] == ["pairs", "entailed"]
    assert outcome.failed[answered] == f"{source}: the run that this task needs has failed; see its failure.json"


def test_an_output_that_is_a_file_is_refused(own, tmp_path):
    (tmp_path / "bench").write_text("")

    with pytest.raises(RunError) as e:
        done(own, "reviews")

    assert str(e.value) == (f"{tmp_path / 'bench'}: {tmp_path / 'bench'} is a file; give another folder with --output")
