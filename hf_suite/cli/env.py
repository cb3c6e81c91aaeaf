"""`hf-suite env`: what a bug report needs to say of this machine, and whether a tiny run works here."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from hf_suite.cli.common import Json
from hf_suite.errors import SuiteError

Smoke = Annotated[
    bool,
    typer.Option("--smoke", help="Also train a tiny model for three steps; exits 1 when it fails.", show_default=False),
]


def env(smoke: Smoke = False, as_json: Json = False) -> None:
    """Print versions, devices, places and switches for a bug report. No token is read or shown."""
    from hf_suite import environment

    found = environment.facts()
    typer.echo(json.dumps(found, indent=1) if as_json else "\n".join(_lines(found)))
    if smoke:
        _smoke(environment.smoke(), quiet=as_json)


def _smoke(stages: Iterator[str], *, quiet: bool) -> None:
    """Says what it does before it does it, so that an error stands below what failed."""
    begun, stage = time.perf_counter(), ""
    try:
        for stage in stages:
            typer.echo(f"smoke: {stage}", err=quiet)
    except SuiteError as error:
        typer.echo(f"smoke: failed to {stage}: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"smoke: ok, in {time.perf_counter() - begun:.1f} s", err=quiet)


def _lines(found: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in found.items():
        inner = {str(at): part for at, part in enumerate(value)} if isinstance(value, list) else value
        if isinstance(inner, Mapping):
            yield from _lines(inner, f"{prefix}{key}: ")
        else:
            yield f"{prefix}{key}: {'none' if inner is None else inner}"
