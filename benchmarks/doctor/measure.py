"""What the doctor finds of what was planted, and what a million rows cost him; writes report.md beside this file.

    python benchmarks/doctor/measure.py [--flipped BENCH]

Needs the mirror with QNLI and SST-2 (HF_SUITE_MIRROR). BENCH is the folder of a bench of five folds on the rows that
`flipped.py` writes; without it that part of the report says how to make it.
"""

import argparse
import csv
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import flipped
import numpy
import pyarrow

from hf_suite import columns, data, doctor, schema
from hf_suite import spec as specs
from hf_suite.doctor import Part, Subject, mislabelled
from hf_suite.spec import TaskSpec

HERE = Path(__file__).parent
ROWS, PLANTED, MILLION = 5_000, 50, 1_000_000
_NOT_MEASURED = (
    "- by finetuned models: not measured; `python benchmarks/doctor/flipped.py flipped.csv`, "
    "`hf-suite bench --data flipped.csv split.folds=5 --model MODEL -o BENCH`, then `--flipped BENCH`"
)


def task() -> TaskSpec:
    source = {"path": "own", "train": "train"}
    facts = {"name": "own", "kind": "classification", "version": 1, "source": source, "labels": ["a", "b"]}
    facts |= {"columns": {"text": "text", "label": "label"}, "metrics": ["accuracy"], "headline": "accuracy"}
    return schema.build(TaskSpec, facts, "measure")


def subject(texts: list[str]) -> Subject:
    table = pyarrow.table({"text": texts, "label": ["a", "b"] * (len(texts) // 2) + ["a"] * (len(texts) % 2)})
    return Subject(
        "own.csv", task(), (Part("train", table, columns.as_written(table, task(), place="own", names=None)),)
    )


def sentences() -> list[str]:
    """Different sentences of 10 to 40 words of Wikipedia, those of QNLI."""
    found = data.rows(specs.read("qnli"), "train").rows["text_pair"][:]
    return list(dict.fromkeys(text for text in found if 10 <= len(text.split()) <= 40))


def edited(text: str, chance: random.Random, words: list[str]) -> str:
    """The text with at most one word in ten replaced, left out, swapped with the next, or misspelt."""
    parts = text.split()
    for _ in range(len(parts) // 10):
        at = chance.randrange(len(parts) - 1)
        how = chance.choice(("replace", "drop", "swap", "misspell"))
        if how == "replace":
            parts[at] = chance.choice(words)
        elif how == "drop":
            del parts[at]
        elif how == "swap":
            parts[at], parts[at + 1] = parts[at + 1], parts[at]
        else:
            place = chance.randrange(len(parts[at]) + 1)
            parts[at] = parts[at][:place] + chance.choice("abcdefghijklmnopqrstuvwxyz") + parts[at][place:]
    return " ".join(parts)


def planted(seed: int) -> tuple[int, int, list[tuple[str, str]]]:
    """Of 50 exact and 50 edited duplicates among 5,000 rows: those found, and the pairs that nobody planted."""
    chance = random.Random(f"planted {seed}")
    texts = chance.sample(sentences(), ROWS)
    words = " ".join(texts).split()
    twice = chance.sample(range(ROWS - 2 * PLANTED), 2 * PLANTED)
    places = chance.sample(range(ROWS - 2 * PLANTED, ROWS), 2 * PLANTED)
    for number, (source, place) in enumerate(zip(twice, places, strict=True)):
        same = texts[source].upper() if number % 2 else texts[source]
        texts[place] = same if number < PLANTED else edited(texts[source], chance, words)
    ill = subject(texts)
    first, near = ill.first_equal, ill.near.within
    exact = sum(int(first[place]) == source for source, place in zip(twice[:PLANTED], places[:PLANTED], strict=True))
    alike = sum(int(near[place]) == source for source, place in zip(twice[PLANTED:], places[PLANTED:], strict=True))
    others = [row for row in range(ROWS) if row not in places and (first[row] != row or near[row] != row)]
    return exact, alike, [(texts[row], texts[int(near[row])]) for row in others]


def million() -> tuple[float, float, float]:
    """Minutes of a whole report on a million short rows, the most memory in GB, and that before it began."""
    chance, words = random.Random("million"), [word for text in sentences() for word in text.split()]
    texts = [" ".join(chance.choices(words, k=chance.randint(6, 14))) for _ in range(MILLION)]
    ill = subject(texts)
    del texts
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    doctor.examine(ill)
    minutes = (time.perf_counter() - begun) / 60
    return minutes, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, before / 1e6


def flips(bench: Path) -> list[str]:
    """How many of the rows ranked first by a bench's models have a label that was flipped."""
    from hf_suite import suspecting

    wrong, _ = flipped_rows()
    ranked = [int(row) for _, row in suspecting.ranking(bench)]
    return [f"- {suspecting.suspect(bench).notes[0]}: {precision(ranked, wrong)}"]


def quick_flips() -> list[str]:
    """The same by the words alone, which takes seconds: TF-IDF and logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    wrong, rows = flipped_rows()
    given = numpy.array([row["label"] == "positive" for row in rows]).astype(int)
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit_transform(row["text"] for row in rows)
    judge = LogisticRegression(C=10, max_iter=500)
    found = cross_val_predict(judge, words, given, cv=5, method="predict_proba")
    right = 100 * (found.argmax(axis=1) == given).mean()
    ranked = mislabelled.ranked(found, given).tolist()
    found_first = precision(ranked, wrong)
    return [f"- by TF-IDF and logistic regression (accuracy {right:.1f} on the labels as flipped): {found_first}"]


def flipped_rows() -> tuple[set[int], list[dict[str, str]]]:
    with tempfile.TemporaryDirectory() as folder:
        wrong = flipped.write(Path(folder) / "flipped.csv")
        with (Path(folder) / "flipped.csv").open(encoding="utf-8", newline="") as file:
            return wrong, list(csv.DictReader(file))


def precision(ranked: list[int], wrong: set[int]) -> str:
    """`of the first 5 % (200 rows) 120 are flipped, 60.0 %`, for several shares."""
    said = []
    for share in (0.01, 0.05, 0.1):
        top = ranked[: round(share * len(ranked))]
        hit = sum(row in wrong for row in top)
        said.append(
            f"of the first {100 * share:g} % ({len(top):,} rows) {hit} are flipped, {100 * hit / len(top):.1f} %"
        )
    return "; ".join(said)


def report(bench: Path | None) -> str:
    lines = ["# What the doctor finds", "", "Made by `python benchmarks/doctor/measure.py`; nothing here is typed.", ""]
    lines += [f"## {PLANTED} exact and {PLANTED} edited duplicates planted among {ROWS:,} rows", ""]
    lines += [
        "Sentences of QNLI, 10 to 40 words; at most one word in ten is replaced, left out, swapped or misspelt.",
        "",
    ]
    lines += ["| draw | exact found | edited found | rows named that nobody planted |", "| --- | --- | --- | --- |"]
    strange: list[tuple[str, str]] = []
    for seed in range(3):
        exact, alike, others = planted(seed)
        alarms = f"{len(others)} ({100 * len(others) / ROWS:.2f} %)"
        lines.append(f"| {seed} | {exact} of {PLANTED} | {alike} of {PLANTED} | {alarms} |")
        strange += others
    said = f"All {len(strange)} that nobody planted are alike in the source itself or false alarms"
    least = sorted(doctor.likeness(*pair) for pair in strange)[:3]
    lines += ["", f"{said}; the least alike of them:", "", *(f"- {alike:.2f}" for alike in least)]
    done = subprocess.run([sys.executable, __file__, "--million"], capture_output=True, text=True, check=True)
    minutes, peak, before = map(float, done.stdout.split())
    load = os.getloadavg()[1]
    lines += ["", f"## {MILLION:,} short rows", "", "Random words of the same source, 6 to 14 a row; every check.", ""]
    lines += [f"- {minutes:.1f} minutes on one thread, at a load of {load:.1f} on {os.cpu_count()} cores"]
    lines += [f"- at most {peak:.2f} GB in memory, {before:.2f} GB of it before, for making and holding the rows"]
    lines += ["", f"## Labels flipped in {100 * flipped.SHARE:g} % of {flipped.ROWS:,} SST-2 rows, five folds", ""]
    lines += quick_flips() + (flips(bench) if bench is not None else [_NOT_MEASURED])
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flipped", type=Path)
    parser.add_argument("--million", action="store_true")
    said = parser.parse_args()
    if said.million:
        print(*million())
    else:
        (HERE / "report.md").write_text(report(said.flipped), "utf-8")
