"""Every way in which a receiver can misbehave, and the outcome that it makes."""

import asyncio

import pytest

from core.clock import unix_seconds
from core.model.outcome import RESPONSE_HEADERS_MAX, ErrorClass, OutcomeKind
from core.model.signature import format_secret, new_secret
from tests.support.answers import Answer, Endless, Reset, hang, redirect
from tests.support.pulse import stood_still
from tests.support.receiver import Receiver
from tests.support.sending import BODY, LANE, outgoing, sending
from workers.delivery.request import Destination, build_request

pytestmark = pytest.mark.usefixtures("every_sender")

SHORT = 0.4  # seconds: the deadline of those that never answer


@pytest.mark.parametrize("status", [200, 201, 202, 204, 226, 299])
async def test_any_2xx_is_success(status: int) -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(status))

        outcome = await sender.send(outgoing(receiver.url))

    assert (outcome.kind, outcome.error, outcome.note) == (OutcomeKind.SUCCEEDED, None, None)
    assert outcome.response is not None
    assert outcome.response.status == status


@pytest.mark.parametrize("status", [300, 304, 400, 404, 410, 418, 429, 500, 503, 599, 999])
async def test_any_other_status_is_failure(status: int) -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(status, {"retry-after": "7"}, b"no"))

        outcome = await sender.send(outgoing(receiver.url))

    assert (outcome.kind, outcome.error) == (OutcomeKind.FAILED, ErrorClass.HTTP_STATUS)
    assert outcome.response is not None
    assert outcome.response.status == status
    assert outcome.response.header("Retry-After") == "7"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async with Receiver() as elsewhere, Receiver() as receiver, sending() as sender:
        receiver.script(redirect(elsewhere.url, status))

        outcome = await sender.send(outgoing(receiver.url))

        assert elsewhere.opened == 0
    assert outcome.error is ErrorClass.HTTP_STATUS


async def test_the_request_arrives_byte_for_byte() -> None:
    async with Receiver() as receiver, sending() as sender:
        url = receiver.url_for(receiver.host, "/a/../b%2Fc?x=1&y=%2F&z=\"<>'")

        await sender.send(outgoing(url, headers=(("X-One", "1"), ("webhook-id", "evt_1"))))

        (request,) = receiver.requests
    assert (request.method, request.path) == ("POST", "/a/../b%2Fc?x=1&y=%2F&z=\"<>'")
    assert request.body == BODY
    assert dict(request.headers) == {
        "Host": f"127.0.0.1:{receiver.port}",
        "X-One": "1",
        "webhook-id": "evt_1",
        "Content-Length": str(len(BODY)),
    }


async def test_what_was_connected_to_and_how_long_it_took_is_recorded() -> None:
    async with Receiver() as receiver, sending(names={"a.example.test": ("127.0.0.1",)}) as sender:
        receiver.script(Answer(delay=0.05))

        with stood_still() as missed:
            outcome = await sender.send(outgoing(receiver.url_for("a.example.test")))
            late = 5 + missed()

    timings = outcome.timings
    assert outcome.address == "127.0.0.1"
    assert (timings.dns is not None, timings.connect is not None, timings.tls) == (True, True, None)
    assert timings.first_byte is not None
    assert 50 <= timings.first_byte <= timings.total < late * 1000


@pytest.mark.parametrize(
    "answer",
    [
        hang(),
        Answer(delay=60),
        Answer(endless=Endless.INTERIM),
        Answer(drip=(1, 0.05)),
    ],
    ids=["silence", "too late", "endless 103", "headers byte by byte"],
)
async def test_an_answer_that_does_not_come_in_time_is_a_timeout(answer: Answer) -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(answer)

        with stood_still() as missed:
            outcome = await sender.send(outgoing(receiver.url, timeout=SHORT))
            late = SHORT + 2 + missed()

    assert (outcome.kind, outcome.error, outcome.response) == (OutcomeKind.FAILED, ErrorClass.TIMEOUT, None)
    assert SHORT * 1000 <= outcome.timings.total < late * 1000


@pytest.mark.parametrize(
    "answer",
    [
        Answer(reset=Reset.BEFORE_ANSWER),
        Answer(reset=Reset.IN_HEADERS),
        Answer(raw=b"", close=True),
        Answer(raw=b"HTTP/1.1 200 OK\r\ncontent-", close=True),
    ],
    ids=["reset at once", "reset in the headers", "closed at once", "closed in the headers"],
)
async def test_a_new_connection_lost_before_the_answer_is_a_failed_connection(answer: Answer) -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(answer)

        outcome = await sender.send(outgoing(receiver.url))

    assert (outcome.error, outcome.note, outcome.response) == (ErrorClass.CONNECT, None, None)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 20x OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    ],
    ids=["status with a letter", "another protocol", "unasked upgrade", "two lengths", "bad chunk"],
)
async def test_an_answer_that_is_not_http_is_a_protocol_error(raw: bytes) -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(raw=raw))

        outcome = await sender.send(outgoing(receiver.url))

    assert (outcome.kind, outcome.error) == (OutcomeKind.FAILED, ErrorClass.PROTOCOL)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-big": "x" * 10_000_000},
        {f"x-{n}": "1" for n in range(20_000)},
        {"x-big": "x" * 65_536},
        {f"x-{n}": "" for n in range(RESPONSE_HEADERS_MAX + 1)},
    ],
    ids=["one of 10 MB", "20,000 of them", "just over the limit", "more lines than anybody needs"],
)
async def test_response_headers_over_64_kib_or_500_lines_are_too_large(headers: dict[str, str]) -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(200, headers))

        outcome = await sender.send(outgoing(receiver.url))

    assert (outcome.error, outcome.response) == (ErrorClass.TOO_LARGE, None)


async def test_response_headers_just_under_64_kib_are_taken() -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(200, {"x-big": "x" * 65_000}))

        outcome = await sender.send(outgoing(receiver.url))

    assert outcome.kind is OutcomeKind.SUCCEEDED


async def test_interim_answers_are_skipped() -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(raw=interim * 3 + b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"))

        outcome = await sender.send(outgoing(receiver.url))

    assert outcome.response is not None
    assert (outcome.response.status, outcome.response.body) == (200, b"ok")


async def test_a_port_where_nobody_listens_is_a_failed_connection() -> None:
    async with Receiver() as receiver, sending() as sender:
        url = receiver.url
        await receiver.__aexit__(None, None, None)

        outcome = await sender.send(outgoing(url))

    assert outcome.error is ErrorClass.CONNECT


async def test_a_name_that_does_not_resolve_is_a_dns_error() -> None:
    async with sending() as sender:
        outcome = await sender.send(outgoing("http://nx.example.test/"))

    assert (outcome.error, outcome.address) == (ErrorClass.DNS, None)
    assert outcome.timings.dns is not None


async def test_cancelling_passes_through_and_ends_the_connection() -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(hang())
        sent = asyncio.create_task(sender.send(outgoing(receiver.url)))
        await receiver.wait_for(1)

        sent.cancel()

        with pytest.raises(asyncio.CancelledError):
            await sent
        await receiver.wait_for_closed(1)


async def test_a_signed_request_verifies() -> None:
    key = new_secret()
    async with Receiver() as receiver, sending() as sender:
        destination = Destination(LANE, receiver.url, {"Authorization": "Bearer x"}, version="1.2.3")
        request = build_request(
            destination, (key,), event_id="evt_1", body=BODY, timestamp=int(unix_seconds()), timeout=5.0
        )

        await sender.send(request)

        receiver.verify(format_secret(key))
        assert receiver.requests[0].header("user-agent") == "Ringback/1.2.3"
