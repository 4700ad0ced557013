"""The subcommands of `ringback`."""

import asyncio
import os
import subprocess
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated

import typer

from cli.migration import migration
from cli.reseal import reseal
from cli.up import default_plan, up
from core.model.start_error import StartError
from core.starting import read_settings

app = typer.Typer(
    name="ringback",
    help="Runs tasks and rings back. Settings are read from RINGBACK_… variables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command("up")
def run_everything(
    port: Annotated[int | None, typer.Option(help="Port of the API [RINGBACK_PORT, 8000].")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where data is kept [RINGBACK_DATA_DIR, .ringback].")] = None,
) -> None:
    """Run everything on this machine, in the foreground, until Ctrl-C."""
    options = {"RINGBACK_PORT": port, "RINGBACK_DATA_DIR": data_dir}
    os.environ.update({name: str(value) for name, value in options.items() if value is not None})
    up(read_settings(), default_plan())


@app.command()
def migrate() -> None:
    """Bring the database at RINGBACK_DATABASE_URL to the newest schema."""
    if not read_settings().database_url:
        raise StartError("RINGBACK_DATABASE_URL is not set; `ringback up` migrates its own database itself")
    done = subprocess.run(migration().argv, check=False)  # noqa: S603 - our own command
    raise typer.Exit(done.returncode)


@app.command("reseal")
def seal_anew() -> None:
    """Seal everything under the first of RINGBACK_SECRET_KEYS, while everything runs; may be run again."""
    asyncio.run(reseal(read_settings(), typer.echo))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(version_of("ringback"))
