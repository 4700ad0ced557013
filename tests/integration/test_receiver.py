"""The scripted receiver itself: what other tests rely on."""

import pytest
from standardwebhooks import WebhookVerificationError

from core.clock import unix_seconds
from core.model.signature import format_secret, new_secret
from tests.support.answers import Answer
from tests.support.receiver import Receiver
from tests.support.sending import BODY, LANE, outgoing, sending
from tests.support.threaded import ThreadedReceiver
from workers.delivery.request import Destination, build_request


async def test_answers_come_in_order_and_the_last_one_repeats() -> None:
    async with Receiver() as receiver, sending() as sender:
        receiver.script(Answer(500), Answer(201))

        outcomes = [await sender.send(outgoing(receiver.url)) for _ in range(3)]

    assert [outcome.response and outcome.response.status for outcome in outcomes] == [500, 201, 201]


async def test_waiting_for_what_does_not_come_says_what_came() -> None:
    async with Receiver() as receiver, sending() as sender:
        await sender.send(outgoing(receiver.url_for(receiver.host, "/seen")))

        with pytest.raises(AssertionError, match=r"wanted 2 requests.*/seen"):
            await receiver.wait_for(2, within=0.05)


async def test_a_request_that_does_not_verify_is_told() -> None:
    async with Receiver() as receiver, sending() as sender:
        destination, now = Destination(LANE, receiver.url, {}), int(unix_seconds())
        keys = (new_secret(),)
        await sender.send(build_request(destination, keys, event_id="evt_1", body=BODY, timestamp=now, timeout=5.0))

        with pytest.raises(WebhookVerificationError):
            receiver.verify(format_secret(new_secret()))


async def test_verifying_nothing_is_an_error() -> None:
    async with Receiver() as receiver:
        with pytest.raises(AssertionError, match="no request"):
            receiver.verify(format_secret(new_secret()))


async def test_a_receiver_in_a_thread_can_be_waited_for() -> None:
    with ThreadedReceiver() as receiver:
        receiver.script(Answer(202))
        async with sending() as sender:
            await sender.send(outgoing(receiver.url))

        (request,) = receiver.wait_for(1)

    assert request.body == BODY
    assert receiver.requests == (request,)
