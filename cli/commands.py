"""The subcommands of `ringback`."""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from cli.embedded.errors import StartError
from cli.migration import migration
from cli.up import default_plan, up
from core.settings import Settings

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


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(version_of("ringback"))


@contextmanager
def errors_in_one_line() -> Generator[None]:
    """Exit with one line, without a traceback, for what the user can put right."""
    try:
        yield
    except StartError as error:
        sys.exit(f"ringback: {error}")


def read_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        StartError: one of them is wrong.
    """
    try:
        return Settings.model_validate({})  # reads the environment, as `Settings()` does
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise StartError(f"RINGBACK_{name}: {first['msg']}") from error
