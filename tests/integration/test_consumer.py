"""The consumer: what the window holds is handed over, and acknowledged once it is decided."""

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from uuid import uuid4

import pytest

from core.dispatch.celery import make_celery
from core.dispatch.consume import PREFETCH, DeliveryConsumer
from core.dispatch.publish import Publisher
from core.model.queued import Queued
from core.settings import Settings
from tests.support.brokers import bodies_in
from tests.support.rabbitmq import RabbitServer

MANY = 2 * PREFETCH + 1


class Taken:
    """What was handed over; each message is decided at once if `decide` says so."""

    def __init__(self, *, decide: bool, wanted: int) -> None:
        self._decide = decide
        self._wanted = wanted
        self.queued: list[Queued] = []
        self.reached = threading.Event()

    def offer(self, queued: Sequence[Queued], decided: Callable[[], None]) -> None:
        self.queued.extend(queued)
        if self._decide:
            decided()
        if len(self.queued) >= self._wanted:
            self.reached.set()


def some() -> Queued:
    return Queued(uuid4(), uuid4(), uuid4())


def publish(url: str, queued: Sequence[Queued]) -> None:
    publisher = Publisher(url, make_celery(Settings(broker_url=url)))
    publisher.start()
    assert publisher.wait_until_ready(20)
    for one in queued:
        publisher.deliveries([one])
    publisher.stop()


@contextmanager
def consuming(url: str, taken: Taken) -> Generator[None]:
    consumer = DeliveryConsumer(url, taken.offer)
    consumer.start()
    try:
        yield
    finally:
        consumer.stop()


def test_more_messages_than_the_prefetch_are_all_handed_over(broker_url: str) -> None:
    sent = [some() for _ in range(MANY)]
    publish(broker_url, sent)
    taken = Taken(decide=True, wanted=MANY)

    with consuming(broker_url, taken):
        assert taken.reached.wait(30), len(taken.queued)

    assert set(taken.queued) == set(sent)


@pytest.mark.xdist_group("rabbitmq")
def test_what_was_not_decided_goes_back_to_the_queue(rabbitmq: RabbitServer) -> None:
    publish(rabbitmq.url, [some()])
    taken = Taken(decide=False, wanted=1)

    with consuming(rabbitmq.url, taken):
        assert taken.reached.wait(30)

    assert len(bodies_in(rabbitmq.url, "ringback.deliveries")) == 1


@pytest.mark.xdist_group("rabbitmq")
def test_what_was_decided_is_gone_from_the_queue(rabbitmq: RabbitServer) -> None:
    publish(rabbitmq.url, [some()])
    taken = Taken(decide=True, wanted=1)

    with consuming(rabbitmq.url, taken):
        assert taken.reached.wait(30)

    assert bodies_in(rabbitmq.url, "ringback.deliveries") == []
