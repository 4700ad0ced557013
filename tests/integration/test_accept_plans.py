"""The statement that accepts events finds endpoints by their index, and joins no lines with lines."""

from collections.abc import AsyncGenerator, Generator
from typing import cast

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core import clock
from core.database import Role, open_engine
from core.intake.accept_queries import insert_lines
from core.intake.event_queries import Line
from core.intake.wish import EventWish, line_of
from core.model.ids import TenantId
from tests.conftest import TEMPLATE
from tests.support.plans import Node, indexes, nodes, plan_of, read_whole
from tests.support.stores import PostgresServer, ask

FILL = """
INSERT INTO tenants (id, slug, name) SELECT ringback_uuid7(), 't-' || n, 'Acme' FROM generate_series(1, 1000) n;
INSERT INTO endpoints (id, tenant_id, url, event_types, signature, max_in_flight, ordering, status)
SELECT ringback_uuid7(), t.id, 'https://example.com/', '{}', 'hmac', 50, 'none', 'enabled'
FROM tenants t, generate_series(1, 20);
ANALYZE tenants, endpoints;
"""
LINES = {"given", "keys", "taking", "lost", "claimed", "made"}
"""What holds a row for each line."""


@pytest.fixture(scope="module")
def filled(postgres: PostgresServer) -> Generator[str]:
    """A database with many tenants, and endpoints of each."""
    url = postgres.create_database("accept_plans", TEMPLATE)
    ask(postgres.store.url_of("accept_plans", user="postgres"), FILL)
    yield url
    postgres.drop_database("accept_plans")


@pytest.fixture
async def tx(filled: str) -> AsyncGenerator[AsyncConnection]:
    """A transaction in the engine's role, rolled back at the end."""
    async with open_engine(filled, Role.ENGINE, pooled=False).connect() as connection:
        yield connection
        await connection.rollback()


async def lines_of(tx: AsyncConnection, *, client_id: str | None) -> list[Line]:
    tenants = await tx.scalars(text("SELECT id FROM tenants ORDER BY id LIMIT 500"))
    now = clock.unix_seconds()
    return [
        line_of(TenantId(tenant), EventWish(type="order.paid", data=b"1", value=1, client_id=client_id), now)
        for tenant in tenants
    ]


def looped_over(plan: Node) -> set[object]:
    """Return what nested loops read again for each row of their outer side."""
    loops = [cast("list[Node]", node["Plans"])[1] for node in nodes(plan) if node["Node Type"] == "Nested Loop"]
    return {node.get("CTE Name") for inner in loops for node in nodes(inner)}


@pytest.mark.parametrize("client_id", [None, "one"])
async def test_a_group_finds_endpoints_by_their_index(tx: AsyncConnection, client_id: str | None) -> None:
    few = (await lines_of(tx, client_id=client_id))[:3]

    plan = await plan_of(tx, lambda: insert_lines(tx, lines=few, publish=True, whole=False))

    assert "endpoints_tenant_id_id_idx" in await indexes(tx, plan)
    assert await read_whole(tx, plan) == set()


@pytest.mark.parametrize("client_id", [None, "one"])
async def test_a_large_group_joins_no_lines_with_lines(tx: AsyncConnection, client_id: str | None) -> None:
    many = await lines_of(tx, client_id=client_id)

    plan = await plan_of(tx, lambda: insert_lines(tx, lines=many, publish=True, whole=True))

    assert looped_over(plan) & LINES == set()
