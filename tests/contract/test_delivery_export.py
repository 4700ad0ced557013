"""`GET /v1/deliveries/export`: what a list names, as one file that is whole or visibly broken off."""

import asyncio
import csv
import io
import json
from collections.abc import Mapping
from functools import partial
from typing import cast

import httpx
import pytest
from sqlalchemy import func

from api.listening import CHECKED_EVERY
from core import clock
from core.journal.export import PAGE
from core.model import ids
from tests.support.accounts import Account, Json, client_of, data, document, pointers, refused
from tests.support.apps import asked_until, settings_of
from tests.support.rows import Rows
from tests.support.stack import eventually

EXPORT = "/v1/deliveries/export"
LONG = 60 * PAGE
"""Deliveries that are more than the buffers between server and client hold."""
EXHAUSTED: Mapping[str, object] = {
    "status": "exhausted",
    "due_at": None,
    "finished_at": func.now(),
    "last_response_code": 503,
    "last_error": "http_status",
}


async def exported(client: httpx.AsyncClient, **query: str) -> list[Json]:
    """Return what an export in NDJSON holds."""
    answer = await client.get(EXPORT, params=query)
    assert answer.status_code == 200, answer.text
    return [cast("Json", json.loads(line)) for line in answer.text.splitlines()]


async def table(client: httpx.AsyncClient) -> list[list[str]]:
    """Return the rows of an export in CSV."""
    answer = await client.get(EXPORT, params={"format": "csv"})
    return list(csv.reader(io.StringIO(answer.text, newline=""), strict=True))


async def read_into(lines: list[str], answer: httpx.Response) -> None:
    """Read an answer's lines, and keep those that came."""
    async for line in answer.aiter_lines():
        lines.append(line)  # noqa: PERF401 - a list made at once would be lost with the error


async def many(account: Account, rows: Rows, count: int) -> list[str]:
    """Make deliveries; return their public IDs, newest first."""
    made = await rows.deliveries(count, account.tenant_id, await rows.endpoint(account.tenant_id))
    return [ids.encode(ids.DELIVERY, one) for one in sorted(made, reverse=True)]


async def break_off(account: Account, rows: Rows) -> None:
    """Make more than a page of deliveries, the oldest of which cannot be read: its time is before all that there is."""
    endpoint = await rows.endpoint(account.tenant_id)
    oldest = await rows.delivery(account.tenant_id, endpoint)
    sql = "UPDATE deliveries SET created_at = '4000-01-01 BC' WHERE id = :id RETURNING id"
    await rows.one(sql, id=oldest)
    await rows.deliveries(PAGE + 1, account.tenant_id, endpoint)


async def test_an_export_says_of_each_delivery_what_the_list_says(acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id)
    await rows.delivery(acme.tenant_id, endpoint, **EXHAUSTED)
    await rows.delivery(acme.tenant_id, None, lane=rows.new_id(), task_id=rows.new_id(), url="https://example.com/own")
    await rows.delivery(acme.tenant_id, await rows.endpoint(acme.tenant_id, status="paused"))

    found = await exported(acme.client)

    assert found == data(await acme.client.get("/v1/deliveries"))
    assert [one["waiting_for"] for one in found] == ["paused", None, None]


async def test_an_export_holds_every_page_newest_first(acme: Account, rows: Rows) -> None:
    made = await many(acme, rows, 2 * PAGE + 1)

    found = await exported(acme.client)

    assert [one["id"] for one in found] == made


async def test_pages_that_end_with_the_log_have_no_empty_one_after_them(acme: Account, rows: Rows) -> None:
    made = await many(acme, rows, PAGE)

    (header, *lines) = await table(acme.client)

    assert (header[0], [line[0] for line in lines]) == ("id", made)


@pytest.mark.parametrize(("form", "text"), [("ndjson", ""), ("csv", "id,event_id,event_type,")])
async def test_an_export_of_nothing_is_whole(acme: Account, form: str, text: str) -> None:
    answer = await acme.client.get(EXPORT, params={"format": form})

    assert answer.status_code == 200
    assert (answer.text[: len(text)], answer.text.count("\n")) == (text, int(form == "csv"))


@pytest.mark.parametrize(
    ("query", "media_type", "name"),
    [
        ({}, "application/x-ndjson", "deliveries.ndjson"),
        ({"format": "ndjson"}, "application/x-ndjson", "deliveries.ndjson"),
        ({"format": "csv"}, "text/csv; charset=utf-8; header=present", "deliveries.csv"),
    ],
)
async def test_an_export_is_a_file(acme: Account, query: dict[str, str], media_type: str, name: str) -> None:
    answer = await acme.client.get(EXPORT, params=query)

    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["transfer-encoding"] == "chunked"


async def test_a_table_has_the_fields_of_a_delivery(acme: Account, rows: Rows) -> None:
    await rows.delivery(acme.tenant_id, await rows.endpoint(acme.tenant_id), **EXHAUSTED)
    (listed,) = data(await acme.client.get("/v1/deliveries"))

    header, line = await table(acme.client)

    assert header == list(listed)
    assert line == ["" if value is None else str(value) for value in listed.values()]


async def test_a_table_defuses_what_a_spreadsheet_would_run(acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id, url='https://example.com/?a="b",c')
    await rows.delivery(acme.tenant_id, endpoint, event_type="=HYPERLINK(1)")

    answer = await acme.client.get(EXPORT, params={"format": "csv"})

    assert ",'=HYPERLINK(1)," in answer.text
    assert ',"https://example.com/?a=""b"",c",' in answer.text
    assert answer.text.count("\r\n") == 2


@pytest.mark.parametrize(
    "query",
    [
        {"status": "exhausted"},
        {"response_code": "5xx"},
        {"error": "http_status"},
        {"event_type": "user.made"},
    ],
    ids=repr,
)
async def test_an_export_takes_the_filters_of_the_list(acme: Account, rows: Rows, query: dict[str, str]) -> None:
    endpoint = await rows.endpoint(acme.tenant_id)
    wanted = await rows.delivery(acme.tenant_id, endpoint, event_type="user.made", **EXHAUSTED)
    await rows.delivery(acme.tenant_id, endpoint)

    assert [one["id"] for one in await exported(acme.client, **query)] == [ids.encode(ids.DELIVERY, wanted)]


@pytest.mark.parametrize(
    "query", [{"format": "xlsx"}, {"format": ""}, {"status": "sending"}, {"created_after": "1700000000"}], ids=repr
)
async def test_a_bad_parameter_is_told_by_its_name(acme: Account, query: dict[str, str]) -> None:
    assert pointers(await acme.client.get(EXPORT, params=query)) == [f"/{next(iter(query))}"]


async def test_an_export_needs_the_scope_for_it(acme: Account) -> None:
    made = await acme.client.post("/v1/keys", json={"name": "own", "role": "client"})

    async with client_of(str(acme.client.base_url), document(made)["key"]) as client:
        refused(await client.get(EXPORT), 403, "forbidden")


async def test_a_partner_and_another_tenant_export_their_own(acme: Account, other: Account, rows: Rows) -> None:
    made = await acme.client.post("/v1/keys", json={"name": "own", "role": "partner", "owner": "partner-1"})
    await many(acme, rows, 2)
    await rows.delivery(acme.tenant_id, await rows.endpoint(acme.tenant_id, owner="partner-2"))
    own = await rows.delivery(acme.tenant_id, await rows.endpoint(acme.tenant_id, owner="partner-1"))

    async with client_of(str(acme.client.base_url), document(made)["key"]) as client:
        found = await exported(client)

    assert [one["id"] for one in found] == [ids.encode(ids.DELIVERY, own)]
    assert await exported(other.client) == []


@pytest.mark.parametrize("form", ["ndjson", "csv"])
async def test_an_export_that_fails_in_the_middle_is_seen_to_be_broken_off(
    acme: Account, rows: Rows, form: str
) -> None:
    await break_off(acme, rows)
    lines: list[str] = []

    async with acme.client.stream("GET", EXPORT, params={"format": form}) as answer:
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            await read_into(lines, answer)

    assert answer.status_code == 200
    assert len(lines) == PAGE + (form == "csv")


def passed(moment: float) -> None:
    assert clock.monotonic() > moment


async def test_an_export_ends_with_its_key(acme: Account, rows: Rows) -> None:
    made = document(await acme.client.post("/v1/keys", json={"name": "k", "role": "inspector"}))
    await many(acme, rows, LONG)
    lines: list[str] = []

    async with client_of(str(acme.client.base_url), made["key"]) as theirs, theirs.stream("GET", EXPORT) as answer:
        asked_again = clock.monotonic() + CHECKED_EVERY + 1
        await acme.client.delete(f"/v1/keys/{made['id']}")
        await asyncio.to_thread(eventually, partial(passed, asked_again))  # nobody reads meanwhile
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            await read_into(lines, answer)

    assert 0 < len(lines) < LONG


async def test_an_export_that_fails_at_once_is_an_error(acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id)
    only = await rows.delivery(acme.tenant_id, endpoint)
    await rows.one("UPDATE deliveries SET created_at = '4000-01-01 BC' WHERE id = :id RETURNING id", id=only)

    refused(await acme.client.get(EXPORT), 500, "internal")


async def asked_in_1_0(acme: Account, authorization: str) -> bytes:
    """Ask for the export in HTTP/1.0 and return the answer."""
    url = acme.client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(f"GET {EXPORT} HTTP/1.0\r\nAuthorization: {authorization}\r\n\r\n".encode())
    try:
        async with asyncio.timeout(60):
            return await reader.read()
    finally:
        writer.close()


async def test_a_client_that_could_not_tell_is_refused(acme: Account) -> None:
    answer = await asked_in_1_0(acme, acme.client.headers["authorization"])

    assert answer.startswith(b"HTTP/1.1 426 ")
    assert b'"/problems/upgrade-required"' in answer


async def test_whoever_has_no_key_is_told_that_first(acme: Account) -> None:
    assert (await asked_in_1_0(acme, "Bearer rb_none")).startswith(b"HTTP/1.1 401 ")


async def test_a_client_that_hangs_up_ends_the_export(
    api_database: str, acme: Account, rows: Rows, redis_store: str
) -> None:
    made = await many(acme, rows, 3 * PAGE)
    settings = settings_of(database=api_database, redis=redis_store)

    written = await asked_until(settings, EXPORT, ids.encode(ids.TENANT, acme.tenant_id), chunks=1)

    assert made[0].encode() in written
    assert made[PAGE].encode() not in written
