"""The catalogue of problem types (RFC 9457): each code that the API emits, and the page that its `type` opens."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

PROBLEM_BASE: Final = "/problems/"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One type: its status and title never change; `meaning` and `remedy` are for who meets it.

    `detail` and `more` (members beside the common ones) are those of the example.
    """

    status: HTTPStatus
    title: str
    meaning: str
    remedy: str
    detail: str
    more: Mapping[str, object] | None = None

    def example(self, code: str) -> dict[str, object]:
        """Return the document that a client may get."""
        return {
            "type": f"{PROBLEM_BASE}{code}",
            "title": self.title,
            "status": int(self.status),
            "detail": self.detail,
            "instance": f"urn:uuid:{_REQUEST}",
            "request_id": _REQUEST,
            **(self.more or {}),
        }


_REQUEST: Final = "0f8fad5b-d9cb-469f-a165-70867728950e"

PROBLEM_TYPES: Final[Mapping[str, ProblemType]] = {
    "bad-request": ProblemType(
        HTTPStatus.BAD_REQUEST,
        "The request cannot be read",
        "A part of the request that is not its body has a form that cannot be read: a cursor that is not one of this "
        "list, a header such as Idempotency-Key that breaks its own rules, or lines that are not HTTP/1.1 at all.",
        "Read the detail, mend that part, and send the request again. Take cursors from next_cursor as they are.",
        "The cursor is not one of this list.",
    ),
    "conflict": ProblemType(
        HTTPStatus.CONFLICT,
        "The present state forbids it",
        "The request is in order, but the thing that it is about is in a state that forbids it: it has ended, is "
        "disabled, or exists already.",
        "Read the thing again and decide anew; the same request succeeds only once that state has changed.",
        "The task has ended.",
    ),
    "cross-site": ProblemType(
        HTTPStatus.FORBIDDEN,
        "The request does not come from the dashboard",
        "The request carries the cookie of a session of the dashboard, but comes from another site, or lacks the token "
        "that only the dashboard's pages know.",
        "Reload the dashboard. Programs send an API key as Authorization: Bearer instead of a cookie.",
        "A session is for the dashboard's own pages; programs send an API key.",
    ),
    "forbidden": ProblemType(
        HTTPStatus.FORBIDDEN,
        "The key lacks a scope",
        "The API key is valid, but it was not given the scope that this operation needs.",
        "Use a key with the scope that the detail names. Whoever holds keys:write can make one.",
        "This needs a key with the scope tasks:write.",
    ),
    "gone": ProblemType(
        HTTPStatus.GONE,
        "It is no longer here",
        "It was here once and is not kept any more: a task that was revoked or erased has no result, and a large "
        "result is kept only for its retention.",
        "Do not ask again. Run the task again if its result is still needed.",
        "The result is not kept any more.",
    ),
    "idempotency-key-reused": ProblemType(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The Idempotency-Key belongs to another request",
        "A request with this Idempotency-Key, but another body, was answered within the last 24 hours.",
        "Make a new key for each new request, and send a request again with exactly the bytes of the first time.",
        "This Idempotency-Key was used for another request.",
    ),
    "internal": ProblemType(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something went wrong here",
        "The service met something that nobody foresaw. It is logged under the request_id, and nothing of it is shown.",
        "Send the request again, a POST with its Idempotency-Key. If that fails as well, tell the operator the "
        "request_id.",
        "Something went wrong here; it is logged.",
    ),
    "invalid-form": ProblemType(
        HTTPStatus.BAD_REQUEST,
        "The body is not a form",
        "The body was announced as multipart/form-data (RFC 7578) and cannot be read as such.",
        "Let an HTTP library build the form, and do not set its Content-Type by hand: it names the boundary.",
        "The body is not multipart/form-data: The form does not end.",
    ),
    "invalid-input": ProblemType(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Some values are not allowed",
        "The request could be read, and some of its values are not allowed. Each of errors has a JSON Pointer (RFC "
        "6901) into the body, or the name of a parameter, and says what is wrong there.",
        "Correct the values that errors names. The same request will never succeed.",
        "Some values are not allowed.",
        {"errors": [{"pointer": "/input/x", "detail": "It is not a number."}]},
    ),
    "invalid-json": ProblemType(
        HTTPStatus.BAD_REQUEST,
        "The body is not JSON",
        "The body is empty, is not JSON in UTF-8 (RFC 8259), or lies deeper than 64 levels. NaN, lone surrogates and "
        "a byte order mark are no JSON.",
        "Send one JSON document, encoded in UTF-8, written by a JSON library.",
        "The body is not JSON in UTF-8, at byte 17.",
    ),
    "limit-reached": ProblemType(
        HTTPStatus.TOO_MANY_REQUESTS,
        "A limit is reached",
        "A limit of the tenant is reached. RateLimit-Policy names it with its quota, RateLimit says what is left, and "
        "violated-policies repeats its name.",
        "Wait for the seconds that Retry-After names, then send the request again. If it comes often, send less, or "
        "ask the operator for a higher limit.",
        "The tenant has 100000 tasks that wait to run.",
        {"violated-policies": ["waiting-tasks"]},
    ),
    "method-not-allowed": ProblemType(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "Not a method of this resource",
        "The path exists, but not with this method. The header Allow names the methods that it has.",
        "Use one of the methods in Allow.",
        "Not a method of this resource.",
    ),
    "not-found": ProblemType(
        HTTPStatus.NOT_FOUND,
        "Not found",
        "There is no such thing for this tenant and this key. What belongs to another tenant, or to another owner than "
        "the key's, does not exist for it either.",
        "Check the ID, and that the key is of the tenant that made the thing. After its retention it is gone for good.",
        "There is no such task.",
    ),
    "other-owner": ProblemType(
        HTTPStatus.FORBIDDEN,
        "The key is of one owner",
        "The API key was made for one owner, and the request is about another owner's things or the whole tenant's.",
        "Name the key's own owner, or use a key without an owner.",
        "This key is of one owner, and this is not that owner's.",
    ),
    "precondition-failed": ProblemType(
        HTTPStatus.PRECONDITION_FAILED,
        "It is not what If-Match names",
        "The request was to change a thing only as the ETag in If-Match (RFC 9110, section 13.1.1) names it, and the "
        "thing has changed since. Nothing was changed.",
        "Read the thing again, decide on what it is now, and send the change with its new ETag.",
        "The endpoint has changed since.",
    ),
    "request-timeout": ProblemType(
        HTTPStatus.REQUEST_TIMEOUT,
        "The request did not come in time",
        "The request, its body included, was not there within 30 seconds, and a second more for each 32 KiB of it that "
        "had come. The connection was closed, and nothing was done.",
        "Send the request again on a new connection, and its body as soon as its headers.",
        "It did not come in time.",
    ),
    "task-failed": ProblemType(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "The task failed",
        "The task whose result was asked for has ended badly, so that it has none. The service itself is well.",
        "Read the task: its error has a code and says what went wrong. POST /v1/tasks/{task}/retry runs it again.",
        "Division by zero.",
    ),
    "tenant-required": ProblemType(
        HTTPStatus.BAD_REQUEST,
        "Name the tenant",
        "The operator's key belongs to no tenant, and this operation acts for one.",
        "Send the header Ringback-Tenant with the tenant's ID or slug, or use a key of that tenant.",
        "Name the tenant with the header Ringback-Tenant.",
    ),
    "too-large": ProblemType(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The body is too large",
        "The body, or a file in it, is larger than is read here. The detail names the limit in bytes.",
        "Send less at once, or keep the content elsewhere and send a reference to it.",
        "It is over 1048576 bytes.",
    ),
    "unauthorized": ProblemType(
        HTTPStatus.UNAUTHORIZED,
        "A valid API key is needed",
        "There is no API key in the request, or it is malformed, unknown, expired or revoked. Which of these it is, is "
        "not told.",
        "Send the header Authorization: Bearer rb_… with a key that is valid.",
        "Send a valid API key as Authorization: Bearer rb_….",
    ),
    "unavailable": ProblemType(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Try again later",
        "A store that the operation needs is away for now. What was answered with 2xx or 303 before is safe.",
        "Wait for the seconds that Retry-After names, then send the request again, a POST with its Idempotency-Key.",
        "The service cannot take this now; try again.",
    ),
    "unsupported-media-type": ProblemType(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "Not a media type that is read here",
        "The body has a media type, or an encoding, that this operation does not read.",
        "Send one of the media types that the detail names, and no Content-Encoding.",
        "Send application/json, not encoded.",
    ),
    "upgrade-required": ProblemType(
        HTTPStatus.UPGRADE_REQUIRED,
        "A later version of HTTP is needed",
        "An export was asked for in HTTP/1.0, in which a body that breaks off cannot be told from one that ends.",
        "Ask in HTTP/1.1 or later; if you did, let the proxy in between speak HTTP/1.1 to Ringback.",
        "Ask in HTTP/1.1 or later; if you did, the proxy in between does not.",
    ),
}
