"""What a running task says and asks while Postgres is away for a moment: no task ends of that."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Database
from core.journal.queries import read_task
from core.journal.tasks import TaskRecord
from core.model.ids import TenantId
from core.progress import Progress, ProgressBoard
from core.redis import open_redis
from tests.support.rows import Rows
from tests.support.samples import ago
from workers.runtime import TaskDesk

T = TypeVar("T")
VALUE = b'"sent"'


class Shaky(Database):
    """A database that gives no connection for some times, and then loses some answers after it has committed."""

    refused = 0
    lost = 0

    @asynccontextmanager
    async def engine(self, *, patient: bool = True) -> AsyncGenerator[AsyncConnection]:
        """See `Database.engine`."""
        if self.refused:
            self.refused -= 1
            raise ConnectionRefusedError
        async with super().engine(patient=patient) as tx:
            yield tx
        if self.lost:
            self.lost -= 1
            raise ConnectionResetError


@pytest.fixture
async def task(rows: Rows, tenant: TenantId) -> TaskRecord:
    """A task that runs."""
    made = await rows.task(tenant, status="STARTED", due_at=None, lease_until=ago(-60), run=1)
    async with rows.database.engine() as tx:
        found = await read_task(tx, task_id=made)
    assert found is not None
    return found


class Working:
    """A worker's child, with its own loop and connections."""

    def __init__(self, database_url: str, redis_url: str, task: TaskRecord) -> None:
        self._urls = database_url, redis_url
        self._task = task

    async def work(self, function: Callable[[TaskDesk], T], *, refused: int = 0, lost: int = 0) -> T:
        """Run a task's function, with that many connections refused and answers lost; return what it gives."""
        return await asyncio.to_thread(self._work, function, refused, lost)

    def _work(self, function: Callable[[TaskDesk], T], refused: int, lost: int) -> T:
        database, redis = Shaky(self._urls[0], size=1), open_redis(self._urls[1])
        database.refused, database.lost = refused, lost
        with asyncio.Runner() as runner:
            try:
                return function(TaskDesk(runner, database, ProgressBoard(redis, ttl=60), self._task))
            finally:
                runner.run(database.close())
                runner.run(redis.aclose())


@pytest.fixture
def working(database_url: str, redis_url: str, task: TaskRecord) -> Working:
    """What runs the task."""
    return Working(database_url, redis_url, task)


async def test_a_note_is_written_once_postgres_is_back(working: Working) -> None:
    def work(desk: TaskDesk) -> bytes | None:
        desk.mark("mail", VALUE)
        return desk.marker("mail")

    assert await working.work(work, refused=2) == VALUE


async def test_a_note_whose_answer_was_lost_is_one_note(rows: Rows, working: Working) -> None:
    await working.work(lambda desk: desk.mark("mail", VALUE), lost=1)

    assert [bytes(row["value"]) for row in await rows.all("SELECT value FROM task_markers")] == [VALUE]  # pyright: ignore[reportArgumentType] - as it is in the table


async def test_what_is_read_is_waited_for(working: Working) -> None:
    assert await working.work(lambda desk: (desk.marker("mail"), desk.read_content()), refused=3) == (None, None)


async def test_nobody_has_asked_for_an_end_who_cannot(working: Working) -> None:
    assert await working.work(lambda desk: desk.cancel_was_asked(), refused=1) is False


async def test_progress_is_told_of_by_the_state_once_that_can_be_written(
    rows: Rows, working: Working, task: TaskRecord
) -> None:
    async def status() -> object:
        return (await rows.one("SELECT status FROM tasks WHERE id = :id", id=task.id))["status"]

    def work(desk: TaskDesk) -> None:
        desk.show(Progress(1, 2, None))

    await working.work(work, refused=1)
    before = await status()
    await working.work(lambda desk: (work(desk), work(desk)), refused=1)

    assert (before, await status()) == ("STARTED", "PROGRESS")


async def test_a_statement_that_is_wrong_is_told(working: Working) -> None:
    with pytest.raises(Exception, match="task_markers_name"):
        await working.work(lambda desk: desk.mark("", VALUE))
