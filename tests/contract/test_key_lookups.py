"""What a key costs: nothing if it is mistyped, no write while it is in use, and nothing of it is kept."""

import asyncio

import httpx
import pytest
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncConnection

from api import auth
from core import clock
from core.model import ids, tables
from core.model.api_key import hash_api_key, new_api_key
from core.registry.tenants import FoundKey
from tests.support.accounts import Account, client_of, refused
from tests.support.apps import serving, settings_of
from tests.support.rows import Rows
from tests.support.samples import ago


def mistyped(key: str) -> str:
    """Change one character, so that the checksum is wrong."""
    return f"{key[:10]}{'a' if key[10] != 'a' else 'b'}{key[11:]}"


async def call(of: httpx.AsyncClient, key: str) -> httpx.Response:
    return await of.get("/v1/tasks", headers={"Authorization": f"Bearer {key}"})


async def test_a_mistyped_key_is_refused_without_a_look_up() -> None:
    async with serving(settings_of()) as away:
        answer = await call(away, mistyped(new_api_key()))

    refused(answer, 401, "unauthorized")


async def test_a_key_that_may_be_one_is_looked_up() -> None:
    async with serving(settings_of()) as away:
        answer = await call(away, new_api_key())

    refused(answer, 503, "unavailable")


async def test_a_look_up_that_takes_long_is_not_waited_for(
    acme: Account, rows: Rows, api_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = new_api_key()
    await rows.put(tables.api_keys, acme.tenant_id, hash=hash_api_key(key))
    monkeypatch.setattr(auth, "LOOKED_UP_WITHIN", 0.05)

    async with rows.database.engine() as tx, serving(settings_of(database=api_database)) as api:
        await tx.exec_driver_sql("LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE")
        refusal = await call(api, key)
        await tx.rollback()
        monkeypatch.setattr(auth, "LOOKED_UP_WITHIN", 30)
        answer = await call(api, key)

    refused(refusal, 503, "unavailable")
    assert answer.status_code == 200


async def test_a_burst_with_a_key_that_is_not_known_looks_it_up_once(
    acme: Account, rows: Rows, api_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, asked, find = new_api_key(), list[object](), auth.find_key
    await rows.put(tables.api_keys, acme.tenant_id, hash=hash_api_key(key))

    async def counted(tx: AsyncConnection, *, hash_: bytes) -> FoundKey | None:
        asked.append(hash_)
        return await find(tx, hash_=hash_)

    monkeypatch.setattr(auth, "find_key", counted)
    async with serving(settings_of(database=api_database)) as api:
        answers = await asyncio.gather(*(call(api, key) for _ in range(30)))
        unknown = await asyncio.gather(*(call(api, new_api_key()) for _ in range(3)))

    assert ({one.status_code for one in answers}, len(asked)) == ({200}, 1 + 3)
    assert {one.status_code for one in unknown} == {401}


async def test_a_key_that_was_being_looked_up_when_its_tenant_was_closed_is_not_believed(
    acme: Account, rows: Rows, api_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, find, found, go_on = new_api_key(), auth.find_key, asyncio.Event(), asyncio.Event()
    await rows.put(tables.api_keys, acme.tenant_id, hash=hash_api_key(key), last_used_at=func.now())

    async def slow(tx: AsyncConnection, *, hash_: bytes) -> FoundKey | None:
        answer = await find(tx, hash_=hash_)
        found.set()
        await go_on.wait()
        return answer

    monkeypatch.setattr(auth, "find_key", slow)
    monkeypatch.setattr(auth, "CACHED_FOR", 3600)
    monkeypatch.setattr(auth, "BELIEVED_FOR", 3600)
    async with serving(settings_of(database=api_database)) as api:
        before = asyncio.create_task(call(api, key))
        await found.wait()
        closed = await api.delete(f"/v1/tenants/{ids.encode(ids.TENANT, acme.tenant_id)}")
        go_on.set()
        answers = [await before, await call(api, key)]

    assert closed.status_code == 204
    assert [one.status_code for one in answers] == [200, 401]


async def test_a_key_is_not_believed_for_ever_while_it_cannot_be_looked_up(
    acme: Account, rows: Rows, api_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, now = new_api_key(), clock.monotonic()
    await rows.put(tables.api_keys, acme.tenant_id, hash=hash_api_key(key), last_used_at=func.now())

    async with rows.database.engine() as tx, serving(settings_of(database=api_database)) as api:
        monkeypatch.setattr(clock, "monotonic", lambda: now)
        found = await call(api, key)
        await tx.exec_driver_sql("LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE")
        monkeypatch.setattr(auth, "LOOKED_UP_WITHIN", 0.05)
        monkeypatch.setattr(clock, "monotonic", lambda: now + 2.1)
        asked = await call(api, key)
        monkeypatch.setattr(clock, "monotonic", lambda: now + 4.0)
        later = await call(api, key)

    assert (found.status_code, asked.status_code) == (200, 200)
    refused(later, 503, "unavailable")


@pytest.mark.parametrize(
    ("used", "writes"),
    [(None, 1), (ago(601), 1), (ago(590), 0), (ago(1), 0)],
    ids=["never", "long ago", "minutes ago", "a moment ago"],
)
async def test_a_use_is_noted_once_in_ten_minutes(acme: Account, rows: Rows, used: object, writes: int) -> None:
    key = new_api_key()
    row = await rows.put(tables.api_keys, acme.tenant_id, hash=hash_api_key(key), last_used_at=used)
    sql = "SELECT xmin::TEXT AS version FROM api_keys WHERE id = :id"
    before = await rows.one(sql, id=row["id"])

    async with client_of(str(acme.client.base_url), key) as client:
        answer = await client.get("/v1/tasks")

    assert answer.status_code == 200
    versions = {str(before["version"]), str((await rows.one(sql, id=row["id"]))["version"])}
    assert len(versions) == 1 + writes


async def test_many_requests_at_once_note_one_use_or_none(acme: Account, rows: Rows) -> None:
    key = new_api_key()
    row = await rows.put(tables.api_keys, acme.tenant_id, hash=hash_api_key(key), last_used_at=func.now())
    sql = "SELECT xmin::TEXT AS version FROM api_keys WHERE id = :id"
    before = await rows.one(sql, id=row["id"])

    async with client_of(str(acme.client.base_url), key) as client:
        answers = [await client.get("/v1/tasks") for _ in range(20)]

    assert {answer.status_code for answer in answers} == {200}
    assert await rows.one(sql, id=row["id"]) == before


async def test_a_key_is_kept_as_its_hash_alone(acme: Account, rows: Rows) -> None:
    made = await acme.client.post("/v1/keys", json={"name": "k", "role": "client"})
    key = str(made.json()["key"])

    kept = await rows.all("SELECT k::TEXT AS row FROM api_keys k WHERE tenant_id = :id", id=acme.tenant_id)

    assert [row for row in kept if key in str(row["row"]) or key[3:-6] in str(row["row"])] == []
