"""A client that is slow to send its body holds a socket, and nothing that others need."""

import pkgutil
from importlib import import_module

import httpx
import pytest
from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api import routes
from api.bodies import StrictRoute
from api.idempotency import get_once
from tests.support.accounts import Account, data
from tests.support.operations import OPERATIONS, Operation
from tests.support.raw_http import unfinished
from tests.support.rows import Rows
from tests.support.things import things_of

POOL = 10
"""Connections that an API process has for the tenant's role."""


ROUTERS = [import_module(f"api.routes.{one.name}").router for one in pkgutil.iter_modules(routes.__path__)]


def routes_of(router: APIRouter) -> list[APIRoute]:
    return [route for route in router.routes if isinstance(route, APIRoute)]


def takes_a_key(dependant: Dependant) -> bool:
    return any(one.call is get_once or takes_a_key(one) for one in dependant.dependencies)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
async def test_bodies_that_do_not_come_leave_others_their_connections(
    operator: httpx.AsyncClient, acme: Account, other: Account, rows: Rows, operation: Operation
) -> None:
    things = await things_of(rows, acme.tenant_id)
    headers = {"Ringback-Tenant": acme.slug, "Idempotency-Key": "slow", "Expect": "100-continue"}

    async with unfinished(operation.request(operator, things, **headers), count=POOL):
        found = data(await other.client.get("/v1/endpoints"))

    assert found == []


def test_every_route_that_takes_a_key_is_one_that_reads_the_body_first() -> None:
    keyed = [route for router in ROUTERS for route in routes_of(router) if takes_a_key(route.dependant)]

    assert "/v1/deliveries/{delivery}/resend" in {route.path for route in keyed}
    assert [route.path for route in keyed if not isinstance(route, StrictRoute)] == []
