"""Single statements without SQLAlchemy's execution in between; its engine still makes and holds the connections.

Each statement is a transaction of its own and costs one round trip. The hot paths use it: a statement through
SQLAlchemy costs some four times as much of the client's time.
"""

from asyncio import Semaphore
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import Final, Protocol, cast

from asyncpg import InterfaceError, InternalClientError, PostgresError  # pyright: ignore[reportMissingTypeStubs] - it has none
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from core import clock

READ_ONLY: Final = "25006"
IDLE: Final = 1.0
"""Seconds after which a connection is asked whether it is still there before it is used."""
ASKED_FOR: Final = 1.0
"""Seconds that it may take to answer: a host that is gone says nothing, and who asks has three in all."""
_SETTINGS: Final = (
    "SET plan_cache_mode = force_generic_plan",
    "SET enable_bitmapscan = off",
    "SET enable_seqscan = off",
    "SET lock_timeout = '300ms'",
)
"""Hot statements look rows up by keys, however many: to plan a claim anew for each batch is a sixth of its cost.

They hold many rows that have nothing to do with each other: one that is stuck fails them so early that there is time
to try each by itself (`core.intake.event_group.SOON`).

Only a plain scan of an index marks the entries whose rows are gone, so that the next one passes them by. Where leases
come and go, a claim by bitmaps read all that had come and gone since the last VACUUM: at 800 events a second to 20
endpoints it took most of a core. A table that was all but empty when a statement was planned, as `leases` is by night,
would be read as a whole by day.
"""


def ends_connection(error: BaseException | None) -> bool:
    """Tell whether a connection is over although the driver does not know it yet.

    Postgres has said that it ends it (SQLSTATE 57P01 to 57P05, a shutdown or a crash), or has said so while it was
    idle, so that the next statement fails in the driver itself. Or it has become a server that takes no writes (25006):
    after a failover the next connection finds the one that does.
    """
    state = str(getattr(error, "sqlstate", None))
    return isinstance(error, InternalClientError) or state.startswith("57P0") or state == READ_ONLY


class _Driver(Protocol):
    """What of asyncpg's connection is needed."""

    def is_closed(self) -> bool: ...

    def terminate(self) -> None: ...

    async def fetch(
        self,
        query: str,
        *values: object,
        timeout: float | None = None,  # noqa: ASYNC109 - as it is called there
    ) -> Sequence[Mapping[str, object]]: ...


class Direct:
    """A connection that runs single statements in the driver."""

    def __init__(self, held: AsyncConnection, driver: _Driver) -> None:
        self._held: Final = held
        self._driver: Final = driver
        self._used_at = clock.monotonic()
        self._ended = False

    async def fetch(
        self, sql: str, values: Mapping[str, object], *, within: float | None = None
    ) -> Sequence[Mapping[str, object]]:
        """Run a statement with SQLAlchemy's spelling of parameters; raise `DBAPIError` as SQLAlchemy does.

        It may take `within` seconds, or as many as the engine says: beyond, and if the connection is lost on the way,
        an `OSError` is raised (`TimeoutError` is one), and the connection is not used again.
        """
        query, names = _compiled(sql)
        try:
            found = await self._driver.fetch(query, *[values[name] for name in names], timeout=within)
        except OSError:
            self._ended = True
            raise
        except (PostgresError, InterfaceError, InternalClientError) as error:
            self._ended = self._driver.is_closed() or ends_connection(error)
            raise DBAPIError(query, None, error, hide_parameters=True, connection_invalidated=self._ended) from error
        self._used_at = clock.monotonic()
        return found

    async def is_there(self) -> bool:
        """Tell whether it can be used; one that was idle is asked."""
        if self._ended or self._driver.is_closed():
            return False
        if clock.monotonic() - self._used_at > IDLE:
            with suppress(DBAPIError, OSError):
                await self.fetch("SELECT 1", {}, within=ASKED_FOR)
        return not self._ended and not self._driver.is_closed()

    async def close(self) -> None:
        """Give the connection back to its engine, or drop it if it is lost."""
        if self._ended or self._driver.is_closed():
            self._driver.terminate()  # else SQLAlchemy would wait two seconds for the other side's farewell
            await self._held.invalidate()
        await self._held.close()


class NoDirectConnectionsError(RuntimeError):
    """A process that was given no connections for single statements asked for one."""

    def __init__(self) -> None:
        super().__init__("this process was given no connections for single statements")


class DirectPool:
    """Up to so many connections of an engine, held for single statements; the one used last goes first."""

    def __init__(self, engine: AsyncEngine, *, size: int) -> None:
        """Open nothing yet; the engine's connections have to be in autocommit. A `size` of 0 lends none."""
        self._engine: Final = engine
        self._size: Final = size
        self._free: Final = Semaphore(size)
        self._idle: Final[deque[Direct]] = deque()

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Direct]:
        """Lend a connection that was there a second ago; raise what SQLAlchemy raises if Postgres gives none.

        Raises `NoDirectConnectionsError` where the pool's size is 0: who waited would wait for ever.
        """
        if self._size == 0:
            raise NoDirectConnectionsError
        async with self._free:
            direct = await self._take()
            try:
                yield direct
            finally:
                self._idle.append(direct)

    async def close(self) -> None:
        """Close every connection."""
        while self._idle:
            await self._idle.pop().close()

    async def _take(self) -> Direct:
        while self._idle:
            direct = self._idle.pop()
            try:
                if await direct.is_there():
                    return direct
            except BaseException:  # a caller that is cancelled leaves it to the next one
                self._idle.append(direct)
                raise
            await direct.close()
        held = await self._engine.connect()
        raw = await held.get_raw_connection()
        direct = Direct(held, cast("_Driver", raw.driver_connection))
        try:
            for setting in _SETTINGS:
                await direct.fetch(setting, {})
        except BaseException:
            await direct.close()
            raise
        return direct


@lru_cache(maxsize=512)
def _compiled(sql: str) -> tuple[str, tuple[str, ...]]:
    """Return a statement with the driver's numbered parameters, and their names in that order."""
    compiled = text(sql).compile(dialect=dialect())
    return compiled.string, tuple(compiled.positiontup or ())
