"""What the client of Python does when it gets no answer, or a bad one; the server here says what it is told to."""

import json
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from ringback import (
    AsyncRingback,
    ConnectionFailedError,
    NotFoundError,
    RateLimitedError,
    Retry,
    Ringback,
    RingbackError,
    UnavailableError,
    UnexpectedAnswerError,
)
from ringback.retries import retry_after

from cli.embedded.ports import free_port
from tests.support.answers import Answer, Reset
from tests.support.receiver import Receiver
from tests.support.threaded import ThreadedReceiver

QUICK = Retry(limit=2, base=0.01)
EVENT: dict[str, object] = {
    "id": "evt_1",
    "client_id": None,
    "type": "a.b",
    "timestamp": "2026-01-31T12:00:00.000Z",
    "data": 1,
    "ordering_key": None,
    "attributes": {},
    "deliveries": 0,
    "created_at": "2026-01-31T12:00:00.000Z",
    "erased_at": None,
}
ACCEPTED = Answer(202, body=json.dumps(EVENT).encode())


def refusal(status: int, code: str, wait: str = "0") -> Answer:
    """Return a problem as the API writes it."""
    document = {
        "type": f"/problems/{code}",
        "title": "No",
        "status": status,
        "detail": "Not now.",
        "instance": "urn:uuid:1",
        "request_id": "1",
    }
    headers = {"content-type": "application/problem+json", "retry-after": wait}
    return Answer(status, headers, json.dumps(document).encode())


BUSY = refusal(429, "limit-reached")
AWAY = refusal(503, "unavailable")
PROXY = Answer(502, {"content-type": "text/html"}, b"<h1>Bad gateway</h1>")
RESET = Answer(reset=Reset.BEFORE_ANSWER)
GONE = refusal(404, "not-found")


@pytest.mark.parametrize("first", [BUSY, AWAY, PROXY, RESET], ids=["429", "503", "502", "reset"])
def test_a_post_is_sent_again_with_the_same_key(receiver: ThreadedReceiver, first: Answer) -> None:
    receiver.script(first, ACCEPTED)

    with Ringback("rb_1", receiver.url, retry=QUICK) as client:
        event = client.events.send("a.b", 1)

    keys = [request.header("idempotency-key") for request in receiver.requests]
    assert event.id == "evt_1"
    assert len(keys) == 2
    assert keys[0] == keys[1]
    assert receiver.requests[0].body == receiver.requests[1].body


async def test_so_it_is_asynchronously(receiver: ThreadedReceiver) -> None:
    receiver.script(AWAY, RESET, ACCEPTED)

    async with AsyncRingback("rb_1", receiver.url, retry=QUICK) as client:
        await client.events.send("a.b", 1)

    assert len({request.header("idempotency-key") for request in receiver.requests}) == 1
    assert len(receiver.requests) == 3


@pytest.mark.parametrize("first", [AWAY, PROXY, RESET], ids=["503", "502", "reset"])
def test_what_a_lost_answer_told_of_is_deleted(receiver: ThreadedReceiver, first: Answer) -> None:
    receiver.script(first, GONE)

    with Ringback("rb_1", receiver.url, retry=QUICK) as client:
        client.endpoints.delete("ep_1")

    assert [one.method for one in receiver.requests] == ["DELETE", "DELETE"]


@pytest.mark.parametrize("answers", [(GONE,), (BUSY, GONE)], ids=["at once", "429"])
def test_what_was_never_there_is_told(receiver: ThreadedReceiver, answers: tuple[Answer, ...]) -> None:
    receiver.script(*answers)

    with Ringback("rb_1", receiver.url, retry=QUICK) as client, pytest.raises(NotFoundError):
        client.endpoints.delete("ep_1")


def erase_payload(client: Ringback) -> None:
    client.events.erase_payload("evt_1")


def delete_task(client: Ringback) -> None:
    client.tasks.delete("task_1")


@pytest.mark.parametrize("erase", [erase_payload, delete_task])
def test_what_could_not_be_erased_is_told(receiver: ThreadedReceiver, erase: Callable[[Ringback], None]) -> None:
    receiver.script(AWAY, GONE)

    with Ringback("rb_1", receiver.url, retry=QUICK) as client, pytest.raises(NotFoundError):
        erase(client)


def test_what_could_not_be_sent_has_deleted_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    with ExitStack() as stack:
        there = Receiver(port=port)
        there.script(GONE)
        starting = ThreadedReceiver(there)

        def pause(seconds: float) -> None:
            assert seconds > 0
            stack.enter_context(starting)

        monkeypatch.setattr("ringback._sync.wire.pause", pause)
        client = stack.enter_context(Ringback("rb_1", f"http://127.0.0.1:{port}", retry=QUICK))
        with pytest.raises(NotFoundError):
            client.endpoints.delete("ep_1")

    assert [one.method for one in there.requests] == ["DELETE"]


def test_two_calls_have_two_keys(receiver: ThreadedReceiver) -> None:
    receiver.script(ACCEPTED)

    with Ringback("rb_1", receiver.url) as client:
        client.events.send("a.b", 1)
        client.events.send("a.b", 1)

    assert len({request.header("idempotency-key") for request in receiver.requests}) == 2


@pytest.mark.parametrize(("answer", "error"), [(BUSY, RateLimitedError), (AWAY, UnavailableError)])
def test_what_does_not_pass_is_told(receiver: ThreadedReceiver, answer: Answer, error: type[Exception]) -> None:
    receiver.script(answer)

    with Ringback("rb_1", receiver.url, retry=QUICK) as client, pytest.raises(error):
        client.events.send("a.b", 1)

    assert len(receiver.requests) == 3


def test_who_is_told_to_wait_for_long_is_told_so(receiver: ThreadedReceiver) -> None:
    receiver.script(refusal(429, "limit-reached", "3600"))

    with Ringback("rb_1", receiver.url, retry=QUICK) as client, pytest.raises(RateLimitedError) as limited:
        client.events.send("a.b", 1)

    assert limited.value.retry_after == 3600
    assert len(receiver.requests) == 1


def test_what_will_never_do_is_not_sent_again(receiver: ThreadedReceiver) -> None:
    receiver.script(PROXY, Answer(200, {"content-type": "text/html"}, b"<h1>Hello</h1>"))

    with Ringback("rb_1", receiver.url, retry=QUICK) as client, pytest.raises(UnexpectedAnswerError) as other:
        client.events.get("evt_1")

    assert other.value.status == 200
    assert "text/html" in str(other.value)


def test_a_refused_connection_is_tried_again_and_then_told() -> None:
    url = f"http://127.0.0.1:{free_port()}"

    with Ringback("rb_secret", url, retry=QUICK) as client, pytest.raises(ConnectionFailedError) as failed:
        client.events.send("a.b", 1)

    assert failed.value.tries == 3
    assert url in str(failed.value)
    assert "rb_secret" not in str(failed.value)


def test_a_url_that_is_none_is_told_at_once() -> None:
    with Ringback("rb_1", "ftp://example.com", retry=QUICK) as client, pytest.raises(ConnectionFailedError) as failed:
        client.events.send("a.b", 1)

    assert failed.value.tries == 1


def test_a_word_of_a_later_version_comes_through(receiver: ThreadedReceiver) -> None:
    page: dict[str, object] = {"data": [], "next_cursor": None, "total": 3}
    delivery = {
        "id": "dlv_1",
        "event_id": "evt_1",
        "event_type": "a.b",
        "endpoint_id": None,
        "task_id": None,
        "url": "https://example.com",
        "status": "parked",
        "reason": None,
        "waiting_for": "spring",
        "attempt_count": 0,
        "next_attempt_at": None,
        "last_response_code": None,
        "created_at": "2026-01-31T12:00:00.000Z",
        "finished_at": None,
    }
    receiver.script(Answer(body=json.dumps({**page, "data": [delivery]}).encode()))

    with Ringback("rb_1", receiver.url) as client:
        (found,) = client.deliveries.list()

    assert (found.status, found.waiting_for) == ("parked", "spring")


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with Ringback("rb_1") as client, pytest.raises(ValueError, match="names nothing"):
        client.tasks.delete(name)


def test_any_other_name_stays_one_part_of_the_path(receiver: ThreadedReceiver) -> None:
    receiver.script(Answer(204))

    with Ringback("rb_1", receiver.url) as client:
        client.event_types.delete("../keys/key_1?x=1")

    assert receiver.requests[0].path == "/v1/event-types/..%2Fkeys%2Fkey_1%3Fx%3D1"


def test_without_a_key_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RINGBACK_API_KEY", raising=False)

    with pytest.raises(RingbackError, match="RINGBACK_API_KEY"):
        Ringback()


@pytest.mark.parametrize(
    ("retries", "asked", "draw", "pause"),
    [
        (0, None, 0.0, 0.5),
        (0, None, 1.0, 0.25),
        (3, None, 0.0, 4.0),
        (9, None, 0.0, 8.0),
        (0, 30.0, 0.5, 30.0),
        (3, 1.0, 0.0, 4.0),
        (0, 61.0, 0.0, None),
        (10, None, 0.0, None),
    ],
)
def test_a_pause_grows_and_is_never_shorter_than_asked(
    retries: int, asked: float | None, draw: float, pause: float | None
) -> None:
    assert Retry(limit=10).pause(retries, asked, draw) == pause


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
    ],
)
def test_retry_after_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds
