"""No more tasks wait than a tenant may have."""

from uuid import UUID

from core.model import tables
from tests.support.accounts import Account, refused
from tests.support.rows import Rows

DIVIDE = {"type": "math.divide", "input": {"x": 1, "y": 4}}


async def test_no_more_tasks_wait_than_the_tenant_may_have(acme: Account, rows: Rows) -> None:
    await rows.change(tables.tenants, UUID(int=acme.tenant_id.int), waiting_tasks=1)
    first = await acme.client.post("/v1/tasks", json=DIVIDE)

    second = await acme.client.post("/v1/tasks", json=DIVIDE)

    assert first.status_code == 303
    refused(second, 429, "limit-reached")
    assert int(second.headers["retry-after"]) >= 1
    assert second.headers["ratelimit-policy"] == '"waiting-tasks";q=1'
    assert second.headers["ratelimit"] == '"waiting-tasks";r=0;t=1'


async def test_who_asks_for_a_task_that_is_there_is_told_of_it_by_a_full_tenant_too(acme: Account, rows: Rows) -> None:
    await rows.change(tables.tenants, UUID(int=acme.tenant_id.int), waiting_tasks=1)
    first = await acme.client.post("/v1/tasks", json=DIVIDE | {"unique_key": "k"})

    again = await acme.client.post("/v1/tasks", json=DIVIDE | {"unique_key": "k"}, headers={"Idempotency-Key": "i"})
    repeated = await acme.client.post("/v1/tasks", json=DIVIDE | {"unique_key": "k"}, headers={"Idempotency-Key": "i"})

    refused(await acme.client.post("/v1/tasks", json=DIVIDE | {"unique_key": "other"}), 429, "limit-reached")
    assert {one.headers["location"] for one in (again, repeated)} == {first.headers["location"]}
    assert repeated.headers["idempotent-replayed"] == "true"
