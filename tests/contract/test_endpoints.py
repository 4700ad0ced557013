"""Endpoints: where partners may be called back, and what is shown of them."""

from typing import cast

import httpx
import pytest
from standardwebhooks import Webhook

from core.model import ids, tables
from tests.support.accounts import Account, Json, data, pointers, refused
from tests.support.partners import HOOK, SECRET, register, registered
from tests.support.rows import Rows

URL = HOOK


async def test_an_endpoint_is_made_with_the_contracts_defaults(client: httpx.AsyncClient) -> None:
    made = await registered(client)

    assert (made["url"], made["status"], made["disabled_reason"], made["signature"]) == (URL, "enabled", None, "hmac")
    assert (made["event_types"], made["headers"], made["metadata"], made["filter"]) == (None, {}, {}, None)
    assert (made["owner"], made["public_key"], made["description"]) == (None, None, None)
    assert (made["max_in_flight"], made["timeout"], made["ordering"], made["rate_limit"]) == (50, 15, "none", None)
    assert made["retry_policy"] == {"schedule": [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]}


async def test_an_endpoint_is_read_where_it_was_said_to_be(client: httpx.AsyncClient) -> None:
    answer = await register(client, description="Orders", event_types=["order.*"], metadata={"team": "a"})

    read: Json = (await client.get(answer.headers["location"])).json()
    assert read == {name: value for name, value in answer.json().items() if name != "secret"}
    assert (read["description"], read["event_types"], read["metadata"]) == ("Orders", ["order.*"], {"team": "a"})
    assert [read] == data(await client.get("/v1/endpoints"))


async def test_a_secret_is_made_that_the_reference_library_takes(client: httpx.AsyncClient) -> None:
    made = await registered(client)

    assert Webhook(str(made["secret"]))


async def test_a_secret_may_be_brought(client: httpx.AsyncClient) -> None:
    made = await registered(client, secret=SECRET)

    read = await client.get(f"/v1/endpoints/{made['id']}/secret")
    assert made["secret"] == SECRET == read.json()["secret"]
    assert read.headers["cache-control"] == "no-store"


async def test_a_secret_is_shown_nowhere_else(client: httpx.AsyncClient) -> None:
    made = await registered(client, secret=SECRET)

    shown = (await client.get(f"/v1/endpoints/{made['id']}")).text + (await client.get("/v1/endpoints")).text
    assert SECRET not in shown


async def test_a_secret_is_kept_sealed(client: httpx.AsyncClient, acme: Account, rows: Rows) -> None:
    made = await registered(client, secret=SECRET)

    endpoint = ids.decode(ids.ENDPOINT, str(made["id"]))
    row = await rows.one("SELECT sealed, tenant_id FROM secrets WHERE endpoint_id = :id", id=endpoint)
    assert SECRET.encode() not in cast("bytes", row["sealed"])
    assert row["tenant_id"] == acme.tenant_id


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "hunter2",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_c2hvcnQ=",
        "whsec_" + "A" * 92,
        "whsec_not base64",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ],
)
async def test_a_malformed_secret_is_refused_without_being_repeated(client: httpx.AsyncClient, secret: str) -> None:
    answer = await register(client, secret=secret)

    assert pointers(answer) == ["/secret"]
    assert not secret or secret not in answer.text


FORBIDDEN = [
    "http://10.0.0.1/",
    "http://192.168.1.1:8080/x",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://0.0.0.0/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://localhost/",
    "http://metadata.google.internal/",
]


@pytest.mark.parametrize("url", FORBIDDEN)
async def test_a_forbidden_target_is_refused_without_telling_the_address(client: httpx.AsyncClient, url: str) -> None:
    answer = await register(client, url=url)

    assert pointers(answer) == ["/url"]
    (error,) = cast("list[dict[str, str]]", answer.json()["errors"])
    assert not any(part in error["detail"] for part in ("127.", "10.0", "169.", "192.", "::"))


@pytest.mark.parametrize(
    "url",
    [
        "example.com",
        "ftp://example.com/",
        "http://user:pw@example.com/",
        "http://example.com:22/",
        "http://example.com:5432/",
        "http://example.com/#here",
        "http://exa mple.com/",
        "http://",
        "javascript:alert(1)",
        "http://127.0.0.1:9999\\@example.com/",
    ],
)
async def test_a_url_of_another_form_is_refused(client: httpx.AsyncClient, url: str) -> None:
    assert pointers(await register(client, url=url)) == ["/url"]


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("HTTP://127.0.0.1:9999/Hook?A=b", "http://127.0.0.1:9999/Hook?A=b"),
        ("http://127.0.0.1:9999", "http://127.0.0.1:9999/"),
        ("http://127.0.0.1:80/x", "http://127.0.0.1/x"),
    ],
)
async def test_a_url_is_kept_in_its_canonical_form(client: httpx.AsyncClient, given: str, canonical: str) -> None:
    assert (await registered(client, url=given))["url"] == canonical


async def test_header_values_are_masked_and_kept_sealed(client: httpx.AsyncClient, rows: Rows) -> None:
    made = await registered(client, headers={"Authorization": "Bearer hunter2", "X-Team": "orders"})

    row = await rows.row(tables.endpoints, ids.decode(ids.ENDPOINT, str(made["id"])))
    assert made["headers"] == {"Authorization": "********", "X-Team": "********"}
    assert b"hunter2" not in cast("bytes", row["sealed_headers"])
    assert "hunter2" not in (await client.get("/v1/endpoints")).text


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "x"},
        {"Transfer-Encoding": "chunked"},
        {"Connection": "close"},
        {"X-A": "********"},
        {"X-A": "a\x00b"},
        {"X-A": "x" * 4096, "X-B": "x" * 4096},
        {"content-type": "x"},
        {"Webhook-Id": "x"},
        {"Cookie": "x"},
        {"X-Forwarded-For": "x"},
        {"a b": "x"},
        {"": "x"},
        {"X-A": "a\r\nb"},
        {"X-A": "caf\u00e9"},
        {"X-A": "x", "x-a": "y"},
        {f"X-{n}": "x" for n in range(21)},
        {"X-A": "x" * 8190},
    ],
    ids=lambda headers: repr(headers)[:30],
)
async def test_a_header_that_is_not_allowed_is_told_by_its_name(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    (where,) = pointers(await register(client, headers=headers))

    assert where.removeprefix("/headers/") in headers


@pytest.mark.parametrize(
    ("wish", "where"),
    [
        ({"event_types": ["a b"]}, "/event_types/0"),
        ({"event_types": ["*"]}, "/event_types/0"),
        ({"event_types": ["a", "b.*.c"]}, "/event_types/1"),
        ({"event_types": ["x" * 129]}, "/event_types/0"),
        ({"event_types": ["a"] * 101}, "/event_types"),
        ({"rate_limit": 0}, "/rate_limit"),
        ({"rate_limit": 10_001}, "/rate_limit"),
        ({"rate_limit": "10"}, "/rate_limit"),
        ({"ordering": "lifo"}, "/ordering"),
        ({"signature": "rsa"}, "/signature"),
        ({"owner": ""}, "/owner"),
        ({"max_in_flight": 0}, "/max_in_flight"),
        ({"max_in_flight": 1001}, "/max_in_flight"),
        ({"timeout": 0}, "/timeout"),
        ({"timeout": 31}, "/timeout"),
        ({"retry_policy": {"schedule": [0]}}, "/retry_policy/schedule/0"),
        ({"retry_policy": {"schedule": [5] * 51}}, "/retry_policy/schedule"),
        ({"retry_policy": {"steps": 3}}, "/retry_policy/steps"),
        ({"description": "a\x00b"}, "/description"),
        ({"metadata": {"a b": "c"}}, "/metadata/a b"),
        ({"status": "disabled"}, "/status"),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_a_bad_value_is_told_where(client: httpx.AsyncClient, wish: Json, where: str) -> None:
    assert where in pointers(await register(client, **wish))


async def test_a_schedule_may_be_empty_and_means_no_retry(client: httpx.AsyncClient) -> None:
    made = await registered(client, retry_policy={"schedule": []})

    assert made["retry_policy"] == {"schedule": []}


async def test_no_more_endpoints_are_made_than_the_tenant_may_have(acme: Account, rows: Rows) -> None:
    await rows.change(tables.tenants, acme.tenant_id, endpoints=1)
    first = await registered(acme.client)

    second = await register(acme.client)

    refused(second, 429, "limit-reached")
    assert int(second.headers["retry-after"]) >= 1
    assert (second.headers["ratelimit-policy"], second.headers["ratelimit"]) == ('"endpoints";q=1', '"endpoints";r=0')
    assert [one["id"] for one in data(await acme.client.get("/v1/endpoints"))] == [first["id"]]


async def test_a_deleted_endpoint_is_gone_and_makes_room(acme: Account, rows: Rows) -> None:
    await rows.change(tables.tenants, acme.tenant_id, endpoints=1)
    made = await registered(acme.client)
    path = f"/v1/endpoints/{made['id']}"

    deleted = await acme.client.delete(path)

    assert deleted.status_code == 204
    refused(await acme.client.get(path), 404, "not-found")
    refused(await acme.client.get(f"{path}/secret"), 404, "not-found")
    refused(await acme.client.delete(path), 404, "not-found")
    assert await registered(acme.client)


async def test_the_tenants_default_secret_is_one_that_the_reference_library_takes(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/secret")

    assert Webhook(str(answer.json()["secret"]))
    assert answer.headers["cache-control"] == "no-store"
