"""How an answer says where it ends, and what else stands between its bytes."""

import pytest

from core.model.outcome import ErrorClass, OutcomeKind
from tests.support.answers import Answer
from tests.support.receiver import Receiver
from tests.support.sending import outgoing, sending

pytestmark = pytest.mark.usefixtures("every_sender")

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\ncontent-length: 2\n\nhi",
        b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nhi",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"content-length: 2\r\n\r\nhi",
        OK + b"content-length: 7\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        OK + b"x-a: 1\r\n folded\r\ncontent-length: 2\r\n\r\nhi",
        b"HTTP/1.2 200 OK\r\ncontent-length: 2\r\n\r\nhi",
        b"HTTP/1.1 100 Continue\r\nconnection: close\r\n\r\n" + OK + b"content-length: 2\r\n\r\nhi",
        b"HTTP/1.0 100 Continue\r\n\r\n" + OK + b"content-length: 2\r\n\r\nhi",
        CHUNKED + b"2  \r\nhi\r\n0\r\n\r\n",
        CHUNKED + b"1;a=b\r\nh\r\n1\r\ni\r\n0\r\nX-Trailer: 1\r\n\r\n",
    ],
    ids=[
        *("lone line feeds", "no reason", "after an interim answer", "length beside chunks", "a folded header"),
        *("a minor version to come", "an interim close", "an interim 1.0", "a padded chunk size"),
        "extensions and a trailer",
    ],
)
async def test_a_framed_answer_is_read_to_its_end(raw: bytes) -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(raw=raw))

        outcome = await sender.send(outgoing(receiver.url))

    assert (outcome.kind, outcome.note) == (OutcomeKind.SUCCEEDED, None)
    assert outcome.response is not None
    assert (outcome.response.body, outcome.response.header("x-trailer")) == (b"hi", None)


@pytest.mark.parametrize("start", [OK, b"HTTP/1.0 200 OK\r\n"], ids=["1.1", "1.0"])
async def test_an_answer_without_a_length_ends_with_its_connection(start: bytes) -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(raw=start + b"\r\nhi", close=True), Answer(500))

        outcome = await sender.send(outgoing(receiver.url))

    assert (outcome.kind, outcome.note) == (OutcomeKind.SUCCEEDED, None)
    assert outcome.response is not None
    assert outcome.response.body == b"hi"


async def test_a_connection_that_is_to_be_closed_is_not_used_again() -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(headers={"connection": "close"}), Answer())
        await sender.send(outgoing(receiver.url))

        await sender.send(outgoing(receiver.url))

        assert [request.connection for request in receiver.requests] == [1, 2]


@pytest.mark.parametrize(
    "raw",
    [
        CHUNKED + b"2\r\nhi\r\n0\r\n" + b"X-More: 1\r\n" * 200_000,
        CHUNKED + b"2;" + b"x" * 2_000_000,
        OK + b"transfer-encoding: gzip\r\n\r\nhi",
        CHUNKED.replace(b"\r\n\r\n", b"\r\ntransfer-encoding: chunked\r\n\r\n") + b"2\r\nhi\r\n0\r\n\r\n",
        b"\r\n" + OK + b"content-length: 2\r\n\r\nhi",
        OK + b" content-length: 2\r\n\r\nhi",
        OK + b"content-length : 2\r\n\r\nhi",
        OK + b"x-a: a\0b\r\ncontent-length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 a\0b\r\ncontent-length: 2\r\n\r\nhi",
        b"HTTP/1.1 099 OK\r\ncontent-length: 2\r\n\r\nhi",
    ],
    ids=[
        *("endless trailers", "endless chunk extension", "unasked transfer coding", "two codings"),
        *("an empty line before", "space after the first line", "space before a colon", "NUL in a header"),
        *("NUL in the reason", "status under 100"),
    ],
)
async def test_framing_that_nobody_can_want_is_a_protocol_error(raw: bytes) -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(raw=raw))

        outcome = await sender.send(outgoing(receiver.url))

    assert outcome.error is ErrorClass.PROTOCOL


@pytest.mark.parametrize("status", [200, 204, 304, 404])
async def test_the_answer_to_head_has_no_body_whatever_length_it_tells(status: int) -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(raw=b"HTTP/1.1 %d X\r\ncontent-length: 5000\r\n\r\n" % status))
        request = outgoing(receiver.url, method="HEAD", body=b"")

        outcome = await sender.send(request)

    assert outcome.response is not None
    assert (outcome.response.status, outcome.response.body) == (status, b"")


async def test_a_header_that_holds_a_line_break_is_not_sent() -> None:
    async with Receiver() as receiver, sending() as sender:
        outcome = await sender.send(outgoing(receiver.url, headers=(("X-One", "1\r\nX-Two: 2"),)))

        assert receiver.requests == ()
    assert outcome.error is ErrorClass.PROTOCOL


async def test_a_body_of_megabytes_is_sent_whole() -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(413, close=True))
        request = outgoing(receiver.url, body=b"x" * 3_000_000)

        outcome = await sender.send(request)

    assert outcome.error is ErrorClass.HTTP_STATUS
