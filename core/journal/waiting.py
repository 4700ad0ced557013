"""Why deliveries wait, computed on reading: the rows themselves are not touched while they do."""

from collections.abc import Sequence
from dataclasses import replace

from redis.asyncio import Redis

from core.database import Database
from core.journal.held import read_held
from core.journal.read import DeliveryRecord
from core.journal.waiting_queries import Behind, read_behind
from core.model.states import WaitingFor


async def explain(
    database: Database, redis: Redis, deliveries: Sequence[DeliveryRecord], *, default_cap: int
) -> list[DeliveryRecord]:
    """Return deliveries that somebody may see, each with what holds it up although it is due.

    One statement, in the engine's role (see `core.journal.order_queries`), and one look at Redis for all of them, and
    neither if none of them waits like that. `default_cap` is how many may be on the wire where no endpoint says so.
    """
    due = [one for one in deliveries if one.due_at is not None and one.waiting_for is None and not one.on_the_wire]
    if not due:
        return list(deliveries)
    async with database.engine() as tx:
        behind = await read_behind(tx, ids=[one.id for one in due], default_cap=default_cap)
    held = await read_held(redis, {one.lane: one.rate_limit for one in behind})
    why = {one.id: _why(one, held.get(one.lane)) for one in behind}
    return [replace(one, held_by=why.get(one.id)) for one in deliveries]


def _why(one: Behind, held: WaitingFor | None) -> WaitingFor | None:
    if one.behind:
        return WaitingFor.ORDER
    if held is not None and (held is WaitingFor.RATE_LIMIT or not one.asked):
        return held
    return WaitingFor.CONCURRENCY if one.full else None
