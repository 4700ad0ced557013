"""`ringback endpoints`: where events go."""

from typing import Annotated

import typer

from cli.remote.client import Json
from cli.remote.given import read_object
from cli.remote.show import AsJson, Limit, opened, show_one, show_rows

app = typer.Typer(help="Endpoints: where events go.", no_args_is_help=True)
Named = Annotated[str, typer.Argument(help="The endpoint's ID.")]


@app.command("list")
def list_endpoints(
    context: typer.Context,
    *,
    status: Annotated[str | None, typer.Option(help="enabled, paused or disabled.")] = None,
    owner: Annotated[str | None, typer.Option()] = None,
    limit: Limit = 20,
    json: AsJson = False,
) -> None:
    """List endpoints."""
    rows = opened(context).items("/v1/endpoints", limit=limit, status=status, owner=owner)
    show_rows(rows, ("id", "status", "mode", "url", "event_types", "owner"), as_json=json)


@app.command("create")
def create_endpoint(
    context: typer.Context,
    url: Annotated[str | None, typer.Argument(help="Where events are sent; none to pull them.")] = None,
    *,
    event_type: Annotated[list[str] | None, typer.Option("--type", help="May stand several times.")] = None,
    more: Annotated[str | None, typer.Option(help="Other fields, as JSON or @file.")] = None,
    json: AsJson = False,
) -> None:
    """Register an endpoint; its secret is shown."""
    wish: Json = {"mode": "pull"} if url is None else {"url": url}
    if event_type:
        wish["event_types"] = event_type
    if more is not None:
        wish |= read_object(more, option="--more")
    show_one(opened(context).post("/v1/endpoints", wish), as_json=json)


@app.command("show")
def show_endpoint(context: typer.Context, endpoint: Named, *, json: AsJson = False) -> None:
    """Show an endpoint."""
    show_one(opened(context).get(f"/v1/endpoints/{endpoint}"), as_json=json)


@app.command("stats")
def show_stats(context: typer.Context, endpoint: Named, *, json: AsJson = False) -> None:
    """Show how it went over an hour, a day and a week, and what waits."""
    show_one(opened(context).get(f"/v1/endpoints/{endpoint}/stats"), as_json=json)


@app.command("secret")
def show_secret(context: typer.Context, endpoint: Named, *, json: AsJson = False) -> None:
    """Show what its requests are verified with."""
    show_one(opened(context).get(f"/v1/endpoints/{endpoint}/secret"), as_json=json)


@app.command("pause")
def pause_endpoint(context: typer.Context, endpoint: Named, *, json: AsJson = False) -> None:
    """Hold its deliveries back."""
    show_one(opened(context).post(f"/v1/endpoints/{endpoint}/pause"), as_json=json)


@app.command("enable")
def enable_endpoint(context: typer.Context, endpoint: Named, *, json: AsJson = False) -> None:
    """Send to it again."""
    show_one(opened(context).post(f"/v1/endpoints/{endpoint}/enable"), as_json=json)


@app.command("test")
def send_sample(
    context: typer.Context,
    endpoint: Named,
    *,
    event_type: Annotated[str | None, typer.Option("--type", help="Whose example is sent.")] = None,
    json: AsJson = False,
) -> None:
    """Send a sample event to it alone, now."""
    body = None if event_type is None else {"event_type": event_type}
    show_one(opened(context).post(f"/v1/endpoints/{endpoint}/test", body), as_json=json)


@app.command("delete")
def delete_endpoint(context: typer.Context, endpoint: Named) -> None:
    """Delete an endpoint; what waits for it is cancelled."""
    opened(context).delete(f"/v1/endpoints/{endpoint}")
