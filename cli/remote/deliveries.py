"""`ringback deliveries`: what was sent, and what came of it."""

from typing import Annotated, cast

import typer

from cli.remote.client import Json
from cli.remote.show import AsJson, Limit, opened, show_one, show_rows

app = typer.Typer(help="Deliveries and their attempts.", no_args_is_help=True)
Named = Annotated[str, typer.Argument(help="The delivery's ID.")]


@app.command("list")
def list_deliveries(
    context: typer.Context,
    *,
    status: Annotated[str | None, typer.Option(help="pending, retrying, succeeded, exhausted or cancelled.")] = None,
    endpoint: Annotated[str | None, typer.Option(help="An endpoint's ID.")] = None,
    event: Annotated[str | None, typer.Option(help="An event's ID.")] = None,
    type_: Annotated[str | None, typer.Option("--type", help="An event type.")] = None,
    limit: Limit = 20,
    json: AsJson = False,
) -> None:
    """List deliveries."""
    wanted = {"status": status, "endpoint_id": endpoint, "event_id": event, "event_type": type_}
    rows = opened(context).items("/v1/deliveries", limit=limit, **wanted)
    show_rows(rows, ("id", "event_type", "status", "waiting_for", "attempt_count", "url"), as_json=json)


@app.command("show")
def show_delivery(context: typer.Context, delivery: Named, *, json: AsJson = False) -> None:
    """Show a delivery with every attempt made and every attempt still to come."""
    found = opened(context).get(f"/v1/deliveries/{delivery}")
    if json:
        show_one(found, as_json=True)
        return
    schedule = cast("list[Json]", found.pop("schedule"))
    show_one(found, as_json=False)
    show_rows(schedule, ("number", "at", "made", "reason", "outcome", "error", "response_code"), as_json=False)


@app.command("resend")
def resend_delivery(context: typer.Context, delivery: Named, *, json: AsJson = False) -> None:
    """Send a delivery again, at once."""
    show_one(opened(context).post(f"/v1/deliveries/{delivery}/resend"), as_json=json)
