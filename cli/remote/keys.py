"""`ringback keys`: who may do what."""

from typing import Annotated

import typer

from cli.remote.client import Json
from cli.remote.show import AsJson, Limit, opened, show_one, show_rows

app = typer.Typer(help="API keys.", no_args_is_help=True)


@app.command("list")
def list_keys(context: typer.Context, *, limit: Limit = 20, json: AsJson = False) -> None:
    """List keys, without the keys themselves."""
    rows = opened(context).items("/v1/keys", limit=limit)
    show_rows(rows, ("id", "name", "role", "owner", "last_four", "last_used_at"), as_json=json)


@app.command("create")
def create_key(
    context: typer.Context,
    name: str,
    *,
    role: Annotated[str | None, typer.Option(help="admin, client, partner or inspector.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="Instead of a role; may stand several times.")] = None,
    owner: Annotated[str | None, typer.Option(help="The partner whose things alone it sees.")] = None,
    json: AsJson = False,
) -> None:
    """Make a key; it is shown this once."""
    wish: Json = {"name": name, "role": role, "scopes": scope or None, "owner": owner}
    made = opened(context).post("/v1/keys", {field: value for field, value in wish.items() if value is not None})
    show_one(made, as_json=json)


@app.command("revoke")
def revoke_key(context: typer.Context, key: str) -> None:
    """Revoke a key, by its ID; it stops working within 5 seconds."""
    opened(context).delete(f"/v1/keys/{key}")
