"""`hf-suite results`: the table of what runs and benches found, from their files alone. Loads no model."""

from pathlib import Path
from typing import Annotated

import typer

from hf_suite.cli.common import wide_console
from hf_suite.report import render
from hf_suite.report.markdown import results_page, write_page
from hf_suite.report.table import of_folder

Folders = Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of runs or benches; one table each.")]
Format = Annotated[render.Format, typer.Option("--format", help="What to print.")]
Json = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
Published = Annotated[bool, typer.Option("--published", help="Add numbers from elsewhere, with their sources.")]
Cost = Annotated[bool, typer.Option("--cost", help="Add seconds, parameters, memory and size.")]
Signatures = Annotated[bool, typer.Option("--signatures", help="Add what exactly computed each metric.")]
Trials = Annotated[bool, typer.Option("--trials", help="Of a sweep show each trial, not only the best on tune.")]
Across = Annotated[
    bool, typer.Option("--across-protocols", help="Rank what answers by a head, by writing and by likelihood together.")
]
Write = Annotated[
    Path | None,
    typer.Option(
        "--write",
        help="Instead of printing, put the Markdown between <!-- results --> and <!-- /results --> in this "
        "file; it is made if it is not there.",
        show_default=False,
    ),
]


def results(
    folders: Folders,
    form: Format = "terminal",
    published: Published = False,
    cost: Cost = False,
    signatures: Signatures = False,
    trials: Trials = False,
    across_protocols: Across = False,
    write: Write = None,
    as_json: Json = False,
) -> None:
    """Print the table of finished, failed and missing runs, also while a bench still runs."""
    asked = {"published": published, "cost": cost, "signatures": signatures, "trials": trials}
    asked["across_protocols"] = across_protocols
    if write is not None:
        write_page(write, results_page(folders, **asked))
        return
    form = "json" if as_json else form
    if form == "markdown":
        typer.echo(results_page(folders, **asked), nl=False)
        return
    tables = {folder.as_posix(): of_folder(folder, **asked) for folder in folders}
    if form == "terminal":
        console = wide_console()
        for table in tables.values():
            console.print(render.terminal(table))
        return
    typer.echo(render.as_json(tables) if form == "json" else render.as_csv(tables), nl=False)
