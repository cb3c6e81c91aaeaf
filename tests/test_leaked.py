"""Rows to score whose texts stand in train: told, counted, and the score given without them, in a run and in eval."""

import json
from pathlib import Path

import ailing
import world
from bad_files import csv, write
from command import said

import hf_suite
from hf_suite import record, schema, split


def test_the_score_without_rows_that_leak_stands_beside(tmp_path, monkeypatch, capsys, tiny_checkpoint):
    monkeypatch.chdir(tmp_path)
    words = ailing.texts(60)
    write("reviews.csv", csv([(text, ailing.LABELS[at % 2]) for at, text in enumerate(words[:40])]))
    write("later.csv", csv([(words[2].upper(), "good"), *((text, "bad") for text in words[40:50])]))
    model = ["--model", tiny_checkpoint("bert"), "-o", "run", "--json"]
    short = ["device=cpu", "max_length=32", "train.max_steps=2", "train.batch_size=8", "lora.rank=2", "tune=null"]

    code, out, err = said(capsys, "train", "--data", "reviews.csv", "data.eval=later.csv", *model, *short)

    assert code == 0, err
    assert "✘ 1 of 11 rows (9.1 %) of eval leak: their texts stand in train (case and spaces aside)" in err
    found = json.loads(out)
    lines = {line["row"]: line for line in record.read_answers(Path("run/answers.parquet"))}
    others = [lines[row]["answer"] == "bad" for row in range(1, 11)]
    assert found["counts"]["eval"]["leaked"] == 1
    assert found["unleaked"]["eval"]["accuracy"] == 100 * sum(others) / 10
    (caveat,) = [one for one in found["caveats"] if "stand in train" in one]
    assert caveat.startswith("eval: 1 of 11 rows stand in train too; without them ")
    write("others.csv", csv([(words[2], "good"), (words[3] + " ", "bad"), (words[55], "good"), (words[56], "bad")]))
    other = json.loads(said(capsys, "eval", "run", "--data", "others.csv", "--json")[1])
    assert (other["counts"]["eval"]["leaked"], other["rows"]) == (2, {"eval": 4})
    again = json.loads(said(capsys, "eval", "run", "--json")[1])
    assert (again["unleaked"], caveat in again["caveats"]) == (found["unleaked"], True)


def test_of_another_task_and_of_other_rows_those_are_told_that_a_run_of_a_mirror_learnt(
    small_world, tiny_checkpoint, tmp_path
):
    """Of three rows the first is one of the 20 that were learnt; the second is of train, and behind the limit."""
    run, mirror = tmp_path / "run", (str(small_world.mirror),)
    hf_suite.run(world.run_config(small_world, "reviews", tiny_checkpoint("bert"), output=str(run), limit=20))
    texts = [json.loads(line)["sentence"] for line in _train(small_world).read_text().splitlines()]
    learnt = split.first(len(texts), 20, "reviews").tolist()
    unknown = next(text for at, text in enumerate(texts) if text not in {texts[row] for row in learnt})
    rows = [texts[learnt[0]].upper(), unknown, "nobody ever wrote this"]
    file = world.write_rows(tmp_path / "more.jsonl", [{"sentence": text, "label": "positive"} for text in rows])
    source = {"path": "more", "subset": None, "train": None, "eval": ["test"], "files": {"test": [str(file)]}}
    other = tmp_path / "more.yaml"
    other.write_text(schema.dump_yaml({**world.task("reviews"), "name": "more", "source": source}), "utf-8")

    of_task = hf_suite.evaluate_run(run, task=str(other), mirrors=mirror)
    of_rows = hf_suite.evaluate_run(run, data=str(file), mirrors=mirror)

    assert (of_task.counts["test"]["leaked"], of_task.rows) == (1, {"test": 3})
    assert "test: 1 of 3 rows stand in train too; without them accuracy" in " ".join(of_task.caveats)
    assert (of_rows.counts["eval"]["leaked"], of_rows.unleaked["eval"]) == (1, of_task.unleaked["test"])


def test_what_a_run_learnt_and_is_nowhere_at_hand_is_not_asked_of_the_hub(small_world, tiny_checkpoint, tmp_path):
    run = tmp_path / "run"
    hf_suite.run(world.run_config(small_world, "reviews", tiny_checkpoint("bert"), output=str(run)))
    rows = [{"sentence": json.loads(line)["sentence"], "label": "positive"}
            for line in _train(small_world).read_text().splitlines()[:2]]  # fmt: skip

    found = hf_suite.evaluate_run(run, data=str(world.write_rows(tmp_path / "more.jsonl", rows)))

    assert "leaked" not in found.counts["eval"]


def _train(small_world):
    return small_world.mirror / "own" / "reviews" / "default" / "train.jsonl"
