"""Tasks that were published and did not start: they come again if their messages are gone, and stand once otherwise."""

import pytest
from kombu import Queue

from core.database import Database
from core.dispatch.broker import open_connection
from core.dispatch.depths import QueueDepths
from core.model import tables
from core.model.ids import TenantId
from tests.support.feeding import new_feeder, publishing
from tests.support.rows import Rows
from tests.support.samples import ago
from workers.feeder.queries import DueTasks, take_due_tasks
from workers.feeder.shares import Standing

DEFAULT = "ringback.tasks.default"
COUNT = 3


async def take(database: Database, depth: int) -> DueTasks:
    async with database.engine() as tx:
        return await take_due_tasks(tx, limit=1000, shares={}, depths={"default": depth})


@pytest.mark.parametrize(("depth", "again"), [(0, 4), (1, 3), (3, 1), (4, 0), (9, 0)])
async def test_as_many_come_again_as_messages_are_missing(
    database: Database, rows: Rows, tenant: TenantId, depth: int, again: int
) -> None:
    for task_of in (tenant, tenant, await rows.tenant(), await rows.tenant()):
        await rows.task(task_of, published_until=ago(1))

    due = await take(database, depth)

    assert len(due.tasks) == again
    assert due.queues == {"default": Standing(4 - again, 3)}


async def test_what_stands_published_has_its_message(database: Database, rows: Rows, tenant: TenantId) -> None:
    await rows.task(tenant, published_until=ago(-20))
    old = await rows.task(tenant, published_until=ago(1))

    one_there, both_there = await take(database, 1), await take(database, 2)

    assert [one.task_id for one in one_there.tasks] == [old]
    assert both_there.tasks == ()


async def test_what_was_published_longest_ago_comes_first(database: Database, rows: Rows, tenant: TenantId) -> None:
    await rows.task(tenant, due_at=ago(99), published_until=ago(5))
    first = await rows.task(tenant, published_until=ago(9))

    due = await take(database, 1)

    assert [one.task_id for one in due.tasks] == [first]


async def test_what_was_never_published_goes_whatever_stands_there(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    new = await rows.task(tenant)
    await rows.task(tenant, published_until=ago(1))

    due = await take(database, 50)

    assert [one.task_id for one in due.tasks] == [new]


@pytest.mark.parametrize(("since", "depth", "again"), [(269, 1, 0), (271, 1, 1), (271, 2, 0)])
async def test_a_message_that_others_stand_for_comes_again_in_the_end(
    database: Database, rows: Rows, tenant: TenantId, since: int, depth: int, again: int
) -> None:
    await rows.task(tenant, published_until=ago(since))

    assert len((await take(database, depth)).tasks) == again


async def test_another_queue_does_not_count(database: Database, rows: Rows, tenant: TenantId) -> None:
    await rows.task(tenant, queue="reports", published_until=ago(1))

    assert len((await take(database, 50)).tasks) == 1


class Window:
    """A feeder's window on a broker that nobody takes from, half a minute a turn."""

    def __init__(self, database: Database, rows: Rows, broker_url: str) -> None:
        self._database = database
        self._rows = rows
        self._url = broker_url
        self._depths = QueueDepths()

    async def turn(self) -> int:
        """Let the window's time run out, feed, and return how many messages stand there then."""
        await self._rows.all("UPDATE tasks SET published_until = now() - INTERVAL '1 s' RETURNING id")
        return await self.feed()

    async def feed(self) -> int:
        """Feed, and return how many messages stand there then."""
        async with publishing(self._url) as publisher:
            await new_feeder(self._database, publisher, depths=self._depths).run_once()
        return self.look()

    def purge(self) -> None:
        """Lose every message."""
        with open_connection(self._url) as connection:
            Queue(DEFAULT).bind(connection.default_channel).purge()
        self.look()

    def look(self) -> int:
        """Return how many messages stand there."""
        self._depths.forget()
        with open_connection(self._url) as connection:
            self._depths.look(connection)
        return self._depths.found[DEFAULT]


@pytest.fixture
async def window(database: Database, rows: Rows, tenant: TenantId, broker_url: str) -> Window:
    """A window on some tasks of a type that a worker offers."""
    await rows.put(tables.task_types, tenant, name="math.divide")
    made = Window(database, rows, broker_url)
    made.look()
    for _ in range(COUNT):
        await rows.task(tenant)
    return made


async def test_a_queue_that_nobody_takes_from_does_not_grow(window: Window) -> None:
    assert await window.feed() == COUNT

    assert [await window.turn(), await window.turn(), await window.turn()] == [COUNT] * 3


async def test_a_queue_that_was_wiped_is_filled_again(window: Window) -> None:
    await window.feed()
    window.purge()

    assert await window.turn() == COUNT


async def test_what_a_feeder_has_published_counts_before_it_is_seen(
    database: Database, rows: Rows, tenant: TenantId, redis_broker_url: str
) -> None:
    depths = QueueDepths()
    with open_connection(redis_broker_url) as connection:
        depths.look(connection)
    task = await rows.task(tenant, published_until=ago(1))
    async with publishing(redis_broker_url) as publisher:
        feeder = new_feeder(database, publisher, depths=depths)
        first = await feeder.run_once()
        await rows.change(tables.tasks, task, published_until=ago(1))

        second = await feeder.run_once()

    assert (first.tasks, second.tasks) == (1, 0)
