"""`ringback events` and `ringback trigger`: facts, as a client sends them."""

from typing import Annotated, Final

import typer

from cli.failure import CommandError
from cli.remote.client import Client, Json
from cli.remote.given import read_json
from cli.remote.show import AsJson, Limit, opened, show_one, show_rows

app = typer.Typer(help="Events.", no_args_is_help=True)
SAMPLE: Final = {"message": "Sent by ringback trigger."}
"""What is sent of a type of which the catalogue has no example."""
Data = Annotated[str | None, typer.Option(help="JSON, @file, or - for standard input.")]


@app.command("send")
def send_event(
    context: typer.Context,
    type_: Annotated[str, typer.Argument(metavar="TYPE")],
    *,
    data: Data = None,
    id_: Annotated[str | None, typer.Option("--id", help="Your own ID: sent twice, it is one event.")] = None,
    ordering_key: Annotated[str | None, typer.Option()] = None,
    json: AsJson = False,
) -> None:
    """Send an event."""
    event: Json = {"type": type_, "data": None if data is None else read_json(data, option="--data")}
    named = {"id": id_, "ordering_key": ordering_key}
    event |= {name: value for name, value in named.items() if value is not None}
    show_one(opened(context).post("/v1/events", event), as_json=json)


@app.command("list")
def list_events(
    context: typer.Context,
    *,
    type_: Annotated[str | None, typer.Option("--type")] = None,
    limit: Limit = 20,
    json: AsJson = False,
) -> None:
    """List events."""
    rows = opened(context).items("/v1/events", limit=limit, type=type_)
    show_rows(rows, ("id", "type", "deliveries", "created_at"), as_json=json)


@app.command("show")
def show_event(context: typer.Context, event: str, *, json: AsJson = False) -> None:
    """Show an event with its data."""
    show_one(opened(context).get(f"/v1/events/{event}"), as_json=json)


def trigger(
    context: typer.Context,
    type_: Annotated[str, typer.Argument(metavar="EVENT_TYPE")],
    *,
    data: Data = None,
    json: AsJson = False,
) -> None:
    """Send an event with the example of its type in the catalogue."""
    client = opened(context)
    given = _example(client, type_) if data is None else read_json(data, option="--data")
    show_one(client.post("/v1/events", {"type": type_, "data": given}), as_json=json)


def _example(client: Client, type_: str) -> object:
    try:
        found = client.get(f"/v1/event-types/{type_}").get("example")
    except CommandError:  # it is not described, or this key may not read it: the sending says if that matters
        found = None
    return SAMPLE if found is None else found
