"""Where rows of one's own lie: a word -> the files of each split, from a file, folder, pattern or URL. Reads none."""

import difflib
import functools
import glob
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from hf_suite.errors import DataError, MissingData
from hf_suite.files.remote import HUB, fetched, hub_word, on_hub, temporary

SUFFIXES = (".csv", ".tsv", ".tab", ".json", ".jsonl", ".ndjson", ".parquet", ".arrow", ".feather", ".txt")
_PACKED = (".gz", ".zst")
_SPLITS = {
    "train": "train", "training": "train", "validation": "validation", "valid": "validation", "val": "validation",
    "dev": "validation", "eval": "validation", "test": "test", "testing": "test",
}  # fmt: skip


def splits(word: str, mirrors: Sequence[str] = ()) -> dict[str, list[Path]]:
    """Split -> its files or text folders; the only split is `train` where no name says otherwise.

    A file; a folder with a file or folder for each split, with a folder of texts for each label, or with files;
    a pattern (`data/*.csv`); a URL, also of a database; ORG/NAME[/SUBSET] on the hub; `-` for what comes in on stdin.
    Raises DataError, MissingData.
    """
    if word == "-":
        return {"train": [_from_stdin()]}
    if "://" in word:
        return _by_split(on_hub(word, mirrors)) if word.startswith(HUB) else {"train": [fetched(word)]}
    path = Path(word).expanduser()
    if not path.exists() and glob.has_magic(word):
        return _by_name([Path(found) for found in sorted(glob.glob(str(path), recursive=True))], word)  # noqa: PTH207
    if not path.exists() and (there := hub_word(word)) is not None:
        return _by_split(on_hub(there, mirrors))
    if not path.exists():
        raise MissingData(word, "there is no such file or folder", f"{_nearest(path)}give a file, folder or URL")
    return _in_folder(path) if path.is_dir() else {"train": [path]}


def lasting(word: str) -> str | None:
    """The word under which what lies elsewhere is found again; None for what is at hand, and known by its path."""
    if "://" in word:
        return word
    there = Path(word).expanduser().exists() or glob.has_magic(word)
    return None if there else hub_word(word)


def _by_split(found: Mapping[str, list[Path]]) -> dict[str, list[Path]]:
    """A data set's splits by our names, in their order, train first; others than train, validation and test go."""
    named = {_split_of(split): files for split, files in found.items()}
    ours = {split: files for split, files in named.items() if split}
    return dict(sorted(ours.items(), key=_order)) if "train" in ours else {"train": next(iter(found.values()))}


def paths(words: Sequence[str], split: str, mirrors: Sequence[str] = ()) -> list[Path]:
    """The files of one split, of what a task says of it. Raises DataError, MissingData."""
    found = []
    for word in words:
        there = splits(word, mirrors)
        if split not in there and len(there) > 1:
            raise MissingData(word, f"holds no {split}", f"it holds {', '.join(there)}")
        found += there.get(split) or next(iter(there.values()))
    return found


def is_text_folder(path: Path) -> bool:
    """Whether a folder holds a folder of texts for each label."""
    return path.is_dir() and not _files(path) and any(folder.is_dir() for folder in _visible(path))


def _in_folder(folder: Path) -> dict[str, list[Path]]:
    inside = _visible(folder)
    if (folder / "state.json").is_file():
        return {"train": sorted(folder.glob("*.arrow"))}
    named = {_split_of(path.name): path for path in inside if path.is_dir() and _split_of(path.name)}
    if "train" in named:
        return {split: _in_folder(path)["train"] for split, path in sorted(named.items(), key=_order)}
    files = _files(folder)
    if files and all(path.suffix == ".txt" for path in files) and len(files) > 1 and not _split_of(files[0].name):
        finding = f"holds {len(files):,} texts and no folders that would be their labels"
        raise DataError(str(folder), finding, f"put them into one folder a label, as {folder.name}/LABEL/TEXT.txt")
    if files:
        return _by_name(files, str(folder))
    if not any(path.is_dir() for path in inside):
        raise DataError(str(folder), "holds no file of rows", f"give files named {', '.join(SUFFIXES)}")
    below = folder / "data"
    return _in_folder(below) if [path for path in inside if path.is_dir()] == [below] else {"train": [folder]}


def _by_name(files: Sequence[Path], word: str) -> dict[str, list[Path]]:
    """The files by the split that each name begins with; all are train where not every name does."""
    if not files:
        raise MissingData(word, "no file fits the pattern", "look at it with ls, and put it in quotes")
    named: dict[str, list[Path]] = {}
    for file in files:
        named.setdefault(_split_of(file.name), []).append(file)
    if "" in named or "train" not in named:
        return {"train": list(files)}
    return dict(sorted(named.items(), key=_order))


def _order(entry: tuple[str, object]) -> int:
    return ("train", "validation", "test").index(entry[0])


def _split_of(name: str) -> str:
    """`validation` for `val.csv` or `dev-00000-of-00002.parquet`; empty where the name says no split."""
    first = re.split(r"[-_.]", name.lower())[0]
    return _SPLITS.get(first, "")


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise DataError(str(folder), f"cannot be read ({error.strerror})", "give a folder that you may read") from error


def _files(folder: Path) -> list[Path]:
    ends = tuple(end + packed for end in SUFFIXES for packed in ("", *_PACKED))
    return [path for path in _visible(folder) if path.is_file() and path.name.lower().endswith(ends)]


def _nearest(path: Path) -> str:
    """`did you mean 'reviews.csv'? ` of what lies in the same folder."""
    names = [found.name for found in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.6)
    return f"did you mean {str(path.with_name(near[0]))!r}? " if near else ""


@functools.cache
def _from_stdin() -> Path:
    """A copy of what came in on stdin, which can be read but once."""
    path = temporary() / "stdin"
    with path.open("wb") as target:
        shutil.copyfileobj(sys.stdin.buffer, target)
    return path
