"""How Postgres would run a statement of the product."""

import json
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import cast

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

Node = dict[str, object]


async def plan_of(tx: AsyncConnection, run: Callable[[], Awaitable[object]]) -> Node:
    """Run a query function, and return the plan of the statement that it sent, with its very values."""
    with _sent(tx) as statements:
        await run()
    ((statement, values),) = statements
    explained = await tx.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values)
    told: object = explained.scalar_one()
    documents = cast("list[dict[str, Node]]", told if isinstance(told, list) else json.loads(str(told)))
    return documents[0]["Plan"]


async def blocks_of(tx: AsyncConnection, run: Callable[[], Awaitable[object]]) -> int:
    """Run a query function, undo what it did, and return how many blocks of 8 KiB its statement touches then."""
    plan = await measured(tx, run)
    return cast("int", plan["Shared Hit Blocks"]) + cast("int", plan["Shared Read Blocks"])


async def blocks_of_all(tx: AsyncConnection, run: Callable[[], Awaitable[object]]) -> int:
    """Run what only reads, and return how many blocks of 8 KiB its statements touch."""
    with _sent(tx) as statements:
        await run()
    plans = [await _explained(tx, statement, values) for statement, values in statements]
    return sum(cast("int", plan["Shared Hit Blocks"]) + cast("int", plan["Shared Read Blocks"]) for plan in plans)


async def measured(tx: AsyncConnection, run: Callable[[], Awaitable[object]]) -> Node:
    """Run a query function, undo what it did, and return the plan of its statement with what each part of it did."""
    undone = await tx.begin_nested()
    with _sent(tx) as statements:
        await run()
    await undone.rollback()
    ((statement, values),) = statements
    return await _explained(tx, statement, values)


async def _explained(tx: AsyncConnection, statement: str, values: tuple[object, ...]) -> Node:
    explained = await tx.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", values)
    told: object = explained.scalar_one()
    documents = cast("list[dict[str, Node]]", told if isinstance(told, list) else json.loads(str(told)))
    return documents[0]["Plan"]


def nodes(plan: Node) -> list[Node]:
    """Return the plan's nodes, from the top down."""
    children = cast("list[Node]", plan.get("Plans", []))
    return [plan, *(node for child in children for node in nodes(child))]


async def indexes(tx: AsyncConnection, plan: Node) -> set[str]:
    """Return the indexes that the plan reads; a partition's goes by the name of the one that it is a part of."""
    sql = """
    SELECT coalesce((SELECT inhparent FROM pg_inherits WHERE inhrelid = c.oid), c.oid)::REGCLASS::TEXT
    FROM pg_class c WHERE c.relname = ANY(:names)
    """
    names = [node["Index Name"] for node in nodes(plan) if "Index Name" in node]
    return set(await tx.scalars(text(sql), {"names": names}))


async def read_whole(tx: AsyncConnection, plan: Node) -> set[str]:
    """Return the tables and partitions of 10,000 rows and more that the plan reads from end to end."""
    names = [node["Relation Name"] for node in nodes(plan) if node["Node Type"] == "Seq Scan"]
    sql = "SELECT relname FROM pg_class WHERE relname = ANY(:names) AND reltuples >= 10000"
    return set(await tx.scalars(text(sql), {"names": names}))


@contextmanager
def _sent(tx: AsyncConnection) -> Generator[list[tuple[str, tuple[object, ...]]]]:
    statements: list[tuple[str, tuple[object, ...]]] = []

    def keep(_c: object, _cursor: object, statement: str, values: tuple[object, ...], *_: object) -> None:
        statements.append((statement, values))

    event.listen(tx.sync_connection, "before_cursor_execute", keep)
    try:
        yield statements
    finally:
        event.remove(tx.sync_connection, "before_cursor_execute", keep)
