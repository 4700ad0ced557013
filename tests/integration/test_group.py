"""Submits that share a transaction: each keeps its own answer, its own error, and its promise."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay

from cli.embedded.postgres import Postgres
from cli.embedded.store import end, start
from core.database import Database
from core.dispatch.celery import make_celery
from core.dispatch.publish import Publisher
from core.intake.accept import NewTask
from core.intake.dedupe import KeyReusedError, RequestKey
from core.intake.group import TaskGroups, Wanted
from core.intake.shared import SIZE
from core.intake.submit import Submissions, TaskWish
from core.intake.submitted import Submitted
from core.model import tables
from core.model.errors import LimitReachedError, UnavailableError
from core.model.ids import TaskId, TenantId
from core.model.sealing import KeyRing
from core.registry.callbacks import Callbacks
from core.registry.task_types import TaskType
from core.resolver import AresResolver
from core.settings import Settings
from tests.conftest import migrate
from tests.support.rows import Rows
from tests.support.stack import SECRET_KEYS
from tests.support.stores import private_directory

TYPE = "tests.any"
COUNT = 200
MANY = 3 * SIZE


def nowhere() -> Publisher:
    """A publisher that has no broker."""
    return Publisher("memory://", make_celery(Settings()))


async def repeated(submissions: Submissions, tenant: TenantId, number: int) -> Submitted:
    """Submit as a client does: what is refused for now comes again, under its key."""
    retrying = AsyncRetrying(
        retry=retry_if_exception_type((UnavailableError, TimeoutError)), stop=stop_after_delay(60), reraise=True
    )
    made: Submitted = await retrying(
        submissions.submit, tenant, wish(number), status=303, key=key(tenant, f"k{number}")
    )
    return made


def new_submissions(database: Database) -> Submissions:
    callbacks = Callbacks(AresResolver(), allowed=(), https_only=True)
    return Submissions(database, nowhere(), KeyRing(SECRET_KEYS), callbacks)


def wish(number: int = 0, *, unique_key: str | None = None, **metadata: str) -> TaskWish:
    written = b'{"n":%d}' % number
    return TaskWish(type=TYPE, input={"n": number}, written=written, metadata=metadata, unique_key=unique_key)


def key(tenant: TenantId, name: str, body: bytes = b"{}") -> RequestKey:
    return RequestKey.of(tenant, method="POST", path="/v1/tasks", key=name, body=body)


async def offer_type(rows: Rows, tenant: TenantId) -> None:
    await rows.put(tables.task_types, tenant, name=TYPE)


@pytest.fixture
async def submissions(database: Database, rows: Rows, tenant: TenantId) -> Submissions:
    await offer_type(rows, tenant)
    return new_submissions(database)


async def tasks_of(rows: Rows, tenant: TenantId) -> list[object]:
    return [row["id"] for row in await rows.all("SELECT id FROM tasks WHERE tenant_id = :id", id=tenant)]


async def test_what_is_submitted_at_once_is_all_recorded(
    submissions: Submissions, rows: Rows, tenant: TenantId
) -> None:
    made = await asyncio.gather(*(submissions.submit(tenant, wish(n), status=303) for n in range(COUNT)))

    assert {one.task.id for one in made} == set(await tasks_of(rows, tenant))
    assert all(one.made for one in made)


async def test_submits_that_come_together_share_transactions(
    submissions: Submissions, rows: Rows, tenant: TenantId
) -> None:
    await asyncio.gather(*(submissions.submit(tenant, wish(n), status=303) for n in range(COUNT)))

    found = await rows.one("SELECT count(DISTINCT created_at) AS transactions FROM tasks")
    assert found["transactions"] in range(1, COUNT // 10)


async def test_a_unique_key_submitted_many_times_at_once_makes_one_task(
    submissions: Submissions, rows: Rows, tenant: TenantId
) -> None:
    made = await asyncio.gather(
        *(submissions.submit(tenant, wish(n, unique_key="one"), status=303) for n in range(COUNT))
    )

    assert {one.task.id for one in made} == set(await tasks_of(rows, tenant))
    assert Counter(one.made for one in made) == {True: 1, False: COUNT - 1}


async def test_an_idempotency_key_submitted_many_times_at_once_makes_one_task(
    submissions: Submissions, rows: Rows, tenant: TenantId
) -> None:
    made = await asyncio.gather(
        *(submissions.submit(tenant, wish(), status=202, key=key(tenant, "one")) for _ in range(COUNT))
    )

    assert [one.task.id for one in made[:1]] == await tasks_of(rows, tenant)
    assert len({one.task.id for one in made}) == 1
    assert Counter((one.replayed, one.status) for one in made) == {(False, 0): 1, (True, 202): COUNT - 1}


async def test_both_kinds_of_key_at_once_make_one_task(submissions: Submissions, rows: Rows, tenant: TenantId) -> None:
    made = await asyncio.gather(
        *(
            submissions.submit(tenant, wish(unique_key="u"), status=303, key=key(tenant, f"k{n % 3}"))
            for n in range(COUNT)
        )
    )

    assert {one.task.id for one in made} == set(await tasks_of(rows, tenant))
    assert len({one.task.id for one in made}) == 1


async def test_an_idempotency_key_with_another_body_is_refused_alone(
    submissions: Submissions, rows: Rows, tenant: TenantId
) -> None:
    first, second, other = await asyncio.gather(
        submissions.submit(tenant, wish(1), status=303, key=key(tenant, "one", b"1")),
        submissions.submit(tenant, wish(2), status=303, key=key(tenant, "one", b"2")),
        submissions.submit(tenant, wish(3), status=303),
        return_exceptions=True,
    )

    made = [one.task.id for one in (first, second, other) if isinstance(one, Submitted)]
    refused = [one for one in (first, second) if isinstance(one, KeyReusedError)]  # whoever came second
    assert (len(refused), len(made)) == (1, 2)
    assert isinstance(other, Submitted)
    assert set(made) == set(await tasks_of(rows, tenant))


async def test_a_bad_one_in_a_group_fails_alone(submissions: Submissions, rows: Rows, tenant: TenantId) -> None:
    bad = wish(0, word="a text that Postgres cannot hold: \x00")

    outcomes = await asyncio.gather(
        *(submissions.submit(tenant, one, status=303) for one in [wish(1), bad, wish(2), wish(3)]),
        return_exceptions=True,
    )

    made = [one.task.id for one in outcomes if isinstance(one, Submitted)]
    assert isinstance(outcomes[1], DBAPIError)
    assert set(made) == set(await tasks_of(rows, tenant))
    assert len(made) == 3


async def test_no_more_wait_than_the_tenant_may_have_however_many_come_at_once(
    submissions: Submissions, rows: Rows, tenant: TenantId
) -> None:
    await rows.change(tables.tenants, tenant, waiting_tasks=10)

    outcomes = await asyncio.gather(
        *(submissions.submit(tenant, wish(n), status=303) for n in range(50)), return_exceptions=True
    )

    assert Counter(type(one) for one in outcomes) == {Submitted: 10, LimitReachedError: 40}
    assert len(await tasks_of(rows, tenant)) == 10


async def test_a_request_is_answered_again_at_the_limit(submissions: Submissions, rows: Rows, tenant: TenantId) -> None:
    await rows.change(tables.tenants, tenant, waiting_tasks=1)
    first = await submissions.submit(tenant, wish(), status=303, key=key(tenant, "one"))

    again = await submissions.submit(tenant, wish(), status=303, key=key(tenant, "one"))

    assert (again.task.id, again.replayed) == (first.task.id, True)


def new_task(rows: Rows, tenant: TenantId, size: int = 2) -> NewTask:
    kind = TaskType(
        name=TYPE,
        description="",
        queue="default",
        input_schema={},
        output_schema={},
        soft_time_limit=1,
        hard_time_limit=2,
        retry_policy={},
    )
    return NewTask(
        id=TaskId(rows.new_id()), tenant_id=tenant, type=kind, input=b"{%b}" % (b" " * (size - 2)), metadata={}
    )


async def test_what_is_too_much_to_wait_is_refused_at_once(rows: Rows, tenant: TenantId) -> None:
    groups = TaskGroups(rows.database, nowhere(), backlog=2)

    outcomes = await asyncio.gather(
        *(groups.record(Wanted(new_task(rows, tenant), None, 303)) for _ in range(5)), return_exceptions=True
    )

    assert [isinstance(one, UnavailableError) for one in outcomes] == [False, False, True, True, True]
    assert len(await tasks_of(rows, tenant)) == 2


async def test_what_is_too_many_bytes_to_wait_is_refused_at_once(rows: Rows, tenant: TenantId) -> None:
    groups = TaskGroups(rows.database, nowhere(), backlog_bytes=100)
    sent = [new_task(rows, tenant, size) for size in (60, 30, 20, 10)]

    outcomes = await asyncio.gather(*(groups.record(Wanted(one, None, 303)) for one in sent), return_exceptions=True)

    assert [isinstance(one, UnavailableError) for one in outcomes] == [False, False, True, False]
    assert len(await tasks_of(rows, tenant)) == 3


async def test_a_task_that_was_committed_although_its_answer_was_lost_is_not_made_again(
    rows: Rows, tenant: TenantId
) -> None:
    wanted = Wanted(new_task(rows, tenant), None, 303)
    groups = TaskGroups(rows.database, nowhere())
    made_at = await groups.record(wanted)

    again_at = await groups.record(wanted)

    assert again_at == made_at
    assert await tasks_of(rows, tenant) == [wanted.task.id]


class MortalPostgres:
    """A durable Postgres that a test can kill."""

    def __init__(self, directory: Path) -> None:
        self.store = Postgres(directory / "data", directory, log=directory / "log")
        self.process = start(self.store)

    def crash(self) -> None:
        """Kill it, and start it again."""
        self.process.kill()
        self.process.wait()
        self.process = start(self.store)


@asynccontextmanager
async def mortal() -> AsyncGenerator[tuple[MortalPostgres, Rows, TenantId]]:
    with private_directory() as directory:
        server = MortalPostgres(directory)
        url = server.store.url_of("ringback", user="ringback")
        migrate(url)
        database = Database(url)
        rows = Rows(database)
        try:
            tenant = await rows.tenant()
            await offer_type(rows, tenant)
            yield server, rows, tenant
        finally:
            await database.close()
            end(server.store, server.process)


async def test_a_crash_of_postgres_loses_nothing_that_was_accepted_and_makes_nothing_twice() -> None:
    async with mortal() as (server, rows, tenant):
        submissions = new_submissions(rows.database)
        submits = [
            asyncio.ensure_future(submissions.submit(tenant, wish(n), status=303, key=key(tenant, f"k{n}")))
            for n in range(MANY)
        ]
        await asyncio.wait(submits, return_when=asyncio.FIRST_COMPLETED)

        server.crash()

        outcomes = await asyncio.gather(*submits, return_exceptions=True)
        accepted = {one.task.id for one in outcomes if isinstance(one, Submitted)}
        assert accepted <= set(await tasks_of(rows, tenant))
        await asyncio.gather(*(repeated(submissions, tenant, n) for n in range(MANY)))
        made = await rows.all("SELECT convert_from(input, 'UTF8') AS input, count(*) AS times FROM tasks GROUP BY 1")
        assert Counter(row["times"] for row in made) == {1: MANY}
