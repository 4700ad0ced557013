"""Operational events carry the endpoint or the delivery as `GET` shows it."""

import json
from collections.abc import Mapping
from typing import cast

import pytest
from sqlalchemy import func

from core.intake.notices import Notices
from core.journal.record import Recorded
from core.model import ids, tables
from core.model.ids import DeliveryId, EndpointId
from core.model.sealing import KeyRing
from core.settings import Settings
from tests.support.accounts import Account, Json, data
from tests.support.rows import Rows
from tests.support.stack import SECRET_KEYS

EXHAUSTED: Mapping[str, object] = {
    "status": "exhausted",
    "due_at": None,
    "finished_at": func.now(),
    "last_response_code": 503,
    "attempt_count": 1,
    "claim": 1,
}


@pytest.fixture
async def notices(rows: Rows) -> Notices:
    """What tells, with the API's settings and key ring."""
    return Notices(rows.database, KeyRing(SECRET_KEYS), Settings())


async def told(rows: Rows, account: Account, type_: str) -> Json:
    """Return the data of a tenant's only event of a type."""
    sql = "SELECT body FROM events WHERE tenant_id = :tenant AND type = :type"
    row = await rows.one(sql, tenant=account.tenant_id, type=type_)
    found: Json = json.loads(cast("bytes", row["body"]))["data"]
    return found


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {
            "event_types": ["order.*"],
            "description": "Orders",
            "metadata": {"team": "a"},
            "headers": {"X-Team": "a"},
            "max_in_flight": 5,
            "retry_policy": {"schedule": [1, 2]},
            "timeout": 7,
        },
    ],
    ids=["with defaults", "with everything"],
)
async def test_an_endpoint_is_told_as_it_is_shown(acme: Account, rows: Rows, notices: Notices, wish: Json) -> None:
    url = "http://127.0.0.1:9999/hook"
    made = (await acme.client.post("/v1/endpoints", json={"url": url, **wish})).json()
    await acme.client.post("/v1/endpoints", json={"url": url, "event_types": ["endpoint.*"]})

    async with rows.database.engine() as tx:
        await notices.of_endpoints(tx, "endpoint.failing", [EndpointId(ids.decode(ids.ENDPOINT, made["id"]))])

    shown = (await acme.client.get(f"/v1/endpoints/{made['id']}")).json()
    assert await told(rows, acme, "endpoint.failing") == shown


@pytest.mark.parametrize("direct", [False, True], ids=["to an endpoint", "to a task's own URL"])
async def test_a_delivery_is_told_as_it_is_shown(acme: Account, rows: Rows, notices: Notices, *, direct: bool) -> None:
    await acme.client.post(
        "/v1/endpoints", json={"url": "http://127.0.0.1:9999/hook", "event_types": ["delivery.exhausted"]}
    )
    task, endpoint = await rows.task(acme.tenant_id), await rows.endpoint(acme.tenant_id)
    given = {
        False: {"endpoint_id": endpoint},
        True: {"endpoint_id": None, "task_id": task, "url": "https://example.com/hook"},
    }
    made = await rows.put(tables.deliveries, acme.tenant_id, **{**EXHAUSTED, **given[direct]})

    async with rows.database.engine() as tx:
        await notices.tell(tx, Recorded(exhausted=(DeliveryId(made["id"]),)))  # pyright: ignore[reportArgumentType] - it is a UUID

    (shown,) = data(await acme.client.get("/v1/deliveries", params={"status": "exhausted"}))
    assert await told(rows, acme, "delivery.exhausted") == shown
