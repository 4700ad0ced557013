"""How a tenant is: counts by time, backlog, and the endpoints that fail."""

from datetime import timedelta

import httpx
import pytest

from core import clock
from core.model import ids, tables
from core.model.latency import SLOTS
from tests.support.accounts import Account, client_of, document, pointers, refused
from tests.support.rows import Rows
from tests.support.samples import ago
from tests.support.things import things_of

FAST = [0] * 4 + [10] + [0] * (SLOTS - 5)


async def count(rows: Rows, acme: Account, *, owner: str | None = None, **columns: object) -> str:
    """Make an endpoint that succeeded six times and failed four times just now; return its URL."""
    url = f"https://example.com/{rows.new_id()}"
    endpoint = await rows.endpoint(acme.tenant_id, owner=owner, url=url)
    given = {"succeeded": 6, "failed": 4, "http_status": 4, "latencies": FAST, **columns}
    await rows.put(tables.rollups, acme.tenant_id, lane=endpoint, **given)
    return url


@pytest.mark.parametrize(("window", "spans"), [("1h", 13), ("24h", 25), ("7d", 169)])
async def test_a_tenants_counts_are_those_of_its_lanes(acme: Account, rows: Rows, window: str, spans: int) -> None:
    await count(rows, acme)
    await count(rows, acme)

    read = (await acme.client.get("/v1/stats", params={"window": window})).json()

    assert read["total"]["attempts"] == {"succeeded": 12, "failed": 8, "unknown": 0}
    assert (read["total"]["success_rate"], read["total"]["errors"]["http_status"]) == (0.6, 8)
    assert (read["window"], len(read["spans"])) == (window, spans)
    assert sum(span["failed"] for span in read["spans"]) == 8
    assert read["total"]["latency_ms"]["p50"] is not None


async def test_nothing_is_counted_of_another_tenant(acme: Account, other: Account, rows: Rows) -> None:
    await count(rows, other)

    read = (await acme.client.get("/v1/stats")).json()

    assert read["total"]["attempts"] == {"succeeded": 0, "failed": 0, "unknown": 0}
    assert (read["total"]["success_rate"], read["failing"]) == (None, [])


async def test_the_worst_endpoint_comes_first(acme: Account, rows: Rows) -> None:
    better = await count(rows, acme)
    worse = await count(rows, acme, succeeded=0)
    await count(rows, acme, failed=0)

    read = (await acme.client.get("/v1/stats")).json()

    assert [(one["url"], one["success_rate"]) for one in read["failing"]] == [(worse, 0.0), (better, 0.6)]


async def test_an_endpoint_that_is_pulled_from_has_no_url(acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id, url="", mode="pull")
    counts = {"failed": 1, "http_status": 1, "latencies": FAST}
    await rows.put(tables.rollups, acme.tenant_id, lane=endpoint, **counts)

    read = (await acme.client.get("/v1/stats")).json()

    assert [one["url"] for one in read["failing"]] == [None]


async def test_what_waits_and_since_when_is_told(acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id)
    await rows.delivery(acme.tenant_id, endpoint, due_at=ago(100))
    await rows.delivery(acme.tenant_id, endpoint)

    read = (await acme.client.get("/v1/stats")).json()

    assert read["backlog"]["waiting"] == 2
    assert 100 <= read["backlog"]["oldest_seconds"] < 160
    assert read["events_per_minute"] == 0.4


async def test_what_is_older_than_the_window_is_not_counted(acme: Account, rows: Rows) -> None:
    await count(rows, acme, bucket=ago(7500))

    hour = (await acme.client.get("/v1/stats")).json()
    day = (await acme.client.get("/v1/stats", params={"window": "24h"})).json()

    assert (hour["total"]["attempts"]["failed"], day["total"]["attempts"]["failed"]) == (0, 4)


async def test_an_owner_reads_the_counts_of_its_own_endpoints(acme: Account, rows: Rows) -> None:
    own = await count(rows, acme, owner="a")
    await count(rows, acme, owner="b")
    await count(rows, acme)
    wish = {"name": "k", "role": "partner", "owner": "a"}
    key = document(await acme.client.post("/v1/keys", json=wish))["key"]

    async with client_of(str(acme.client.base_url), key) as partner:
        read = (await partner.get("/v1/stats")).json()

    assert read["total"]["attempts"] == {"succeeded": 6, "failed": 4, "unknown": 0}
    assert [one["url"] for one in read["failing"]] == [own]
    assert read["events_per_minute"] is None


async def test_a_window_that_is_not_there_is_refused(client: httpx.AsyncClient) -> None:
    assert pointers(await client.get("/v1/stats", params={"window": "2h"})) == ["/window"]


async def test_a_preview_counts_what_a_recover_would_reopen(acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id)
    ended: dict[str, object] = {"status": "exhausted", "due_at": None, "finished_at": ago(1)}
    await rows.delivery(acme.tenant_id, endpoint, **ended)
    await rows.delivery(acme.tenant_id, endpoint, **ended, created_at=ago(7200))
    await rows.delivery(acme.tenant_id, endpoint)
    path = f"/v1/endpoints/{ids.encode(ids.ENDPOINT, endpoint)}/recover"

    every = await acme.client.get(path)
    lately = await acme.client.get(path, params={"since": str(clock.timestamp(clock.now() - timedelta(hours=1)))})

    assert (every.json(), lately.json()) == ({"count": 2}, {"count": 1})


async def test_a_preview_of_an_endpoint_that_is_not_there_is_not_found(
    acme: Account, other: Account, rows: Rows
) -> None:
    theirs = await things_of(rows, other.tenant_id)

    refused(await acme.client.get(f"/v1/endpoints/{theirs['endpoint']}/recover"), 404, "not-found")


async def test_a_preview_of_an_endpoint_that_was_deleted_is_not_found(acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id, deleted_at=ago(1))

    refused(await acme.client.get(f"/v1/endpoints/{ids.encode(ids.ENDPOINT, endpoint)}/recover"), 404, "not-found")
