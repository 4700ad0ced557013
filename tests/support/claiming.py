"""Claims and their outcomes, as a deliverer would write them."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from uuid import UUID

from core import clock
from core.database import Database
from core.journal.record import Settled
from core.journal.record_queries import record_attempts
from core.lease.claim import Claimed, Puller
from core.lease.queries import claim_deliveries
from core.model.outcome import ErrorClass, Outcome, OutcomeKind, Response, Trigger
from core.model.queued import Queued
from core.model.settle import Verdict
from core.model.states import DeliveryStatus
from tests.support.feeding import new_notices
from workers.delivery.record import Recorder

CAP = 50
TIMEOUT = 15
LEASE = 15
SCHEDULE = (5, 300)
OK = Outcome(OutcomeKind.SUCCEEDED, response=Response(200, (("Date", "now"),), b"thanks", truncated=False))
DOWN = Outcome(
    OutcomeKind.FAILED, ErrorClass.HTTP_STATUS, response=Response(500, (("Date", "now"),), b"no", truncated=False)
)
GONE = Outcome(OutcomeKind.FAILED, ErrorClass.HTTP_STATUS, response=Response(410, (), b"", truncated=False))
UNKNOWN = Outcome(OutcomeKind.UNKNOWN)


async def claim(
    database: Database, *ids: UUID, ordered: bool = True, puller: Puller | None = None
) -> tuple[Claimed, ...]:
    """Claim deliveries in a transaction of its own."""
    async with database.engine() as tx:
        return await claim_deliveries(
            tx, ids=ids, ordered=ordered, puller=puller, default_cap=CAP, default_timeout=TIMEOUT, lease=LEASE
        )


async def claim_one(database: Database, id_: UUID) -> Claimed:
    """Claim a delivery that can be claimed."""
    (claimed,) = await claim(database, id_)
    return claimed


def settled(claimed: Claimed, outcome: Outcome) -> Settled:
    """Return what a deliverer records of an outcome; there is no jitter."""
    return claimed.settled(
        outcome,
        default_schedule=SCHEDULE,
        headers='{"webhook-id": "evt_x"}',
        started_at=claimed.claimed_at,
        now=datetime(2026, 1, 1, tzinfo=UTC),
        draw=lambda: 0.0,
        lane=claimed.lane,
    )


def settled_of(tenant: UUID, delivery: UUID) -> Settled:
    """Return a success that is under no lease."""
    return Settled(
        delivery_id=delivery,
        tenant_id=tenant,
        claim=1,
        number=1,
        trigger=Trigger.FIRST,
        url="https://example.com/",
        request_headers="{}",
        outcome=OK,
        verdict=Verdict(DeliveryStatus.SUCCEEDED, None, 0, 0),
        started_at=clock.now(),
    )


async def finish(database: Database, claimed: Claimed) -> None:
    """Have an attempt succeed."""
    await record(database, settled(claimed, OK))


async def record(database: Database, *outcomes: Settled) -> Sequence[Queued]:
    """Record outcomes in a transaction of its own; return what is due again at once."""
    async with database.engine() as tx:
        return (await record_attempts(tx, settled=outcomes)).due


async def recorded(recorder: Recorder, outcome: Settled) -> None:
    """Hand an outcome to a recorder and wait until it is committed; raise what comes instead."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def end(error: BaseException | None) -> None:
        done.set_result(None) if error is None else done.set_exception(error)

    recorder.put(outcome, end)
    await done


@asynccontextmanager
async def recorder_at_work(database: Database) -> AsyncGenerator[Recorder]:
    """Run a recorder that nobody is told of anything by."""
    made = Recorder(database, lambda _: None, new_notices(database))
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
