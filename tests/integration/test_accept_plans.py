"""The statement that accepts events finds endpoints by their index, and joins no lines with lines."""

from collections.abc import AsyncGenerator, Callable, Generator
from typing import cast
from uuid import uuid4

import pytest
from msgspec.structs import replace
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core import clock
from core.database import Role, open_engine
from core.intake.accept_queries import insert_lines
from core.intake.event_queries import EventKey, Line
from core.intake.verdicts import Verdict
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


def keyed(line: Line) -> Line:
    return replace(line, keys=(EventKey("event", "one", bytes(32)),))


def keyed_twice(line: Line) -> Line:
    return replace(line, keys=(EventKey("request", "one", bytes(32)), EventKey("event", "one", bytes(32))))


def judged(line: Line) -> Line:
    return replace(line, verdicts=[Verdict(uuid4(), 1, selected=True)])


def judged_and_keyed(line: Line) -> Line:
    return judged(keyed(line))


def judged_and_keyed_twice(line: Line) -> Line:
    return judged(keyed_twice(line))


KINDS = [replace, keyed, keyed_twice, judged, judged_and_keyed, judged_and_keyed_twice]
"""Lines that have statements of their own, the plain ones first."""


async def lines_of(tx: AsyncConnection, dressed: Callable[[Line], Line]) -> list[Line]:
    tenants = await tx.scalars(text("SELECT id FROM tenants ORDER BY id LIMIT 500"))
    now, wish = clock.unix_seconds(), EventWish(type="order.paid", data=b"1")
    return [dressed(line_of(TenantId(tenant), wish, now)) for tenant in tenants]


def looped_over(plan: Node) -> set[object]:
    """Return what nested loops read again for each row of their outer side."""
    loops = [cast("list[Node]", node["Plans"])[1] for node in nodes(plan) if node["Node Type"] == "Nested Loop"]
    return {node.get("CTE Name") for inner in loops for node in nodes(inner)}


@pytest.mark.parametrize("dressed", KINDS)
async def test_a_group_finds_endpoints_by_their_index(tx: AsyncConnection, dressed: Callable[[Line], Line]) -> None:
    few = (await lines_of(tx, dressed))[:3]

    plan = await plan_of(tx, lambda: insert_lines(tx, lines=few, publish=True, whole=False))

    assert "endpoints_living_idx" in await indexes(tx, plan)
    assert await read_whole(tx, plan) == set()


@pytest.mark.parametrize("dressed", KINDS)
async def test_a_large_group_joins_no_lines_with_lines(tx: AsyncConnection, dressed: Callable[[Line], Line]) -> None:
    many = await lines_of(tx, dressed)

    plan = await plan_of(tx, lambda: insert_lines(tx, lines=many, publish=True, whole=True))

    assert looped_over(plan) & LINES == set()
