"""Response headers of the API, each described once, and where each can be."""

from collections.abc import Iterable, Mapping
from typing import Final, cast

from api.reference.examples import Json

_TEXT: Final = {"type": "string"}
HEADERS: Final[Mapping[str, Json]] = {
    "X-Request-ID": {
        "description": "The request's own ID; tell it when you ask about an answer.",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
        "example": "0f8fad5b-d9cb-469f-a165-70867728950e",
    },
    "ETag": {
        "description": "A strong tag made from the bytes of the answer (RFC 9110, section 8.8.3).",
        "required": True,
        "schema": {"type": "string", "pattern": '^"[0-9a-f]{32}"$'},
        "example": '"4f3c2b1a09f8e7d6c5b4a3928170f6e5"',
    },
    "Location": {
        "description": "Where the thing is read that the request made or is about, if it can be read.",
        "schema": {"type": "string", "format": "uri-reference"},
        "example": "/v1/tasks/task_01jz8f6kq3e5v9t2w4x6y8z0ab",
    },
    "Link": {
        "description": 'The next page (RFC 8288), with `rel="next"`; absent on the last one.',
        "schema": _TEXT,
        "example": '</v1/tasks?limit=50&cursor=AZEF2d5cfZ2VdK5lnqBryw>; rel="next"',
    },
    "Idempotent-Replayed": {
        "description": "`true` if this is the first answer to the same `Idempotency-Key`, given again.",
        "schema": {"const": "true"},
        "example": "true",
    },
    "Preference-Applied": {
        "description": "The preferences that were honoured (RFC 7240, section 3).",
        "schema": _TEXT,
        "example": "respond-async",
    },
    "Retry-After": {
        "description": "Whole seconds to wait.",
        "schema": {"type": "integer", "minimum": 0},
        "example": 1,
    },
    "RateLimit-Policy": {
        "description": "The limit, and its quota (draft-ietf-httpapi-ratelimit-headers-10).",
        "schema": _TEXT,
        "example": '"waiting-tasks";q=100000',
    },
    "RateLimit": {
        "description": "What is left of it, and in how many seconds there may be more.",
        "schema": _TEXT,
        "example": '"waiting-tasks";r=0;t=1',
    },
    "WWW-Authenticate": {
        "description": "The scheme that is wanted.",
        "required": True,
        "schema": {"const": "Bearer"},
        "example": "Bearer",
    },
}
IF_NONE_MATCH: Final[Json] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "ETags of what the client has; 304 without a body if the answer is still one of them.",
    "schema": _TEXT,
    "example": '"4f3c2b1a09f8e7d6c5b4a3928170f6e5"',
}
_OF_ERRORS: Final[Mapping[str, tuple[str, ...]]] = {
    "401": ("WWW-Authenticate",),
    "429": ("Retry-After", "RateLimit-Policy", "RateLimit"),
    "503": ("Retry-After",),
}


def references(names: Iterable[str]) -> Json:
    """Return headers by reference."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def of_error(status: str) -> Json:
    """Return the headers of an error."""
    return references(("X-Request-ID", *_OF_ERRORS.get(status, ())))


def of_answer(method: str, operation: Json, status: str, *, tagged: bool, paged: bool) -> Json:
    """Return the headers of an answer that is no error."""
    parameters = cast("list[Json]", operation.get("parameters", []))
    sent = {str(one.get("name", "")).lower() for one in parameters}
    there = {
        "X-Request-ID": True,
        "ETag": tagged,
        "Location": method == "post" and status in {"201", "202", "303"},
        "Link": paged,
        "Retry-After": status in {"202", "303", "304"},
        "Idempotent-Replayed": "idempotency-key" in sent,
        "Preference-Applied": "prefer" in sent,
    }
    return references(name for name, has in there.items() if has)
