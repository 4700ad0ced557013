"""Whose certificate is believed, and for which name."""

import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
import uvloop

from core.model.outcome import ErrorClass, OutcomeKind
from tests.support.answers import Answer, Reset, hang
from tests.support.receiver import Receiver
from tests.support.sending import outgoing, sending, server_tls, trusting
from workers.delivery.dial import client_tls

pytestmark = pytest.mark.usefixtures("every_sender")

A = "a.example.test"
B = "b.example.test"
NAMES = {A: ("127.0.0.1",), B: ("127.0.0.1",)}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Return an authority that only the tests trust."""
    return trustme.CA()


async def test_the_certificate_is_checked_against_the_name(authority: trustme.CA) -> None:
    tls = server_tls(authority, A)
    async with Receiver(tls=tls) as receiver, sending(names=NAMES, tls=trusting(authority)) as sender:
        outcome = await sender.send(outgoing(receiver.url_for(A)))

    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert outcome.timings.tls is not None


async def test_a_name_without_a_certificate_gets_no_request_even_beside_one_that_has(authority: trustme.CA) -> None:
    tls = server_tls(authority, A)
    async with Receiver(tls=tls) as receiver, sending(names=NAMES, tls=trusting(authority)) as sender:
        await sender.send(outgoing(receiver.url_for(A)))

        outcome = await sender.send(outgoing(receiver.url_for(B)))

        assert len(receiver.requests) == 1
    assert outcome.error is ErrorClass.TLS


async def test_a_secure_connection_is_used_again(authority: trustme.CA) -> None:
    tls = server_tls(authority, A)
    async with Receiver(tls=tls) as receiver, sending(names=NAMES, tls=trusting(authority)) as sender:
        await sender.send(outgoing(receiver.url_for(A)))

        outcome = await sender.send(outgoing(receiver.url_for(A)))

        assert [request.connection for request in receiver.requests] == [1, 1]
    assert outcome.timings.tls is None


async def test_a_literal_address_needs_a_certificate_for_it(authority: trustme.CA) -> None:
    tls = server_tls(authority, "127.0.0.1")
    async with Receiver(tls=tls) as receiver, sending(tls=trusting(authority)) as sender:
        outcome = await sender.send(outgoing(receiver.url))

    assert outcome.kind is OutcomeKind.SUCCEEDED


async def test_an_unknown_authority_is_refused(authority: trustme.CA) -> None:
    async with Receiver(tls=server_tls(authority, A)) as receiver, sending(names=NAMES) as sender:
        outcome = await sender.send(outgoing(receiver.url_for(A)))

        assert receiver.requests == ()
    assert (outcome.error, outcome.address) == (ErrorClass.TLS, "127.0.0.1")


async def test_an_expired_certificate_is_refused(authority: trustme.CA) -> None:
    tls = server_tls(authority, A, not_after=datetime(2020, 1, 1, tzinfo=UTC))
    async with Receiver(tls=tls) as receiver, sending(names=NAMES, tls=trusting(authority)) as sender:
        outcome = await sender.send(outgoing(receiver.url_for(A)))

    assert outcome.error is ErrorClass.TLS


async def test_a_handshake_that_stalls_ends_at_the_deadline(authority: trustme.CA) -> None:
    async with Receiver() as receiver, sending(names=NAMES, tls=trusting(authority)) as sender:
        outcome = await sender.send(outgoing(f"https://{A}:{receiver.port}/", timeout=0.4))

    assert (outcome.error, outcome.timings.tls) == (ErrorClass.TIMEOUT, None)


async def test_a_reset_inside_a_secure_body_is_success_with_a_note(authority: trustme.CA) -> None:
    tls = server_tls(authority, A)
    async with Receiver(tls=tls) as receiver, sending(names=NAMES, tls=trusting(authority)) as sender:
        receiver.script(Answer(body=b"x" * 100, reset=Reset.IN_BODY))

        outcome = await sender.send(outgoing(receiver.url_for(A)))

    assert (outcome.kind, outcome.note) == (OutcomeKind.SUCCEEDED, "reset_in_body")


async def test_a_silent_secure_receiver_ends_at_the_deadline(authority: trustme.CA) -> None:
    tls = server_tls(authority, A)
    async with Receiver(tls=tls) as receiver, sending(names=NAMES, tls=trusting(authority)) as sender:
        receiver.script(hang())

        outcome = await sender.send(outgoing(receiver.url_for(A), timeout=0.4))

    assert outcome.error is ErrorClass.TIMEOUT


async def test_the_environment_changes_no_trust_and_logs_no_keys(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, authority: trustme.CA
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))

    async with Receiver(tls=server_tls(authority, A)) as receiver, sending(names=NAMES) as sender:
        outcome = await sender.send(outgoing(receiver.url_for(A)))

    assert outcome.error is ErrorClass.TLS
    assert not (tmp_path / "keys").exists()


def test_tls_before_1_2_is_not_spoken() -> None:
    context = client_tls()

    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.check_hostname


@pytest.mark.parametrize(
    "scenario",
    [
        test_the_certificate_is_checked_against_the_name,
        test_a_name_without_a_certificate_gets_no_request_even_beside_one_that_has,
        test_a_secure_connection_is_used_again,
        test_an_unknown_authority_is_refused,
        test_a_handshake_that_stalls_ends_at_the_deadline,
        test_a_reset_inside_a_secure_body_is_success_with_a_note,
        test_a_silent_secure_receiver_ends_at_the_deadline,
    ],
)
def test_tls_is_the_same_on_uvloop(scenario: Callable[[trustme.CA], Awaitable[None]], authority: trustme.CA) -> None:
    async def run() -> None:
        await scenario(authority)

    uvloop.run(run())
