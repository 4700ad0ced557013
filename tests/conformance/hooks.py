"""What Schemathesis cannot know from the OpenAPI document: which well-formed requests can also mean something.

Only requests that are meant to be right are changed, and only where no schema can say what is right: a task type that
is offered, a time in the future, a URL that may be called. Requests that are meant to be wrong go out as they are.
"""

import json
import os
from collections.abc import Mapping
from typing import Final, Protocol, cast

import schemathesis
from schemathesis import HookContext
from schemathesis.core.failures import AcceptedNegativeData, Failure, ServerError
from schemathesis.core.jsonschema.types import JsonValue
from schemathesis.core.transport import Response
from schemathesis.generation.meta import CaseMetadata
from schemathesis.openapi.checks import RejectedPositiveData, UseAfterFree

Json = dict[str, object]
Fields = dict[str, JsonValue]


class Request(Protocol):
    """What is needed of Schemathesis's `Case`."""

    method: str
    path: str
    path_parameters: dict[str, object]
    query: dict[str, object]
    headers: dict[str, str]
    body: object
    media_type: str | None
    meta: CaseMetadata | None


URL: Final = "http://127.0.0.1:65000/hook"
SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MEANT: Final[Mapping[str, JsonValue]] = {
    "example": {"order": "42"},  # JSON without NUL
    "headers": {"X-Order": "42"},
    "expires_at": "2099-12-31T00:00:00Z",
    "filter": "$.order",
    "secret": SECRET,
    "url": URL,
    "webhook_secret": SECRET,
    "webhook_url": URL,
}
"""Fields of bodies whose values have rules that a schema cannot say."""
READ_ONLY: Final = frozenset({"id", "mode", "public_key", "status", "disabled_reason", "created_at", "updated_at"})
"""Fields of an endpoint that a change may only name as they are."""
PUSHED: Final = frozenset({"url", "headers"})
"""Fields that an endpoint does not have which is pulled from."""
RESULT: Final = "GET /v1/tasks/{task}/result"
BATCH: Final = "/v1/events/batch"
ACK: Final = "POST /v1/endpoints/{endpoint}/ack"
NDJSON: Final = "application/x-ndjson"
KEYED: Final = "Idempotency-Key"
FITTING: Final[tuple[tuple[type[Failure], int, str, str], ...]] = (
    (ServerError, 500, "task-failed", RESULT),
    (RejectedPositiveData, 410, "gone", RESULT),
    (RejectedPositiveData, 410, "gone", KEYED),
    (RejectedPositiveData, 422, "idempotency-key-reused", KEYED),
    (RejectedPositiveData, 422, "invalid-input", ACK),
)
"""Answers that the contract has for requests that are well formed: to which check, and where they can occur.

The task failed, not the service; its result is kept no more; what was made for this key is there no more; the key came
with another body before; the claim was never handed out.
"""
RECORD: Final = "/v1/tasks/{task}"
"""What a deletion leaves: the task without its input, result and progress."""
OURS: Final = frozenset(os.environ.get("CONFORMANCE_KEEP", "").split(","))
"""Keys and tenants that the run itself stands on: nothing may delete them."""
NOBODY: Final = {"key": "key_00000000000000000000000000", "tenant": "nobody"}


@schemathesis.hook  # pyright: ignore[reportUnknownMemberType] - the library's decorator has no types
def before_call(context: HookContext, case: Request, kwargs: Json) -> None:  # noqa: ARG001 - the hook's shape
    """Make a request that is meant to be right mean something, and let none saw off the branch."""
    if case.method == "DELETE":
        named = {name: NOBODY.get(name, value) for name, value in case.path_parameters.items() if value in OURS}
        case.path_parameters.update(named)
    if case.method == "PATCH" and case.path_parameters.get("tenant") in OURS and isinstance(case.body, dict):
        kept = cast("Fields", case.body).items()
        case.body = {name: value for name, value in kept if name != "slug"}  # by a new one it could be deleted
    if case.meta is not None and case.meta.generation.mode.is_positive:
        case.headers.pop("Ringback-Tenant", None)  # the key's own tenant, else every answer were 404
        case.query = {name: value for name, value in case.query.items() if not _is_nothing(name, value)}
        if isinstance(case.body, dict):
            body = cast("Fields", case.body)
            case.body = {**body, **_meant(f"{case.method} {case.path} {case.media_type}", body)}
            if case.media_type == "application/cloudevents+json":  # whose attributes have names and types of their own
                case.body = {"specversion": "1.0", "id": str(body.get("id"))[:9], "source": "/a", "type": "order.paid"}
            if case.method == "PATCH" and case.path == "/v1/endpoints/{endpoint}":
                case.body = {name: value for name, value in case.body.items() if name not in READ_ONLY | PUSHED}


def _is_nothing(name: str, value: object) -> bool:
    """Tell what no schema forbids: a cursor that was never given, a day whose hours may lie outside of all years."""
    return name == "cursor" or str(value).startswith(("0001-01-01", "9999-12-31"))


def _meant(operation: str, body: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    more: dict[str, JsonValue] = {name: value for name, value in MEANT.items() if body.get(name) is not None}
    if operation.startswith("POST /v1/keys ") and body.get("owner") is not None:  # tasks are no owner's
        more |= cast("Fields", {"role": "partner"} if body.get("role") else {"scopes": ["deliveries:read"]})
    if operation.startswith("POST /v1/endpoints ") and body.get("secret") is not None:  # which is one of this kind
        more |= cast("Fields", {"signature": "hmac"})
    if operation.startswith("POST /v1/endpoints/{endpoint}/secret/rotate "):  # the endpoint may want another kind
        more |= cast("Fields", {"secret": None})
    if operation.startswith("POST /v1/endpoints/{endpoint}/pull ") and body.get("wait"):  # no answer is slow but this
        more |= cast("Fields", {"wait": 1})
    if operation.startswith("PUT /v1/event-types/{name} ") and body.get("schema"):  # one that every event fits
        more |= cast("Fields", {"schema": {"minProperties": 0}, "example": {"order": "42"}})
    if operation.startswith("POST /v1/endpoints/{endpoint}/recover "):  # a window that begins before it ends
        more |= cast("Fields", {"since": "2020-01-01T00:00:00Z", "until": "2099-12-31T00:00:00Z"})
    if operation == "POST /v1/tasks multipart/form-data":  # what a form holds beside the file is JSON text
        texts = {name: json.dumps(value) for name, value in {**body, **more}.items() if isinstance(value, str)}
        more |= cast("Fields", {**texts, "type": "words.count", "file": "one two three", "input": {}, "delay": 0})
    elif operation.startswith("POST /v1/tasks "):
        more |= cast("Fields", {"type": "math.divide", "input": {"x": 1, "y": 4}, "delay": 0})
    return more


@schemathesis.hook  # pyright: ignore[reportUnknownMemberType] - the library's decorator has no types
def filter_failure(context: HookContext, failure: Failure, case: Request, response: Response) -> bool:  # noqa: ARG001 - as above
    """Drop what the contract has for requests that are well formed."""
    if isinstance(failure, AcceptedNegativeData) and case.path == BATCH and response.status_code == 202:
        # An element that is wrong is told in its place; whatever bytes NDJSON has, they are lines.
        return case.media_type != NDJSON and b'"status":422' not in response.content
    if isinstance(failure, UseAfterFree) and case.path == RECORD:
        return False
    keyed = KEYED.lower() in map(str.lower, case.headers)
    places = {f"{case.method} {case.path}", KEYED if keyed else ""}
    return not any(
        isinstance(failure, kind) and where in places and _says(response, status, code)
        for kind, status, code, where in FITTING
    )


def _says(response: Response, status: int, code: str) -> bool:
    return response.status_code == status and f'"/problems/{code}"'.encode() in response.content


@schemathesis.serializer(NDJSON)
def lines_of(context: object, value: object) -> bytes:  # noqa: ARG001 - the library's shape
    """Send NDJSON as the text that it is."""
    return str(value).encode(errors="surrogatepass")
