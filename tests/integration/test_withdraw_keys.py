"""What is withdrawn under an Idempotency-Key: in short transactions, counted once, whoever dies in between."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Database, fetch_all
from core.intake import dedupe
from core.intake.dedupe import KeyReusedError, OncePerKey, RequestKey
from core.intake.withdraw import AT_ONCE, Withdrawals
from core.model.errors import ConflictError, NotFoundError
from core.model.ids import EndpointId, TenantId
from core.once import Kept
from tests.support.rows import Rows

OPEN = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND state = 'idle in transaction' AND pid <> pg_backend_pid()
"""


class DiedError(Exception):
    """The process of a request died."""


class Watched(OncePerKey):
    """A request that dies in its batch of that number, and looks in each who has a transaction open beside it."""

    def __init__(self, key: RequestKey, *, dies_in: int = 0) -> None:
        super().__init__(key, status=202, kept=None)
        self.beside: list[int] = []
        self._dies_in = dies_in

    async def count(self, tx: AsyncConnection, what: str, number: int) -> bool:
        self.beside.append(len(await fetch_all(tx, dict[str, object], OPEN)))
        counted = await super().count(tx, what, number)
        if len(self.beside) == self._dies_in:
            raise DiedError
        return counted


class Scene:
    """How many requests have begun, and how many are inside of a batch, which they leave when it is over."""

    def __init__(self, number: int) -> None:
        self.all_begun, self.full, self.over = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._missing, self._free = number, AT_ONCE

    def begun(self) -> None:
        """Note one that has begun."""
        self._missing -= 1
        if not self._missing:
            self.all_begun.set()

    async def stay(self) -> None:
        """Stay inside of a batch."""
        self._free -= 1
        if not self._free:
            self.full.set()
        await self.over.wait()


class Held(OncePerKey):
    """A request that stays inside of its batch."""

    def __init__(self, tenant: TenantId, endpoint: EndpointId, scene: Scene) -> None:
        path = f"/{endpoint}/cancel"
        super().__init__(RequestKey.of(tenant, method="POST", path=path, key="k", body=b""), status=202, kept=None)
        self._scene = scene

    async def begin(self, tx: AsyncConnection, made: UUID) -> Kept | None:
        self._scene.begun()
        return await super().begin(tx, made)

    async def count(self, tx: AsyncConnection, what: str, number: int) -> bool:
        await self._scene.stay()
        return await super().count(tx, what, number)


def key_of(tenant: TenantId, body: bytes = b"") -> RequestKey:
    return RequestKey.of(tenant, method="POST", path="/cancel", key="k", body=body)


async def withdraw(withdrawals: Withdrawals, tenant: TenantId, endpoint: EndpointId, once: OncePerKey) -> int:
    return await withdrawals.withdraw(tenant, None, endpoint, before=None, event_types=(), once=once)


@pytest.fixture
def withdrawals(database: Database) -> Withdrawals:
    """What withdraws, four at a time."""
    return Withdrawals(database, batch=4)


async def test_no_transaction_is_open_around_the_batches(
    rows: Rows, withdrawals: Withdrawals, tenant: TenantId, endpoint: EndpointId
) -> None:
    await rows.deliveries(10, tenant, endpoint)
    once = Watched(key_of(tenant))

    cancelled = await withdraw(withdrawals, tenant, endpoint, once)

    assert (cancelled, once.beside, once.kept) == (10, [0, 0, 0], None)


async def test_batches_leave_connections_for_others(database_url: str, rows: Rows, tenant: TenantId) -> None:
    endpoints = [await rows.endpoint(tenant) for _ in range(4)]
    scene = Scene(len(endpoints))
    database = Database(database_url, size=AT_ONCE + 1, direct=0)
    withdrawals = Withdrawals(database)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        working = [group.create_task(withdraw(withdrawals, tenant, one, Held(tenant, one, scene))) for one in endpoints]
        await asyncio.gather(scene.all_begun.wait(), scene.full.wait())

        async with database.engine() as tx:
            found = await fetch_all(tx, dict[str, object], "SELECT id FROM endpoints")

        scene.over.set()

    assert [one.result() for one in working] == [0, 0, 0, 0]
    assert len(found) == 4
    await database.close()


@pytest.mark.parametrize("dies_in", [1, 2, 3])
async def test_who_comes_again_goes_on_where_another_died_and_is_told_of_all(
    rows: Rows, withdrawals: Withdrawals, tenant: TenantId, endpoint: EndpointId, dies_in: int
) -> None:
    await rows.deliveries(10, tenant, endpoint)
    with pytest.raises(DiedError):
        await withdraw(withdrawals, tenant, endpoint, Watched(key_of(tenant), dies_in=dies_in))
    again, later = Watched(key_of(tenant)), Watched(key_of(tenant))

    counts = [await withdraw(withdrawals, tenant, endpoint, once) for once in (again, later)]

    assert counts == [10, 10]
    assert again.kept is None
    assert later.kept is not None
    assert (later.kept.made, later.kept.status, later.kept.more) == (endpoint, 202, {"cancelled": 10})


async def test_what_came_since_is_not_withdrawn_by_who_comes_again(
    rows: Rows, withdrawals: Withdrawals, tenant: TenantId, endpoint: EndpointId
) -> None:
    await rows.deliveries(3, tenant, endpoint)
    await withdraw(withdrawals, tenant, endpoint, Watched(key_of(tenant)))
    await rows.deliveries(2, tenant, endpoint)

    assert await withdraw(withdrawals, tenant, endpoint, Watched(key_of(tenant))) == 3

    waiting = await rows.all("SELECT id FROM deliveries WHERE lane = :lane AND due_at IS NOT NULL", lane=endpoint)
    assert len(waiting) == 2


async def test_two_with_one_key_at_once_give_one_answer(
    rows: Rows, withdrawals: Withdrawals, tenant: TenantId, endpoint: EndpointId
) -> None:
    await rows.deliveries(40, tenant, endpoint)
    both = [Watched(key_of(tenant)) for _ in range(2)]

    counts = await asyncio.gather(*[withdraw(withdrawals, tenant, endpoint, once) for once in both])

    assert counts == [40, 40]
    assert sorted(once.kept is not None for once in both) == [False, True]


async def test_what_was_begun_belongs_to_its_request(
    database: Database, rows: Rows, withdrawals: Withdrawals, tenant: TenantId, endpoint: EndpointId
) -> None:
    await rows.deliveries(10, tenant, endpoint)
    with pytest.raises(DiedError):
        await withdraw(withdrawals, tenant, endpoint, Watched(key_of(tenant), dies_in=2))

    with pytest.raises(KeyReusedError):
        await withdraw(withdrawals, tenant, endpoint, Watched(key_of(tenant, b"another")))

    async with database.tenant(tenant) as tx:
        assert await dedupe.look(tx, key_of(tenant)) is None
        with pytest.raises(ConflictError):
            await dedupe.claim(tx, key_of(tenant))


async def test_an_endpoint_that_is_not_there_frees_the_key(
    database: Database, withdrawals: Withdrawals, tenant: TenantId
) -> None:
    key = key_of(tenant)
    with pytest.raises(NotFoundError):
        await withdraw(withdrawals, tenant, EndpointId(tenant), Watched(key))

    async with database.tenant(tenant) as tx:
        assert await dedupe.claim(tx, key) is None
