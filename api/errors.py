"""Errors as RFC 9457 problems: the domain's errors are mapped here, once."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from http import HTTPStatus
from typing import Final

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match

from api.problem_types import PROBLEM_BASE, PROBLEM_TYPES
from core.database import is_away
from core.intake.dedupe import KeyReusedError
from core.model.errors import (
    ConflictError,
    ForbiddenError,
    GoneError,
    InvalidInputError,
    LimitReachedError,
    NotFoundError,
    OtherOwnerError,
    RingbackError,
    UnavailableError,
)

PROBLEM: Final = "application/problem+json"
RETRY_AFTER: Final = "1"
CLIENT_LEFT: Final = 499
"""The status in the log of a request whose client hung up before it was whole; nobody is there to see it.

RFC 9110 has none for it; proxies write this one, nginx for one.
"""

_STATUS: Final[Mapping[type[RingbackError], HTTPStatus]] = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    InvalidInputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ConflictError: HTTPStatus.CONFLICT,
    KeyReusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    GoneError: HTTPStatus.GONE,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    OtherOwnerError: HTTPStatus.FORBIDDEN,
    LimitReachedError: HTTPStatus.TOO_MANY_REQUESTS,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}
_HIDDEN: Final = frozenset({"header", "path", "query", "body"})

_SAID: Final = {"extra_forbidden": "There is no such field.", "model_attributes_type": "It is not a JSON object."}
"""What pydantic says in words of its own."""
_METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
_NOT_KEEPABLE: Final = "22021"  # character_not_in_repertoire: a NUL in a path or a query

_log: Final = structlog.stdlib.get_logger()


class ProblemError(HTTPException):
    """An error of the HTTP layer itself; `code` names its problem type."""

    def __init__(self, status: HTTPStatus, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.code = code


class ClientLeftError(HTTPException):
    """A client hung up before its request was whole."""

    def __init__(self) -> None:
        super().__init__(CLIENT_LEFT, "The client has gone.")


def problem(
    request: Request,
    status: HTTPStatus,
    code: str,
    detail: str,
    *,
    more: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a problem document; `code` becomes the type's page, `more` are members that only its type has."""
    request_id = str(request.scope.get("ringback.request_id", ""))
    document: dict[str, object] = {
        "type": f"{PROBLEM_BASE}{code}",
        "title": PROBLEM_TYPES[code].title,
        "status": int(status),
        "detail": detail,
        "instance": f"urn:uuid:{request_id}",
        "request_id": request_id,
        **(more or {}),
    }
    return Response(msgspec.json.encode(document), int(status), dict(headers or {}), media_type=PROBLEM)


_CODES: Final = {
    400: "bad-request",
    401: "unauthorized",
    404: "not-found",
    405: "method-not-allowed",
    412: "precondition-failed",
    413: "too-large",
    415: "unsupported-media-type",
}


def add_error_handlers(app: FastAPI) -> None:
    """Answer every error of the app with a problem document."""
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, _at_once(handler))


def error_answer(request: Request, error: Exception) -> Response:
    """Return the answer to an error, as the app does: by the nearest of its classes that has one, else a 500."""
    handler = next((_HANDLERS[kind] for kind in type(error).__mro__ if kind in _HANDLERS), unexpected)
    return handler(request, error)


def _at_once(
    handler: Callable[[Request, Exception], Response],
) -> Callable[[Request, Exception], Coroutine[None, None, Response]]:
    """Call a handler in the event loop: Starlette sends each plain function through a thread."""

    async def handle(request: Request, error: Exception) -> Response:
        return handler(request, error)

    return handle


def _domain(request: Request, error: Exception) -> Response:
    assert isinstance(error, RingbackError)
    status = status_of(error)
    more: dict[str, object] = {}
    headers = {"Retry-After": RETRY_AFTER} if status in (429, 503) else {}
    if isinstance(error, InvalidInputError):
        more["errors"] = [{"pointer": one.pointer, "detail": one.detail} for one in error.errors]
    if isinstance(error, LimitReachedError):
        headers |= _rate_limit(error)
        more["violated-policies"] = [error.policy]
    return problem(request, status, error.code, error.detail, more=more, headers=headers)


def status_of(error: RingbackError) -> HTTPStatus:
    """Return the status of an error, by the nearest of its classes that has one."""
    return next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)


def _rate_limit(error: LimitReachedError) -> dict[str, str]:
    """Say which limit is reached, as structured fields (draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4)."""
    reset = "" if error.reset is None else f";t={error.reset}"
    return {
        "RateLimit-Policy": f'"{error.policy}";q={error.quota}',
        "RateLimit": f'"{error.policy}";r=0{reset}',
    }


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    code = error.code if isinstance(error, ProblemError) else _CODES.get(error.status_code, "bad-request")
    detail = error.detail if isinstance(error, ProblemError) else PROBLEM_TYPES[code].title + "."
    headers = {"Allow": _allowed(request)} if status == HTTPStatus.METHOD_NOT_ALLOWED else error.headers
    return problem(request, status, code, detail, headers=headers)


def _left(_: Request, error: Exception) -> Response:
    assert isinstance(error, ClientLeftError)
    return Response(status_code=error.status_code)


def _allowed(request: Request) -> str:
    """Name the methods that the path has, over all routes: Starlette names those of the first one only.

    A path that is described as it stands, without parameters, has the methods of its description: another route's
    parameter may match it too, yet finds nothing there.
    """
    described: Mapping[str, Mapping[str, object]] = request.app.openapi()["paths"]
    if request.url.path in described:
        return ", ".join(sorted(method.upper() for method in described[request.url.path]))
    routes: Sequence[BaseRoute] = request.app.routes

    def has(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in routes)

    return ", ".join(method for method in _METHODS if has(method))


def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = field_errors(error)
    detail = "Some values are not allowed."
    return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-input", detail, more={"errors": errors})


def field_errors(error: RequestValidationError) -> list[dict[str, str]]:
    """Return where the bad values are, and what is wrong with each."""
    return [{"pointer": _pointer(e["loc"]), "detail": _SAID.get(e["type"], str(e["msg"]))} for e in error.errors()]


def _pointer(location: Sequence[str | int]) -> str:
    parts = location[1:] if location and location[0] in _HIDDEN else location
    if parts and parts[-1] == "[key]":  # pydantic's way to say that it is the key itself
        parts = parts[:-1]
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def _store(request: Request, error: Exception) -> Response:
    if getattr(getattr(error, "orig", None), "sqlstate", None) == _NOT_KEEPABLE:
        detail = "A text holds a character that cannot be kept."
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-input", detail)
    if not is_away(error):
        return unexpected(request, error)
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    _log.warning("store.unavailable", error=type(error).__name__, sqlstate=state)
    return _domain(request, UnavailableError())


def _redis(request: Request, error: Exception) -> Response:
    _log.warning("store.unavailable", error=type(error).__name__)
    return _domain(request, UnavailableError())


def unexpected(request: Request, error: Exception) -> Response:
    """Answer what nobody foresaw, and log it; nothing of it leaves."""
    _log.error("request.failed", exc_info=error)
    return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "Something went wrong here; it is logged.")


_HANDLERS: Final[Mapping[type[Exception], Callable[[Request, Exception], Response]]] = {
    RingbackError: _domain,
    HTTPException: _http,
    ClientLeftError: _left,
    RequestValidationError: _validation,
    SQLAlchemyError: _store,
    OSError: _store,
    RedisError: _redis,
}
