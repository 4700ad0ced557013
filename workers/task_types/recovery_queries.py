"""The statements of a recover, in the engine's role; each takes the tenant from the task that it works for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import execute, fetch_all, fetch_one
from core.intake.reopen_queries import Target
from core.model.tables import RECOVERABLE

REOPENED: Final = "reopened"
"""The marker that counts what a task has reopened."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What to recover: deliveries of an endpoint made from `since` on and before `until`, up to a place in the order.

    `event_types` are names, `prefixes` what stands in front of a `.*`; both empty mean all.
    """

    task_id: UUID
    endpoint_id: UUID
    since: datetime
    until: datetime
    event_types: Sequence[str]
    prefixes: Sequence[str]
    ceiling: int


@dataclass(frozen=True, slots=True)
class Batch:
    """How many deliveries were reopened, and the old place in the order of the last one looked at."""

    count: int
    last: int | None


@dataclass(frozen=True, slots=True)
class _Number:
    number: int


# By deliveries_recoverable_idx, in the order of acceptance; the IDs' bounds leave out the partitions of other times.
_MISSED: Final = f"""
    FROM deliveries d WHERE d.endpoint_id = :endpoint_id AND ({RECOVERABLE})
        AND d.tenant_id = (SELECT tenant_id FROM tasks WHERE id = :task_id)
        AND d.sequence > :after AND d.sequence <= :ceiling
        AND d.id >= ringback_floor(CAST(:since AS TIMESTAMPTZ) - INTERVAL '1 min') AND d.created_at >= :since
        AND d.id <= ringback_floor(CAST(:until AS TIMESTAMPTZ) + INTERVAL '1 min') AND d.created_at < :until
        AND (cardinality(CAST(:types AS TEXT[])) + cardinality(CAST(:prefixes AS TEXT[])) = 0
             OR d.event_type = ANY(:types)
             OR EXISTS (SELECT FROM unnest(CAST(:prefixes AS TEXT[])) p WHERE starts_with(d.event_type, p)))
"""


async def last_place(tx: AsyncConnection) -> int:
    """Take the last place in the order: whatever is reopened from now on has one behind it."""
    found = await fetch_one(tx, _Number, "SELECT nextval('delivery_order') AS number")
    return 0 if found is None else found.number


async def count_missed(tx: AsyncConnection, *, stretch: Stretch) -> int:
    """Count what there is to reopen."""
    found = await fetch_one(tx, _Number, f"SELECT count(*) AS number {_MISSED}", **_values(stretch, 0))
    return 0 if found is None else found.number


async def lock_endpoint(tx: AsyncConnection, *, task_id: UUID, endpoint_id: UUID) -> Target | None:
    """Keep an endpoint as it is until this transaction ends, by its primary key."""
    sql = """
    SELECT status = 'disabled' AS disabled, deleted_at IS NOT NULL AS deleted FROM endpoints
    WHERE id = :id AND tenant_id = (SELECT tenant_id FROM tasks WHERE id = :task_id) FOR SHARE
    """
    return await fetch_one(tx, Target, sql, id=endpoint_id, task_id=task_id)


# What lies behind an erased or dropped event is looked at and left. The places are given in the old order.
_REOPEN: Final = f"""
WITH picked AS (
    SELECT d.id, d.event_id, d.sequence {_MISSED} AND d.lease_until IS NULL ORDER BY d.sequence LIMIT :limit FOR UPDATE
), placed AS (
    SELECT id, nextval('delivery_order') AS place FROM (
        SELECT p.id FROM picked p JOIN events v ON v.id = p.event_id AND v.erased_at IS NULL ORDER BY p.sequence) o
), reopened AS (
    UPDATE deliveries d SET status = CASE WHEN d.attempt_count = 0 THEN 'pending' ELSE 'retrying' END, reason = NULL,
        finished_at = NULL, due_at = now(), published_until = NULL, wait_reason = NULL, trigger = 'recover', step = 0,
        unknown_run = 0, sequence = p.place
    FROM placed p WHERE d.id = p.id RETURNING d.id
)
SELECT (SELECT count(*) FROM reopened)::INTEGER AS count, (SELECT max(sequence) FROM picked) AS last
"""


async def reopen_missed(tx: AsyncConnection, *, stretch: Stretch, after: int, limit: int) -> Batch:
    """Make the next deliveries due with their schedule from the start; `last` is `None` where there are no more."""
    found = await fetch_all(tx, Batch, _REOPEN, limit=limit, **_values(stretch, after))
    return found[0]


async def note_reopened(tx: AsyncConnection, *, task_id: UUID, run: int, count: int) -> bool:
    """Add to what a task has reopened, only for the run that holds it; false if another does, or it was erased."""
    sql = f"""
    INSERT INTO task_markers AS m (task_id, name, tenant_id, run, value)
    SELECT id, '{REOPENED}', tenant_id, run, convert_to(CAST(:count AS TEXT), 'UTF8')
    FROM tasks WHERE id = :id AND run = :run AND lease_until IS NOT NULL AND erased_at IS NULL FOR SHARE
    ON CONFLICT (task_id, name) DO UPDATE SET run = excluded.run, value = convert_to(CAST(
        CAST(convert_from(m.value, 'UTF8') AS BIGINT) + CAST(convert_from(excluded.value, 'UTF8') AS BIGINT) AS TEXT),
        'UTF8')
    """
    return await execute(tx, sql, id=task_id, run=run, count=str(count)) == 1


def _values(stretch: Stretch, after: int) -> dict[str, object]:
    return {
        "task_id": stretch.task_id,
        "endpoint_id": stretch.endpoint_id,
        "since": stretch.since,
        "until": stretch.until,
        "types": list(stretch.event_types),
        "prefixes": list(stretch.prefixes),
        "ceiling": stretch.ceiling,
        "after": after,
    }
