"""British pronunciations, from the word lists of the package misaki: rows to finetune a model of American ones on.

It makes data and trains nothing. `pip install --no-deps misaki==0.9.4`, then `python benchmarks/g2p.py FOLDER` writes
FOLDER/train.jsonl and FOLDER/test.jsonl; 2,000 words are in test alone, whatever their capitals.
See benchmarks/README.md.
"""

import importlib.util
import json
import random
import sys
from pathlib import Path

TEST_WORDS = 2000


def main(folder: str) -> None:
    """Writes the two files."""
    spoken = pronunciations()
    words = sorted({word.casefold() for word in spoken})
    held_out = set(random.Random(0).sample(words, TEST_WORDS))
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, wanted in (("train", False), ("test", True)):
        rows = [
            {"word": word, "british": sounds}
            for word, sounds in sorted(spoken.items())
            if (word.casefold() in held_out) is wanted
        ]
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        Path(folder, f"{name}.jsonl").write_text(lines, "utf-8")
        print(f"{name}: {len(rows):,} rows")


def pronunciations() -> dict[str, str]:
    """Word -> phonemes; of several by part of speech the usual one. The checked list (gold) goes before the other."""
    package = importlib.util.find_spec("misaki")
    if package is None or package.origin is None:
        sys.exit("pip install --no-deps misaki==0.9.4")
    data, found = Path(package.origin).parent / "data", {}
    for name in ("gb_silver", "gb_gold"):
        for word, sounds in json.loads((data / f"{name}.json").read_text("utf-8")).items():
            found[word] = sounds["DEFAULT"] if isinstance(sounds, dict) else sounds
    return {word: sounds for word, sounds in found.items() if sounds}


if __name__ == "__main__":
    main(sys.argv[1])
