"""The guard, and which requests share a connection."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest
import uvloop

from core.model.outcome import ErrorClass, OutcomeKind
from tests.support.answers import Answer, Reset
from tests.support.names import FixedNames
from tests.support.receiver import Receiver
from tests.support.sending import LANE, LOOPBACK, OTHER_LANE, OTHER_TENANT, TENANT, outgoing, sending
from workers.delivery.transport import GuardedTransport, SendError
from workers.delivery.wire import Wire

pytestmark = pytest.mark.usefixtures("every_sender")

A = "a.example.test"
B = "b.example.test"
NAMES = {A: ("127.0.0.1",), B: ("127.0.0.1",)}


@pytest.mark.parametrize(
    "addresses",
    [
        ("10.0.0.5",),
        ("169.254.169.254",),
        ("127.0.0.1", "10.0.0.5"),
        ("93.184.216.34", "::1"),
        ("::ffff:127.0.0.1",),
        ("64:ff9b::7f00:1",),
    ],
    ids=["private", "metadata", "mixed", "IPv6 loopback beside", "mapped", "NAT64"],
)
async def test_a_name_with_any_forbidden_address_is_refused(addresses: tuple[str, ...]) -> None:
    async with Receiver() as receiver, sending(names={A: addresses}) as sender:
        outcome = await sender.send(outgoing(receiver.url_for(A)))

        assert receiver.opened == 0
    assert (outcome.kind, outcome.error) == (OutcomeKind.FAILED, ErrorClass.BLOCKED_ADDRESS)
    assert (outcome.address, outcome.response) == (None, None)


async def test_a_literal_address_is_judged_too() -> None:
    async with Receiver() as receiver, sending(allowed=()) as sender:
        outcome = await sender.send(outgoing(receiver.url))

        assert receiver.opened == 0
    assert outcome.error is ErrorClass.BLOCKED_ADDRESS


@pytest.mark.parametrize(
    ("peer", "error"),
    [(None, ErrorClass.CONNECT), (("10.0.0.5", 80), ErrorClass.BLOCKED_ADDRESS)],
    ids=["gone", "other"],
)
async def test_who_is_at_the_other_end_has_to_be_who_was_asked_for(
    peer: object, error: ErrorClass, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Wire.get_extra_info

    def get_extra_info(wire: Wire, info: str) -> object:
        return peer if info == "peername" else known(wire, info)

    monkeypatch.setattr(Wire, "get_extra_info", get_extra_info)
    async with Receiver() as receiver, sending() as sender:
        outcome = await sender.send(outgoing(receiver.url))

        assert receiver.requests == ()
    assert outcome.error is error


async def test_a_url_outside_the_grammar_is_refused_when_sending() -> None:
    async with sending() as sender:
        outcome = await sender.send(outgoing("http://localhost:8080/"))

    assert outcome.error is ErrorClass.BLOCKED_ADDRESS


async def test_a_name_that_moves_is_judged_again_for_each_connection() -> None:
    names = {A: ("127.0.0.1",)}
    async with Receiver() as receiver, sending(names=names) as sender:
        receiver.script(Answer(close=True))
        await sender.send(outgoing(receiver.url_for(A)))
        await receiver.wait_for_closed(1)
        names[A] = ("10.0.0.5",)

        outcome = await sender.send(outgoing(receiver.url_for(A)))

    assert outcome.error is ErrorClass.BLOCKED_ADDRESS


async def test_the_next_address_is_tried_when_one_refuses() -> None:
    async with Receiver() as receiver, sending(names={A: ("127.0.0.2", "127.0.0.1")}) as sender:
        outcome = await sender.send(outgoing(receiver.url_for(A)))

    assert (outcome.kind, outcome.address) == (OutcomeKind.SUCCEEDED, "127.0.0.1")


async def test_a_name_with_hundreds_of_addresses_costs_three_connections_at_most() -> None:
    addresses = tuple(f"127.0.{high}.{low}" for high in (1, 2) for low in range(1, 251))
    async with Receiver() as receiver, sending(names={A: (*addresses, "127.0.0.1")}) as sender:
        outcome = await sender.send(outgoing(receiver.url_for(A)))

    assert (outcome.error, outcome.address) == (ErrorClass.CONNECT, "127.0.1.3")


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_a_proxy_in_the_environment_is_ignored(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Receiver() as proxy, Receiver() as receiver, sending(names=NAMES) as sender:
        monkeypatch.setenv(variable, proxy.url)

        outcome = await sender.send(outgoing(receiver.url_for(A)))

        assert proxy.opened == 0
    assert outcome.kind is OutcomeKind.SUCCEEDED


async def test_a_cookie_is_not_sent_back() -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(200, {"set-cookie": "session=1; Path=/"}))
        await sender.send(outgoing(receiver.url))

        await sender.send(outgoing(receiver.url))

        assert receiver.requests[1].header("cookie") is None


async def test_requests_to_one_origin_share_a_connection() -> None:
    async with Receiver() as receiver, sending() as sender:
        await sender.send(outgoing(receiver.url))

        outcome = await sender.send(outgoing(receiver.url_for(receiver.host, "/other")))

        assert [request.connection for request in receiver.requests] == [1, 1]
    assert (outcome.address, outcome.timings.connect) == ("127.0.0.1", None)


async def test_requests_at_the_same_time_do_not_wait_for_one_connection() -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(delay=0.1))

        await asyncio.gather(*(sender.send(outgoing(receiver.url)) for _ in range(20)))

        assert {request.connection for request in receiver.requests} == set(range(1, 21))


async def test_two_names_on_one_address_do_not_share_a_connection() -> None:
    async with Receiver() as receiver, sending(names=NAMES) as sender:
        await sender.send(outgoing(receiver.url_for(A)))

        await sender.send(outgoing(receiver.url_for(B)))

        assert [request.connection for request in receiver.requests] == [1, 2]


async def test_two_tenants_do_not_share_a_connection() -> None:
    async with Receiver() as receiver, sending() as sender:
        await sender.send(outgoing(receiver.url, tenant=TENANT))

        await sender.send(outgoing(receiver.url, tenant=OTHER_TENANT))

        assert [request.connection for request in receiver.requests] == [1, 2]


async def test_two_endpoints_of_one_tenant_on_one_host_share_a_connection() -> None:
    async with Receiver() as receiver, sending() as sender:
        await sender.send(outgoing(receiver.url, lane=LANE, tenant=TENANT))

        await sender.send(outgoing(receiver.url, lane=OTHER_LANE, tenant=TENANT))

        assert [request.connection for request in receiver.requests] == [1, 1]


async def test_a_kept_connection_that_was_closed_is_replaced_silently() -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(close=True), Answer())
        await sender.send(outgoing(receiver.url))
        await receiver.wait_for_closed(1)

        outcome = await sender.send(outgoing(receiver.url))

    assert (outcome.kind, outcome.note) == (OutcomeKind.SUCCEEDED, None)


@pytest.mark.parametrize(
    "answer", [Answer(reset=Reset.BEFORE_ANSWER), Answer(raw=b"", close=True)], ids=["reset", "closed"]
)
async def test_a_kept_connection_that_dies_under_a_request_asks_for_a_reconnect(answer: Answer) -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(), answer)
        await sender.send(outgoing(receiver.url))

        outcome = await sender.send(outgoing(receiver.url))

        assert len(receiver.requests) == 2
    assert (outcome.error, outcome.note) == (ErrorClass.CONNECT, "reconnect")


async def test_after_a_kept_connection_that_was_dead_a_new_one_is_opened() -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(delay=0.1), Answer(delay=0.1), Answer(reset=Reset.BEFORE_ANSWER), Answer())
        await asyncio.gather(sender.send(outgoing(receiver.url)), sender.send(outgoing(receiver.url)))
        await sender.send(outgoing(receiver.url))

        await sender.send(outgoing(receiver.url))

        *_, last = receiver.requests
        assert last.connection == 3


async def test_a_kept_connection_that_dies_inside_the_answer_asks_for_nothing() -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(), Answer(reset=Reset.IN_HEADERS))
        await sender.send(outgoing(receiver.url))

        outcome = await sender.send(outgoing(receiver.url))

    assert (outcome.error, outcome.note) == (ErrorClass.CONNECT, None)


async def test_bytes_beyond_an_answer_do_not_answer_the_next_request() -> None:
    double = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" * 2
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(raw=double), Answer(500))
        await sender.send(outgoing(receiver.url))

        outcome = await sender.send(outgoing(receiver.url))

        assert [request.connection for request in receiver.requests] == [1, 2]
    assert outcome.error is ErrorClass.HTTP_STATUS


async def test_an_idle_connection_is_closed_without_another_request() -> None:
    async with Receiver() as receiver, sending(idle_seconds=0.05) as sender:
        await sender.send(outgoing(receiver.url))

        await receiver.wait_for_closed(1)

        assert receiver.closed == 1


async def test_no_more_idle_connections_are_kept_than_allowed() -> None:
    transport = GuardedTransport(FixedNames({}), allowed=LOOPBACK, idle_limit=1)
    async with Receiver() as receiver, Receiver() as other, httpx.AsyncClient(transport=transport) as client:
        await client.post(receiver.url)

        await client.post(other.url)

        await receiver.wait_for_closed(1)
        assert (receiver.closed, other.closed) == (1, 0)


async def test_of_one_receivers_idle_connections_the_oldest_goes_first() -> None:
    transport = GuardedTransport(FixedNames({}), allowed=LOOPBACK, idle_limit=1)
    async with Receiver() as receiver, httpx.AsyncClient(transport=transport) as client:
        receiver.script(Answer(), Answer(delay=0.2), Answer())
        await asyncio.gather(client.post(receiver.url), client.post(receiver.url))
        await receiver.wait_for_closed(1)

        await client.post(receiver.url)

        slow, last = receiver.requests[-2:]
        assert (receiver.closed, last.connection) == (1, slow.connection)


async def test_an_httpx_client_behind_the_guard_gets_httpx_errors() -> None:
    async with httpx.AsyncClient(transport=GuardedTransport(FixedNames({}))) as client:
        with pytest.raises(httpx.TransportError) as refused:
            await client.get("http://169.254.169.254/")

    assert isinstance(refused.value, SendError)
    assert refused.value.error is ErrorClass.BLOCKED_ADDRESS


@pytest.mark.parametrize(
    "scenario",
    [
        test_the_next_address_is_tried_when_one_refuses,
        test_requests_to_one_origin_share_a_connection,
        test_requests_at_the_same_time_do_not_wait_for_one_connection,
        test_a_kept_connection_that_was_closed_is_replaced_silently,
        test_a_kept_connection_that_dies_inside_the_answer_asks_for_nothing,
        test_bytes_beyond_an_answer_do_not_answer_the_next_request,
        test_an_idle_connection_is_closed_without_another_request,
    ],
)
def test_connections_are_the_same_on_uvloop(scenario: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await scenario()

    uvloop.run(run())
