"""Pages of results: `RESULTS.md`, and the table between two marks in a page written by hand. Runs nothing."""

import os
from collections.abc import Sequence
from pathlib import Path

from hf_suite.errors import RunError
from hf_suite.report.render import markdown
from hf_suite.report.table import of_folder

BEGIN, END = "<!-- results -->", "<!-- /results -->"


def results_page(folders: Sequence[Path], **asked: bool) -> str:
    """The tables of some folders in Markdown; several stand each under a heading: its folder, below what is common.

    What may be asked for, `table` says. Raises RunError for a folder without a run.
    """
    parts = []
    whole = [folder.resolve() for folder in folders]
    common = os.path.commonpath([place.parent for place in whole])
    for folder, place in zip(folders, whole, strict=True):
        heading = f"### {place.relative_to(common).as_posix()}\n\n" if len(folders) > 1 else ""
        parts.append(heading + markdown(of_folder(folder, **asked)))
    return "\n".join(parts)


def write_page(path: Path, page: str) -> None:
    """Puts a page between the two marks in a file; a file that is not there is made, with the marks.

    Raises RunError, and leaves the file as it is, where it stands without them or with more than one pair.
    """
    text = path.read_text("utf-8") if path.exists() else f"# Results\n\n{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if text.count(BEGIN) != 1 or rest.count(END) != 1:
        remedy = "put the pair into it once, around what may be replaced, or name a file that is not there"
        raise RunError(str(path), f"has no single pair of {BEGIN} and {END}", remedy)
    path.write_text(f"{before}{BEGIN}\n{page}{END}{after}", "utf-8")
