"""What a partner may say of an endpoint, beyond its URL."""

from typing import cast

import httpx
import pytest

from core.model import ids
from tests.support.accounts import Account, Json, data, pointers
from tests.support.partners import PRIVATE_KEY, PUBLIC_KEY, SECRET, path_of, register, registered, seen
from tests.support.rows import Rows

EQUALS: Json = {"path": "$.country", "equals": "DE"}


@pytest.mark.parametrize(
    "wish",
    [
        {"event_types": ["order.paid", "invoice.*", "task.*", "endpoint.*", "delivery.exhausted"]},
        {"event_types": ["t" * 126 + ".*"]},
        {"event_types": [f"type.{number}" for number in range(100)]},
        {"rate_limit": 1},
        {"rate_limit": 10_000},
        {"max_in_flight": 1000},
        {"ordering": "fifo"},
        {"timeout": 30},
        {"retry_policy": {"schedule": [1, 604_800]}},
        {"filter": "$.order[?@.total > 100]"},
        {"filter": EQUALS},
        {"filter": {"path": "$.country", "equals": None}},
        {"owner": "customer-42"},
        {"metadata": {"team": "orders"}},
        {"description": ""},
    ],
    ids=lambda wish: repr(wish)[:50],
)
async def test_what_is_told_of_an_endpoint_is_kept(client: httpx.AsyncClient, wish: Json) -> None:
    made = await registered(client, **wish)

    read = await seen(client, made)
    assert {name: read[name] for name in wish} == wish


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ("", "/filter"),
        ("country", "/filter"),
        ("$.a[?match(@.b, 'x')]", "/filter"),
        ({"path": "$.a"}, "/filter"),
        ({"path": "$[", "equals": 1}, "/filter/path"),
        ({"path": "$.a", "equals": "a\x00b"}, "/filter"),
        ({"path": "$.a", "equals": {"a\x00b": [1]}}, "/filter"),
    ],
)
async def test_what_is_no_filter_is_refused(client: httpx.AsyncClient, value: object, where: str) -> None:
    assert pointers(await register(client, filter=value)) == [where]


async def test_an_ed25519_endpoint_shows_its_public_key_and_no_secret(client: httpx.AsyncClient) -> None:
    made = await registered(client, signature="ed25519")

    assert (made["signature"], made["secret"]) == ("ed25519", None)
    assert str(made["public_key"]).startswith("whpk_")
    assert (await seen(client, made))["public_key"] == made["public_key"]


async def test_public_keys_differ(client: httpx.AsyncClient) -> None:
    first, second = await registered(client, signature="ed25519"), await registered(client, signature="ed25519")

    assert first["public_key"] != second["public_key"]


async def test_a_private_key_may_be_brought_and_is_never_shown(client: httpx.AsyncClient) -> None:
    made = await registered(client, signature="ed25519", secret=PRIVATE_KEY)

    shown = str(made) + (await client.get(path_of(made))).text + (await client.get(path_of(made, "/secret"))).text
    assert made["public_key"] == PUBLIC_KEY
    assert "whsk_" not in shown
    assert PRIVATE_KEY.removeprefix("whsk_")[:40] not in shown


async def test_a_private_key_is_kept_sealed(client: httpx.AsyncClient, rows: Rows) -> None:
    made = await registered(client, signature="ed25519", secret=PRIVATE_KEY)

    endpoint = ids.decode(ids.ENDPOINT, str(made["id"]))
    row = await rows.one("SELECT kind, sealed FROM secrets WHERE endpoint_id = :id", id=endpoint)
    assert row["kind"] == "ed25519"
    assert PRIVATE_KEY.encode() not in cast("bytes", row["sealed"])


@pytest.mark.parametrize(("signature", "secret"), [("hmac", PRIVATE_KEY), ("ed25519", SECRET), ("ed25519", PUBLIC_KEY)])
async def test_a_secret_of_another_kind_is_refused(client: httpx.AsyncClient, signature: str, secret: str) -> None:
    answer = await register(client, signature=signature, secret=secret)

    assert pointers(answer) == ["/secret"]
    assert secret not in answer.text


@pytest.mark.parametrize("length", [24, 64])
async def test_a_secret_of_24_to_64_bytes_is_taken(client: httpx.AsyncClient, length: int) -> None:
    secret = "whsec_" + "QUFB" * (length // 3) + {0: "", 1: "QQ=="}[length % 3]

    assert (await registered(client, secret=secret))["secret"] == secret


async def test_the_answer_with_a_secret_is_kept_nowhere(client: httpx.AsyncClient) -> None:
    assert (await register(client)).headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, ["c", "b", "a"]),
        ({"status": "paused"}, ["b"]),
        ({"status": "disabled"}, []),
        ({"owner": "one"}, ["b", "a"]),
        ({"owner": "one", "status": "enabled"}, ["a"]),
    ],
)
async def test_a_list_holds_what_is_wanted(acme: Account, params: dict[str, str], found: list[str]) -> None:
    await registered(acme.client, description="a", owner="one")
    paused = await registered(acme.client, description="b", owner="one")
    await registered(acme.client, description="c", owner="two")
    await acme.client.post(path_of(paused, "/pause"))

    listed = await acme.client.get("/v1/endpoints", params=params)

    assert [one["description"] for one in data(listed)] == found


async def test_a_status_that_there_is_not_is_refused(client: httpx.AsyncClient) -> None:
    assert pointers(await client.get("/v1/endpoints", params={"status": "gone"})) == ["/status"]
