"""Deliveries through the operator's proxy: past the same guard, to the address that it judged."""

import base64

import pytest
import trustme

from core.model.outcome import ErrorClass, OutcomeKind
from core.model.proxy import Proxy
from tests.support.proxy import tunnelling
from tests.support.receiver import Receiver
from tests.support.sending import outgoing, sending, server_tls, trusting

pytestmark = pytest.mark.usefixtures("every_sender")

A = "a.example.test"
B = "b.example.test"
NAMES = {A: ("127.0.0.1",), B: ("127.0.0.1",)}


async def test_a_request_goes_through_the_proxy_to_the_judged_address() -> None:
    async with (
        Receiver() as receiver,
        tunnelling() as proxy,
        sending(names=NAMES, proxy=proxy.at()) as sender,
    ):
        outcome = await sender.send(outgoing(receiver.url_for(A)))

        (request,) = receiver.requests
        assert proxy.asked == [f"127.0.0.1:{receiver.port}"]
        assert request.header("host") == f"{A}:{receiver.port}"
    assert (outcome.kind, outcome.address) == (OutcomeKind.SUCCEEDED, "127.0.0.1")


async def test_a_tunnel_is_used_again() -> None:
    async with Receiver() as receiver, tunnelling() as proxy, sending(proxy=proxy.at()) as sender:
        await sender.send(outgoing(receiver.url))

        outcome = await sender.send(outgoing(receiver.url))

        assert (len(proxy.asked), receiver.opened) == (1, 1)
    assert outcome.kind is OutcomeKind.SUCCEEDED


async def test_the_certificate_in_a_tunnel_is_checked_against_the_name() -> None:
    authority = trustme.CA()
    async with (
        Receiver(tls=server_tls(authority, A)) as receiver,
        tunnelling() as proxy,
        sending(names=NAMES, tls=trusting(authority), proxy=proxy.at()) as sender,
    ):
        outcomes = [await sender.send(outgoing(receiver.url_for(name))) for name in (A, B)]

        assert len(receiver.requests) == 1
    assert [outcome.error for outcome in outcomes] == [None, ErrorClass.TLS]


@pytest.mark.parametrize("address", ["10.0.0.5", "169.254.169.254", "::1", "::ffff:127.0.0.1"])
async def test_the_proxy_is_never_asked_for_a_forbidden_address(address: str) -> None:
    async with tunnelling() as proxy, sending(names={A: ("127.0.0.1", address)}, proxy=proxy.at()) as sender:
        outcome = await sender.send(outgoing(f"http://{A}:8080/"))

        assert proxy.asked == []
    assert outcome.error is ErrorClass.BLOCKED_ADDRESS


async def test_the_proxy_gets_its_credentials_and_the_receiver_does_not() -> None:
    async with (
        Receiver() as receiver,
        tunnelling() as proxy,
        sending(proxy=proxy.at("ringback:p%40ss@")) as sender,
    ):
        await sender.send(outgoing(receiver.url))

        (request,) = receiver.requests
        assert f"Proxy-Authorization: Basic {base64.b64encode(b'ringback:p@ss').decode()}\r\n" in proxy.heads[0]
    assert request.header("proxy-authorization") is None


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 403 Forbidden\r\n\r\n",
        b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n",
        b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1/\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000,
    ],
    ids=["forbidden", "credentials", "redirect", "answers for the receiver", "no HTTP", "endless head"],
)
async def test_without_a_tunnel_nothing_is_sent(answer: bytes) -> None:
    async with Receiver() as receiver, tunnelling(answer) as proxy, sending(proxy=proxy.at()) as sender:
        outcome = await sender.send(outgoing(receiver.url))

        assert (len(proxy.asked), receiver.opened) == (1, 0)
    assert (outcome.kind, outcome.error, outcome.response) == (OutcomeKind.FAILED, ErrorClass.CONNECT, None)


async def test_a_proxy_that_hangs_is_a_timeout() -> None:
    async with Receiver() as receiver, tunnelling(b"") as proxy, sending(proxy=proxy.at()) as sender:
        outcome = await sender.send(outgoing(receiver.url, timeout=0.3))

    assert outcome.error is ErrorClass.TIMEOUT


async def test_a_proxy_that_is_away_is_no_way_out() -> None:
    async with Receiver() as receiver, tunnelling() as gone:
        port = gone.port
    async with Receiver() as receiver, sending(proxy=Proxy("127.0.0.1", port)) as sender:
        outcome = await sender.send(outgoing(receiver.url))

        assert receiver.opened == 0
    assert outcome.error is ErrorClass.CONNECT


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"])
async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    async with Receiver() as receiver, tunnelling() as proxy, sending() as sender:
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")

        outcome = await sender.send(outgoing(receiver.url))

        assert proxy.heads == []
    assert outcome.kind is OutcomeKind.SUCCEEDED
