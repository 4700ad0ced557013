"""What a server on this machine answers to what `listen` sends on, as Ringback is told of it."""

from contextlib import closing

import pytest

from cli.remote.forward import Forwarder
from core import clock
from tests.support.accounts import Json
from tests.support.answers import Answer
from tests.support.threaded import ThreadedReceiver

PULLED: Json = {"claim": "c", "request": {"headers": {"webhook-id": "evt_1"}, "body": "{}"}}


def told_by(url: str) -> Json:
    """Send one on; return what Ringback is told of it."""
    with closing(Forwarder(url)) as forwarder:
        return forwarder.send(PULLED).ack


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(200, body=b"thanks"), {"status": 200, "body": "thanks"}),
        (Answer(503, headers={"Retry-After": "120"}), {"status": 503, "body": "", "retry_after": 120}),
        (Answer(429, headers={"Retry-After": "0"}), {"status": 429, "body": "", "retry_after": 0}),
        (Answer(429, headers={"Retry-After": "soon"}), {"status": 429, "body": ""}),
        (Answer(500, headers={"Retry-After": "120"}), {"status": 500, "body": ""}),
        (Answer(422, headers={"Webhook-Delivery": " Abort-Message"}), {"status": 422, "body": "", "abort": True}),
        (Answer(422, headers={"webhook-delivery": "other"}), {"status": 422, "body": ""}),
    ],
)
def test_an_answer_is_told_as_a_delivery_would_mind_it(answer: Answer, told: Json) -> None:
    with ThreadedReceiver() as local:
        local.script(answer)
        ack = told_by(local.url)

    assert {name: value for name, value in ack.items() if name not in {"claim", "duration_ms"}} == told


def test_a_pause_until_a_date_is_told_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.at(1_800_000_000.5)
    monkeypatch.setattr(clock, "now", lambda: now)
    with ThreadedReceiver() as local:
        local.script(Answer(503, headers={"Retry-After": "Fri, 15 Jan 2027 08:02:00 GMT"}))
        ack = told_by(local.url)

    assert ack["retry_after"] == 120


def test_a_body_that_is_not_encoded_as_it_says_is_told_as_an_error() -> None:
    with ThreadedReceiver() as local:
        local.script(Answer(200, headers={"Content-Encoding": "gzip"}, body=b"plain"))
        ack = told_by(local.url)

    assert ack["error"] == "protocol"


def test_a_server_that_is_away_is_told_as_an_error() -> None:
    assert told_by("http://127.0.0.1:1/")["error"] == "connect"
