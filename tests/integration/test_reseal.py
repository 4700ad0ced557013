"""What older keys have sealed is sealed under the newest, and nothing else changes."""

import base64
from collections.abc import Mapping
from typing import cast
from uuid import UUID

import pytest

from cli.reseal import UnreadableError, reseal
from core.database import Database
from core.model import tables
from core.model.ids import EndpointId, TenantId
from core.model.sealing import CannotOpenError, KeyRing
from core.model.start_error import StartError
from core.registry.reseal import Resealer
from core.registry.reseal_queries import PLACES, replace_sealed
from core.registry.secrets import HEADERS, SIGNING, TASK_SIGNING
from core.settings import Settings
from tests.support.rows import Rows

OLD = base64.b64encode(bytes(range(32))).decode()
NEW = base64.b64encode(bytes(range(32, 64))).decode()
BY_NAME = {place.name: place for place in PLACES}
PLAIN = b"whsec_plain"
ALL: Mapping[str, int] = {SIGNING: 3, HEADERS: 3, TASK_SIGNING: 3}


def settings_of(database_url: str, ring: str) -> Settings:
    return Settings.model_validate({"database_url": database_url, "secret_keys": ring})


async def put_sealed(rows: Rows, ring: KeyRing, tenant: TenantId, name: str) -> UUID:
    """Put a sealed value in its place; return its row."""
    id_, place = rows.new_id(), BY_NAME[name]
    sealed = ring.seal(PLAIN, tenant=tenant, row=id_, column=name)
    await rows.put(tables.metadata.tables[place.table], tenant, **{"id": id_, place.column: sealed})
    return id_


async def put_everywhere(rows: Rows, ring: KeyRing, tenant: TenantId) -> dict[str, list[UUID]]:
    return {name: [await put_sealed(rows, ring, tenant, name) for _ in range(count)] for name, count in ALL.items()}


async def sealed_of(rows: Rows, name: str, id_: UUID) -> bytes:
    place = BY_NAME[name]
    return cast("bytes", (await rows.row(tables.metadata.tables[place.table], id_))[place.column])


async def opened(rows: Rows, ring: KeyRing, tenant: TenantId, made: dict[str, list[UUID]]) -> set[bytes]:
    """Open everything that was put."""
    return {
        ring.open(await sealed_of(rows, name, id_), tenant=tenant, row=id_, column=name)
        for name, ids in made.items()
        for id_ in ids
    }


async def run(database: Database, ring: KeyRing, batch: int = 1000) -> dict[str, tuple[int, int]]:
    found = [one async for one in Resealer(database, ring, batch=batch).run()]
    return {one.name: (one.resealed, one.unreadable) for one in found}


@pytest.mark.parametrize("batch", [1, 2, 3, 1000])
async def test_afterwards_the_new_key_alone_opens_everything(
    database: Database, rows: Rows, tenant: TenantId, batch: int
) -> None:
    made = await put_everywhere(rows, KeyRing(OLD), tenant)

    found = await run(database, KeyRing(f"{NEW},{OLD}"), batch)

    assert found == {name: (count, 0) for name, count in ALL.items()}
    assert await opened(rows, KeyRing(NEW), tenant, made) == {PLAIN}


async def test_a_second_run_finds_nothing_to_do(database: Database, rows: Rows, tenant: TenantId) -> None:
    made = await put_everywhere(rows, KeyRing(OLD), tenant)
    await run(database, KeyRing(f"{NEW},{OLD}"))
    before = await sealed_of(rows, SIGNING, made[SIGNING][0])

    found = await run(database, KeyRing(f"{NEW},{OLD}"))

    assert set(found.values()) == {(0, 0)}
    assert await sealed_of(rows, SIGNING, made[SIGNING][0]) == before


async def test_rows_without_a_sealed_value_are_passed_over(
    database: Database, rows: Rows, endpoint: EndpointId
) -> None:
    assert (await run(database, KeyRing(f"{NEW},{OLD}")))[HEADERS] == (0, 0)
    assert (await rows.row(tables.endpoints, endpoint))["sealed_headers"] is None


async def test_two_values_that_were_swapped_are_refused_and_left(
    database: Database, rows: Rows, tenant: TenantId
) -> None:
    old = KeyRing(OLD)
    one, other = [await put_sealed(rows, old, tenant, SIGNING) for _ in range(2)]
    swapped = {one: await sealed_of(rows, SIGNING, other), other: await sealed_of(rows, SIGNING, one)}
    await rows.change(tables.secrets, one, sealed=swapped[one])
    await rows.change(tables.secrets, other, sealed=swapped[other])

    found = await run(database, KeyRing(f"{NEW},{OLD}"))

    assert found[SIGNING] == (0, 2)
    assert await sealed_of(rows, SIGNING, one) == swapped[one]
    with pytest.raises(CannotOpenError):
        old.open(swapped[one], tenant=tenant, row=one, column=SIGNING)


async def test_a_value_that_changed_meanwhile_is_left(database: Database, rows: Rows, tenant: TenantId) -> None:
    one = await put_sealed(rows, KeyRing(NEW), tenant, SIGNING)
    changed = await sealed_of(rows, SIGNING, one)

    async with database.engine() as tx:
        replaced = await replace_sealed(tx, place=BY_NAME[SIGNING], ids=[one], old=[b"before"], new=[b"after"])

    assert replaced == 0
    assert await sealed_of(rows, SIGNING, one) == changed


async def test_the_command_says_what_it_did(database_url: str, rows: Rows, tenant: TenantId) -> None:
    await put_everywhere(rows, KeyRing(OLD), tenant)
    said: list[str] = []

    await reseal(settings_of(database_url, f"{NEW},{OLD}"), said.append)

    assert said == [
        "secrets.sealed: 3 sealed anew, 0 unreadable",
        "endpoints.headers: 3 sealed anew, 0 unreadable",
        "tasks.webhook_secret: 3 sealed anew, 0 unreadable",
    ]


async def test_the_command_fails_if_a_key_is_missing_and_changes_nothing(
    database_url: str, rows: Rows, tenant: TenantId
) -> None:
    made = await put_everywhere(rows, KeyRing(OLD), tenant)

    with pytest.raises(UnreadableError, match="9 sealed values"):
        await reseal(settings_of(database_url, NEW), print)

    assert await opened(rows, KeyRing(OLD), tenant, made) == {PLAIN}


@pytest.mark.parametrize(
    ("url", "ring", "said"),
    [
        ("", OLD, "RINGBACK_DATABASE_URL is not set"),
        ("postgresql://ringback@/ringback?host=/nonexistent", OLD, "Postgres is away"),
        ("postgresql://ringback@/ringback?host=/nonexistent", "", "RINGBACK_SECRET_KEYS is not set"),
    ],
)
async def test_the_command_says_what_is_missing(url: str, ring: str, said: str) -> None:
    with pytest.raises(StartError, match=said):
        await reseal(settings_of(url, ring), print)
