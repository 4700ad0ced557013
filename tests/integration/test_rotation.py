"""Rotation: the new secret signs at once, the old one beside it until its overlap is over."""

import asyncio
from uuid import UUID

import pytest

from core.database import Database
from core.model import tables
from core.model.errors import NotFoundError
from core.model.ids import EndpointId, TenantId
from core.model.sealing import KeyRing
from core.model.signature import new_secret
from core.registry.register import Registrar
from core.registry.secrets import open_secret
from core.registry.tenants import TenantLimits
from tests.support.claiming import claim_one
from tests.support.rows import Rows
from tests.support.samples import URL, ago
from tests.support.stack import SECRET_KEYS

LIMITS = TenantLimits(requests_per_second=None, waiting_tasks=10, running_tasks=None, endpoints=10, retention_days=30)
DAY = 86_400


@pytest.fixture
def registrar(database: Database) -> Registrar:
    """What registers."""
    return Registrar(database, KeyRing(SECRET_KEYS))


@pytest.fixture
async def tenant(registrar: Registrar) -> TenantId:
    """A tenant with its default secret."""
    return (await registrar.tenant("acme", "Acme", LIMITS)).id


async def rotate(
    registrar: Registrar, tenant: TenantId, endpoint: EndpointId | None = None, *, overlap: int = DAY
) -> str:
    return await registrar.rotate(tenant, endpoint, overlap=overlap, key=new_secret())


async def signing(database: Database, rows: Rows, tenant: TenantId) -> list[str]:
    """Return the secrets that sign what is sent to a task's URL, as a deliverer's claim brings them."""
    lane = rows.new_id()
    task = await rows.task(tenant, webhook_url=URL)
    claimed = await claim_one(database, await rows.delivery(tenant, None, url=URL, task_id=task, lane=lane))
    ring = KeyRing(SECRET_KEYS)
    return [open_secret(ring, sealed, tenant_id=tenant, secret_id=id_) for id_, sealed in claimed.secrets]


async def live(rows: Rows, tenant: TenantId) -> tuple[dict[str, object], ...]:
    return await rows.all(
        "SELECT * FROM secrets WHERE tenant_id = :id AND (expires_at IS NULL OR expires_at > now()) ORDER BY id DESC",
        id=tenant,
    )


async def test_both_secrets_sign_during_the_overlap(
    database: Database, rows: Rows, registrar: Registrar, tenant: TenantId
) -> None:
    old = await registrar.secret(tenant, None)

    new = await rotate(registrar, tenant)

    assert await signing(database, rows, tenant) == [new, old]
    assert await registrar.secret(tenant, None) == new


async def test_without_an_overlap_the_old_secret_is_out_at_once(
    database: Database, rows: Rows, registrar: Registrar, tenant: TenantId
) -> None:
    await rotate(registrar, tenant)

    new = await rotate(registrar, tenant, overlap=0)

    assert await signing(database, rows, tenant) == [new]


async def test_a_rotation_shortens_an_overlap_and_never_lengthens_it(
    rows: Rows, registrar: Registrar, tenant: TenantId
) -> None:
    await rotate(registrar, tenant, overlap=60)

    await rotate(registrar, tenant)

    ends = await rows.all(
        "SELECT expires_at <= now() + INTERVAL '61 s' AS soon FROM secrets WHERE tenant_id = :id ORDER BY id", id=tenant
    )
    assert [row["soon"] for row in ends] == [True, False, None]


async def test_rotations_at_once_leave_one_present_secret_and_sign_with_ten_at_the_most(
    rows: Rows, registrar: Registrar, tenant: TenantId
) -> None:
    await asyncio.gather(*[rotate(registrar, tenant) for _ in range(14)])

    found = await live(rows, tenant)
    assert [row["expires_at"] for row in found].count(None) == 1
    assert len(found) == 10


async def test_a_secret_whose_overlap_is_over_is_deleted_by_the_next_rotation(
    rows: Rows, registrar: Registrar, tenant: TenantId
) -> None:
    await rows.put(tables.secrets, tenant, expires_at=ago(1), sealed=b"over")

    await rotate(registrar, tenant)

    assert not await rows.all("SELECT id FROM secrets WHERE tenant_id = :id AND sealed = 'over'", id=tenant)


async def test_the_secrets_of_endpoints_are_rotated_one_by_one(
    rows: Rows, registrar: Registrar, tenant: TenantId
) -> None:
    default = await registrar.secret(tenant, None)
    first, second = await rows.endpoint(tenant), await rows.endpoint(tenant)
    await rows.put(tables.secrets, tenant, endpoint_id=first)
    await rows.put(tables.secrets, tenant, endpoint_id=second)

    new = await rotate(registrar, tenant, first)

    assert await registrar.secret(tenant, first) == new
    assert await registrar.secret(tenant, None) == default
    kept = await rows.all("SELECT expires_at FROM secrets WHERE endpoint_id = :id", id=second)
    assert kept == ({"expires_at": None},)


async def test_an_owner_rotates_nothing_of_another(rows: Rows, registrar: Registrar, tenant: TenantId) -> None:
    theirs = await rows.endpoint(tenant, owner="b")
    await rows.put(tables.secrets, tenant, endpoint_id=theirs)

    with pytest.raises(NotFoundError):
        await registrar.rotate(tenant, theirs, overlap=0, key=new_secret(), within="a")

    assert len(await rows.all("SELECT id FROM secrets WHERE endpoint_id = :id AND expires_at IS NULL", id=theirs)) == 1


async def test_what_is_not_there_is_not_rotated(rows: Rows, registrar: Registrar, tenant: TenantId) -> None:
    with pytest.raises(NotFoundError):
        await rotate(registrar, tenant, EndpointId(UUID(int=1)))

    assert len(await live(rows, tenant)) == 1
