"""Events sent again and erased; samples for one endpoint alone."""

import json

import httpx
import pytest

from core.model import ids, tables
from core.model.ids import EndpointId, EventId
from tests.support.accounts import Account, Json, data, refused
from tests.support.rows import Rows
from tests.support.samples import ago

KEY = {"Idempotency-Key": "k"}
GONE: dict[str, object] = {"status": "disabled", "disabled_reason": "gone"}


async def sent(client: httpx.AsyncClient, **changed: object) -> str:
    """Send an event; return its path."""
    answer = await client.post("/v1/events", json={"type": "order.paid", "data": {"n": 1}, **changed})
    assert answer.status_code == 202, answer.text
    return str(answer.headers["location"])


async def deliveries(rows: Rows, account: Account) -> list[tuple[object, ...]]:
    """Return what was made for the tenant, in its order."""
    found = await rows.all(
        "SELECT endpoint_id, trigger, status, reason FROM deliveries WHERE tenant_id = :id ORDER BY sequence",
        id=account.tenant_id,
    )
    return [tuple(row.values()) for row in found]


def public(endpoint: EndpointId) -> str:
    return ids.encode(ids.ENDPOINT, endpoint)


async def test_a_replay_goes_to_what_matches_now(acme: Account, rows: Rows) -> None:
    path = await sent(acme.client)
    wants = await rows.endpoint(acme.tenant_id, filter="$.n")
    await rows.endpoint(acme.tenant_id, filter="$.other")
    await rows.endpoint(acme.tenant_id, event_types=["other"])

    answer = await acme.client.post(f"{path}/replay")

    assert (answer.status_code, answer.json()["deliveries"]) == (202, 1)
    assert await deliveries(rows, acme) == [(wants, "replay", "pending", None)]


async def test_a_replay_may_name_its_endpoint_subscribed_or_not(acme: Account, rows: Rows) -> None:
    path = await sent(acme.client)
    named = await rows.endpoint(acme.tenant_id, event_types=["other"], filter="$.other")
    await rows.endpoint(acme.tenant_id)

    answer = await acme.client.post(f"{path}/replay", json={"endpoint_id": public(named)})

    assert (answer.status_code, answer.json()["deliveries"]) == (202, 1)
    assert await deliveries(rows, acme) == [(named, "replay", "pending", None)]


async def told_of(rows: Rows, account: Account, endpoint: EndpointId) -> EventId:
    """Make an event that is about an endpoint."""
    told = json.dumps({"id": public(endpoint)}).encode()
    body = b'{"data":' + told + b"}"
    return await rows.event(
        account.tenant_id,
        type="endpoint.disabled",
        body=body,
        data_offset=body.index(told),
        data_length=len(told),
    )


async def test_a_replay_never_goes_to_the_endpoint_that_the_event_is_about(acme: Account, rows: Rows) -> None:
    about, other = [await rows.endpoint(acme.tenant_id) for _ in range(2)]
    event = await told_of(rows, acme, about)
    path = f"/v1/events/{ids.encode(ids.EVENT, event)}/replay"

    to_itself = await acme.client.post(path, json={"endpoint_id": public(about)})
    to_another = await acme.client.post(path, json={"endpoint_id": public(other)})

    refused(to_itself, 409, "conflict")
    assert to_another.status_code == 202
    assert await deliveries(rows, acme) == [(other, "replay", "pending", None)]


async def test_a_replay_that_comes_again_makes_nothing_more(acme: Account, rows: Rows) -> None:
    path = await sent(acme.client)
    await rows.endpoint(acme.tenant_id)

    answers = [await acme.client.post(f"{path}/replay", headers=KEY) for _ in range(2)]

    assert [answer.json()["deliveries"] for answer in answers] == [1, 1]
    assert answers[1].headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize("columns", [GONE, {"deleted_at": "2026-01-01T00:00:00Z"}])
async def test_an_endpoint_that_is_disabled_or_deleted_gets_no_replay(
    acme: Account, rows: Rows, columns: dict[str, object]
) -> None:
    path = await sent(acme.client)
    named = await rows.endpoint(acme.tenant_id)
    await rows.all(
        "UPDATE endpoints SET status = coalesce(:status, status), disabled_reason = :reason,"
        " deleted_at = CASE WHEN :status IS NULL THEN now() END WHERE id = :id RETURNING 1",
        id=named,
        status=columns.get("status"),
        reason=columns.get("disabled_reason"),
    )

    refused(await acme.client.post(f"{path}/replay", json={"endpoint_id": public(named)}), 409, "conflict")


async def test_an_endpoint_of_another_tenant_gets_no_replay(acme: Account, other: Account, rows: Rows) -> None:
    path = await sent(acme.client)
    theirs = await rows.endpoint(other.tenant_id)

    refused(await acme.client.post(f"{path}/replay", json={"endpoint_id": public(theirs)}), 404, "not-found")
    refused(await other.client.post(f"{path}/replay"), 404, "not-found")
    refused(await other.client.delete(f"{path}/payload"), 404, "not-found")
    refused(await acme.client.post(f"/v1/endpoints/{public(theirs)}/test"), 404, "not-found")


async def test_erasing_takes_the_data_and_leaves_the_record(acme: Account, rows: Rows) -> None:
    await rows.endpoint(acme.tenant_id)
    path = await sent(acme.client, id="mine")

    erased = await acme.client.delete(f"{path}/payload")

    event: Json = (await acme.client.get(path)).json()
    assert (erased.status_code, erased.content) == (204, b"")
    assert (event["data"], event["client_id"], event["deliveries"]) == (None, "mine", 1)
    assert event["erased_at"] is not None
    (made,) = data(await acme.client.get(f"{path}/deliveries"))
    assert (made["status"], made["reason"]) == ("cancelled", "payload_erased")


async def test_erasing_takes_response_bodies_and_may_come_again(acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id)
    delivery = await rows.delivery(acme.tenant_id, endpoint)
    await rows.put(tables.attempts, acme.tenant_id, delivery_id=delivery, response_body=b"echo")
    row = await rows.row(tables.deliveries, delivery)
    path = f"/v1/events/{ids.encode(ids.EVENT, row['event_id'])}"  # pyright: ignore[reportArgumentType] - it is a UUID

    first = await acme.client.delete(f"{path}/payload")
    second = await acme.client.delete(f"{path}/payload")

    assert (first.status_code, second.status_code) == (204, 204)
    assert [one["response_body"] for one in await rows.attempts(delivery)] == [None]


async def test_an_erased_event_is_not_replayed(acme: Account, rows: Rows) -> None:
    await rows.endpoint(acme.tenant_id)
    path = await sent(acme.client)
    await acme.client.delete(f"{path}/payload")

    refused(await acme.client.post(f"{path}/replay"), 409, "conflict")


async def test_a_request_that_comes_again_does_not_bring_erased_data_back(client: httpx.AsyncClient) -> None:
    body: Json = {"type": "order.paid", "data": "secret"}
    first = await client.post("/v1/events", json=body, headers=KEY)
    await client.delete(f"{first.headers['location']}/payload")

    again = await client.post("/v1/events", json=body, headers=KEY)

    assert (again.status_code, again.json()["data"]) == (202, None)


async def test_a_test_goes_to_its_endpoint_alone_whatever_that_wants(acme: Account, rows: Rows) -> None:
    tested = await rows.endpoint(acme.tenant_id, event_types=["other"], status="paused")
    await rows.endpoint(acme.tenant_id)

    answer = await acme.client.post(f"/v1/endpoints/{public(tested)}/test")

    made: Json = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/deliveries/{made['id']}"
    assert (made["endpoint_id"], made["event_type"], made["status"]) == (public(tested), "ringback.test", "pending")
    assert await deliveries(rows, acme) == [(tested, "test", "pending", None)]


async def test_a_test_may_be_of_any_type_and_comes_once(acme: Account, rows: Rows) -> None:
    path = f"/v1/endpoints/{public(await rows.endpoint(acme.tenant_id))}/test"

    first, second = [await acme.client.post(path, json={"event_type": "task.failed"}, headers=KEY) for _ in range(2)]

    assert first.json()["event_type"] == "task.failed"
    assert first.json()["id"] == second.json()["id"]


async def test_a_test_that_comes_again_past_its_deliverys_retention_is_gone(acme: Account, rows: Rows) -> None:
    path = f"/v1/endpoints/{public(await rows.endpoint(acme.tenant_id))}/test"
    await acme.client.post(path, headers=KEY)
    async with rows.database.engine() as tx:
        await tx.execute(tables.deliveries.delete())

    refused(await acme.client.post(path, headers=KEY), 410, "gone")


@pytest.mark.parametrize("columns", [GONE, {"deleted_at": ago(1)}], ids=["disabled", "deleted"])
async def test_an_endpoint_that_is_disabled_or_deleted_is_not_tested(
    acme: Account, rows: Rows, columns: dict[str, object]
) -> None:
    endpoint = await rows.endpoint(acme.tenant_id, **columns)

    refused(await acme.client.post(f"/v1/endpoints/{public(endpoint)}/test"), 409, "conflict")
    assert data(await acme.client.get("/v1/events")) == []
