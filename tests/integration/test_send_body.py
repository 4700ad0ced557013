"""What a receiver can do with the body of its answer, and the outcome that it makes."""

import gzip

import pytest

from core.model.outcome import ErrorClass, OutcomeKind
from tests.support.answers import Answer, Endless, Reset
from tests.support.receiver import Receiver
from tests.support.sending import outgoing, sending

pytestmark = pytest.mark.usefixtures("every_sender")

SHORT = 0.4  # seconds: the deadline of those that never end
LIMIT = 16 * 1024


async def test_a_deadline_inside_the_body_is_a_timeout_that_keeps_the_status() -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(200, body=b"half", declared=1_000_000))

        outcome = await sender.send(outgoing(receiver.url, timeout=SHORT))

    assert outcome.error is ErrorClass.TIMEOUT
    assert outcome.response is not None
    assert (outcome.response.status, outcome.response.body) == (200, b"half")


async def test_a_deadline_inside_the_body_of_an_error_is_a_timeout() -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(500, body=b"half", declared=1_000_000))

        outcome = await sender.send(outgoing(receiver.url, timeout=SHORT))

    assert outcome.error is ErrorClass.TIMEOUT


async def test_a_dripping_body_that_ends_in_time_is_success() -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(200, body=b"slow", drip=(20, 0.01)))

        outcome = await sender.send(outgoing(receiver.url))

    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert outcome.response is not None
    assert outcome.response.body == b"slow"


@pytest.mark.parametrize(
    ("answer", "truncated"),
    [
        (Answer(body=b"x" * LIMIT), False),
        (Answer(body=b"x" * (LIMIT + 1)), True),
        (Answer(endless=Endless.BODY), True),
        (Answer(body=b"x" * LIMIT, declared=LIMIT + 1), False),
        (Answer(raw=b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 40_000, close=True), True),
    ],
    ids=["as long as allowed", "one byte more", "endless", "stalls at the limit", "until the end, no length"],
)
async def test_a_body_is_kept_up_to_16_kib_and_cut_there(answer: Answer, *, truncated: bool) -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(answer)

        outcome = await sender.send(outgoing(receiver.url, timeout=1))

    assert outcome.kind is OutcomeKind.SUCCEEDED
    assert outcome.response is not None
    assert (len(outcome.response.body), outcome.response.truncated) == (LIMIT, truncated)


async def test_a_compressed_body_is_not_inflated() -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(200, {"content-encoding": "gzip"}, bomb))

        outcome = await sender.send(outgoing(receiver.url))

    assert outcome.response is not None
    assert outcome.response.body == bomb[:LIMIT]


async def test_any_byte_may_stand_in_a_body() -> None:
    odd = bytes(range(256)) * 4
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(500, {"x-odd": "\xff"}, odd))

        outcome = await sender.send(outgoing(receiver.url))

    assert outcome.response is not None
    assert (outcome.response.body, outcome.response.header("x-odd")) == (odd, "\xff")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=b"x" * 100, reset=Reset.IN_BODY),
        Answer(body=b"x" * 50, declared=100, close=True),
    ],
    ids=["reset", "closed early"],
)
async def test_a_2xx_whose_body_breaks_off_is_success_with_a_note(answer: Answer) -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(answer)

        outcome = await sender.send(outgoing(receiver.url))

    assert (outcome.kind, outcome.error, outcome.note) == (OutcomeKind.SUCCEEDED, None, "reset_in_body")
    assert outcome.response is not None
    assert outcome.response.body == b"x" * 50


async def test_an_error_whose_body_breaks_off_keeps_its_status() -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(503, body=b"x" * 100, reset=Reset.IN_BODY))

        outcome = await sender.send(outgoing(receiver.url))

    assert (outcome.error, outcome.note) == (ErrorClass.HTTP_STATUS, None)
