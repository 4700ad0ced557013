"""The engine on real leases: what it starts, what it acknowledges, and how it ends."""

import asyncio
from collections.abc import Sequence
from functools import partial
from uuid import UUID

from sqlalchemy import func

from core.database import Database
from core.lease.claim import Claimed
from core.model import tables
from core.model.ids import EndpointId, TenantId
from core.model.queued import Queued
from tests.support.engines import Post, new_engine, running
from tests.support.rows import Rows
from workers.delivery.engine import ROUNDS, Engine


async def due(rows: Rows, tenant: TenantId, endpoint: EndpointId, count: int) -> list[Queued]:
    """Make deliveries that are due, as a message would name them."""
    return [Queued(made, endpoint, tenant) for made in await rows.deliveries(count, tenant, endpoint)]


def ids(queued: list[Queued]) -> set[UUID]:
    return {one.delivery_id for one in queued}


async def test_what_is_offered_is_attempted_and_recorded(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId
) -> None:
    queued, post = await due(rows, tenant, endpoint, 20), Post(database)
    engine = new_engine(post)
    post.let_go.set()

    async with running(engine):
        engine.offer(queued)
        await post.wait_for(20, post.ended)

    assert set(post.ended) == ids(queued)
    assert engine.in_flight == 0


async def test_a_message_is_decided_only_once_its_deliveries_are_claimed(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId
) -> None:
    decided: list[int] = []
    post = Post(database)
    engine = new_engine(post)
    engine.offer(await due(rows, tenant, endpoint, 2), lambda: decided.append(post.claims))
    before = list(decided)

    await engine.turn()

    post.let_go.set()
    assert (before, decided) == ([], [1])


async def test_a_message_is_decided_while_its_attempts_are_still_on_the_wire(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId
) -> None:
    decided = asyncio.Event()
    post = Post(database)
    engine = new_engine(post)

    async with running(engine):
        engine.offer(await due(rows, tenant, endpoint, 1), decided.set)
        async with asyncio.timeout(60):
            await decided.wait()
        ended = list(post.ended)
        post.let_go.set()

    assert ended == []


async def test_a_stale_message_is_decided_and_starts_nothing(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId
) -> None:
    (stale,) = await due(rows, tenant, endpoint, 1)
    await rows.change(
        tables.deliveries, stale.delivery_id, due_at=None, status="cancelled", reason="client", finished_at=func.now()
    )
    decided: list[str] = []
    engine = new_engine(Post(database))
    engine.offer([stale], lambda: decided.append("stale"))

    started = await engine.turn()

    assert (started, decided) == (0, ["stale"])


async def test_a_claim_that_fails_decides_nothing_and_is_tried_again(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId
) -> None:
    decided: list[int] = []
    post = Post(database, outages=1)
    engine = new_engine(post)
    engine.offer(await due(rows, tenant, endpoint, 3), lambda: decided.append(post.claims))

    started = [await engine.turn(), len(decided), await engine.turn(), len(decided)]

    post.let_go.set()
    assert started == [0, 0, 3, 1]


async def test_a_running_engine_gets_over_an_outage_by_itself(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId
) -> None:
    queued, post = await due(rows, tenant, endpoint, 3), Post(database, outages=1)
    engine = new_engine(post)
    post.let_go.set()

    async with running(engine):
        engine.offer(queued)
        await post.wait_for(3, post.ended)

    assert post.claims == 2


async def test_stopping_ends_what_is_on_the_wire_and_starts_nothing_more(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId
) -> None:
    first, second = await due(rows, tenant, endpoint, 2)
    post = Post(database)
    engine = new_engine(post)
    run = asyncio.create_task(engine.run())
    engine.offer([first])
    await post.wait_for(1, post.started)

    engine.stop()
    engine.offer([second])
    waiting = not run.done()
    post.let_go.set()
    async with asyncio.timeout(60):
        await run

    assert waiting
    assert post.ended == post.started == [first.delivery_id]


async def test_the_error_of_one_attempt_does_not_end_the_others(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId
) -> None:
    queued, post = await due(rows, tenant, endpoint, 5), Post(database)
    engine = new_engine(post)
    post.broken = {queued[2].delivery_id}
    post.let_go.set()

    async with running(engine):
        engine.offer(queued)
        await post.wait_for(4, post.ended)

    assert set(post.ended) == ids(queued) - post.broken


async def test_a_broken_attempt_gives_its_slot_back(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId
) -> None:
    broken, good = await due(rows, tenant, endpoint, 2)
    post = Post(database)
    engine = new_engine(post, cap=1)
    post.broken = {broken.delivery_id}
    post.let_go.set()

    async with running(engine):
        engine.offer([broken, good])
        await post.wait_for(1, post.ended)

    assert post.ended == [good.delivery_id]


async def test_no_more_is_on_the_wire_than_the_limit(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId
) -> None:
    queued, post = await due(rows, tenant, endpoint, 30), Post(database)
    engine = new_engine(post, limit=7)
    engine.offer(queued)

    started = await engine.turn()

    in_flight = engine.in_flight
    post.let_go.set()
    assert (started, in_flight) == (7, 7)


async def test_a_backlogged_lane_is_filled_again_from_postgres(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    endpoint = await rows.endpoint(tenant, max_in_flight=2)
    queued, post = await due(rows, tenant, endpoint, 15), Post(database)
    engine = new_engine(post, cap=2)
    post.let_go.set()

    async with running(engine):
        engine.offer(queued[:2])
        await post.wait_for(15, post.ended)

    assert set(post.ended) == ids(queued)


async def test_a_lane_that_may_not_start_is_not_asked_for_again_and_again(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    endpoint = await rows.endpoint(tenant, max_in_flight=2, status="paused")
    post = Post(database)
    engine = new_engine(post, cap=2)
    engine.offer(await due(rows, tenant, endpoint, 15))

    looked = [(await engine.turn(), await rows.one("SELECT 1 AS time_for_a_fetch")) for _ in range(20)]

    assert [started for started, _ in looked] == [0] * 20
    assert post.claims <= 2


async def test_a_hanging_lane_holds_up_no_other(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId
) -> None:
    hanging = await rows.endpoint(tenant, max_in_flight=5)
    post = Post(database)
    engine = new_engine(post, cap=5)

    async with running(engine):
        engine.offer(await due(rows, tenant, hanging, 100))
        await post.wait_for(5, post.started)
        quick = await due(rows, tenant, endpoint, 1)
        engine.offer(quick)
        await post.wait_for(6, post.started)
        post.let_go.set()
        await post.wait_for(106 - 5, post.ended)

    assert post.started[5] == quick[0].delivery_id


class Busy(Post):
    """Claims during which slots come free again: what is claimed succeeds at once, and more is offered."""

    def __init__(self, database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId) -> None:
        super().__init__(database)
        self._make_due = partial(due, rows, tenant, endpoint)
        self.engine: Engine | None = None

    async def claim(
        self, ids: Sequence[UUID], metered: Sequence[UUID], *, ordered: bool, room: int
    ) -> Sequence[Claimed]:
        """Have something more to start after each claim."""
        claimed = await super().claim(ids, metered, ordered=ordered, room=room)
        assert self.engine is not None
        self.engine.offer(await self._make_due(1))
        return claimed


async def test_a_turn_ends_although_there_is_always_more_to_start(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId
) -> None:
    decided: list[int] = []
    post = Busy(database, rows, tenant, endpoint)
    post.engine = engine = new_engine(post)
    engine.offer(await due(rows, tenant, endpoint, 1), lambda: decided.append(post.claims))

    await engine.turn()

    post.let_go.set()
    assert decided == [ROUNDS]


async def test_a_turn_claims_nothing_more_once_it_is_stopped(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId
) -> None:
    decided: list[int] = []
    post = Busy(database, rows, tenant, endpoint)
    post.engine = engine = new_engine(post)
    engine.offer(await due(rows, tenant, endpoint, 1), lambda: decided.append(post.claims))
    engine.stop()

    await engine.turn()

    post.let_go.set()
    assert (post.claims, decided) == (1, [])
