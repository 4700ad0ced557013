"""PATCH of an endpoint (RFC 7396)."""

import asyncio
from typing import cast

import httpx
import pytest

from core.model import ids, tables
from tests.support.accounts import Account, Json, pointers, refused
from tests.support.partners import changed, path_of, registered, seen
from tests.support.rows import Rows

FULL: Json = {
    "event_types": ["order.*"],
    "description": "Orders",
    "headers": {"Authorization": "Bearer hunter2", "X-Team": "a"},
    "rate_limit": 10,
    "max_in_flight": 5,
    "ordering": "fifo",
    "retry_policy": {"schedule": [1, 2]},
    "timeout": 5,
    "filter": "$.a",
    "owner": "one",
    "metadata": {"a": "1", "b": "2"},
}
MASKED = "********"


async def headers_of(rows: Rows, endpoint: Json) -> bytes:
    """Return an endpoint's sealed headers."""
    row = await rows.row(tables.endpoints, ids.decode(ids.ENDPOINT, str(endpoint["id"])))
    return cast("bytes", row["sealed_headers"])


async def test_what_is_not_named_stays(client: httpx.AsyncClient) -> None:
    made = await registered(client, **FULL)

    after = await changed(client, made, description="Invoices")

    same = {name: made[name] for name in made if name not in ("secret", "description", "updated_at")}
    assert after == same | {"description": "Invoices", "updated_at": after["updated_at"]}
    assert await seen(client, made) == after


@pytest.mark.parametrize(
    ("patch", "after"),
    [
        ({"url": "http://127.0.0.1:9998"}, {"url": "http://127.0.0.1:9998/"}),
        ({"event_types": ["a.b", "c.*"]}, {"event_types": ["a.b", "c.*"]}),
        ({"rate_limit": 20, "max_in_flight": 7}, {"rate_limit": 20, "max_in_flight": 7}),
        ({"ordering": "none"}, {"ordering": "none"}),
        ({"retry_policy": {"schedule": [9]}}, {"retry_policy": {"schedule": [9]}}),
        ({"retry_policy": {}}, {"retry_policy": FULL["retry_policy"]}),
        ({"timeout": 9}, {"timeout": 9}),
        ({"filter": {"path": "$.b", "equals": 1}}, {"filter": {"path": "$.b", "equals": 1}}),
        ({"owner": "two"}, {"owner": "two"}),
        ({"metadata": {"a": None, "c": "3"}}, {"metadata": {"b": "2", "c": "3"}}),
        ({"headers": {"X-Team": None}}, {"headers": {"Authorization": MASKED}}),
        ({"headers": {"x-team": "b"}}, {"headers": {"Authorization": MASKED, "X-Team": MASKED}}),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_what_is_named_changes(client: httpx.AsyncClient, patch: Json, after: Json) -> None:
    made = await registered(client, **FULL)

    found = await changed(client, made, **patch)

    assert {name: found[name] for name in after} == after


@pytest.mark.parametrize(
    ("field", "default"),
    [
        ("event_types", None),
        ("description", None),
        ("headers", {}),
        ("rate_limit", None),
        ("max_in_flight", 50),
        ("ordering", "none"),
        ("retry_policy", {"schedule": [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]}),
        ("timeout", 15),
        ("filter", None),
        ("owner", None),
        ("metadata", {}),
    ],
)
async def test_null_means_the_default_again(client: httpx.AsyncClient, field: str, default: object) -> None:
    made = await registered(client, **FULL)

    assert (await changed(client, made, **{field: None}))[field] == default


async def test_a_schedule_of_null_is_the_default_again(client: httpx.AsyncClient, rows: Rows) -> None:
    made = await registered(client, **FULL)

    await changed(client, made, retry_policy={"schedule": None})

    row = await rows.row(tables.endpoints, ids.decode(ids.ENDPOINT, str(made["id"])))
    assert row["retry_schedule"] is None


async def test_a_default_is_not_written_down_by_a_change(client: httpx.AsyncClient, rows: Rows) -> None:
    made = await registered(client)

    await changed(client, made, description="x", retry_policy={})

    row = await rows.row(tables.endpoints, ids.decode(ids.ENDPOINT, str(made["id"])))
    assert (row["retry_schedule"], row["timeout"]) == (None, None)


async def test_the_document_may_come_back_whole(client: httpx.AsyncClient) -> None:
    made = await registered(client, **FULL)
    document = await seen(client, made)

    after = await changed(client, made, **document)

    assert after == document | {"updated_at": after["updated_at"]}


async def test_a_value_that_comes_back_masked_stays(acme: Account, rows: Rows) -> None:
    made = await registered(acme.client, headers={"Authorization": "Bearer hunter2"})
    before = await headers_of(rows, made)

    await changed(acme.client, made, headers={"authorization": MASKED, "X-New": "1"})

    # The mask itself is shorter than what it stands for: nonce, tag and names are as long as before.
    assert len(await headers_of(rows, made)) == len(before) + len(', "X-New": "1"')


async def test_a_mask_of_nothing_is_refused(client: httpx.AsyncClient) -> None:
    made = await registered(client)

    answer = await client.patch(path_of(made), json={"headers": {"X-A": MASKED}})

    assert pointers(answer) == ["/headers/X-A"]


@pytest.mark.parametrize(
    ("patch", "where"),
    [
        ({"url": None}, "/url"),
        ({"url": "http://10.0.0.1/"}, "/url"),
        ({"event_types": ["*"]}, "/event_types/0"),
        ({"headers": {"Host": "x"}}, "/headers/Host"),
        ({"headers": {"X-A": "a\r\nb"}}, "/headers/X-A"),
        ({"rate_limit": 0}, "/rate_limit"),
        ({"max_in_flight": 1001}, "/max_in_flight"),
        ({"timeout": 31}, "/timeout"),
        ({"retry_policy": {"schedule": [0]}}, "/retry_policy/schedule/0"),
        ({"filter": "$["}, "/filter"),
        ({"signature": "rsa"}, "/signature"),
        ({"metadata": {"a b": "c"}}, "/metadata/a b"),
        ({"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "/secret"),
        ({"status": "paused"}, "/status"),
        ({"id": "ep_1"}, "/id"),
        ({"created_at": None}, "/created_at"),
        ({"colour": "red"}, "/colour"),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_what_cannot_be_is_refused_and_changes_nothing(
    client: httpx.AsyncClient, patch: Json, where: str
) -> None:
    made = await registered(client)
    before = await seen(client, made)

    answer = await client.patch(path_of(made), json={"description": "x", **patch})

    assert pointers(answer) == [where]
    assert await seen(client, made) == before


async def test_more_headers_than_twenty_do_not_come_together_by_changes(client: httpx.AsyncClient) -> None:
    made = await registered(client, headers={f"X-{number}": "1" for number in range(20)})

    answer = await client.patch(path_of(made), json={"headers": {"X-20": "1"}})

    assert pointers(answer) == ["/headers/X-20"]


@pytest.mark.parametrize("media_type", ["application/merge-patch+json", "application/json; charset=utf-8"])
async def test_both_media_types_are_taken(client: httpx.AsyncClient, media_type: str) -> None:
    made = await registered(client)

    answer = await client.patch(path_of(made), content='{"timeout": 3}', headers={"Content-Type": media_type})

    assert answer.json()["timeout"] == 3


async def test_another_media_type_is_refused(client: httpx.AsyncClient) -> None:
    made = await registered(client)

    answer = await client.patch(path_of(made), content="[]", headers={"Content-Type": "application/json-patch+json"})

    refused(answer, 415, "unsupported-media-type")


async def test_a_change_of_what_was_seen_is_made(client: httpx.AsyncClient) -> None:
    made = await registered(client)
    tag = (await client.get(path_of(made))).headers["etag"]

    answer = await client.patch(path_of(made), json={"timeout": 3}, headers={"If-Match": f'"x", {tag}'})

    assert answer.status_code == 200
    assert answer.headers["etag"] == (await client.get(path_of(made))).headers["etag"] != tag


async def test_a_change_of_what_has_changed_is_refused(client: httpx.AsyncClient) -> None:
    made = await registered(client)
    tag = (await client.get(path_of(made))).headers["etag"]
    await changed(client, made, timeout=4)

    answer = await client.patch(path_of(made), json={"timeout": 3}, headers={"If-Match": tag})

    refused(answer, 412, "precondition-failed")
    assert (await seen(client, made))["timeout"] == 4


async def test_any_present_endpoint_matches_a_star(client: httpx.AsyncClient) -> None:
    made = await registered(client)

    answer = await client.patch(path_of(made), json={}, headers={"If-Match": "*"})

    assert answer.status_code == 200


async def test_changes_at_once_are_all_made(client: httpx.AsyncClient) -> None:
    made = await registered(client)
    names = [f"k{number}" for number in range(4)]

    await asyncio.gather(*(changed(client, made, metadata={name: "1"}) for name in names))

    assert (await seen(client, made))["metadata"] == dict.fromkeys(names, "1")


@pytest.mark.parametrize(
    ("patch", "version"), [({"timeout": 3}, 1), ({"filter": "$.a"}, 1), ({"filter": "$.b"}, 2), ({"filter": None}, 2)]
)
async def test_the_version_of_the_filter_moves_with_it_alone(
    client: httpx.AsyncClient, rows: Rows, patch: Json, version: int
) -> None:
    made = await registered(client, filter="$.a")

    await changed(client, made, **patch)

    row = await rows.row(tables.endpoints, ids.decode(ids.ENDPOINT, str(made["id"])))
    assert row["filter_version"] == version


async def test_an_endpoint_that_there_is_not_cannot_be_changed(client: httpx.AsyncClient) -> None:
    made = await registered(client)
    await client.delete(path_of(made))

    refused(await client.patch(path_of(made), json={"timeout": 3}), 404, "not-found")
