"""Both senders against the same answers, right, wrong and in between: they have to come to the same outcome.

`RINGBACK_TEST_EXAMPLES=2000` looks further than a run of the suite does, and elsewhere each time.
"""

import asyncio
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import starmap
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings

from core.model.outcome import ErrorClass, Outcome, OutcomeKind
from tests.support.answer_scripts import answers, many
from tests.support.answers import Answer
from tests.support.names import FixedNames
from tests.support.receiver import Receiver
from tests.support.sending import LOOPBACK, SENDERS, outgoing
from workers.delivery.choose import sender_of
from workers.delivery.exchange import Sender
from workers.delivery.wire_send import WireSender

EXAMPLES: Final = int(os.environ.get("RINGBACK_TEST_EXAMPLES", "0"))
BATCH: Final = 40
ENDS: Final = 20.0
STAYS_OPEN: Final = 1.0
PATIENTLY: Final = 8.0
"""Seconds for those that disagreed: a machine that stands still lets one sender's time run out, not the other's."""
NEXT: Final = b"the next answer"

INTERIM_WITH_LENGTH: Final = re.compile(rb"HTTP/1\.\d 1\d\d.*\ncontent-length", re.IGNORECASE | re.DOTALL)
LENGTH_TWICE: Final = re.compile(rb"content-length.*content-length", re.IGNORECASE | re.DOTALL)

looking = settings(
    max_examples=EXAMPLES or 25,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


async def play(
    batch: Sequence[Answer], *, then: bool = False, stays_open: float = STAYS_OPEN
) -> list[tuple[Outcome, ...]]:
    """Give each answer to both senders; return what they made of it, or, if asked for, of a good one after it.

    One whose connection stays open has so many seconds.
    """
    async with Receiver() as receiver:
        receiver.script(Answer(body=NEXT))
        senders = [sender_of(name, FixedNames({}), allowed=LOOPBACK) for name in SENDERS]

        async def once(sender: Sender, number: int, answer: Answer) -> Outcome:
            timeout = ENDS if answer.close or answer.reset else stays_open
            first = await sender.send(outgoing(f"{receiver.url}{number}", timeout=timeout))
            return await sender.send(outgoing(f"{receiver.url}next", timeout=ENDS)) if then else first

        async def both(number: int, answer: Answer) -> tuple[Outcome, ...]:
            receiver.script(answer, path=f"/{number}")
            return tuple(await asyncio.gather(*(once(sender, number, answer) for sender in senders)))

        outcomes = await asyncio.gather(*starmap(both, enumerate(batch)))
        await asyncio.gather(*(sender.aclose() for sender in senders))
    return outcomes


def seen(outcome: Outcome) -> tuple[object, ...]:
    """Return what has to agree: kind, error, note, status, body, and whether that was cut."""
    response = outcome.response
    told = None if response is None else (response.status, response.body, response.truncated)
    return outcome.kind, outcome.error, outcome.note, told


def agree(answer: Answer, wire: Outcome, httpx: Outcome) -> bool:
    """Tell whether two outcomes are the same, as far as they can be.

    llhttp refuses the byte that is wrong, h11 the line that holds it, so that the end of the connection may come
    first. And what RFC 9110 (8.6) leaves open is open: the same length told twice, a length in an interim answer.
    """
    if wire.error is ErrorClass.PROTOCOL and wire.response is None and _left_open(answer.raw or b""):
        return True
    if wire.response is None and httpx.response is None:
        return wire.kind is httpx.kind is OutcomeKind.FAILED
    sooner = wire.error is ErrorClass.PROTOCOL and (httpx.error, httpx.note) == (None, "reset_in_body")
    return seen(wire) == seen(httpx) or (sooner and seen(wire)[3] == seen(httpx)[3])


def _left_open(raw: bytes) -> bool:
    return bool(INTERIM_WITH_LENGTH.search(raw) or LENGTH_TWICE.search(raw))


def odd(batch: Sequence[Answer], stays_open: float) -> list[tuple[Answer, object, object]]:
    """Return the answers on which the senders disagree, with what each made of it."""
    outcomes = asyncio.run(play(batch, stays_open=stays_open))
    pairs = zip(batch, outcomes, strict=True)
    return [(answer, seen(wire), seen(httpx)) for answer, (wire, httpx) in pairs if not agree(answer, wire, httpx)]


@pytest.mark.timeout(0 if EXAMPLES else 300)
@looking
@given(many(answers(), BATCH))
def test_both_senders_come_to_the_same_outcome(batch: list[Answer]) -> None:
    doubted = [answer for answer, *_ in odd(batch, STAYS_OPEN)]

    assert odd(doubted, PATIENTLY) == []


@pytest.mark.timeout(0 if EXAMPLES else 300)
@looking
@given(many(answers(), BATCH))
def test_nothing_of_an_answer_is_taken_for_the_next_one(batch: list[Answer]) -> None:
    # Whole: what drips after its end may come when the next request is out, and answer that.
    outcomes = asyncio.run(play([replace(answer, drip=None) for answer in batch], then=True))

    strange = [
        (answer, seen(outcome))
        for answer, pair in zip(batch, outcomes, strict=True)
        for outcome in pair
        if outcome.error is not ErrorClass.CONNECT and (outcome.response is None or outcome.response.body != NEXT)
    ]
    assert strange == []


async def test_a_length_in_an_interim_answer_is_not_added_to_that_of_the_next() -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\ncontent-length: 2\r\n\r\n"
    sender = WireSender(FixedNames({}), allowed=LOOPBACK)
    async with Receiver() as receiver:
        receiver.script(Answer(raw=interim + b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"))

        outcome = await sender.send(outgoing(receiver.url))

        await sender.aclose()
    assert (outcome.error, outcome.response) == (ErrorClass.PROTOCOL, None)
