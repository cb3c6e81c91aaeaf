"""Rows that lie elsewhere: behind a URL, in a database, on the hub -> files at hand. Reads none of them."""

import atexit
import functools
import json
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hf_suite.errors import MissingData

HUB = "hub://"
"""What a data set of the hub is written as, `hub://ORG/NAME/SUBSET`, so that no path is taken for one."""
_NAME = r"[A-Za-z0-9][\w.-]*"
_CONVERTED = "refs/convert/parquet"  # where the hub keeps every public data set as Parquet: SUBSET/SPLIT/0000.parquet
_BLOCK = 5_000


def hub_word(word: str) -> str | None:
    """`hub://ORG/NAME/SUBSET` of a word that names a data set of the hub (`ORG/NAME`, `ORG/NAME/SUBSET`), else None."""
    if word.startswith(HUB):
        return word
    parts = word.split("/")
    named = len(parts) in (2, 3) and all(re.fullmatch(_NAME, part) for part in parts)
    return f"{HUB}{word}" if named and not Path(parts[0]).exists() and not Path(parts[-1]).suffix else None


def on_hub(word: str, mirrors: Sequence[str] = ()) -> dict[str, list[Path]]:
    """Split -> the Parquet files of a data set: of these mirrors, of HF_SUITE_MIRROR, or of the hub. Raises
    MissingData."""
    *_, org, name, subset = [*word.removeprefix(HUB).split("/"), "default"][:3]
    listed = [*mirrors, *os.environ.get("HF_SUITE_MIRROR", "").split(os.pathsep)]
    folders = [Path(mirror).expanduser() / org / name for mirror in listed if mirror]
    there = sorted(inner for folder in folders for inner in _folders(folder))
    if there:
        chosen = _subset(word, subset, {inner.name: inner for inner in there})
        return {file.stem: [file] for file in sorted(chosen.iterdir()) if file.suffix in {".parquet", ".jsonl"}}
    files = _listed(word, f"{org}/{name}")
    found: dict[str, dict[str, list[str]]] = {}
    for file in files:
        of, split, _ = file.split("/", 2)
        found.setdefault(of, {}).setdefault(split, []).append(file)
    chosen_files = _subset(word, subset, found)
    return {split: [_downloaded(word, f"{org}/{name}", file) for file in own] for split, own in chosen_files.items()}


def _folders(folder: Path) -> list[Path]:
    return [inner for inner in folder.iterdir() if inner.is_dir()] if folder.is_dir() else []


def _subset(word: str, name: str, there: dict[str, Any]) -> Any:
    if name in there or len(there) == 1:
        return there[name] if name in there else next(iter(there.values()))
    plain = word.removeprefix(HUB)
    remedy = f"say one, as {'/'.join(plain.split('/')[:2])}/{next(iter(there))}"
    raise MissingData(plain, f"has the subsets {', '.join(there)}", remedy)


def _listed(word: str, repository: str) -> list[str]:
    from huggingface_hub import HfApi, is_offline_mode
    from huggingface_hub.errors import HfHubHTTPError

    plain = word.removeprefix(HUB)
    remedy = "give a file, folder or URL, or a mirror that has it as --mirror or HF_SUITE_MIRROR"
    if is_offline_mode():
        finding = "there is no such file or folder, nor such a data set in a mirror, and the hub is switched off"
        raise MissingData(plain, finding, remedy)
    try:
        files = HfApi().list_repo_files(repository, repo_type="dataset", revision=_CONVERTED)
    except (OSError, HfHubHTTPError, HfHubHTTPError.__bases__[0]) as error:
        finding = f"there is no such file or folder, and the hub does not give a data set ({_first(error)})"
        raise MissingData(plain, finding, remedy) from error
    return [file for file in files if file.endswith(".parquet") and file.count("/") == 2]


def _downloaded(word: str, repository: str, file: str) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return Path(hf_hub_download(repository, file, repo_type="dataset", revision=_CONVERTED))
    except (OSError, HfHubHTTPError) as error:
        plain = word.removeprefix(HUB)
        raise MissingData(plain, f"{file} cannot be fetched ({_first(error)})", "try again later") from error


@functools.lru_cache(maxsize=16)
def fetched(url: str) -> Path:
    """A copy of what a URL gives, in a folder that goes with the process; fetched once. Raises MissingData."""
    if "#" in url and _scheme(url) in _DATABASES:
        return _queried(url)
    import fsspec

    name = re.split(r"[?#]", url)[0].rstrip("/").rpartition("/")[2] or "data"
    path = temporary() / name
    try:
        with fsspec.open(url, "rb") as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)
    except FileNotFoundError as error:
        raise MissingData(
            url, "there is nothing at that address, or it cannot be reached", "look at it in a browser"
        ) from error
    except ImportError as error:
        raise MissingData(url, f"needs a package that is not installed ({error})", "install it with pip") from error
    except (OSError, ValueError) as error:
        raise MissingData(url, f"cannot be fetched ({_first(error)})", "look at it in a browser") from error
    return path


_DATABASES = ("sqlite", "postgresql", "mysql", "mariadb", "oracle", "mssql")


def _scheme(url: str) -> str:
    """`postgresql` of `postgresql+psycopg://...`."""
    return url.partition("://")[0].partition("+")[0]


def _queried(url: str) -> Path:
    """The rows of `DATABASE-URL#TABLE`, or `#SELECT ...`, as JSON lines. Raises MissingData."""
    address, _, asked = url.partition("#")
    place = f"{address.rpartition('@')[2].rpartition('/')[2]}#{asked}"  # no password is printed
    try:
        import sqlalchemy
    except ImportError as error:
        finding = "lies in a database, and sqlalchemy, which reads them, is not installed"
        raise MissingData(place, finding, "pip install sqlalchemy") from error
    is_table = re.fullmatch(r"[\w.]+", asked) is not None
    path = temporary() / f"{asked if is_table else 'query'}.jsonl"
    query = f"SELECT * FROM {asked}" if is_table else asked
    try:
        engine = sqlalchemy.create_engine(_existing(address, place))
        with engine.connect().execution_options(stream_results=True) as connection, path.open("w") as target:
            for row in connection.execute(sqlalchemy.text(query)).mappings().yield_per(_BLOCK):
                target.write(json.dumps(dict(row), default=str, ensure_ascii=False) + "\n")
        engine.dispose()
    except ImportError as error:
        raise MissingData(place, f"needs a driver that is not installed ({error})", "install it with pip") from error
    except sqlalchemy.exc.SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise MissingData(place, f"cannot be read ({_first(cause)})", "mend the address or the query") from error
    return path


def _existing(address: str, place: str) -> str:
    """SQLite would make a database that is not there. Raises MissingData."""
    file = address.partition(":///")[2] if _scheme(address) == "sqlite" else ""
    if file and not Path(file).is_file():
        raise MissingData(place, f"there is no file {file}", "mend the address")
    return address


def shown(word: str) -> str:
    """A word that names rows, without the password of its address."""
    return re.sub(r"(://[^/@:\s]*):[^@/\s]*@", r"\1:***@", word)


def stem(word: str) -> str:
    """What rows are called: the last part of their word without its endings."""
    return re.split(r"[?#]", word)[0].rstrip("/").rpartition("/")[2].partition(".")[0] or "data"


def temporary() -> Path:
    """A folder that goes with the process."""
    folder = tempfile.mkdtemp(prefix="hf-suite-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _first(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
