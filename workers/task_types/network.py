"""`http.fetch`: one request to a public address, past the same guard as every delivery."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field
from tenacity import wait_exponential_jitter

from core.model.header_rules import InvalidHeaderError, check_headers
from core.model.outcome import ErrorClass, Outcome
from core.model.targets import URL_LIMIT, InvalidTargetError, check_target
from core.resolver import AresResolver
from core.settings import Settings
from core.version import VERSION
from workers.delivery.choose import sender_of
from workers.delivery.exchange import RESET_IN_BODY, OutgoingRequest
from workers.delivery.place import Place
from workers.delivery.transport import NO_LANE
from workers.task_types.define import Retry, TaskContext, TaskError, task_type

DEADLINE: Final = 15
"""Seconds for all of it: look-up, connection, TLS, answer."""
BODY_LIMIT: Final = 64 * 1024

NO_HEADERS: Final[dict[str, str]] = {}

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
Url = Annotated[str, Field(max_length=URL_LIMIT, examples=["https://example.com/"])]

_TITLES: Final = {
    ErrorClass.TIMEOUT: "No answer in time",
    ErrorClass.CONNECT: "No connection",
    ErrorClass.TLS: "No secure connection",
    ErrorClass.DNS: "The name does not resolve",
    ErrorClass.BLOCKED_ADDRESS: "The address is not allowed",
    ErrorClass.TOO_LARGE: "The answer's headers are too large",
    ErrorClass.PROTOCOL: "The answer is not HTTP",
}
_PASSING: Final = frozenset({ErrorClass.TIMEOUT, ErrorClass.CONNECT, ErrorClass.DNS})
_UNSENT: Final = frozenset({ErrorClass.DNS})
_ONCE: Final = frozenset({"POST", "PATCH"})
"""What is not done again where it may have been done: twice is not as good as once (RFC 9110, section 9.2.2)."""


class Fetched(BaseModel):
    """An answer: header names in lower case, of the body the first 64 KiB, read as UTF-8."""

    status: int
    headers: dict[str, str]
    body: str


class FetchError(TaskError):
    """There is no whole answer; the code is the stage at which it ended."""

    def __init__(self, error: ErrorClass) -> None:
        super().__init__(error.value, _TITLES[error], f"{_TITLES[error]}; one request may take {DEADLINE} seconds.")


class PassingError(FetchError):
    """What may go better a moment later."""


@task_type(
    "http.fetch",
    queue="network",
    soft_time_limit=2 * DEADLINE,
    hard_time_limit=3 * DEADLINE,
    retry=Retry(
        on=(PassingError,), stop_after_attempt=3, wait=wait_exponential_jitter(multiplier=0.3, max=5, jitter=0.5)
    ),
)
def fetch(context: TaskContext, *, url: Url, method: Method = "GET", headers: dict[str, str] = NO_HEADERS) -> Fetched:
    """Send one HTTP request without a body, and return the answer, whatever its status.

    Follows no redirects. What gets no answer is sent again, up to three times in all; POST and PATCH only where nothing
    was sent. Fails with `invalid_url`, `invalid_header`, `blocked_address`, `timeout`, `connect`, `dns`,
    `tls`, `protocol` or `too_large`.
    """
    request = _request(url, method, headers, context.settings)
    passing = _UNSENT if method in _ONCE else _PASSING
    return _fetched(asyncio.run(_send(request, context.settings)), passing)


def _request(url: str, method: Method, headers: Mapping[str, str], settings: Settings) -> OutgoingRequest:
    try:
        target = check_target(url, settings.allow_targets, https_only=False)
        own = check_headers(headers)
    except InvalidTargetError as error:
        if error.reason == InvalidTargetError.forbidden().reason:
            raise FetchError(ErrorClass.BLOCKED_ADDRESS) from None
        raise TaskError("invalid_url", "Not a URL that can be fetched", f"{error.reason}.".capitalize()) from None
    except InvalidHeaderError as error:
        raise TaskError("invalid_header", "Not a header that can be sent", f"{error}.") from None
    fixed = {"Accept-Encoding": "identity", "User-Agent": f"Ringback/{VERSION}"}
    accept = {} if "accept" in {name.lower() for name in own} else {"Accept": "*/*"}
    sent = tuple((own | accept | fixed).items())
    place = Place(NO_LANE, target.url, sent, method=method)
    return OutgoingRequest(place, (), b"", DEADLINE, body_limit=BODY_LIMIT)


async def _send(request: OutgoingRequest, settings: Settings) -> Outcome:
    resolver = AresResolver()
    sender = sender_of(settings.sender, resolver, allowed=settings.allow_targets, proxy=settings.proxy)
    try:
        return await sender.send(request)
    finally:
        await sender.aclose()
        await resolver.aclose()


def _fetched(outcome: Outcome, passing: frozenset[ErrorClass]) -> Fetched:
    error = ErrorClass.CONNECT if outcome.note == RESET_IN_BODY else outcome.error
    if error is not None and error is not ErrorClass.HTTP_STATUS:
        raise PassingError(error) if error in passing else FetchError(error)
    response = outcome.response
    assert response is not None
    headers: dict[str, str] = {}
    for name, value in response.headers:
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return Fetched(status=response.status, headers=headers, body=response.body.decode(errors="replace"))
