"""Tasks of Ringback's own types: what an endpoint's routes start, and no client can submit."""

from core.database import Database
from core.dispatch.publish import Publisher
from core.intake import dedupe, queries
from core.intake.accept import NewTask
from core.intake.dedupe import RequestKey
from core.intake.submitted import Submitted, replay
from core.model.queued import QueuedTask
from core.once import Kept


async def start_own(
    database: Database, publisher: Publisher, new: NewTask, *, status: int, key: RequestKey | None
) -> Submitted:
    """Record a task and return it once it is committed, or what was made for its key.

    `status` is what the answer will be, kept with the key. Raises `KeyReusedError` and `ConflictError` for a key that
    is another request's, `GoneError` for one whose task is past its retention.
    """
    publish = publisher.ready
    async with database.tenant(new.tenant_id) as tx:  # tasks are no owner's
        kept = None if key is None else await dedupe.claim(tx, key)
        if kept is not None:
            return await replay(tx, kept)
        task = await queries.insert_task(tx, task=new, publish=publish)
        assert task is not None  # it has no unique key
        if key is not None:
            await dedupe.fill(tx, key, Kept(task.id, status))
    if publish:
        publisher.tasks([QueuedTask(task.id, new.type.name, new.type.queue)])
    return Submitted(task, made=True)
