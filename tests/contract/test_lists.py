"""Lists: newest first, cursor by cursor, without a gap or a repeat."""

from typing import cast

import httpx
import pytest

from core.model import ids, tables
from tests.support.accounts import Account, Json, pointers, refused
from tests.support.rows import Rows

LISTS = {"/v1/tasks": "task_id", "/v1/endpoints": "id", "/v1/deliveries": "id", "/v1/keys": "id"}
COUNT = 7
each_list = pytest.mark.parametrize("path", LISTS)
each_list_by_time = pytest.mark.parametrize("path", ["/v1/tasks", "/v1/events", "/v1/deliveries"])
each_bound = pytest.mark.parametrize("name", ["created_after", "created_before"])


@pytest.fixture
async def filled(acme: Account, rows: Rows) -> Account:
    """A tenant with seven of everything; the admin's own key is one of its keys."""
    endpoints = [await rows.endpoint(acme.tenant_id) for _ in range(COUNT)]
    made = [await rows.delivery(acme.tenant_id, endpoint) for endpoint in endpoints]
    tasks = [await rows.task(acme.tenant_id) for _ in made]
    assert len([await rows.put(tables.api_keys, acme.tenant_id) for _ in tasks[1:]]) == COUNT - 1
    return acme


async def walk(client: httpx.AsyncClient, path: str, limit: int) -> list[list[Json]]:
    """Read a list to its end, following the cursors."""
    pages: list[list[Json]] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = await client.get(path, params={"limit": limit, **({"cursor": cursor} if cursor else {})})
        page: Json = answer.raise_for_status().json()
        pages.append(cast("list[Json]", page["data"]))
        cursor = cast("str | None", page["next_cursor"])
    return pages


@each_list
@pytest.mark.parametrize("limit", [1, 2, 3, COUNT, COUNT + 1, 200])
async def test_the_pages_are_the_list_without_a_gap_or_a_repeat(filled: Account, path: str, limit: int) -> None:
    pages = await walk(filled.client, path, limit)

    named = [str(one[LISTS[path]]) for page in pages for one in page]
    assert named == sorted(set(named), reverse=True)
    assert len(named) == COUNT
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)


@each_list
async def test_what_is_added_while_a_list_is_read_does_not_shift_it(filled: Account, rows: Rows, path: str) -> None:
    first = (await filled.client.get(path, params={"limit": 3})).json()
    endpoint = await rows.endpoint(filled.tenant_id)
    await rows.delivery(filled.tenant_id, endpoint)
    await rows.task(filled.tenant_id)

    second = (await filled.client.get(path, params={"limit": 200, "cursor": first["next_cursor"]})).json()

    named = [one[LISTS[path]] for one in first["data"] + second["data"]]
    assert len(named) == len(set(named)) == COUNT


@each_list
async def test_the_link_says_what_the_cursor_says(filled: Account, path: str) -> None:
    answer = await filled.client.get(path, params={"limit": 3})

    target = answer.links["next"]["url"]
    followed = await filled.client.get(target)
    assert answer.json()["next_cursor"] in target
    assert (len(followed.json()["data"]), "limit=3" in target) == (3, True)


@each_list
async def test_the_last_page_has_neither_cursor_nor_link(filled: Account, path: str) -> None:
    answer = await filled.client.get(path)

    assert answer.json()["next_cursor"] is None
    assert "link" not in answer.headers


@each_list
async def test_an_empty_list_is_a_page(other: Account, path: str) -> None:
    answer = await other.client.get(path)

    assert answer.status_code == 200
    assert len(answer.json()["data"]) == (path == "/v1/keys")


@each_list
async def test_a_cursor_of_another_list_is_a_bad_request(filled: Account, path: str) -> None:
    elsewhere = next(one for one in LISTS if one != path)
    cursor = (await filled.client.get(elsewhere, params={"limit": 1})).json()["next_cursor"]

    refused(await filled.client.get(path, params={"cursor": cursor}), 400, "bad-request")


@each_list
async def test_a_cursor_of_another_tenant_does_not_exist(filled: Account, other: Account, path: str) -> None:
    cursor = (await filled.client.get(path, params={"limit": 1})).json()["next_cursor"]

    refused(await other.client.get(path, params={"cursor": cursor}), 404, "not-found")


@each_list
@pytest.mark.parametrize("cursor", ["x", "AAAA", "A" * 48, "é", "%%%"])
async def test_what_is_no_cursor_is_a_bad_request(client: httpx.AsyncClient, path: str, cursor: str) -> None:
    refused(await client.get(path, params={"cursor": cursor}), 400, "bad-request")


@each_list_by_time
@each_bound
@pytest.mark.parametrize(
    "moment",
    [
        "2026-01-01T00:00:00",
        "2026-01-01",
        "1700000000",
        "1700000000000.5",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00Z",
        "9999-12-31T23:59:59-23:59",
        "",
    ],
)
async def test_a_bound_in_time_that_is_not_rfc_3339_is_told(
    client: httpx.AsyncClient, path: str, name: str, moment: str
) -> None:
    assert pointers(await client.get(path, params={name: moment})) == [f"/{name}"]


@each_list_by_time
@each_bound
@pytest.mark.parametrize("moment", ["2026-01-01T00:00:00Z", "2026-01-01t02:00:00.123456789+02:00"])
async def test_a_bound_in_time_has_any_offset(client: httpx.AsyncClient, path: str, name: str, moment: str) -> None:
    assert (await client.get(path, params={name: moment})).status_code == 200


async def test_the_operators_list_of_tenants_has_cursors_of_its_own(
    operator: httpx.AsyncClient, acme: Account, other: Account
) -> None:
    pages = await walk(operator, "/v1/tenants", 1)

    named = [str(page[0]["id"]) for page in pages if page]
    assert named == sorted(set(named), reverse=True)
    assert {ids.encode(ids.TENANT, one.tenant_id) for one in (acme, other)} <= set(named)
