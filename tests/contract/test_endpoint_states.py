"""Pausing and enabling endpoints, deleting them, and cancelling what waits for them."""

from datetime import datetime
from typing import cast
from uuid import UUID

import httpx
import pytest

from core.model import ids, tables
from core.model.ids import DeliveryId
from tests.support.accounts import Account, Json, pointers, refused
from tests.support.partners import changed, path_of, registered, seen
from tests.support.rows import Rows
from tests.support.samples import ago


def row_id(endpoint: Json) -> UUID:
    return ids.decode(ids.ENDPOINT, str(endpoint["id"]))


async def disable(rows: Rows, endpoint: Json) -> None:
    failed = {"status": "disabled", "disabled_reason": "gone", "failing_since": ago(60)}
    await rows.change(tables.endpoints, row_id(endpoint), **failed)


async def waiting(rows: Rows, account: Account, endpoint: Json, **columns: object) -> DeliveryId:
    return await rows.delivery(account.tenant_id, ids.EndpointId(row_id(endpoint)), **columns)


async def state_of(rows: Rows, delivery: DeliveryId) -> tuple[object, object, bool]:
    row = await rows.row(tables.deliveries, delivery)
    return row["status"], row["reason"], row["due_at"] is None


async def test_an_endpoint_is_paused_and_enabled(client: httpx.AsyncClient) -> None:
    made = await registered(client)

    paused = await client.post(path_of(made, "/pause"))
    enabled = await client.post(path_of(made, "/enable"))

    assert [answer.status_code for answer in (paused, enabled)] == [200, 200]
    assert [answer.json()["status"] for answer in (paused, enabled)] == ["paused", "enabled"]
    assert await seen(client, made) == enabled.json()


@pytest.mark.parametrize(("action", "status"), [("/pause", "paused"), ("/enable", "enabled")])
async def test_what_is_so_already_stays_as_it_is(client: httpx.AsyncClient, action: str, status: str) -> None:
    made = await registered(client)
    first: Json = (await client.post(path_of(made, action))).json()

    again = await client.post(path_of(made, action))

    assert (again.status_code, again.json()) == (200, first)
    assert first["status"] == status


async def test_a_disabled_endpoint_cannot_be_paused(client: httpx.AsyncClient, rows: Rows) -> None:
    made = await registered(client)
    await disable(rows, made)

    refused(await client.post(path_of(made, "/pause")), 409, "conflict")
    assert (await seen(client, made))["status"] == "disabled"


async def test_enabling_forgets_why_it_was_disabled_and_since_when_it_failed(
    client: httpx.AsyncClient, rows: Rows
) -> None:
    made = await registered(client)
    await disable(rows, made)

    enabled: Json = (await client.post(path_of(made, "/enable"))).json()

    assert (enabled["status"], enabled["disabled_reason"]) == ("enabled", None)
    assert (await rows.row(tables.endpoints, row_id(made)))["failing_since"] is None


async def test_a_disabled_endpoint_may_be_changed_and_stays_so(client: httpx.AsyncClient, rows: Rows) -> None:
    made = await registered(client)
    await disable(rows, made)

    after = await changed(client, made, timeout=3)

    assert (after["timeout"], after["status"], after["disabled_reason"]) == (3, "disabled", "gone")


@pytest.mark.parametrize("action", ["/pause", "/enable", "/cancel", "/secret/rotate"])
async def test_nothing_is_done_with_an_endpoint_that_is_deleted(client: httpx.AsyncClient, action: str) -> None:
    made = await registered(client)
    await client.delete(path_of(made))

    refused(await client.post(path_of(made, action)), 404, "not-found")


@pytest.mark.parametrize("action", ["/pause", "/enable", "/cancel", "/secret/rotate"])
async def test_nothing_is_done_with_an_endpoint_of_another_tenant(
    client: httpx.AsyncClient, other: Account, action: str
) -> None:
    made = await registered(client)

    refused(await other.client.post(path_of(made, action)), 404, "not-found")
    refused(await other.client.patch(path_of(made), json={"timeout": 3}), 404, "not-found")
    assert (await seen(client, made))["updated_at"] == made["updated_at"]


async def test_deleting_forgets_secrets_and_headers(client: httpx.AsyncClient, rows: Rows) -> None:
    made = await registered(client, headers={"Authorization": "Bearer hunter2"})

    await client.delete(path_of(made))

    assert (await rows.row(tables.endpoints, row_id(made)))["sealed_headers"] is None
    assert await rows.all("SELECT id FROM secrets WHERE endpoint_id = :id", id=row_id(made)) == ()


async def test_what_waits_is_cancelled(acme: Account, rows: Rows) -> None:
    made, beside = await registered(acme.client), await registered(acme.client)
    due = await waiting(rows, acme, made)
    later = await waiting(rows, acme, made, status="retrying", due_at=ago(-600), attempt_count=1, claim=1)
    of_another = await waiting(rows, acme, beside)

    answer = await acme.client.post(path_of(made, "/cancel"))

    assert (answer.status_code, answer.json()) == (202, {"cancelled": 2})
    assert [await state_of(rows, one) for one in (due, later)] == [("cancelled", "client", True)] * 2
    assert await state_of(rows, of_another) == ("pending", None, False)


async def test_what_is_on_the_wire_and_what_has_ended_is_left_alone(acme: Account, rows: Rows) -> None:
    made = await registered(acme.client)
    leased = await waiting(rows, acme, made, lease_until=ago(-60), claim=1, attempt_count=1)
    ended = await waiting(rows, acme, made, status="exhausted", due_at=None, finished_at=ago(1))

    answer = await acme.client.post(path_of(made, "/cancel"))

    assert answer.json() == {"cancelled": 0}
    assert await state_of(rows, leased) == ("pending", None, False)
    assert await state_of(rows, ended) == ("exhausted", None, True)


async def test_a_resend_of_what_had_succeeded_is_cancelled_and_it_stays_so(acme: Account, rows: Rows) -> None:
    made = await registered(acme.client)
    ended = {"status": "succeeded", "succeeded_at": ago(9), "finished_at": ago(9), "trigger": "resend"}
    resent = await waiting(rows, acme, made, **ended)

    answer = await acme.client.post(path_of(made, "/cancel"))

    assert answer.json() == {"cancelled": 1}
    assert await state_of(rows, resent) == ("succeeded", None, True)


@pytest.mark.parametrize(
    ("types", "cancelled"),
    [(["a.b"], ["a.b"]), (["a.*"], ["a.b", "a.b.c"]), (["a.b", "ab.*"], ["a.b", "ab.c"]), (["x"], [])],
)
async def test_only_the_types_that_are_named_are_cancelled(
    acme: Account, rows: Rows, types: list[str], cancelled: list[str]
) -> None:
    made = await registered(acme.client)
    of = {name: await waiting(rows, acme, made, event_type=name) for name in ("a.b", "a.b.c", "ab.c")}

    answer = await acme.client.post(path_of(made, "/cancel"), json={"event_types": types})

    assert answer.json() == {"cancelled": len(cancelled)}
    assert [name for name, one in of.items() if await state_of(rows, one) == ("cancelled", "client", True)] == cancelled


async def test_only_what_was_made_before_is_cancelled(acme: Account, rows: Rows) -> None:
    made = await registered(acme.client)
    old, new = await waiting(rows, acme, made, created_at=ago(7200)), await waiting(rows, acme, made)
    (row,) = await rows.all("SELECT now() - INTERVAL '1 h' AS at")
    before = cast("datetime", row["at"]).isoformat()

    answer = await acme.client.post(path_of(made, "/cancel"), json={"before": before})

    assert answer.json() == {"cancelled": 1}
    assert await state_of(rows, old) == ("cancelled", "client", True)
    assert await state_of(rows, new) == ("pending", None, False)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"event_types": []}, "/event_types"),
        ({"event_types": ["*"]}, "/event_types/0"),
        ({"before": "yesterday"}, "/before"),
        ({"before": "2026-01-01T00:00:00"}, "/before"),
        ({"before": "2999-01-01"}, "/before"),
        ({"before": "2999-01-01 00:00:00Z"}, "/before"),
        ({"before": 32_472_144_000}, "/before"),
        ({"before": 32_472_144_000_000.5}, "/before"),
        ({"before": "32472144000"}, "/before"),
        ({"since": "2026-01-01T00:00:00Z"}, "/since"),
    ],
)
async def test_what_cannot_be_meant_cancels_nothing(acme: Account, rows: Rows, body: Json, where: str) -> None:
    made = await registered(acme.client)
    one = await waiting(rows, acme, made)

    answer = await acme.client.post(path_of(made, "/cancel"), json=body)

    assert pointers(answer) == [where]
    assert await state_of(rows, one) == ("pending", None, False)
