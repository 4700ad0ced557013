"""A connection of the sender `wire` between two requests."""

from collections.abc import AsyncGenerator

import pytest

from tests.support.answers import Answer
from tests.support.names import FixedNames
from tests.support.receiver import Receiver
from tests.support.sending import LOOPBACK, outgoing
from workers.delivery.wire_send import WireSender

EMPTY = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


@pytest.fixture
async def sender() -> AsyncGenerator[WireSender]:
    """A sender that may reach loopback."""
    made = WireSender(FixedNames({}), allowed=LOOPBACK)
    yield made
    await made.aclose()


async def test_what_comes_on_an_idle_connection_ends_it(sender: WireSender) -> None:
    async with Receiver() as receiver:
        receiver.script(Answer(raw=EMPTY + EMPTY, drip=(len(EMPTY), 0.02)))
        await sender.send(outgoing(receiver.url))

        await receiver.wait_for_closed(1)

        assert receiver.closed == 1


async def test_an_answer_that_is_too_much_for_one_turn_leaves_the_connection_fit_for_the_next(
    sender: WireSender,
) -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 1_700  # more than any head that is taken
    async with Receiver() as receiver:
        receiver.script(Answer(raw=interim + EMPTY), Answer(202))
        first = await sender.send(outgoing(receiver.url))

        second = await sender.send(outgoing(receiver.url))

        assert [request.connection for request in receiver.requests] == [1, 1]
    assert [one.response and one.response.status for one in (first, second)] == [200, 202]
