"""Clients that do not go on: requests that do not come get an end after a while."""

from collections.abc import Callable

import pytest

from api.hot_protocol import HotProtocol
from core.settings import Settings
from tests.support.apps import settings_of
from tests.support.listening import listening
from tests.support.raw_http import converse, heard, key_of, post

BODY = b'{"type":"order.paid","data":1}'
LONG_WAY = {"Content_Type": "application/json; charset=utf-8"}
POLL = "GET /v1/tasks/{} HTTP/1.1\r\nHost: ringback\r\nAuthorization: Bearer {}\r\nPrefer: wait=1\r\n\r\n"


class Hasty(HotProtocol):
    """A connection that waits a moment only, once it is told to."""


class Lenient(Hasty):
    """One that waits on for whoever sends a byte."""

    slowest = 1


@pytest.fixture
def settings(api_database: str, redis_store: str) -> Settings:
    """The settings of an API that can record events."""
    return settings_of(database=api_database, redis=redis_store)


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what has connections wait a moment only, from then on."""
    return lambda: monkeypatch.setattr(Hasty, "comes_within", 0.1)


@pytest.mark.parametrize(
    ("path", "headers"), [("/v1/events", {}), ("/v1/events", LONG_WAY), ("/v1/events/batch", {}), ("/v1/tasks", {})]
)
@pytest.mark.parametrize("missing", [1, len(BODY), len(BODY) + 2])
async def test_a_request_that_does_not_come_is_refused_after_a_while(
    settings: Settings, hurry: Callable[[], None], path: str, headers: dict[str, str], missing: int
) -> None:
    async with listening(settings, Hasty) as client:
        hurry()
        sent = post(path, key_of(client), BODY, **headers)

        answer = await heard(client, sent[:-missing])

    head, _, document = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"connection: close" in head
    assert b'"type":"/problems/request-timeout"' in document


async def test_who_goes_on_sending_is_waited_for(settings: Settings, hurry: Callable[[], None]) -> None:
    async with listening(settings, Lenient) as client:
        hurry()
        sent = post("/v1/events", key_of(client), BODY, **LONG_WAY)
        pieces = [sent[: -len(BODY)], BODY[:10], BODY[10:]]

        (answer,), _ = await converse(client, pieces, rest=0.3)

    assert answer.status == 202


async def test_who_waits_for_an_answer_is_not_late(settings: Settings, hurry: Callable[[], None]) -> None:
    async with listening(settings, Hasty) as client:
        made = await client.post("/v1/tasks", json={"type": "math.divide", "input": {"x": 1, "y": 2}, "delay": 3600})
        hurry()
        poll = POLL.format(made.json()["task_id"], key_of(client)).encode()

        answer = await heard(client, poll + post("/v1/events", key_of(client), BODY)[:20])

    assert answer.startswith(b"HTTP/1.1 202 ")
    assert answer.count(b"HTTP/1.1 ") == 2
    assert b"HTTP/1.1 408 " in answer
