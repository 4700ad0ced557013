"""The statement by which a check finds where to send, in the engine's role."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import fetch_one


@dataclass(frozen=True, slots=True)
class CheckTarget:
    """Where a check sends; the timeout is in seconds."""

    url: str
    timeout: int


async def read_check_target(
    tx: AsyncConnection, *, task_id: UUID, endpoint_id: UUID, default_timeout: int
) -> CheckTarget | None:
    """Return where an endpoint of a task's tenant listens, by the primary keys; `None` if it is gone or pulled from."""
    sql = """
    SELECT e.url, coalesce(e.timeout, :timeout) AS timeout
    FROM tasks t JOIN endpoints e ON e.tenant_id = t.tenant_id
    WHERE t.id = :task_id AND e.id = :endpoint_id AND e.deleted_at IS NULL AND e.mode = 'push'
    """
    values: dict[str, object] = {"task_id": task_id, "endpoint_id": endpoint_id, "timeout": default_timeout}
    return await fetch_one(tx, CheckTarget, sql, **values)
