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
from schemathesis.core.failures import Failure
from schemathesis.core.jsonschema.types import JsonValue
from schemathesis.core.transport import Response
from schemathesis.generation.meta import CaseMetadata

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
    "headers": {"X-Order": "42"},
    "expires_at": "2099-12-31T00:00:00Z",
    "secret": SECRET,
    "url": URL,
    "webhook_secret": SECRET,
    "webhook_url": URL,
}
"""Fields of bodies whose values have rules that a schema cannot say."""
FITTING: Final = (b"task-failed", b"idempotency-key-reused")
"""A 500 that says that the task failed, not the service; a 422 to a key that came with another body before."""
OURS: Final = frozenset(os.environ.get("CONFORMANCE_KEEP", "").split(","))
"""Keys and tenants that the run itself stands on: nothing may delete them."""
NOBODY: Final = {"key": "key_00000000000000000000000000", "tenant": "nobody"}


@schemathesis.hook  # pyright: ignore[reportUnknownMemberType] - the library's decorator has no types
def before_call(context: HookContext, case: Request, kwargs: Json) -> None:  # noqa: ARG001 - the hook's shape
    """Make a request that is meant to be right mean something, and let none saw off the branch."""
    if case.method == "DELETE":
        named = {name: NOBODY[name] for name, value in case.path_parameters.items() if value in OURS}
        case.path_parameters.update(named)
    if case.meta is not None and case.meta.generation.mode.is_positive:
        case.headers.pop("Ringback-Tenant", None)  # the key's own tenant, else every answer were 404
        case.query.pop("cursor", None)  # one that was never given is refused
        if isinstance(case.body, dict):
            body = cast("Fields", case.body)
            case.body = {**body, **_meant(f"{case.method} {case.path} {case.media_type}", body)}


def _meant(operation: str, body: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    more: dict[str, JsonValue] = {name: value for name, value in MEANT.items() if body.get(name) is not None}
    if operation.startswith("POST /v1/keys ") and body.get("owner") is not None:  # tasks are no owner's
        more |= cast("Fields", {"role": "partner"} if body.get("role") else {"scopes": ["deliveries:read"]})
    if operation == "POST /v1/tasks multipart/form-data":  # what a form holds beside the file is JSON text
        texts = {name: json.dumps(value) for name, value in {**body, **more}.items() if isinstance(value, str)}
        more |= cast("Fields", {**texts, "type": "words.count", "file": "one two three", "input": {}, "delay": 0})
    elif operation.startswith("POST /v1/tasks "):
        more |= cast("Fields", {"type": "math.divide", "input": {"x": 1, "y": 4}, "delay": 0})
    return more


@schemathesis.hook  # pyright: ignore[reportUnknownMemberType] - the library's decorator has no types
def filter_failure(context: HookContext, failure: Failure, case: Request, response: Response) -> bool:  # noqa: ARG001 - as above
    """Take for what they are two answers that the contract has for requests that are well formed."""
    return not any(b'"/problems/%b"' % code in response.content for code in FITTING)
