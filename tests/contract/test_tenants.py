"""Tenants and their limits, as the operator makes them."""

from uuid import uuid4

import httpx
import pytest

from tests.support.accounts import Json, document, pointers

UNTOLD: Json = {
    "requests_per_second": None,
    "waiting_tasks": 100_000,
    "running_tasks": None,
    "endpoints": 10_000,
    "retention_days": 30,
}


async def make(operator: httpx.AsyncClient, **more: object) -> httpx.Response:
    return await operator.post("/v1/tenants", json={"slug": f"t-{uuid4().hex}", "name": "Acme", **more})


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"running_tasks": 5},
        {"requests_per_second": 1, "waiting_tasks": 0, "running_tasks": 1, "endpoints": 0, "retention_days": 1},
        {"requests_per_second": None, "running_tasks": None, "retention_days": 3650},
    ],
)
async def test_a_tenant_has_the_limits_that_it_was_made_with(operator: httpx.AsyncClient, limits: Json) -> None:
    made = document(await make(operator, limits=limits))

    found = document(await operator.get(f"/v1/tenants/{made['slug']}"))
    assert found == made
    assert found["limits"] == UNTOLD | limits


async def test_a_tenant_without_a_word_on_limits_has_the_usual_ones(operator: httpx.AsyncClient) -> None:
    assert document(await make(operator))["limits"] == UNTOLD


@pytest.mark.parametrize(
    ("limits", "pointer"),
    [
        ({"requests_per_second": 0}, "/limits/requests_per_second"),
        ({"running_tasks": 0}, "/limits/running_tasks"),
        ({"running_tasks": "5"}, "/limits/running_tasks"),
        ({"running_tasks": True}, "/limits/running_tasks"),
        ({"running_tasks": 1.5}, "/limits/running_tasks"),
        ({"running_tasks": 2**31}, "/limits/running_tasks"),
        ({"waiting_tasks": -1}, "/limits/waiting_tasks"),
        ({"waiting_tasks": None}, "/limits/waiting_tasks"),
        ({"endpoints": -1}, "/limits/endpoints"),
        ({"retention_days": 0}, "/limits/retention_days"),
        ({"retention_days": 3651}, "/limits/retention_days"),
        ({"runing_tasks": 1}, "/limits/runing_tasks"),
        (None, "/limits"),
        ([], "/limits"),
    ],
)
async def test_a_limit_that_cannot_be_is_refused_and_named(
    operator: httpx.AsyncClient, limits: object, pointer: str
) -> None:
    assert pointers(await make(operator, limits=limits)) == [pointer]
