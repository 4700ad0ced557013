"""`ringback tenants`: whose things are kept apart; with the operator's key."""

from typing import Annotated

import typer

from cli.remote.show import AsJson, Limit, opened, show_one, show_rows

app = typer.Typer(help="Tenants, with the operator's key.", no_args_is_help=True)
Named = Annotated[str, typer.Argument(help="Its ID or slug.")]


@app.command("list")
def list_tenants(context: typer.Context, *, limit: Limit = 20, json: AsJson = False) -> None:
    """List tenants."""
    rows = opened(context).items("/v1/tenants", limit=limit)
    show_rows(rows, ("id", "slug", "name", "created_at"), as_json=json)


@app.command("create")
def create_tenant(
    context: typer.Context, slug: str, *, name: Annotated[str | None, typer.Option()] = None, json: AsJson = False
) -> None:
    """Make a tenant."""
    show_one(opened(context).post("/v1/tenants", {"slug": slug, "name": name or slug}), as_json=json)


@app.command("show")
def show_tenant(context: typer.Context, tenant: Named, *, json: AsJson = False) -> None:
    """Show a tenant with its limits."""
    show_one(opened(context).get(f"/v1/tenants/{tenant}"), as_json=json)


@app.command("delete")
def delete_tenant(
    context: typer.Context,
    tenant: Named,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a tenant with all that it has."""
    if not yes:
        typer.confirm(f"Delete {tenant} with everything in it?", abort=True)
    opened(context).delete(f"/v1/tenants/{tenant}")
