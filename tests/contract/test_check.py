"""A check, as the API answers: a task that its starter may poll."""

from http import HTTPStatus
from uuid import uuid4

import httpx

from tests.support.accounts import Json, client_of, document, refused
from tests.support.partners import path_of, registered
from tests.support.pulling import pulled_from


async def test_a_check_is_a_task_with_its_messages(client: httpx.AsyncClient) -> None:
    endpoint = await registered(client)

    answer = await client.post(path_of(endpoint, "/check"))

    task: Json = answer.json()
    assert answer.status_code == HTTPStatus.SEE_OTHER
    assert answer.headers["location"] == f"/v1/tasks/{task['task_id']}"
    assert (task["type"], task["status"]) == ("endpoints.check", "PENDING")
    assert str(endpoint["secret"]) not in answer.text


async def test_a_check_says_that_it_leaves_the_endpoints_headers_out(client: httpx.AsyncClient) -> None:
    endpoint = await registered(client, headers={"Authorization": "Bearer s3cret"})

    answer = await client.post(path_of(endpoint, "/check"))

    assert (answer.json()["input"]["headers_left_out"], "s3cret" in answer.text) == (True, False)


async def test_what_is_pulled_from_is_not_checked(client: httpx.AsyncClient) -> None:
    endpoint = await pulled_from(client)

    refused(await client.post(path_of(endpoint, "/check")), 409, "conflict")


async def test_a_partner_polls_the_check_of_its_own_endpoint_only(client: httpx.AsyncClient) -> None:
    mine, theirs = await registered(client, owner="mine"), await registered(client, owner="theirs")
    made = document(await client.post("/v1/keys", json={"name": "p", "role": "partner", "owner": "mine"}))
    async with client_of(str(client.base_url), made["key"]) as partner:
        own = await partner.post(path_of(mine, "/check"))
        other = await client.post(path_of(theirs, "/check"))

        assert (await partner.get(own.headers["location"])).status_code == HTTPStatus.ACCEPTED
        refused(await partner.get(other.headers["location"]), 403, "forbidden")
        refused(await partner.post(path_of(theirs, "/check")), 404, "not-found")


async def test_a_check_that_is_asked_for_again_is_the_first_one(client: httpx.AsyncClient) -> None:
    endpoint, key = await registered(client), {"Idempotency-Key": uuid4().hex}
    first = await client.post(path_of(endpoint, "/check"), headers=key)

    again = await client.post(path_of(endpoint, "/check"), headers=key)

    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["task_id"] == first.json()["task_id"]


async def test_a_check_that_is_asked_for_again_is_answered_with_the_status_of_the_first(
    client: httpx.AsyncClient,
) -> None:
    endpoint, key = await registered(client), {"Idempotency-Key": uuid4().hex}
    await client.post(path_of(endpoint, "/check"), headers=key | {"Prefer": "respond-async"})

    again = await client.post(path_of(endpoint, "/check"), headers=key)

    assert (again.status_code, again.headers["idempotent-replayed"]) == (HTTPStatus.ACCEPTED, "true")


async def test_a_check_is_answered_again_though_its_endpoint_is_gone(client: httpx.AsyncClient) -> None:
    endpoint, key = await registered(client), {"Idempotency-Key": uuid4().hex}
    first = await client.post(path_of(endpoint, "/check"), headers=key)
    await client.delete(path_of(endpoint))

    again = await client.post(path_of(endpoint, "/check"), headers=key)

    refused(await client.post(path_of(endpoint, "/check")), 404, "not-found")
    assert (again.status_code, again.json()["task_id"]) == (first.status_code, first.json()["task_id"])


async def test_a_key_of_another_endpoints_check_is_another_key(client: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": uuid4().hex}

    made = [await client.post(path_of(await registered(client), "/check"), headers=key) for _ in range(2)]

    assert len({one.json()["task_id"] for one in made}) == 2
