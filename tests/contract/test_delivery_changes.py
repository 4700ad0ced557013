"""Deliveries that clients send again or cancel, as the API answers."""

from typing import cast

import pytest
from sqlalchemy import func

from core.model import ids, tables
from core.model.ids import DeliveryId
from tests.support.accounts import Account, Json, client_of, document, refused
from tests.support.rows import Rows

Columns = dict[str, object]
ENDED: Columns = {"due_at": None, "finished_at": func.now()}
EXHAUSTED: Columns = ENDED | {"status": "exhausted", "claim": 1, "attempt_count": 1, "step": 2}
SUCCEEDED: Columns = ENDED | {"status": "succeeded", "succeeded_at": func.now(), "claim": 1, "attempt_count": 1}
ON_THE_WIRE: Columns = {"lease_until": func.now() + func.make_interval(0, 0, 0, 0, 1), "claim": 1, "attempt_count": 1}


def path(delivery: DeliveryId, part: str = "") -> str:
    return f"/v1/deliveries/{ids.encode(ids.DELIVERY, delivery)}{part}"


async def delivery_of(account: Account, rows: Rows, **columns: object) -> DeliveryId:
    return await rows.delivery(account.tenant_id, await rows.endpoint(account.tenant_id), **columns)


async def planned(account: Account, delivery: DeliveryId) -> list[tuple[object, object]]:
    """Return the number and the reason of each line of a delivery's schedule."""
    detail: Json = (await account.client.get(path(delivery))).json()
    return [(one["number"], one["reason"]) for one in cast("list[Json]", detail["schedule"])]


@pytest.mark.parametrize(
    ("columns", "status"), [(EXHAUSTED, "retrying"), (SUCCEEDED, "succeeded")], ids=["exhausted", "succeeded"]
)
async def test_a_resend_answers_with_the_delivery_as_it_is_now(
    acme: Account, rows: Rows, columns: Columns, status: str
) -> None:
    delivery = await delivery_of(acme, rows, **columns)

    answer = await acme.client.post(path(delivery, "/resend"))

    assert answer.status_code == 202
    assert (document(answer)["id"], document(answer)["status"]) == (ids.encode(ids.DELIVERY, delivery), status)
    assert document(answer)["next_attempt_at"] is not None


async def test_a_resend_is_published_at_once(acme: Account, rows: Rows) -> None:
    delivery = await delivery_of(acme, rows, **EXHAUSTED)

    await acme.client.post(path(delivery, "/resend"))

    row = await rows.one("SELECT published_until > now() AS published FROM deliveries WHERE id = :id", id=delivery)
    assert row == {"published": True}


async def test_the_same_key_sends_again_once(acme: Account, rows: Rows) -> None:
    delivery = await delivery_of(acme, rows, **SUCCEEDED)
    key = {"Idempotency-Key": "once"}
    await acme.client.post(path(delivery, "/resend"), headers=key)
    await acme.client.post(path(delivery, "/cancel"))

    again = await acme.client.post(path(delivery, "/resend"), headers=key)

    assert (again.status_code, again.headers["idempotent-replayed"]) == (202, "true")
    assert again.json()["next_attempt_at"] is None


async def test_the_schedule_of_a_resend_starts_again(acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id, retry_schedule=[60, 600])
    delivery = await rows.delivery(acme.tenant_id, endpoint, **EXHAUSTED)

    await acme.client.post(path(delivery, "/resend"))

    assert await planned(acme, delivery) == [(2, "resend"), (3, "retry"), (4, "retry")]


async def test_a_resend_of_what_had_succeeded_is_one_attempt(acme: Account, rows: Rows) -> None:
    delivery = await delivery_of(acme, rows, **SUCCEEDED)

    await acme.client.post(path(delivery, "/resend"))

    assert await planned(acme, delivery) == [(2, "resend")]


async def test_a_resend_of_what_is_on_the_wire_shows_both_attempts(acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id, retry_schedule=[60])
    delivery = await rows.delivery(acme.tenant_id, endpoint, **ON_THE_WIRE)

    answer = await acme.client.post(path(delivery, "/resend"))

    assert (answer.status_code, answer.json()["next_attempt_at"]) == (202, None)
    assert await planned(acme, delivery) == [(1, "first"), (2, "resend"), (3, "retry")]


@pytest.mark.parametrize(
    "columns",
    [{"status": "disabled", "disabled_reason": "gone"}, {"deleted_at": func.now()}],
    ids=["disabled", "deleted"],
)
async def test_a_resend_to_an_endpoint_that_takes_nothing_is_a_conflict(
    acme: Account, rows: Rows, columns: Columns
) -> None:
    endpoint = await rows.endpoint(acme.tenant_id, **columns)
    delivery = await rows.delivery(acme.tenant_id, endpoint, **EXHAUSTED)

    refused(await acme.client.post(path(delivery, "/resend")), 409, "conflict")


async def test_a_resend_of_an_erased_payload_is_a_conflict(acme: Account, rows: Rows) -> None:
    event = await rows.event(acme.tenant_id, body=None, erased_at=func.now())
    delivery = await delivery_of(acme, rows, event_id=event, **EXHAUSTED)

    refused(await acme.client.post(path(delivery, "/resend")), 409, "conflict")


async def test_a_cancelled_delivery_says_who_cancelled_it(acme: Account, rows: Rows) -> None:
    delivery = await delivery_of(acme, rows)

    answer = await acme.client.post(path(delivery, "/cancel"))

    assert answer.status_code == 202
    assert (document(answer)["status"], document(answer)["reason"]) == ("cancelled", "client")
    assert document(answer)["finished_at"] is not None


async def test_an_ended_delivery_is_not_cancelled(acme: Account, rows: Rows) -> None:
    delivery = await delivery_of(acme, rows, **EXHAUSTED)

    refused(await acme.client.post(path(delivery, "/cancel")), 409, "conflict")

    assert (await rows.row(tables.deliveries, delivery))["status"] == "exhausted"


@pytest.mark.parametrize("part", ["/resend", "/cancel"])
async def test_changing_a_delivery_needs_the_scope_for_it(acme: Account, rows: Rows, part: str) -> None:
    delivery = await delivery_of(acme, rows)
    made = await acme.client.post("/v1/keys", json={"name": "reader", "role": "inspector"})

    async with client_of(str(acme.client.base_url), document(made)["key"]) as reader:
        refused(await reader.post(path(delivery, part)), 403, "forbidden")


@pytest.mark.parametrize("part", ["/resend", "/cancel"])
async def test_an_unknown_delivery_is_not_changed(acme: Account, part: str) -> None:
    refused(await acme.client.post(f"/v1/deliveries/dlv_{'0' * 26}{part}"), 404, "not-found")
