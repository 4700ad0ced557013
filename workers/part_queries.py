"""The statements of a run that was handed over to parts, all in the engine's role: each pushes or ends its lease."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import execute, fetch_one
from core.model.parts import HANDED_OVER, PARTS_RUN, Slice

_HELD: Final = f"id = :id AND run = :run AND leased_by IN ('{HANDED_OVER}', '{PARTS_RUN}') AND lease_until > now()"
_PUSH: Final = f"""
UPDATE tasks SET leased_by = '{PARTS_RUN}', parts_running = parts_running + 1,
    parts_waiting = greatest(0, parts_waiting - 1), lease_until = now() + make_interval(secs => :seconds)
WHERE {_HELD} AND cancel_asked_at IS NULL
"""


async def hand_over(
    tx: AsyncConnection, *, task_id: UUID, run: int, parts: int, seconds: int, content: bytes | None
) -> bool:
    """Lease a run to its parts, which are not sent yet; false if it is another run's, or is to end."""
    sql = f"""
    UPDATE tasks SET leased_by = '{HANDED_OVER}', parts_running = 0, parts_waiting = :parts,
        lease_until = now() + make_interval(secs => :seconds), content = coalesce(CAST(:content AS BYTEA), content)
    WHERE id = :id AND run = :run AND lease_until IS NOT NULL AND cancel_asked_at IS NULL AND erased_at IS NULL
    """
    return await execute(tx, sql, id=task_id, run=run, parts=parts, seconds=seconds, content=content) == 1


@dataclass(frozen=True, slots=True)
class Content:
    """What a part works on."""

    content: bytes | None


async def push_part(tx: AsyncConnection, *, task_id: UUID, run: int, part: Slice, seconds: int) -> bytes | None:
    """Push the lease for a part that starts, and read its slice; `None` if it is another run's, or is to end."""
    sql = f"{_PUSH} RETURNING substring(content FROM CAST(:start AS INTEGER) FOR CAST(:length AS INTEGER)) AS content"
    values: dict[str, object] = {"start": part.offset + 1, "length": part.length, "seconds": seconds}
    found = await fetch_one(tx, Content, sql, id=task_id, run=run, **values)
    return None if found is None else found.content


async def push_join(tx: AsyncConnection, *, task_id: UUID, run: int, seconds: int) -> bool:
    """Push the lease for the join, which counts as a part that runs; false if it is another run's, or is to end."""
    return await execute(tx, _PUSH, id=task_id, run=run, seconds=seconds) == 1


async def rest_part(tx: AsyncConnection, *, task_id: UUID, run: int, seconds: int) -> int:
    """Say that a part is done; if no other runs, the next one or the join has so many seconds to start.

    Others' leases are left as they are: one of them may have died.
    """
    sql = f"""
    UPDATE tasks SET parts_running = greatest(0, parts_running - 1), lease_until = greatest(
        lease_until, CASE WHEN parts_running <= 1 THEN now() + make_interval(secs => :seconds) END)
    WHERE {_HELD}
    """
    return await execute(tx, sql, id=task_id, run=run, seconds=seconds)


async def end_part(tx: AsyncConnection, *, task_id: UUID, run: int) -> int:
    """Let go of a run in parts of which one has died with its process: the others find that, and do nothing.

    It counts as lost, even if that part was done already.
    """
    sql = f"UPDATE tasks SET lease_until = now(), parts_running = greatest(1, parts_running) WHERE {_HELD}"
    return await execute(tx, sql, id=task_id, run=run)
