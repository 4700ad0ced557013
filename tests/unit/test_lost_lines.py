"""Connections that are lost before anybody tells: they are not used again, and break nothing."""

from types import SimpleNamespace
from typing import cast

import pytest

from core.model.outcome import Outcome
from tests.support.names import FixedNames
from tests.support.sending import LANE, LOOPBACK, outgoing
from workers.delivery.floods import Floods
from workers.delivery.line import Line
from workers.delivery.place import Place
from workers.delivery.pool import IdleConnections
from workers.delivery.probe import Probe
from workers.delivery.wire import Wire
from workers.delivery.wire_send import WireSender

URL = "https://a.example.test/"


class Lost:
    """A transport over TLS whose connection is gone, of which the loop has not told yet."""

    def __init__(self) -> None:
        self.aborted = False

    def get_extra_info(self, _: str) -> None:
        """Know nothing any more."""

    def abort(self) -> None:
        """Note that it is dropped."""
        self.aborted = True


class Told:
    """Who waits for a request."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.errors: list[BaseException] = []

    def ended(self, outcome: Outcome) -> None:
        """Take in how it ended."""
        self.outcomes.append(outcome)

    def broke(self, error: BaseException) -> None:
        """Take in that nothing is known of it."""
        self.errors.append(error)


async def test_a_lost_connection_is_not_taken() -> None:
    transport, idle, origin = Lost(), IdleConnections[Line](), Place(LANE, URL).origin

    def hand_over(_: object) -> Lost:
        return transport

    wire = SimpleNamespace(ended=False, probe=Probe(), floods=Floods(), hand_over=hand_over, leftover=b"")
    idle.give(Line(origin, cast("Wire", wire), idle))

    assert (idle.take(origin), transport.aborted, len(idle)) == (None, True, 0)


async def test_a_lost_connection_is_readable_for_httpx() -> None:
    wire = Wire(Probe())
    wire.connection_made(cast("Wire", Lost()))  # pyright: ignore[reportArgumentType] - all of a transport that is asked

    assert wire.is_readable


async def test_a_fault_of_the_senders_own_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fault, told = RuntimeError("none of the network's"), Told()

    def take(*_: object) -> None:
        raise fault

    monkeypatch.setattr(IdleConnections, "take", take)
    sender = WireSender(FixedNames({}), allowed=LOOPBACK)

    sender.start(outgoing("http://127.0.0.1:50009/", timeout=0.01), told)
    with pytest.raises(RuntimeError):
        await sender.send(outgoing("http://127.0.0.1:50009/", timeout=0.01))
    await sender.aclose()

    assert (told.errors, told.outcomes) == ([fault], [])
