"""TF-IDF with logistic regression: learns what words tell, says nothing where there is nothing to learn, is bounded."""

import pytest
import world
from datasets import Dataset
from results import result, write

import hf_suite
from hf_suite import bag_of_words, record
from hf_suite.cli.run import _show
from hf_suite.kinds import KINDS
from hf_suite.report.table import of_folder
from hf_suite.spec import TaskSpec

ONE, SEVERAL = TaskSpec(**world.task("reviews")), TaskSpec(**world.task("topics"))
TEXTS = ["a good film", "a sad book", "a good song", "a sad play"]


def rows(texts, labels):
    return Dataset.from_dict({"row": list(range(len(texts))), "text": texts, "label": labels})


def answers(spec, learnt, texts):
    found = learnt.evidence(rows(texts, [None] * len(texts)))
    return [KINDS["classification"].decide(evidence, {}, spec) for evidence in found.values()]


def test_two_labels_are_told_by_their_words():
    learnt = bag_of_words.learnt(ONE, rows(TEXTS * 5, ["positive", "negative"] * 10))

    assert answers(ONE, learnt, ["good good", "so sad"]) == ["positive", "negative"]


def test_three_labels_are_told_by_their_words_and_one_that_train_has_not_is_never_said():
    spec = TaskSpec(**world.task("pairs", labels=["a", "b", "c", "never"]))
    learnt = bag_of_words.learnt(spec, rows(["red", "green", "blue"] * 9, ["a", "b", "c"] * 9))

    assert answers(spec, learnt, ["green", "blue", "red"]) == ["b", "c", "a"]


@pytest.mark.parametrize(
    "labels", [[["who"], ["who", "where"], [], ["where"]], [["who"], [], ["who"], []], [["who"], ["who", "where"]] * 2]
)
def test_several_labels_are_told_each_by_itself(labels):
    texts = [" ".join(["it", *found]) for found in labels]
    learnt = bag_of_words.learnt(SEVERAL, rows(texts * 9, labels * 9))

    assert answers(SEVERAL, learnt, texts) == labels


def test_what_has_no_labels_no_words_or_one_label_alone_is_not_learnt():
    assert bag_of_words.learnt(TaskSpec(**world.task("likeness")), rows(TEXTS, [1.0] * 4)) is None
    assert bag_of_words.learnt(TaskSpec(**world.task("questions")), None) is None
    assert bag_of_words.learnt(ONE, rows(["?", "!"], ["positive", "negative"])) is None
    assert bag_of_words.learnt(ONE, rows(TEXTS, ["positive"] * 4)) is None


def test_a_run_has_its_scores_and_shows_them(small_world, tiny_checkpoint, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bag_of_words, "ROWS", 40)  # many rows are bounded
    config = world.run_config(small_world, "reviews", tiny_checkpoint("bert"), output=str(tmp_path / "run"))

    found = hf_suite.run(config)
    _show(found, tmp_path / "run", as_json=False)

    assert found.bag_of_words == {"validation": {"accuracy": 100.0}}  # a word of each review tells all
    assert found.events == ["TF-IDF with logistic regression learnt from 40 of 64 train rows"]
    out, err = capsys.readouterr()
    assert "TF-IDF + logistic" in out
    assert err.splitlines()[-1] == (
        f"next: hf-suite inspect {tmp_path}/run, or hf-suite predict {tmp_path}/run new.csv -o answers.csv"
    )
    lines = list(record.read_answers(tmp_path / "run" / "answers.parquet"))
    assert lines[0]["text"].startswith("the ")
    assert all(max(line["words"]["scores"], key=line["words"]["scores"].get) == line["reference"] for line in lines)


def test_a_model_as_it_is_has_none(small_world, tiny_checkpoint, tmp_path):
    model = tiny_checkpoint("bert", head="classification", labels=["negative", "positive"])
    config = world.run_config(small_world, "reviews", model, train=None, output=str(tmp_path / "run"))

    assert hf_suite.run(config).bag_of_words == {}


def test_what_words_alone_reach_stands_below_the_best_constant_answer(tmp_path):
    write(tmp_path, result(bag_of_words={"validation": {"matthews_correlation": 12.5}}))

    lines = of_folder(tmp_path).lines

    assert [(line.role, line.model) for line in lines[1:]] == [
        ("baseline", "best constant answer"),
        ("baseline", "TF-IDF + logistic"),
    ]
    assert lines[2].numbers[0].value == 12.5
