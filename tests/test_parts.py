"""The parts of a run: cut, limited, and every deviation from the published rows said."""

import json

import datasets
import huggingface_hub
import pyarrow.parquet
import pytest

from hf_suite import schema
from hf_suite.config import RunConfig
from hf_suite.errors import ConfigError, DataError, MissingData
from hf_suite.parts import parts
from hf_suite.spec import TaskSpec

COMMIT = "0123456789" * 4
REVIEWS = {
    "name": "reviews",
    "kind": "classification",
    "version": 1,
    "source": {
        "path": "own/reviews",
        "subset": "plain",
        "revision": COMMIT,
        "train": "train",
        "eval": ["validation"],
        "rows": {"train": 40, "validation": 10},
    },
    "columns": {"text": "sentence", "label": "label"},
    "labels": ["negative", "positive"],
    "metrics": ["accuracy"],
    "headline": "accuracy",
}
QUESTIONS = {
    "name": "questions",
    "kind": "question_answering",
    "version": 1,
    "source": {
        "path": "own/questions",
        "subset": "plain",
        "revision": COMMIT,
        "train": "train",
        "eval": ["validation"],
    },
    "columns": {"id": "id", "title": "title", "question": "q", "context": "c", "answers": "answers"},
    "metrics": ["squad_v2"],
    "headline": "f1",
    "unanswerable": True,
}


@pytest.fixture(autouse=True)
def nothing_but_the_test(monkeypatch, tmp_path):
    monkeypatch.delenv("HF_SUITE_MIRROR", raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def mirror(tmp_path):
    """40 train and 10 validation reviews by 8 authors; 60 train and 20 validation questions on 6 titles."""
    for split, many in (("train", 40), ("validation", 10)):
        write(tmp_path, "own/reviews", split, [review(number) for number in range(many)])
    for split, many in (("train", 60), ("validation", 20)):
        write(tmp_path, "own/questions", split, [question(number) for number in range(many)])
    return tmp_path


def review(number):
    label = "positive" if number % 3 else "negative"
    return {"sentence": f"review {number}", "label": label, "author": number % 8}


def question(number):
    answers = {"text": ["here"], "answer_start": [0]} if number % 2 else {"text": [], "answer_start": []}
    return {"id": f"q{number}", "title": f"t{number % 6}", "q": "where?", "c": "here", "answers": answers}


def write(mirror, path, split, rows):
    file = mirror / path / "plain" / f"{split}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def made(mirror, base=REVIEWS, task=None, needs_eval=True, **config):
    spec = schema.build(TaskSpec, schema.merged(base, task or {}), "test")
    keys = {"task": spec.name, "model": "m", "mirror": [str(mirror)], **config}
    return parts(spec, schema.build(RunConfig, keys, "test"), needs_eval=needs_eval)


def refusal(mirror, *arguments, kind=DataError, **keywords):
    with pytest.raises(kind) as caught:
        made(mirror, *arguments, **keywords)
    return str(caught.value)


def test_the_published_rows_of_a_pinned_task_have_no_caveat(mirror):
    found = made(mirror)
    assert (len(found.train.rows), found.tune, len(found.eval["validation"].rows)) == (40, None, 10)
    assert found.train.rows.column_names == ["row", "text", "label"]
    assert found.caveats == []


def test_fewer_rows_and_no_revision_are_caveats(mirror):
    task = {"source": {"revision": None, "rows": {"train": 67349, "validation": 9}}}
    assert made(mirror, task=task).caveats == [
        "unpinned",
        "train: 40 of 67,349 rows",
        "validation: 10 rows, where 9 are published",
    ]


def test_limits_take_the_same_rows_for_every_seed_and_are_nested(mirror):
    small = made(mirror, limit=10, eval_limit=5)
    again = made(mirror, limit=10, eval_limit=5, seed=7)
    larger = made(mirror, limit=25)
    rows = set(small.train.rows["row"])
    assert len(rows) == 10
    assert rows == set(again.train.rows["row"])
    assert rows < set(larger.train.rows["row"])
    assert rows != set(range(10))
    assert small.caveats == ["limit 10", "eval_limit 5"]
    assert (small.train.total, len(small.eval["validation"].rows)) == (40, 5)


def test_a_limit_beyond_the_rows_is_no_caveat(mirror):
    assert made(mirror, limit=40, eval_limit=100).caveats == []


def test_tune_is_cut_off_the_train_rows_after_the_limit(mirror):
    found = made(mirror, limit=20, tune={"share": 0.25})
    train, tune = set(found.train.rows["row"]), set(found.tune.rows["row"])
    assert (len(train), len(tune)) == (15, 5)
    assert train | tune == set(made(mirror, limit=20).train.rows["row"])


def test_of_tune_rows_cut_anew_a_limit_leaves_the_share_that_it_leaves_of_train(mirror):
    """15 of 20 train rows are 75 %, and so are 7.5 of 10 tune rows, rounded up; which rows are tune stays."""
    split = {"of": "train", "shares": {"train": 0.5, "tune": 0.25, "eval": 0.25}}
    whole, few = made(mirror, split=split), made(mirror, split=split, limit=15)

    assert [len(part.rows) for part in (whole.train, whole.tune, whole.eval["eval"])] == [20, 10, 10]
    assert [len(part.rows) for part in (few.train, few.tune, few.eval["eval"])] == [15, 8, 10]
    assert set(few.tune.rows["row"]) < set(made(mirror, split=split, limit=17).tune.rows["row"])
    assert set(few.tune.rows["row"]) < set(whole.tune.rows["row"])
    assert few.caveats == ["rows cut anew from train", "limit 15", "tune: 8 of 10 rows, limited as train is"]
    assert made(mirror, split=split, limit=20).caveats == ["rows cut anew from train"]


def test_tune_by_group_keeps_each_group_on_one_side(mirror):
    found = made(mirror, tune={"share": 0.25, "group": "author"})
    authors = [{row % 8 for row in part.rows["row"]} for part in (found.train, found.tune)]
    assert (len(authors[0]), len(authors[1])) == (6, 2)
    assert not authors[0] & authors[1]
    assert found.train.rows.column_names == ["row", "text", "label"]


def test_a_kind_with_something_to_fit_gets_a_tenth_by_title_unasked(mirror):
    found = made(mirror, QUESTIONS)
    titles = [set(part.rows["title"]) for part in (found.train, found.tune)]
    assert (len(found.train.rows), len(found.tune.rows)) == (50, 10)
    assert not titles[0] & titles[1]
    assert made(mirror, QUESTIONS, task={"unanswerable": False}).tune is None
    assert made(mirror, QUESTIONS, train=None).tune is None


def test_without_training_no_train_rows_are_needed(mirror):
    (mirror / "own/reviews/plain/train.jsonl").unlink()
    found = made(mirror, train=None)
    assert found.train is None
    assert len(found.eval["validation"].rows) == 10
    text = refusal(mirror, kind=MissingData)
    assert text.startswith("own/reviews/plain: split train is not at hand: ")


def test_one_missing_eval_split_of_several_is_a_caveat_and_none_left_an_error(mirror):
    task = {"source": {"eval": ["validation", "mismatched"]}}
    found = made(mirror, task=task)
    assert list(found.eval) == ["validation"]
    assert found.caveats == ["eval split mismatched is missing"]
    (mirror / "own/reviews/plain/validation.jsonl").unlink()
    text = refusal(mirror, task=task, kind=MissingData)
    assert text.startswith("own/reviews/plain: split validation is not at hand: ")
    assert made(mirror, task=task, needs_eval=False).eval == {}


def test_a_task_without_an_eval_split_can_be_trained_for_another_but_not_scored(mirror):
    task = {"source": {"eval": []}}
    assert refusal(mirror, task=task) == (
        "reviews: the task has no eval split left; name one as task.source.eval=[...], or cut one with split"
    )
    assert len(made(mirror, task=task, needs_eval=False).train.rows) == 40


def test_a_split_is_cut_anew_by_group(mirror):
    (mirror / "own/questions/plain/train.jsonl").unlink()
    write(mirror, "own/questions", "validation", [question(number) for number in range(60)])
    shares = {"train": 0.5, "tune": 1 / 6, "eval": 1 / 3}
    found = made(mirror, QUESTIONS, split={"of": "validation", "shares": shares, "group": "title"})
    three = [found.train, found.tune, found.eval["validation"]]
    titles = [set(part.rows["title"]) for part in three]
    assert [len(part.rows) for part in three] == [30, 10, 20]
    assert not titles[0] & titles[1]
    assert not titles[0] & titles[2]
    assert not titles[1] & titles[2]
    assert {part.total for part in three} == {60}
    assert found.caveats == ["rows cut anew from validation by title"]


def test_the_eval_part_of_the_train_split_is_named_eval(mirror):
    found = made(mirror, split={"of": "train", "shares": {"train": 0.75, "eval": 0.25}})
    assert {name: len(part.rows) for name, part in found.eval.items()} == {"eval": 10, "validation": 10}
    assert len(found.train.rows) == 30
    assert not set(found.train.rows["row"]) & set(found.eval["eval"].rows["row"])
    assert found.caveats == ["rows cut anew from train"]


def test_rows_of_an_eval_split_that_are_trained_on_are_not_scored(mirror):
    split = {"of": "validation", "shares": {"train": 1.0}}
    assert refusal(mirror, split=split) == (
        "reviews: the task has no eval split left; name one as task.source.eval=[...], or cut one with split"
    )


def test_cuts_that_contradict_themselves_are_refused(mirror):
    both = {"of": "train", "shares": {"train": 0.5, "tune": 0.5}}
    assert refusal(mirror, split=both, tune={"share": 0.1}, kind=ConfigError) == (
        "tune: split.shares has a part tune as well; keep one of the two"
    )
    assert refusal(mirror, split={"of": "train", "shares": {"eval": 0.5}}, kind=ConfigError) == (
        "split.shares: train is cut, but no part is train; give a share to train"
    )
    over = {"of": "train", "shares": {"train": 0.75, "eval": 0.5}}
    assert refusal(mirror, split=over, kind=ConfigError) == (
        "split.shares: they sum to 1.25; give positive shares with a sum of at most 1"
    )


def test_a_part_that_gets_no_rows_is_refused(mirror):
    assert refusal(mirror, limit=4, tune={"share": 0.1}) == (
        "reviews train: 4 rows leave none for tune; raise its share, or take more rows or groups"
    )
    write(mirror, "own/questions", "train", [question(number * 6) for number in range(9)])
    assert refusal(mirror, QUESTIONS) == (
        "questions train: 9 rows, grouped by title (1 in all), leave none for tune; "
        "raise its share, or take more rows or groups"
    )


def test_a_task_that_is_answered_by_another_ones_run_cannot_be_trained(mirror):
    assert refusal(mirror, task={"source": {"train": None}, "trained_on": "mnli"}) == (
        "reviews: the task has no train split; evaluate a run of mnli on it, or set train=null"
    )
    assert refusal(mirror, task={"source": {"train": None}}) == (
        "reviews: the task has no train split; name one as task.source.train=..., or set train=null"
    )


def test_train_rows_of_one_class_are_refused(mirror):
    write(mirror, "own/reviews", "train", [review(number) for number in (1, 2, 4)])
    assert refusal(mirror) == (
        "reviews train: all 3 train rows have the label 'positive'; raise limit, or give rows of another label too"
    )


def test_a_split_without_labels_is_refused_and_one_with_some_says_how_many_it_left_out(mirror):
    unlabelled = [review(number) | {"label": None} for number in range(3)]
    write(mirror, "own/reviews", "validation", unlabelled)
    assert refusal(mirror, task={"drop_unlabelled": True}, kind=MissingData) == (
        "reviews validation: none of the 3 rows has a label, so they can be answered but not scored; "
        "name a split with labels as task.source.eval=[...]"
    )
    write(mirror, "own/reviews", "validation", [*unlabelled, *(review(number) for number in range(7))])
    assert made(mirror, task={"drop_unlabelled": True}).caveats == ["validation: 3 rows without a label left out"]


def test_a_split_without_rows_is_refused(mirror):
    empty = pyarrow.table({"sentence": pyarrow.array([], "string"), "label": pyarrow.array([], "string")})
    pyarrow.parquet.write_table(empty, mirror / "own/reviews/plain/train.parquet")
    assert refusal(mirror) == (
        f"{mirror}/own/reviews/plain/train.parquet: the file has no rows; restore it, or remove it to look elsewhere"
    )
