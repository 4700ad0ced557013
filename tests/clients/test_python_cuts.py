"""What the client of Python does when what it reads breaks off; the server here says what it is told to."""

import json
from contextlib import closing

import pytest
from ringback import ConnectionFailedError, Retry, Ringback, UnavailableError
from ringback._sync import streams
from ringback.sse import Event, Events, Lines

from tests.clients.test_python_retries import AWAY, QUICK, RESET
from tests.support.answers import Answer
from tests.support.threaded import ThreadedReceiver

ATTEMPT = {
    **dict.fromkeys(("id", "delivery_id", "event_id", "event_type", "trigger", "outcome", "started_at"), "x"),
    **dict.fromkeys(("endpoint_id", "task_id", "error", "note", "url", "response_status", "address")),
    "number": 1,
    "duration_ms": dict.fromkeys(("dns", "connect", "tls", "first_byte", "total")),
}
STREAM = {"content-type": "text/event-stream", "connection": "close"}


def told(*places: str, cut: bool = False) -> Answer:
    """Return a stream of attempts at these places, which ends, or breaks off in the middle of the next one."""
    events = [f"id: {place}\nevent: attempt\ndata: {json.dumps(ATTEMPT)}\n\n" for place in places]
    body = "".join(["retry: 3000\n\n", *events, "id: cut\nevent: attempt\ndata: {" * cut]).encode()
    return Answer(200, STREAM, body, declared=len(body) + cut, close=True)


@pytest.mark.parametrize("cut", [True, False])
def test_a_stream_goes_on_where_it_stopped(
    receiver: ThreadedReceiver, monkeypatch: pytest.MonkeyPatch, *, cut: bool
) -> None:
    monkeypatch.setattr(streams, "RECONNECT", 0.0)
    receiver.script(told("1", "2", cut=cut), AWAY, RESET, told("3"))

    with Ringback("rb_1", receiver.url, retry=QUICK) as client, closing(client.deliveries.live(after="0")) as stream:
        places = [next(stream).place for _ in range(3)]

    assert places == ["1", "2", "3"]
    assert [one.header("last-event-id") for one in receiver.requests] == ["0", "2", "2", "2"]


def test_a_stream_that_told_of_nothing_goes_on_where_it_began(
    receiver: ThreadedReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "RECONNECT", 0.0)
    receiver.script(Answer(200, STREAM, b"id: 7\nretry: 3000\n\n", close=True), told("8"))

    with Ringback("rb_1", receiver.url, retry=QUICK) as client, closing(client.deliveries.live()) as stream:
        place = next(stream).place

    assert (place, [one.header("last-event-id") for one in receiver.requests]) == ("8", [None, "7"])


def test_a_stream_that_is_refused_too_often_ends_with_the_problem(receiver: ThreadedReceiver) -> None:
    receiver.script(AWAY)

    with Ringback("rb_1", receiver.url, retry=Retry(limit=1, base=0.01)) as client, pytest.raises(UnavailableError):
        next(client.deliveries.live())

    assert len(receiver.requests) == 2


def test_a_file_that_breaks_off_is_not_taken_for_the_whole(receiver: ThreadedReceiver) -> None:
    receiver.script(Answer(200, {"content-type": "text/csv"}, b"id,event_id\nd", declared=100, close=True))

    with Ringback("rb_1", receiver.url, retry=QUICK) as client, closing(client.deliveries.export_csv()) as lines:
        first = next(lines)
        with pytest.raises(ConnectionFailedError):
            next(lines)

    assert first == "id,event_id\n"


def test_lines_end_at_line_feeds_alone_wherever_they_are_cut() -> None:
    lines = Lines()

    fed = [line for text in ("a\u2028b", "\r", "\n\x85", "c\nd") for line in lines.feed(text)]

    assert fed == ["a\u2028b\r\n", "\x85c\n"]


def test_an_event_is_what_its_lines_say() -> None:
    events = Events()

    fed = [events.feed(f"{line}\n") for line in ("id: 7", ":beat", "event: status", "data: {", "data: }", "", "")]

    assert fed == [None] * 5 + [Event("status", "{\n}", "7"), None]
