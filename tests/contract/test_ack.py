"""What whoever pulls says of it: settled and recorded as a push is."""

from datetime import datetime
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import null

from core import clock
from core.model import ids, tables
from tests.support.accounts import Account, Json, data, pointers, refused
from tests.support.partners import path_of, seen
from tests.support.pulling import ack, attempts, pull, pulled_from, request_of, send
from tests.support.rows import Rows
from tests.support.samples import ago


async def one_pulled(client: httpx.AsyncClient, **wish: object) -> tuple[Json, Json]:
    """Return an endpoint and a delivery that was pulled from it."""
    endpoint = await pulled_from(client, **wish)
    await send(client, 1)
    (pulled,) = await pull(client, endpoint)
    return endpoint, pulled


async def lapse(rows: Rows, pulled: Json) -> None:
    """Let a lease run out, as the feeder ends it."""
    id_ = ids.decode(ids.DELIVERY, str(pulled["delivery_id"]))
    delivery = await rows.row(tables.deliveries, id_)
    await rows.put(
        tables.attempts,
        UUID(str(delivery["tenant_id"])),
        delivery_id=id_,
        number=1,
        outcome="unknown",
        error=None,
        request_url="",
        response_status=None,
        response_headers=null(),
        response_body=None,
    )
    await rows.change(tables.deliveries, id_, lease_until=None, status="retrying", unknown_run=1, trigger="retry")


async def test_an_acknowledged_delivery_has_ended_as_a_pushed_one(client: httpx.AsyncClient) -> None:
    endpoint, pulled = await one_pulled(client)

    (delivery,) = await ack(
        client, endpoint, {"claim": pulled["claim"], "status": 201, "body": "made", "duration_ms": 12.5}
    )

    (logged,) = await attempts(client, pulled)
    assert (delivery["status"], delivery["last_response_code"], delivery["attempt_count"]) == ("succeeded", 201, 1)
    assert logged["request"] == {"url": None, "headers": request_of(pulled)[0], "body": request_of(pulled)[1]}
    assert logged["response"] == {
        "status": 201,
        "headers": [],
        "body": "made",
        "encoding": "utf-8",
        "truncated": False,
    }
    assert (logged["outcome"], logged["trigger"], logged["address"]) == ("succeeded", "first", None)
    assert logged["duration_ms"] == {"dns": None, "connect": None, "tls": None, "first_byte": None, "total": 12.5}


@pytest.mark.parametrize(("became", "error"), [({"status": 500}, "http_status"), ({"error": "connect"}, "connect")])
async def test_what_fails_follows_the_schedule(client: httpx.AsyncClient, became: Json, error: str) -> None:
    endpoint, pulled = await one_pulled(client, retry_policy={"schedule": [3600]})

    (delivery,) = await ack(client, endpoint, {"claim": pulled["claim"], **became})

    (logged,) = await attempts(client, pulled)
    assert (delivery["status"], delivery["waiting_for"], logged["error"]) == ("retrying", "schedule", error)
    assert await pull(client, endpoint) == []


async def test_the_last_failure_exhausts(client: httpx.AsyncClient) -> None:
    endpoint, pulled = await one_pulled(client, retry_policy={"schedule": []})

    (delivery,) = await ack(client, endpoint, {"claim": pulled["claim"], "error": "timeout"})

    assert delivery["status"] == "exhausted"


@pytest.mark.parametrize("became", [{"status": 503}, {"status": 400}, {"error": "connect"}])
async def test_a_pause_that_is_asked_for_is_kept(client: httpx.AsyncClient, became: Json) -> None:
    endpoint, pulled = await one_pulled(client, retry_policy={"schedule": [1]})

    (delivery,) = await ack(client, endpoint, {"claim": pulled["claim"], "retry_after": 86_400, **became})

    at = datetime.fromisoformat(str(delivery["next_attempt_at"]))
    assert delivery["waiting_for"] == "retry_after"
    assert (at - clock.now()).total_seconds() > 80_000


async def test_gone_disables_the_endpoint(client: httpx.AsyncClient) -> None:
    endpoint, pulled = await one_pulled(client)

    (delivery,) = await ack(client, endpoint, {"claim": pulled["claim"], "status": 410})

    assert (delivery["status"], delivery["reason"]) == ("cancelled", "gone")
    assert (await seen(client, endpoint))["status"] == "disabled"


async def test_a_receiver_that_wants_no_more_of_it_ends_the_delivery(client: httpx.AsyncClient) -> None:
    endpoint, pulled = await one_pulled(client)

    (delivery,) = await ack(client, endpoint, {"claim": pulled["claim"], "status": 422, "abort": True})

    assert (delivery["status"], delivery["reason"]) == ("cancelled", "aborted")
    assert (await seen(client, endpoint))["status"] == "enabled"


async def test_deliveries_stand_in_the_order_of_their_acknowledgements(client: httpx.AsyncClient) -> None:
    endpoint = await pulled_from(client)
    await send(client, 1, 2)
    pulled = await pull(client, endpoint)
    backwards = [{"claim": one["claim"], "status": 200} for one in reversed(pulled)]

    acked = await ack(client, endpoint, *backwards)

    assert [one["id"] for one in acked] == [one["delivery_id"] for one in reversed(pulled)]


async def test_a_late_acknowledgement_fills_in_its_own_attempt(client: httpx.AsyncClient, rows: Rows) -> None:
    endpoint, pulled = await one_pulled(client)
    await lapse(rows, pulled)

    (delivery,) = await ack(client, endpoint, {"claim": pulled["claim"], "status": 200})

    (logged,) = await attempts(client, pulled)
    assert (delivery["status"], delivery["attempt_count"]) == ("succeeded", 1)
    assert (logged["outcome"], logged["note"]) == ("succeeded", "late")


async def test_a_late_failure_changes_its_attempt_alone(client: httpx.AsyncClient, rows: Rows) -> None:
    endpoint, pulled = await one_pulled(client)
    await lapse(rows, pulled)
    (again,) = await pull(client, endpoint)

    (delivery,) = await ack(client, endpoint, {"claim": pulled["claim"], "status": 500})

    (logged,) = await attempts(client, pulled)
    assert (again["number"], delivery["status"], delivery["next_attempt_at"]) == (2, "retrying", None)
    assert (logged["number"], logged["outcome"], logged["note"]) == (1, "failed", "late")


async def test_what_was_acknowledged_stays_as_it_was(client: httpx.AsyncClient) -> None:
    endpoint, pulled = await one_pulled(client)
    await ack(client, endpoint, {"claim": pulled["claim"], "status": 500})

    (delivery,) = await ack(client, endpoint, {"claim": pulled["claim"], "status": 200})

    (logged,) = await attempts(client, pulled)
    assert (delivery["status"], logged["outcome"]) == ("retrying", "failed")


async def test_a_claim_that_was_not_handed_out_is_refused_with_its_place(client: httpx.AsyncClient) -> None:
    endpoint, pulled = await one_pulled(client)
    acks = [{"claim": pulled["claim"], "status": 200}, {"claim": "AXoH3k", "status": 200}]

    answer = await client.post(path_of(endpoint, "/ack"), json={"acks": acks})

    assert pointers(answer) == ["/acks/1/claim"]
    assert await attempts(client, pulled) == []


async def test_a_claim_is_good_for_its_own_endpoint_only(client: httpx.AsyncClient) -> None:
    _, pulled = await one_pulled(client)
    other = await pulled_from(client)

    answer = await client.post(path_of(other, "/ack"), json={"acks": [{"claim": pulled["claim"], "status": 200}]})

    assert pointers(answer) == ["/acks/0/claim"]


async def test_a_claim_is_good_for_its_own_tenant_only(client: httpx.AsyncClient, other: Account) -> None:
    endpoint, pulled = await one_pulled(client)
    body = {"acks": [{"claim": pulled["claim"], "status": 200}]}

    refused(await other.client.post(path_of(endpoint, "/ack"), json=body), 404, "not-found")

    assert await attempts(client, pulled) == []


async def test_a_delivery_is_acknowledged_once_in_a_request(client: httpx.AsyncClient) -> None:
    endpoint, pulled = await one_pulled(client)
    one = {"claim": pulled["claim"], "status": 200}

    answer = await client.post(path_of(endpoint, "/ack"), json={"acks": [one, one]})

    assert pointers(answer) == ["/acks/1/claim"]


@pytest.mark.parametrize(
    "became",
    [
        {},
        {"status": 200, "error": "timeout"},
        {"status": 100},
        {"error": "http_status"},
        {"status": 600},
        {"error": "dns", "abort": True},
        {"status": 200, "abort": 1},
    ],
)
async def test_an_outcome_is_a_status_or_an_error(client: httpx.AsyncClient, became: Json) -> None:
    endpoint, pulled = await one_pulled(client)

    answer = await client.post(path_of(endpoint, "/ack"), json={"acks": [{"claim": pulled["claim"], **became}]})

    assert [pointer[:7] for pointer in pointers(answer)] == ["/acks/0"]


async def test_an_acknowledgement_that_comes_again_is_answered_again(client: httpx.AsyncClient) -> None:
    endpoint, pulled = await one_pulled(client)
    body, key = {"acks": [{"claim": pulled["claim"], "status": 200}]}, {"Idempotency-Key": uuid4().hex}
    first = await client.post(path_of(endpoint, "/ack"), json=body, headers=key)

    again = await client.post(path_of(endpoint, "/ack"), json=body, headers=key)

    assert again.headers["idempotent-replayed"] == "true"
    assert data(again) == data(first)


async def test_what_is_acknowledged_later_than_its_payload_was_erased_keeps_no_body(
    client: httpx.AsyncClient, rows: Rows
) -> None:
    endpoint, pulled = await one_pulled(client)
    await client.delete(f"/v1/events/{pulled['event_id']}/payload")

    await ack(client, endpoint, {"claim": pulled["claim"], "status": 200, "body": "theirs"})

    (kept,) = await rows.attempts(ids.decode(ids.DELIVERY, str(pulled["delivery_id"])))
    assert (kept["outcome"], kept["response_body"]) == ("succeeded", None)


async def test_a_key_that_only_reads_deliveries_pulls_none(client: httpx.AsyncClient) -> None:
    endpoint, _ = await one_pulled(client)
    made = await client.post("/v1/keys", json={"name": "reader", "role": "inspector"})
    headers = {"Authorization": f"Bearer {made.json()['key']}"}

    refused(await client.post(path_of(endpoint, "/pull"), headers=headers), 403, "forbidden")


async def test_a_failure_long_ago_is_seen_where_it_began(client: httpx.AsyncClient, rows: Rows) -> None:
    endpoint, pulled = await one_pulled(client)
    id_ = ids.decode(ids.DELIVERY, str(pulled["delivery_id"]))
    await rows.change(tables.deliveries, id_, created_at=ago(60))

    await ack(client, endpoint, {"claim": pulled["claim"], "status": 500})

    stats = (await client.get(path_of(endpoint, "/stats"))).json()
    assert stats["windows"]["1h"]["attempts"]["failed"] == 1
