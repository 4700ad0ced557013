"""Requests that nobody waits for: their listener is told once how each ended."""

import asyncio

import pytest

from core.model.outcome import ErrorClass, Outcome, OutcomeKind
from tests.support.answers import Answer, hang
from tests.support.receiver import Receiver
from tests.support.sending import outgoing, sending

pytestmark = pytest.mark.usefixtures("every_sender")


class Told:
    """Keeps what a listener is told."""

    def __init__(self, count: int = 1) -> None:
        self.outcomes: list[Outcome] = []
        self.errors: list[BaseException] = []
        self._all = asyncio.Semaphore(0)
        self._count = count

    def ended(self, outcome: Outcome) -> None:
        """See `Listener.ended`."""
        self.outcomes.append(outcome)
        self._all.release()

    def broke(self, error: BaseException) -> None:
        """See `Listener.broke`."""
        self.errors.append(error)
        self._all.release()

    async def wait(self) -> None:
        """Return when as much was told as was wanted."""
        for _ in range(self._count):
            async with asyncio.timeout(60):
                await self._all.acquire()


async def test_the_answer_on_a_new_and_on_a_kept_connection_is_told() -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(201), Answer(500))
        first, second = Told(), Told()
        sender.start(outgoing(receiver.url), first)
        await first.wait()

        sender.start(outgoing(receiver.url), second)
        await second.wait()

        assert [request.connection for request in receiver.requests] == [1, 1]
    assert [one.response and one.response.status for one in (*first.outcomes, *second.outcomes)] == [201, 500]


async def test_a_hundred_at_once_are_told_of_once_each() -> None:
    async with Receiver() as receiver, sending() as sender:
        told = Told(100)

        for _ in range(100):
            sender.start(outgoing(receiver.url), told)

        await told.wait()
    assert [one.kind for one in told.outcomes] == [OutcomeKind.SUCCEEDED] * 100


async def test_a_deadline_on_a_kept_connection_is_told() -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(), hang())
        await sender.send(outgoing(receiver.url))
        told = Told()

        sender.start(outgoing(receiver.url, timeout=0.2), told)

        await told.wait()
        await receiver.wait_for_closed(1)
    assert [(one.error, one.response) for one in told.outcomes] == [(ErrorClass.TIMEOUT, None)]


@pytest.mark.parametrize(
    ("url", "error"),
    [("http://localhost/", ErrorClass.BLOCKED_ADDRESS), ("http://nx.example.test/", ErrorClass.DNS)],
)
async def test_a_place_that_cannot_be_reached_is_told(url: str, error: ErrorClass) -> None:
    told = Told()
    async with sending() as sender:
        sender.start(outgoing(url), told)

        await told.wait()
    assert [one.error for one in told.outcomes] == [error]
