"""A task that a request has made, and the same answer again for its Idempotency-Key."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Database
from core.intake import dedupe
from core.intake.dedupe import RequestKey
from core.journal.queries import read_task
from core.journal.tasks import TaskRecord
from core.model.errors import GoneError
from core.model.ids import TaskId
from core.once import Kept


@dataclass(frozen=True, slots=True)
class Submitted:
    """A task that was made, or found: `replayed` if its request was answered before."""

    task: TaskRecord
    made: bool
    replayed: bool = False
    status: int = 0


async def answered(database: Database, key: RequestKey | None) -> Submitted | None:
    """Return what was answered to a request with this key, if it was, whatever may speak against it by now.

    Raises `KeyReusedError` for another body, `GoneError` for a task past its retention.
    """
    if key is None:
        return None
    async with database.tenant(key.tenant_id) as tx:
        kept = await dedupe.look(tx, key)
        return None if kept is None else await replay(tx, kept)


async def replay(tx: AsyncConnection, kept: Kept) -> Submitted:
    """Return what was made for a key; raise `GoneError` for a task past its retention."""
    task = await read_task(tx, task_id=TaskId(kept.made))
    if task is None:
        raise GoneError("What was made for this Idempotency-Key is past its retention.")
    return Submitted(task, made=False, replayed=True, status=kept.status)
