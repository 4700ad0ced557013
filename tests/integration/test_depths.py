"""How many messages wait in each queue, on both brokers."""

from uuid import uuid4

from core.dispatch.broker import declare_all, open_connection
from core.dispatch.depths import QueueDepths
from core.model.queued import Queued, QueuedTask
from tests.support.brokers import QUEUES
from tests.support.feeding import publishing

EMPTY = dict.fromkeys(QUEUES, 0)


async def test_it_counts_what_waits_in_each_queue(broker_url: str) -> None:
    async with publishing(broker_url) as publisher:
        publisher.tasks([QueuedTask(uuid4(), "math.divide", "default") for _ in range(3)])
        publisher.deliveries([Queued(uuid4(), uuid4(), uuid4())])
    depths = QueueDepths()

    with open_connection(broker_url) as connection:
        depths.look(connection)

    assert depths.found == EMPTY | {"ringback.tasks.default": 3, "ringback.deliveries": 1}


async def test_a_look_is_good_for_a_while(broker_url: str) -> None:
    depths = QueueDepths()
    with open_connection(broker_url) as connection:
        declare_all(connection)
        depths.look(connection)
        async with publishing(broker_url) as publisher:
            publisher.tasks([QueuedTask(uuid4(), "math.divide", "default")])

        depths.look(connection)

    assert depths.found == EMPTY


async def test_a_broker_that_went_away_is_looked_at_anew(broker_url: str) -> None:
    depths = QueueDepths()
    with open_connection(broker_url) as connection:
        depths.look(connection)
    depths.forget()
    forgotten = depths.found

    with open_connection(broker_url) as connection:
        depths.look(connection)

    assert (forgotten, depths.found) == ({}, EMPTY)
