"""`hf-suite clean`: rows without what the doctor found, in a new place; what was done is said and written."""

import json
from pathlib import Path
from typing import Annotated

import typer

from hf_suite.cli.check import Rows, asked, named
from hf_suite.cli.common import Json, Mirror, Task, tell_next
from hf_suite.errors import ConfigError

Out = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="The file to write (.csv, .jsonl or .parquet), or a folder for several splits.",
        show_default=False,
    ),
]
Fix = Annotated[
    str | None,
    typer.Option(
        "--fix",
        help="What to mend, with commas: trim, dedupe, conflicts, leaks; or near, near_leaks, answers, mojibake, "
        "control, html, personal.",
        show_default=False,
    ),
]


def clean(
    rows: Rows = None,
    output: Out = None,
    fix: Fix = None,
    task: Task = None,
    mirror: Mirror = None,
    as_json: Json = False,
) -> None:
    """Mend what `check` found: into new files, with a line for each row left out or changed, and why.

    Of rows that leak it is the train rows that go; of equal ones the first stays; of contradicting ones none.
    """
    if output is None:
        raise ConfigError("--output", "is missing", "name the file or folder to write: -o reviews-clean.csv")
    if fix is None:
        raise ConfigError("--fix", "is missing", "say what to mend: --fix trim,dedupe,conflicts,leaks")
    from hf_suite import checking, cleaning

    fixes = [word.strip() for word in fix.split(",") if word.strip()]
    cleaning.check_fixes(fixes)
    spec, word, _, mirrors = asked(rows, task, mirror)
    subject = checking.subject(spec, word=word, mirrors=mirrors, to_the_letter=True)
    done = cleaning.clean(subject, output, fixes)
    if as_json:
        said = {"output": str(done.output), "log": str(done.log), "rows": done.rows}
        typer.echo(json.dumps({**said, "removed": done.removed, "changed": done.changed}))
        return
    for split, (before, after) in done.rows.items():
        typer.echo(f"{split}: {after:,} of {before:,} rows stay")
    for what, counts in (("rows left out", done.removed), ("texts and labels changed", done.changed)):
        listed = ", ".join(f"{count:,} by {name}" for name, count in counts.items())
        typer.echo(f"{what}: {listed or 'none'}")
    typer.echo(f"written to {done.output}; what was done and why to {done.log}")
    keys = [each for each in rows or () if each.startswith("task.")]
    word = named([str(done.output)], keys, task)
    tell_next(f"hf-suite check {word}", f"hf-suite train --data {word} -o runs/{spec.name}")
