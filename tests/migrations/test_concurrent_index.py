"""An index of a table in use is built beside those who write to it."""

import asyncio
from asyncio import Task, create_task, to_thread

from core.database import Role, open_engine
from tests.conftest import migrate
from tests.support.stack import eventually
from tests.support.stores import PostgresServer, ask

WRITE = "SET lock_timeout = '1s'; SET ROLE ringback_owner; DELETE FROM tasks"
LEFT_INVALID = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'tasks_finished_idx'::REGCLASS"
VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'tasks_finished_idx'::REGCLASS"
WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE '%{} INDEX CONCURRENTLY%' AND pid <> pg_backend_pid()
    AND wait_event_type = 'Lock' AND now() - query_start > INTERVAL '1.5 s'
"""
"""For longer than `core.database.LOCK_TIMEOUT`."""


def writes_while_it_waits(url: str, what: str) -> str:
    """Write to the table once a migration waits for somebody else's transaction; return what there is to return."""

    def look() -> None:
        assert ask(url, WAITING.format(what)) == "1"

    eventually(look)
    return ask(url, WRITE)


async def write_during(url: str, what: str, *arguments: str) -> Task[None]:
    """Have a migration wait for a transaction that has written, write beside it; then let it go on."""
    engine = open_engine(url, Role.OWNER, pooled=False)
    async with engine.begin() as long:
        await long.exec_driver_sql("DELETE FROM tasks")
        migrating = create_task(to_thread(migrate, url, *arguments))
        await to_thread(writes_while_it_waits, url, what)
    await asyncio.wait([migrating])
    return migrating


async def test_tasks_are_written_while_the_index_is_built(empty: str) -> None:
    migrate(empty, "upgrade", "0003")

    migrating = await write_during(empty, "CREATE", "upgrade", "0004")

    assert migrating.exception() is None
    assert ask(empty, VALID) == "t"


async def test_tasks_are_written_while_the_index_is_dropped(database_url: str) -> None:
    migrate(database_url, "downgrade", "0004")

    migrating = await write_during(database_url, "DROP", "downgrade", "0003")

    assert migrating.exception() is None


def test_what_an_earlier_try_left_invalid_is_built_again(postgres: PostgresServer, empty: str) -> None:
    migrate(empty, "upgrade", "0003")
    ask(empty, "SET ROLE ringback_owner; CREATE INDEX tasks_finished_idx ON tasks (finished_at)")
    name = ask(empty, "SELECT current_database()")
    ask(postgres.store.url_of(name, user="postgres"), LEFT_INVALID)

    migrate(empty)

    assert ask(empty, VALID) == "t"
