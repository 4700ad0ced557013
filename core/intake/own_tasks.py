"""Tasks of Ringback's own types: what an endpoint's routes start, and no client can submit."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Database
from core.dispatch.publish import Publisher
from core.intake import dedupe, queries
from core.intake.accept import NewTask
from core.intake.dedupe import RequestKey
from core.intake.limits import Admission
from core.intake.submit import TRIES
from core.intake.submitted import Submitted, replay
from core.model.errors import LimitReachedError, UnavailableError
from core.model.queued import QueuedTask
from core.once import Kept


class OwnTasks:
    """Starts them, within what the tenant may have as of tasks of its clients.

    Whoever may change an endpoint may start them: else a partner could fill the workers.
    """

    def __init__(self, database: Database, publisher: Publisher, admission: Admission) -> None:
        self._database: Final = database
        self._publisher: Final = publisher
        self._admission: Final = admission

    async def start(self, new: NewTask, *, status: int, key: RequestKey | None) -> Submitted:
        """Record a task and return it once it is committed, or what was made for its key.

        `status` is what the answer will be, kept with the key. While another task holds the unique key and has not
        ended, that one is returned. Raises `LimitReachedError` if as many tasks wait as the tenant may have,
        `KeyReusedError` and `ConflictError` for a key that is another request's, `GoneError` for one whose task is
        past its retention.
        """
        refused = await self._admission.take(new.tenant_id)
        publish = refused is None and await self._admission.may_publish(new.tenant_id) and self._publisher.ready
        async with self._database.tenant(new.tenant_id) as tx:  # tasks are no owner's
            kept = None if key is None else await dedupe.claim(tx, key)
            if kept is not None:
                return await replay(tx, kept)
            started = await _record(tx, new, refused, publish=publish)
            if key is not None:
                await dedupe.fill(tx, key, Kept(started.task.id, status))
        if started.made and publish:
            self._publisher.tasks([QueuedTask(new.id, new.type.name, new.type.queue)])
        return started


async def _record(tx: AsyncConnection, new: NewTask, refused: LimitReachedError | None, *, publish: bool) -> Submitted:
    """Make a task unless one that holds its unique key has not ended; raise why it may not be made."""
    for _ in range(TRIES):
        task = None if refused is not None else await queries.insert_task(tx, task=new, publish=publish)
        if task is not None:
            return Submitted(task, made=True)
        if new.unique_key is not None:
            holder = await queries.read_by_unique_key(tx, type_=new.type.name, unique_key=new.unique_key)
            if holder is not None and not holder.ended:
                return Submitted(holder, made=False)
        if refused is not None:
            raise refused
        await queries.free_unique_key(tx, type_=new.type.name, unique_key=new.unique_key or "", ended=True)
    raise UnavailableError  # each time another was started between the two statements, and ended at once
