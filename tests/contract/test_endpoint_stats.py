"""`GET /v1/endpoints/{id}/stats`: success, latency and attempts by outcome over three windows, and the backlog."""

from dataclasses import dataclass
from typing import cast

import pytest
from sqlalchemy import func

from core.model import ids, tables
from core.model.ids import EndpointId
from core.model.latency import SLOTS, slot_of
from tests.support.accounts import Account, Json, client_of, refused
from tests.support.rows import Rows
from tests.support.samples import ago

UNKNOWN = f"/v1/endpoints/ep_{'0' * 26}/stats"
NO_ERRORS = dict.fromkeys(
    ("timeout", "connect", "tls", "dns", "blocked_address", "too_large", "protocol", "http_status"), 0
)


def path(endpoint: EndpointId) -> str:
    return f"/v1/endpoints/{ids.encode(ids.ENDPOINT, endpoint)}/stats"


def latencies(*each: float) -> list[int]:
    slots = [slot_of(one) for one in each]
    return [slots.count(slot) for slot in range(SLOTS)]


@dataclass
class Counted:
    """An endpoint whose attempts are counted in buckets."""

    rows: Rows
    account: Account
    endpoint: EndpointId

    async def add(self, seconds_ago: float, **counts: object) -> None:
        """Put a bucket of that age."""
        given = {"lane": self.endpoint, "bucket": ago(seconds_ago), **counts}
        await self.rows.put(tables.rollups, self.account.tenant_id, **given)

    async def read(self) -> Json:
        """Return the answer."""
        answer = await self.account.client.get(path(self.endpoint))
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def window(self, name: str) -> Json:
        """Return one window of the answer."""
        return cast("dict[str, Json]", (await self.read())["windows"])[name]


@pytest.fixture
async def counted(acme: Account, rows: Rows) -> Counted:
    """An endpoint to which nothing was sent yet."""
    return Counted(rows, acme, await rows.endpoint(acme.tenant_id))


@pytest.mark.parametrize("name", ["1h", "24h", "7d"])
async def test_an_endpoint_to_which_nothing_was_sent_has_no_rate(counted: Counted, name: str) -> None:
    window = await counted.window(name)

    assert window["success_rate"] is None
    assert window["latency_ms"] == {"p50": None, "p95": None, "p99": None}
    assert window["attempts"] == {"succeeded": 0, "failed": 0, "unknown": 0}
    assert window["errors"] == NO_ERRORS


async def test_a_window_adds_up_its_buckets(counted: Counted) -> None:
    await counted.add(60, succeeded=98, failed=1, timeout=1, latencies=latencies(*[10] * 98, 9000))
    await counted.add(1800, failed=1, unknown=2, http_status=1, latencies=latencies(9000))

    window = await counted.window("1h")

    assert window["success_rate"] == 0.98
    assert window["attempts"] == {"succeeded": 98, "failed": 2, "unknown": 2}
    assert window["errors"] == NO_ERRORS | {"timeout": 1, "http_status": 1}
    percentiles = cast("dict[str, float]", window["latency_ms"])
    assert percentiles["p50"] == pytest.approx(10, rel=0.42)
    assert percentiles["p99"] == pytest.approx(9000, rel=0.42)


@pytest.mark.parametrize(("hours", "expected"), [(0.5, [1, 1, 1]), (2, [0, 1, 1]), (30, [0, 0, 1]), (200, [0, 0, 0])])
async def test_an_attempt_counts_in_each_window_that_reaches_back_to_it(
    counted: Counted, hours: float, expected: list[int]
) -> None:
    await counted.add(hours * 3600, succeeded=1, latencies=latencies(1))

    found = [await counted.window(name) for name in ("1h", "24h", "7d")]

    assert [cast("dict[str, int]", window["attempts"])["succeeded"] for window in found] == expected


@pytest.mark.parametrize(
    ("name", "least", "most"), [("1h", "1 h", "65 min 1 s"), ("24h", "24 h", "25 h 1 s"), ("7d", "168 h", "169 h 1 s")]
)
async def test_a_window_says_since_when_it_counts(counted: Counted, name: str, least: str, most: str) -> None:
    since = str((await counted.window(name))["since"])

    found = await counted.rows.one(
        f"SELECT now() - CAST(CAST(:since AS TEXT) AS TIMESTAMPTZ) BETWEEN '{least}' AND '{most}' AS ok", since=since
    )
    assert found == {"ok": True}


async def test_the_backlog_is_what_waits_with_the_age_of_the_oldest(counted: Counted, rows: Rows) -> None:
    tenant, endpoint = counted.account.tenant_id, counted.endpoint
    ended = {"status": "succeeded", "due_at": None, "succeeded_at": func.now(), "finished_at": func.now()}
    await rows.delivery(tenant, endpoint, due_at=ago(100))
    await rows.delivery(tenant, endpoint, due_at=ago(-100))
    await rows.delivery(tenant, endpoint, **ended)
    await rows.delivery(tenant, await rows.endpoint(tenant))

    backlog = cast("dict[str, float]", (await counted.read())["backlog"])

    assert backlog["waiting"] == 2
    assert 100 <= backlog["oldest_seconds"] < 160


async def test_nothing_that_waits_has_no_age(counted: Counted) -> None:
    assert (await counted.read())["backlog"] == {"waiting": 0, "oldest_seconds": None}


async def test_the_stats_of_an_unknown_endpoint_are_not_found(acme: Account) -> None:
    refused(await acme.client.get(UNKNOWN), 404, "not-found")


async def test_the_stats_of_a_deleted_endpoint_are_not_found(acme: Account, rows: Rows) -> None:
    endpoint = await rows.endpoint(acme.tenant_id, deleted_at=func.now())

    refused(await acme.client.get(path(endpoint)), 404, "not-found")


async def test_the_stats_carry_an_etag(counted: Counted) -> None:
    first = await counted.account.client.get(path(counted.endpoint))

    assert first.headers["etag"].startswith('"')


async def test_a_partner_reads_the_stats_of_its_own_endpoints_only(acme: Account, rows: Rows) -> None:
    own, other = [await rows.endpoint(acme.tenant_id, owner=owner) for owner in ("a", "b")]
    wish = {"name": "partner", "role": "partner", "owner": "a"}
    key = (await acme.client.post("/v1/keys", json=wish)).json()["key"]

    async with client_of(str(acme.client.base_url), key) as partner:
        seen, hidden = await partner.get(path(own)), await partner.get(path(other))

    assert seen.status_code == 200
    refused(hidden, 404, "not-found")
