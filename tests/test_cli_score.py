"""`hf-suite score` as a user meets it: what is printed beside the scores, and what is refused."""

import json
import math
from pathlib import Path

import pytest
from refusing import refused

from hf_suite.cli.score import score
from hf_suite.errors import ConfigError

TASK = """\
name: moods
kind: classification
version: 1
source: {path: made/up, subset: default, train: train, eval: [validation], rows: {validation: 6}}
columns: {text: text, label: label}
labels: [sad, glad]
metrics: [accuracy, f1]
headline: accuracy
"""

WORDS = """\
name: words
kind: translation
version: 1
source: {path: made/words, subset: en-de, eval: [test]}
columns: {source: both.en, target: both.de}
languages: {source: en, target: de}
metrics: [ter, exact_match]
headline: ter
"""

MODULE = """\
import datasets
import evaluate

class Wrong(evaluate.Metric):
    def _info(self):
        value = datasets.Value("string")
        features = datasets.Features({"predictions": value, "references": value})
        return evaluate.MetricInfo(description="", citation="", features=features)

    def _compute(self, predictions, references):
        return {"wrong": sum(p != r for p, r in zip(predictions, references))}
"""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A task of four rows, two of them answered right, with its data in a mirror; the folder is the current one."""
    monkeypatch.delenv("HF_SUITE_MIRROR", raising=False)
    monkeypatch.chdir(tmp_path)
    Path("moods.yaml").write_text(TASK)
    rows = [{"text": f"text {number}", "label": label} for number, label in enumerate([0, 0, 0, 1])]
    folder = tmp_path / "mirror" / "made" / "up" / "default"
    folder.mkdir(parents=True)
    (folder / "validation.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    Path("mine.csv").write_text("row,answer\n0,sad\n1,glad\n2,glad\n3,glad\n")
    return tmp_path


def test_scores_stand_beside_those_of_the_best_constant_answer(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    score(Path("mine.csv"), task="moods.yaml", mirror=[Path("mirror")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "moods validation, 4 rows"
    assert [line.replace("│", " ").split() for line in lines[3:]] == [
        ["accuracy", "50.0000", "75.0000", "percent"],
        ["f1", "50.0000", "0.0000", "percent"],
        ["caveat:", "validation:", "4", "of", "6", "rows"],
    ]


def test_json_holds_all_that_is_known(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    score(
        Path("mine.csv"), ["moods.yaml", "task.metrics=[f1]", "task.headline=f1"], mirror=[Path("mirror")], as_json=True
    )
    assert json.loads(capsys.readouterr().out) == {
        "task": "moods",
        "split": "validation",
        "rows": 4,
        "scores": {"f1": 50.0},
        "baseline": {"f1": 40.0},
        "units": {"f1": ["percent", "higher"]},
        "signatures": {},
        "counts": {},
        "caveats": ["validation: 4 of 6 rows"],
    }


def test_a_translation_is_scored_from_lines_with_what_made_the_scores(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("words.yaml").write_text(WORDS)
    rows = [{"both": {"en": "a dog", "de": "ein Hund"}}, {"both": {"en": "a cat", "de": "eine Katze"}}]
    folder = world / "mirror" / "made" / "words" / "en-de"
    folder.mkdir(parents=True)
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    Path("mine.txt").write_text("ein Hund\n\n")
    score(Path("mine.txt"), task="words.yaml", mirror=[Path("mirror")])
    lines = [" ".join(line.replace("│", " ").split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "words test, 2 rows"
    assert lines[1] == "number ┃ score ┃ copied source ┃ unit"
    assert lines[3:] == [
        "ter 50.0000 100.0000 percent",  # two of four words are missing
        "exact_match 50.0000 0.0000 percent",
        "ter: nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:2.6.0",
        "exact_match: nrefs:1|case:mixed|norm:nfc|space:one",
        "noticed: length_ratio 0.4444, empty_answers 1, copied_answers 0, repeating_answers 0",
    ]


KINDS = {
    "summarization": {"columns": "{source: en, target: de, references: more}", "metrics": "[rouge]"},
    "text2text": {"columns": "{source: en, target: de}", "metrics": "[exact_match, token_f1, cer]"},
    "language_modeling": {"columns": "{text: en}", "metrics": "[bits_per_byte, word_perplexity, perplexity]"},
}


@pytest.mark.parametrize(
    ("kind", "file", "said", "expected"),
    [
        # Two of two and one of two words of the best reference; of its pairs of words one of one and none of one.
        ("summarization", "a.txt", "ein Hund\neine\n",
         {"rouge1": (100 + 200 / 3) / 2, "rouge2": 50.0, "rougeL": (100 + 200 / 3) / 2,
          "rougeLsum": (100 + 200 / 3) / 2, "rouge1_mean": (75 + 200 / 3) / 2, "rouge2_mean": 25.0,
          "rougeL_mean": (75 + 200 / 3) / 2, "rougeLsum_mean": (75 + 200 / 3) / 2}),
        # " Katze" lacks, of 18 characters.
        ("text2text", "a.csv", "row,answer\n0,ein Hund\n1,eine\n",
         {"exact_match": 50.0, "token_f1": (100 + 200 / 3) / 2, "cer": 600 / 18}),
        # 10 bytes, 4 words and 5 tokens cost 10 ln 2 nats: a bit a byte.
        ("language_modeling", "a.json",
         f'{{"0": {{"nll": {4 * math.log(2)}, "tokens": 2}}, "1": {{"nll": {6 * math.log(2)}, "tokens": 3}}}}',
         {"bits_per_byte": 1.0, "word_perplexity": 2 ** 2.5, "perplexity": 4.0}),
        ("language_modeling", "a.jsonl",
         f'{{"row": 0, "answer": {4 * math.log(2)}}}\n{{"row": 1, "answer": {6 * math.log(2)}}}\n',
         {"bits_per_byte": 1.0, "word_perplexity": 2 ** 2.5, "perplexity": None}),
    ],
)  # fmt: skip
def test_every_kind_of_text_is_scored_from_a_file(
    world: Path, capsys: pytest.CaptureFixture[str], kind: str, file: str, said: str, expected: dict[str, float]
) -> None:
    facts = KINDS[kind]
    Path("own.yaml").write_text(
        f"name: own\nkind: {kind}\nversion: 1\nsource: {{path: made/words, subset: default, eval: [test]}}\n"
        f"columns: {facts['columns']}\nmetrics: {facts['metrics']}\nheadline: {next(iter(expected))}\n"
    )
    rows = [{"en": "a dog", "de": "ein Hund", "more": ["der Hund"]}, {"en": "a cat", "de": "eine Katze", "more": []}]
    folder = world / "mirror" / "made" / "words" / "default"
    folder.mkdir(parents=True)
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    Path(file).write_text(said)

    score(Path(file), task="own.yaml", mirror=[Path("mirror")], as_json=True)

    assert json.loads(capsys.readouterr().out)["scores"] == pytest.approx(expected)


def test_a_metric_of_the_users_own_is_computed_with_consent(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("wrong.py").write_text(MODULE)
    words = ["task.metrics=[accuracy, {name: 'evaluate:wrong.py', unit: rows, better: lower}]"]
    with pytest.raises(ConfigError) as error:
        score(Path("mine.csv"), words, task="moods.yaml", mirror=[Path("mirror")])
    assert str(error.value) == "evaluate:wrong.py: runs code of its own; say --allow-code if you trust it"
    score(Path("mine.csv"), words, task="moods.yaml", mirror=[Path("mirror")], allow_code=True, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert (found["scores"], found["units"]["wrong"]) == ({"accuracy": 50.0, "wrong": 2.0}, ["rows", "lower"])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("0,sad\n1,happy\n2,glad\n3,glad\n",
         "mine.csv line 3: answer 'happy' is no label; write one of: sad, glad"),
        ("0,sad\n1,sad\n2,glad\n3,glad\n4,glad\n5,sad\n",
         "mine.csv: 2 unknown row ids (4, 5); give one answer for each row of the split that is scored"),
        ("0,sad\n1,sad\n2,glad\n",
         "mine.csv: 1 of 4 rows without an answer (3); give one answer for each row of the split that is scored"),
        ("0,sad\n1,sad\n1,glad\n3,glad\n",
         "mine.csv line 4: row '1' stands twice; keep one answer for each row"),
    ],
)  # fmt: skip
def test_a_predictions_file_of_other_labels_or_other_rows_is_refused(
    world: Path, capsys: pytest.CaptureFixture[str], rows: str, message: str
) -> None:
    Path("mine.csv").write_text("row,answer\n" + rows)
    words = ["score", "mine.csv", "--task", "moods.yaml", "--mirror", "mirror"]

    assert refused(capsys, *words) == message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "score: no task is named; say --task NAME; `hf-suite tasks` lists them"),
        (
            ["moods.yaml", "train.epochs=3"],
            "train: says nothing about a score; write task.KEY=VALUE for what differs from the task's file",
        ),
        (
            ["moods.yaml", "task.source.eval=[a, b]"],
            "moods: it has 2 eval splits; say --split with one of: a, b",
        ),
        (["moods.yaml", "task.source.eval=[]"], "moods: it has 0 eval splits; say --split NAME"),
    ],
)
def test_what_does_not_say_what_to_score_is_refused(world: Path, words: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        score(Path("mine.csv"), words, mirror=[Path("mirror")])
    assert str(error.value) == message
