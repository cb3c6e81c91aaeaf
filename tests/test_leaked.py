"""Rows to score whose texts stand in train: told, counted, and the score given without them, in a run and in eval."""

import json
from pathlib import Path

import ailing
from bad_files import csv, write
from command import said

from hf_suite import record


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
