"""One process at a time works in a folder. The system drops the lock with its holder, so that none is ever stale."""

import contextlib
import fcntl
import logging
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from hf_suite.errors import RunError

log = logging.getLogger(__name__)

FILE = ".lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Makes the folder and holds its lock; the file goes with it. Raises RunError while another process has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with _taken(folder):
        try:
            yield
        finally:
            (folder / FILE).unlink(missing_ok=True)


def check_free(folder: Path) -> None:
    """Refuses a folder that another process is at work in; leaves everything as it is. Raises RunError."""
    if (folder / FILE).is_file():
        with (folder / FILE).open() as file:
            _lock(file, folder, fcntl.LOCK_SH)


def _taken(folder: Path) -> TextIO:
    """The lock's file, locked."""
    path = folder / FILE
    while True:
        file = path.open("a+")
        try:
            _lock(file, folder, fcntl.LOCK_EX)
        except RunError:
            file.close()
            raise
        if _is_at(file, path):
            break
        file.close()  # it went with its last holder, between opening and locking
    file.truncate(0)
    file.write(f"process {os.getpid()} on {platform.node()}")
    file.flush()
    return file


def _is_at(file: TextIO, path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False


def _lock(file: TextIO, folder: Path, how: int) -> None:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        holder = file.read() or "another process"
        remedy = "wait until it ends, or give another folder with --output"
        raise RunError(str(folder), f"{holder} is at work in it", remedy) from error
    except OSError:  # some network file systems know no locks
        log.warning("%s: its file system knows no locks; see to it that no other process works there", folder)
