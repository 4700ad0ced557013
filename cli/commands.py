"""The subcommands of `ringback`; those that run the platform import it when they are called, not before."""

import os
from pathlib import Path
from typing import Annotated

import typer

from cli.remote import deliveries, endpoints, events, keys, tasks, tenants
from cli.remote.check import check
from cli.remote.listen import listen
from cli.remote.place import Asked
from cli.remote.tail import tail
from core.model.start_error import StartError

app = typer.Typer(
    name="ringback",
    help=(
        "Runs tasks and rings back. `up`, `migrate` and `reseal` read their settings from RINGBACK_… variables; the"
        " others speak to the API at RINGBACK_URL with RINGBACK_API_KEY, or as a profile says, or with what `up` keeps"
        " in this folder. Exit codes: 0 done, 1 refused, 2 wrong usage, 3 unreachable, 4 done and something failed."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for name, commands in {
    "tenants": tenants,
    "keys": keys,
    "endpoints": endpoints,
    "events": events,
    "tasks": tasks,
    "deliveries": deliveries,
}.items():
    app.add_typer(commands.app, name=name)
app.command("tail")(tail)
app.command("listen")(listen)
app.command("check")(check)
app.command("trigger")(events.trigger)


@app.callback()
def choose_place(
    context: typer.Context,
    url: Annotated[str | None, typer.Option(help="Of the API [RINGBACK_URL].")] = None,
    profile: Annotated[str | None, typer.Option(help="In ~/.config/ringback/profiles.toml [RINGBACK_PROFILE].")] = None,
    tenant: Annotated[str | None, typer.Option(help="For which the operator acts [RINGBACK_TENANT].")] = None,
) -> None:
    """Keep where to go for the command that follows."""
    context.obj = Asked(url=url, profile=profile, tenant=tenant)


@app.command("up")
def run_everything(
    port: Annotated[int | None, typer.Option(help="Port of the API [RINGBACK_PORT, 8000].")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where data is kept [RINGBACK_DATA_DIR, .ringback].")] = None,
) -> None:
    """Run everything on this machine, in the foreground, until Ctrl-C."""
    from cli.up import default_plan, up  # noqa: PLC0415 - see the module
    from core.starting import read_settings  # noqa: PLC0415 - see the module

    options = {"RINGBACK_PORT": port, "RINGBACK_DATA_DIR": data_dir}
    os.environ.update({name: str(value) for name, value in options.items() if value is not None})
    up(read_settings(), default_plan())


@app.command()
def migrate() -> None:
    """Bring the database at RINGBACK_DATABASE_URL to the newest schema."""
    import subprocess  # noqa: PLC0415 - see the module

    from cli.migration import migration  # noqa: PLC0415 - see the module
    from core.starting import read_settings  # noqa: PLC0415 - see the module

    if not read_settings().database_url:
        raise StartError("RINGBACK_DATABASE_URL is not set; `ringback up` migrates its own database itself")
    done = subprocess.run(migration().argv, check=False)  # noqa: S603 - our own command
    raise typer.Exit(done.returncode)


@app.command("reseal")
def seal_anew() -> None:
    """Seal everything under the first of RINGBACK_SECRET_KEYS, while everything runs; may be run again.

    Without RINGBACK_DATABASE_URL: in the database that `ringback up` runs in this folder.
    """
    import asyncio  # noqa: PLC0415 - see the module

    from cli.embedded.running import with_database  # noqa: PLC0415 - see the module
    from cli.reseal import reseal  # noqa: PLC0415 - see the module
    from core.starting import read_settings  # noqa: PLC0415 - see the module

    asyncio.run(reseal(with_database(read_settings()), typer.echo))


@app.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as version_of  # noqa: PLC0415 - see the module

    typer.echo(version_of("ringback"))
