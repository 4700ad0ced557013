"""What a command prints: tables for people, JSON for programs."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.remote.client import Client, Json
from cli.remote.place import Asked

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many to print, the newest first.")]

_STYLES: Final[Mapping[str, str]] = {
    "succeeded": "green",
    "SUCCESS": "green",
    "enabled": "green",
    "failed": "red",
    "exhausted": "red",
    "FAILURE": "red",
    "disabled": "red",
    "retrying": "yellow",
    "unknown": "yellow",
    "paused": "yellow",
    "cancelled": "dim",
    "REVOKED": "dim",
}


def console() -> Console:
    """Return standard output; without colours where it is no terminal, or NO_COLOR is set."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def opened(context: typer.Context) -> Client:
    """Return a client of the place that the command line means."""
    asked: object = context.obj
    return Client.of(asked if isinstance(asked, Asked) else Asked())


def print_json(value: object) -> None:
    """Print a document in one go, or one line of a stream."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2 if isinstance(value, list) else None) + "\n")
    sys.stdout.flush()


def show_rows(rows: Sequence[Json], columns: Sequence[str], *, as_json: bool) -> None:
    """Print things as a table of these fields, or all that is known of them as JSON."""
    if as_json:
        print_json(list(rows))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column == "id")
    for row in rows:
        table.add_row(*[styled(row.get(column)) for column in columns])
    console().print(table if rows else Text("nothing", style="dim"))


def show_one(thing: Json, *, as_json: bool) -> None:
    """Print one thing, a field a line."""
    if as_json:
        sys.stdout.write(json.dumps(thing, ensure_ascii=False, indent=2) + "\n")
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in thing.items():
        table.add_row(name, styled(value))
    console().print(table)


def styled(value: object) -> Text:
    """Return a value as text, in its colour if it is a state."""
    if value is None:
        return Text("-", style="dim")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return Text(text, style=_STYLES.get(text, ""))
