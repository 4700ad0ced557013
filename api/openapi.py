"""The OpenAPI document: what it says of the whole, and the command that keeps the committed copy in step."""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, cast

from fastapi import FastAPI
from pydantic import Field, JsonValue

from api.schemas.fields import Moment, Out, Problem

COMMITTED: Final = Path(__file__).parent.parent / "docs" / "openapi.json"
TITLE: Final = "Ringback"
SUMMARY: Final = "Runs tasks and rings back."
DESCRIPTION: Final = (
    "Submit tasks and poll them; register callback URLs and get signed, idempotent, retried callbacks;"
    " read what was delivered, when, and why."
)
_ERRORS: Final = {
    400: "The request cannot be read.",
    401: "A valid API key is needed.",
    403: "The key lacks a scope; the answer says which.",
    404: "There is no such thing for this tenant.",
    413: "The body is too large.",
    415: "Not a media type that is read here.",
    422: "Some values are not allowed; `errors` says which.",
    429: "A limit is reached; try again after `Retry-After` seconds.",
    503: "A store is away; try again after `Retry-After` seconds.",
}
_HEADERS: Final[dict[str, dict[str, object]]] = {
    "Retry-After": {"description": "Whole seconds to wait.", "schema": {"type": "integer"}},
    "RateLimit-Policy": {
        "description": "The limit that is reached, and its quota (draft-ietf-httpapi-ratelimit-headers).",
        "schema": {"type": "string"},
        "example": '"waiting-tasks";q=100000',
    },
    "RateLimit": {
        "description": "What is left of it, and in how many seconds there may be more.",
        "schema": {"type": "string"},
        "example": '"waiting-tasks";r=0;t=1',
    },
}
_SENT: Final = {429: tuple(_HEADERS), 503: ("Retry-After",)}


def _references(names: Iterable[str]) -> dict[str, object]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


ERRORS: Final[dict[int | str, dict[str, object]]] = {
    status: {
        "description": description,
        "model": Problem,
        **({"headers": _references(_SENT[status])} if status in _SENT else {}),
    }
    for status, description in _ERRORS.items()
}


_PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}


class WebhookBody(Out):
    """What every receiver gets (Standard Webhooks): `webhook-id`, `-timestamp` and `-signature` come as headers."""

    type: str = Field(examples=["task.succeeded"])
    timestamp: Moment
    data: dict[str, JsonValue] = Field(
        description="The task as `GET` shows it, without `input`; or the endpoint or delivery as `GET` shows it."
    )


def add_webhooks(app: FastAPI) -> None:
    """Describe the requests that receivers get."""

    @app.webhooks.post("task.started")
    def started(body: WebhookBody) -> None:
        """Tell that a run of a task has started. Answer 2xx."""

    @app.webhooks.post("task.retried")
    def retried(body: WebhookBody) -> None:
        """Tell that a run has failed and another will follow. Answer 2xx."""

    @app.webhooks.post("task.revoked")
    def revoked(body: WebhookBody) -> None:
        """Tell that a task was cancelled, or waited too long. Answer 2xx."""

    @app.webhooks.post("task.succeeded")
    def succeeded(body: WebhookBody) -> None:
        """Tell that a task has ended well. Answer 2xx."""

    @app.webhooks.post("task.failed")
    def failed(body: WebhookBody) -> None:
        """Tell that a task has failed. Answer 2xx."""

    _add_operational(app)


def _add_operational(app: FastAPI) -> None:
    """Describe what goes only to endpoints that ask for it, and never to the endpoint that it is about."""

    @app.webhooks.post("endpoint.failing")
    def failing(body: WebhookBody) -> None:
        """Tell that an endpoint has only failed for a fifth of the time after which it is disabled. Answer 2xx."""

    @app.webhooks.post("endpoint.disabled")
    def disabled(body: WebhookBody) -> None:
        """Tell that the platform has disabled an endpoint, by 410 or after days of failure. Answer 2xx."""

    @app.webhooks.post("delivery.exhausted")
    def exhausted(body: WebhookBody) -> None:
        """Tell that a delivery has used up its schedule. Answer 2xx."""


class Api(FastAPI):
    """An app whose document gives problems their own media type (RFC 9457), which FastAPI calls plain JSON."""

    def openapi(self) -> dict[str, object]:
        """Return the document."""
        made: dict[str, object] = super().openapi()
        cast("dict[str, object]", made["components"])["headers"] = _HEADERS
        for content in _contents(made):
            if content.get("application/json", {}).get("schema") == _PROBLEM:
                content["application/problem+json"] = content.pop("application/json")
        return made


_Response = dict[str, dict[str, dict[str, object]]]


def _contents(document: dict[str, object]) -> Iterator[dict[str, dict[str, object]]]:
    paths = cast(
        "dict[str, dict[str, dict[str, dict[str, dict[str, dict[str, dict[str, object]]]]]]]", document["paths"]
    )
    for operations in paths.values():
        for operation in operations.values():
            for response in operation["responses"].values():
                yield response.get("content", {})


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
