"""Endpoints that are pulled from: what is handed out, and when."""

import asyncio
from uuid import UUID, uuid4

import httpx
import pytest
import standardwebhooks

from core.model import ids, tables
from tests.support.accounts import Account, Json, data, pointers, refused
from tests.support.partners import HOOK, path_of, register, registered, seen
from tests.support.pulling import ack, bodies, pull, pulled_from, request_of, send
from tests.support.rows import Rows
from tests.support.samples import ago


def endpoint_id(endpoint: Json) -> UUID:
    """Return the ID of an endpoint as the tables have it."""
    return ids.decode(ids.ENDPOINT, str(endpoint["id"]))


async def test_an_endpoint_to_pull_from_has_no_url(client: httpx.AsyncClient) -> None:
    made = await pulled_from(client)

    found = await seen(client, made)

    assert (found["mode"], found["url"], found["headers"]) == ("pull", None, {})


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({"mode": "pull", "url": HOOK}, "/url"),
        ({"mode": "pull", "headers": {"X-Order": "42"}}, "/headers"),
        ({"mode": "push"}, "/url"),
        ({"mode": "poll"}, "/mode"),
    ],
)
async def test_an_endpoint_that_contradicts_itself_is_refused(
    client: httpx.AsyncClient, wish: Json, pointer: str
) -> None:
    answer = await client.post("/v1/endpoints", json=wish)

    assert pointers(answer) == [pointer]


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [({"mode": "push"}, "/mode"), ({"url": HOOK}, "/url"), ({"headers": {"X-A": "b"}}, "/headers")],
)
async def test_an_endpoint_to_pull_from_stays_one(client: httpx.AsyncClient, patch: Json, pointer: str) -> None:
    made = await pulled_from(client)

    answer = await client.patch(path_of(made), json=patch)

    assert pointers(answer) == [pointer]


async def test_an_endpoint_to_pull_from_can_be_changed_else(client: httpx.AsyncClient) -> None:
    made = await pulled_from(client)

    answer = await client.patch(path_of(made), json={**await seen(client, made), "max_in_flight": 3})

    assert (answer.status_code, answer.json()["max_in_flight"], answer.json()["mode"]) == (200, 3, "pull")


async def test_what_is_pulled_is_the_request_that_a_push_would_have_been(client: httpx.AsyncClient) -> None:
    endpoint = await pulled_from(client)
    raw = b'{"type":"order.paid","data":{"total": 1.50,\t"name":"\xc3\xa9"}}'
    event = (await client.post("/v1/events", content=raw, headers={"Content-Type": "application/json"})).json()

    (pulled,) = await pull(client, endpoint)

    headers, body = request_of(pulled)
    standardwebhooks.Webhook(str(endpoint["secret"])).verify(body, headers)
    assert headers["webhook-id"] == event["id"] == pulled["event_id"]
    assert '"data":{"total": 1.50,\t"name":"é"}' in body
    assert (pulled["number"], pulled["trigger"]) == (1, "first")


async def test_what_is_pulled_is_not_handed_out_again_within_its_lease(client: httpx.AsyncClient) -> None:
    endpoint = await pulled_from(client)
    await send(client, 1)
    first = await pull(client, endpoint)

    again = await pull(client, endpoint)

    assert (len(first), again) == (1, [])


async def test_a_pull_takes_as_many_as_it_asks_for(client: httpx.AsyncClient) -> None:
    endpoint = await pulled_from(client)
    await send(client, 1, 2, 3)

    found = await pull(client, endpoint, max=2)

    assert len(found) == 2


async def test_a_pull_waits_for_what_comes(client: httpx.AsyncClient) -> None:
    endpoint = await pulled_from(client)
    waiting = asyncio.create_task(pull(client, endpoint, wait=20))
    await seen(client, endpoint)  # the pull was there first

    await send(client, 7)

    assert '"n":7' in bodies(await waiting)[0]


async def test_a_pull_that_waits_in_vain_answers_with_nothing(client: httpx.AsyncClient) -> None:
    endpoint = await pulled_from(client)

    assert await pull(client, endpoint, wait=1) == []


async def test_a_pull_follows_the_order_of_its_endpoint(client: httpx.AsyncClient) -> None:
    endpoint = await pulled_from(client, ordering="fifo")
    await send(client, 1, 2)
    await send(client, 3, ordering_key="b")
    first = await pull(client, endpoint)
    ended = [{"claim": one["claim"], "status": 204} for one in first]
    await ack(client, endpoint, *ended)

    second = await pull(client, endpoint)

    assert ['"n":1' in bodies(first)[0], '"n":3' in bodies(first)[1], len(first)] == [True, True, 2]
    assert ['"n":2' in body for body in bodies(second)] == [True]


async def test_no_more_is_handed_out_than_may_be_in_flight(client: httpx.AsyncClient) -> None:
    endpoint = await pulled_from(client, max_in_flight=2)
    await send(client, 1, 2, 3)
    found = await pull(client, endpoint)

    assert (len(found), await pull(client, endpoint)) == (2, [])


async def test_no_more_is_handed_out_than_the_rate_allows(client: httpx.AsyncClient) -> None:
    endpoint = await pulled_from(client, rate_limit=1)
    await send(client, 1, 2, 3)

    found = await pull(client, endpoint)

    assert len(found) == 1


async def test_of_a_paused_endpoint_only_what_was_asked_for_is_handed_out(client: httpx.AsyncClient) -> None:
    endpoint = await pulled_from(client, event_types=["order.paid"])
    await send(client, 1)
    await client.post(path_of(endpoint, "/pause"))
    await client.post(path_of(endpoint, "/test"))

    found = await pull(client, endpoint)

    assert [one["trigger"] for one in found] == ["test"]


async def test_one_that_is_pushed_to_cannot_be_pulled_from(client: httpx.AsyncClient) -> None:
    endpoint = await registered(client)

    refused(await client.post(path_of(endpoint, "/pull")), 409, "conflict")


async def test_a_disabled_endpoint_cannot_be_pulled_from(client: httpx.AsyncClient, rows: Rows) -> None:
    endpoint = await pulled_from(client)
    await rows.change(tables.endpoints, endpoint_id(endpoint), status="disabled", disabled_reason="gone")

    refused(await client.post(path_of(endpoint, "/pull")), 409, "conflict")


async def test_a_deleted_endpoint_is_not_there_to_pull_from(client: httpx.AsyncClient) -> None:
    endpoint = await pulled_from(client)
    await client.delete(path_of(endpoint))

    refused(await client.post(path_of(endpoint, "/pull")), 404, "not-found")


@pytest.mark.parametrize("wanted", [{"max": 0}, {"max": 101}, {"wait": -1}, {"wait": 61}, {"max": "1"}])
async def test_a_pull_beyond_its_bounds_is_refused(client: httpx.AsyncClient, wanted: Json) -> None:
    endpoint = await pulled_from(client)

    answer = await client.post(path_of(endpoint, "/pull"), json=wanted)

    assert pointers(answer) == [f"/{name}" for name in wanted]


async def test_a_pull_that_comes_again_hands_out_what_is_leased_still(client: httpx.AsyncClient) -> None:
    endpoint = await pulled_from(client)
    await send(client, 1, 2)
    path, key = path_of(endpoint, "/pull"), {"Idempotency-Key": uuid4().hex}
    first = data(await client.post(path, json={"max": 2}, headers=key))
    await ack(client, endpoint, {"claim": first[0]["claim"], "status": 200})

    again = await client.post(path, json={"max": 2}, headers=key)

    assert again.headers["idempotent-replayed"] == "true"
    assert [one["delivery_id"] for one in data(again)] == [first[1]["delivery_id"]]
    assert (await ack(client, endpoint, {"claim": data(again)[0]["claim"], "status": 200}))[0]["status"] == "succeeded"


async def test_a_pull_that_comes_again_leaves_out_what_was_erased_meanwhile(client: httpx.AsyncClient) -> None:
    endpoint = await pulled_from(client)
    await send(client, 1, 2)
    path, key = path_of(endpoint, "/pull"), {"Idempotency-Key": uuid4().hex}
    first, second = data(await client.post(path, json={"max": 2}, headers=key))
    await client.delete(f"/v1/events/{first['event_id']}/payload")

    again = await client.post(path, json={"max": 2}, headers=key)

    assert [one["delivery_id"] for one in data(again)] == [second["delivery_id"]]


async def test_a_pull_that_comes_again_finds_no_endpoint_that_was_deleted(client: httpx.AsyncClient) -> None:
    endpoint = await pulled_from(client)
    await send(client, 1)
    path, key = path_of(endpoint, "/pull"), {"Idempotency-Key": uuid4().hex}
    first = data(await client.post(path, json={}, headers=key))
    await client.delete(path_of(endpoint))

    again = await client.post(path, json={}, headers=key)

    assert len(first) == 1
    refused(again, 404, "not-found")


async def test_a_pull_that_comes_again_hands_out_nothing_of_a_disabled_endpoint(
    client: httpx.AsyncClient, rows: Rows
) -> None:
    endpoint = await pulled_from(client)
    await send(client, 1)
    path, key = path_of(endpoint, "/pull"), {"Idempotency-Key": uuid4().hex}
    first = data(await client.post(path, json={}, headers=key))
    await rows.change(tables.endpoints, endpoint_id(endpoint), status="disabled", disabled_reason="gone")

    again = await client.post(path, json={}, headers=key)

    assert len(first) == 1
    refused(again, 409, "conflict")


async def test_a_pull_that_found_nothing_keeps_no_key(client: httpx.AsyncClient) -> None:
    endpoint = await pulled_from(client)
    path, key = path_of(endpoint, "/pull"), {"Idempotency-Key": uuid4().hex}
    empty = data(await client.post(path, json={}, headers=key))
    await send(client, 1)

    found = await client.post(path, json={}, headers=key)

    assert (empty, len(data(found))) == ([], 1)


async def test_what_waits_to_be_pulled_says_so(acme: Account, rows: Rows) -> None:
    endpoint = await pulled_from(acme.client)
    await send(acme.client, 1)

    (found,) = data(await acme.client.get("/v1/deliveries", params={"endpoint_id": str(endpoint["id"])}))

    assert (found["waiting_for"], found["url"], found["attempt_count"]) == ("pull", None, 0)
    row = await rows.row(tables.deliveries, ids.decode(ids.DELIVERY, str(found["id"])))
    assert row["published_until"] is None


async def test_an_owner_pulls_from_its_own_endpoints_only(client: httpx.AsyncClient) -> None:
    mine, theirs = await pulled_from(client, owner="mine"), await pulled_from(client, owner="theirs")
    await send(client, 1)
    key = (await client.post("/v1/keys", json={"name": "partner", "role": "partner", "owner": "mine"})).json()["key"]
    headers = {"Authorization": f"Bearer {key}"}

    own = await client.post(path_of(mine, "/pull"), json={}, headers=headers)
    other = await client.post(path_of(theirs, "/pull"), json={}, headers=headers)

    assert len(data(own)) == 1
    refused(other, 404, "not-found")


async def test_an_erased_payload_is_not_handed_out(client: httpx.AsyncClient, rows: Rows) -> None:
    endpoint = await pulled_from(client)
    event = (await client.post("/v1/events", json={"type": "order.paid", "data": 1})).json()
    erased = {"body": None, "erased_at": ago(0)}
    await rows.change(tables.events, ids.decode(ids.EVENT, event["id"]), **erased)

    assert await pull(client, endpoint) == []


async def test_a_wish_without_a_mode_is_a_push(client: httpx.AsyncClient) -> None:
    assert (await register(client)).json()["mode"] == "push"
