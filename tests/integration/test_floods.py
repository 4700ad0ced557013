"""Answers that flood: the more there are, the longer each waits between two reads."""

import asyncio

import pytest

from core.clock import monotonic
from core.model.outcome import RESPONSE_HEADERS_LIMIT, ErrorClass, Outcome
from tests.support.answers import Answer
from tests.support.names import FixedNames
from tests.support.receiver import Receiver
from tests.support.sending import LANE, LOOPBACK, outgoing
from workers.delivery.deadlines import Deadlines
from workers.delivery.dial import Dialer, client_tls
from workers.delivery.floods import FLOOD_EACH, FLOOD_PAUSE, Floods
from workers.delivery.line import Exchange, Line
from workers.delivery.pool import IdleConnections
from workers.delivery.probe import Probe
from workers.delivery.wire import Wire
from workers.delivery.wire_send import Awaited, message_of

MANY = 400
LONG = MANY * FLOOD_EACH
INTERIM = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 3_400  # far more than any head that is taken
EMPTY = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


def many() -> Floods:
    """Return what many others are counted in already."""
    made = Floods()
    assert max(made.begin() for _ in range(MANY)) == LONG
    return made


async def sent(floods: Floods, timeout: float) -> Outcome:  # noqa: ASYNC109 - the request's
    """Send a request whose answer comes after more interim answers than one turn takes."""
    async with Receiver() as receiver:
        receiver.script(Answer(raw=INTERIM + EMPTY))
        request = outgoing(receiver.url, timeout=timeout)
        listener = Awaited()
        exchange = Exchange(request, listener, Deadlines())
        exchange.message = message_of(request)
        _, wire = await asyncio.get_running_loop().create_connection(
            lambda: Wire(exchange.progress.probe, floods), "127.0.0.1", receiver.port
        )
        line = Line(request.to.origin, wire, IdleConnections[Line]())
        line.carry(exchange)
        outcome = await listener.outcome
        line.drop()
        return outcome


@pytest.mark.parametrize(("count", "pause"), [(1, FLOOD_PAUSE), (MANY, LONG)])
def test_all_together_read_as_often_as_if_they_were_few(count: int, pause: float) -> None:
    floods = Floods()

    assert [floods.begin() for _ in range(count)][-1] == pause


async def test_an_answer_waits_longer_while_many_flood_and_is_counted_until_it_has_ended() -> None:
    floods = many()

    outcome = await sent(floods, timeout=LONG / 2)

    assert outcome.error is ErrorClass.TIMEOUT
    assert floods.begin() == LONG + FLOOD_EACH


async def test_an_answer_that_has_ended_well_is_not_counted_any_more() -> None:
    floods = Floods()

    outcome = await sent(floods, timeout=30)

    assert outcome.error is None
    assert [floods.begin() for _ in range(MANY)][-1] == LONG


async def test_httpx_waits_as_long_and_is_counted_until_it_is_given_up() -> None:
    floods = many()
    wire = Wire(Probe(received=RESPONSE_HEADERS_LIMIT + 1), floods)
    wire.data_received(INTERIM[:10])

    began = monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(LONG / 2):
            await wire.read(10)

    assert monotonic() - began >= LONG / 2
    assert floods.begin() == LONG + FLOOD_EACH


async def test_all_connections_of_a_sender_are_counted_together() -> None:
    dialer = Dialer(FixedNames({}), LOOPBACK, client_tls())
    async with Receiver() as receiver:
        origin = outgoing(receiver.url).to.origin
        wires = [await dialer.dial(origin, Probe(), lane=LANE) for _ in range(2)]
        assert wires[0].floods is wires[1].floods
        await asyncio.gather(*(wire.aclose() for wire in wires))
