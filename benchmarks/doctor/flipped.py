"""SST-2 rows of which one label in twenty is flipped: `python benchmarks/doctor/flipped.py FILE.csv` writes them."""

import csv
import random
import sys
from pathlib import Path

from hf_suite import data
from hf_suite import spec as specs

ROWS, SHARE = 4_000, 0.05


def write(path: Path) -> set[int]:
    """Writes the rows as a CSV of text and label; gives the numbers of those whose label is wrong."""
    spec = specs.read("sst2")
    rows = data.rows(spec, "train").rows
    long = [row for row in range(len(rows)) if len(rows[row]["text"].split()) >= 8]  # SST-2 has many fragments
    chosen = random.Random("sst2 rows").sample(long, ROWS)
    flipped = set(random.Random("sst2 flips").sample(range(ROWS), round(SHARE * ROWS)))
    other = dict(zip(spec.labels, reversed(spec.labels), strict=True))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["text", "label"])
        for number, row in enumerate(chosen):
            label = rows[row]["label"]
            writer.writerow([rows[row]["text"].strip(), other[label] if number in flipped else label])
    return flipped


if __name__ == "__main__":
    write(Path(sys.argv[1]))
