"""The OpenAPI document: what it says of the whole, and the command that keeps the committed copy in step."""

import json
import sys
from pathlib import Path
from typing import Final, cast

from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.reference.examples import Json
from api.reference.links import add_links
from api.reference.operations import complete
from api.reference.webhooks import add_webhooks
from api.schemas.fields import Problem

COMMITTED: Final = Path(__file__).parent.parent / "docs" / "openapi.json"
TITLE: Final = "Ringback"
SUMMARY: Final = "Runs tasks and rings back."
DESCRIPTION: Final = (
    "Submit tasks and poll them; register callback URLs and get signed, idempotent, retried callbacks;"
    " read what was delivered, when, and why.\n\n"
    "Errors are problem documents (RFC 9457) whose `type` opens a page that says what to do."
    " Query parameters that are not described are ignored; fields of a body that are not described are refused."
)
TAGS: Final = {
    "tasks": "Runs of registered task types: submit them, poll them, follow them, read what came of them.",
    "events": "Facts that clients send, and the catalogue of their types.",
    "endpoints": "Callback URLs that partners registered, with their subscriptions and secrets.",
    "deliveries": "The duty to bring one event to one endpoint, and every attempt made for it.",
    "tenants and keys": "Isolated customers of the platform, their API keys and their default signing secret.",
    "dashboard": "Signing in to the dashboard, links that open the portal, and the counts that they show.",
    "operations": "What operators and their machines look at.",
    "problem types": "The pages that the `type` of an error opens.",
    "webhooks": "What receivers get: signed as Standard Webhooks has it, with the same ID and bytes in every attempt.",
}


def operation_id(route: APIRoute) -> str:
    """Name an operation by its function: stable whatever becomes of its path."""
    return route.name


class Api(FastAPI):
    """An app whose document says of every operation what holds for all of them."""

    def openapi(self) -> Json:
        """Return the document."""
        if self.openapi_schema is None:
            made: Json = super().openapi()
            cast("dict[str, Json]", made["components"])["schemas"]["Problem"] = _problem()
            complete(made)
            add_links(made)
            add_webhooks(made)
            made |= {"servers": [{"url": "/", "description": "This server."}], "tags": _tags()}
            self.openapi_schema = made
        return self.openapi_schema


def _tags() -> list[Json]:
    return [{"name": name, "description": description} for name, description in TAGS.items()]


def _problem() -> Json:
    schema: Json = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs")
    return schema


def document(app: FastAPI) -> str:
    """Return the document as it is committed: sorted, without the release's number."""
    described = {**app.openapi(), "info": {**app.openapi()["info"], "version": "1"}}
    return json.dumps(described, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write the committed document, or with `--check` compare it."""
    from api.app import create_app  # noqa: PLC0415 - the app describes itself with this module
    from core.settings import Settings  # noqa: PLC0415 - as above

    made = document(create_app(Settings()))
    if "--check" not in arguments:
        COMMITTED.write_text(made, encoding="utf-8")
        return 0
    if COMMITTED.read_text(encoding="utf-8") == made:
        return 0
    sys.stderr.write("docs/openapi.json is not in step with the API: run python -m api.openapi\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
