"""The one opener of Postgres: engines that work in one of the three roles.

Transactions are opened at the edge and are short; queries take the connection, and never commit.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from enum import StrEnum
from functools import lru_cache
from typing import Final, Protocol, TypeVar, cast
from uuid import UUID

from sqlalchemy import TextClause, event, make_url, text
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as SQLAlchemyTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from core import clock, dialect
from core.direct import IDLE, READ_ONLY, Direct, DirectPool, ends_connection

T = TypeVar("T")
AnyConnection = AsyncConnection | Direct
"""What a statement that stands alone runs on: a transaction, or a connection for such statements."""

CONNECT_TIMEOUT: Final = 1.9
"""Seconds: a refusal is promised within three, and a key has to be looked up before."""
STATEMENT_TIMEOUT: Final = 30.0
FAREWELL: Final = 2.0
"""Seconds for closing all connections: each would wait for its own answer, as long as a statement may take."""
LOCK_TIMEOUT: Final = "1s"  # one stuck row must not hold a group
_HARDLY_WAIT: Final = "SET LOCAL lock_timeout = '10ms'"
# What is hot stands in memory: a step in an index costs no disk's seek, and no statement is worth a compiler's time.
_PLANNING: Final = {"random_page_cost": "1.1", "jit": "off"}


class Role(StrEnum):
    """What a pool may do; see `migrations/roles.py`."""

    OWNER = "ringback_owner"
    TENANT = "ringback_tenant"
    ENGINE = "ringback_engine"


def is_away(error: Exception) -> bool:
    """Tell a store that is away, overloaded or in a deadlock from a statement that is wrong: the first one passes.

    By SQLSTATE class: 08 connection, 40 rollback, 53 resources, 55 locks, 57 intervention; none at all means that the
    connection was lost, and 25006 that it leads to a server that takes no writes (any more).
    """
    if not isinstance(error, DBAPIError):
        return isinstance(error, OSError | SQLAlchemyTimeoutError)
    state = str(getattr(error.orig, "sqlstate", None) or "08")
    return error.connection_invalidated or state == READ_ONLY or state[:2] in {"08", "40", "53", "55", "57"}


def is_lock_timeout(error: DBAPIError) -> bool:
    """Tell whether a statement waited for a lock longer than `LOCK_TIMEOUT` (SQLSTATE 55P03)."""
    return getattr(error.orig, "sqlstate", None) == "55P03"


def is_taken(error: DBAPIError) -> bool:
    """Tell whether a row was refused because another one holds its unique key (SQLSTATE 23505)."""
    return getattr(error.orig, "sqlstate", None) == "23505"


def database_url(url: str) -> URL:
    """Return the URL with the driver that the project uses, whatever `postgresql://` form was given.

    libpq's `sslmode` is `ssl` to this driver, with the same values.
    """
    made = make_url(url).set(drivername=dialect.NAME)
    if "sslmode" not in made.query:
        return made
    return made.update_query_dict({"ssl": made.query["sslmode"]}).difference_update_query(["sslmode"])


def open_engine(
    url: str, role: Role | None, *, size: int = 5, pooled: bool = True, patience: float | None = STATEMENT_TIMEOUT
) -> AsyncEngine:
    """Return an engine whose connections work in `role`; with `None`, as the login itself.

    A statement may take `patience` seconds; with `None`, as long as it likes.
    """
    settings = {"application_name": "ringback", "lock_timeout": LOCK_TIMEOUT, "timezone": "UTC", **_PLANNING}
    if role is not None:
        settings["role"] = role.value
    connect = {"timeout": CONNECT_TIMEOUT, "command_timeout": patience, "server_settings": settings}
    if not pooled:
        return create_async_engine(database_url(url), poolclass=NullPool, connect_args=connect)
    engine = create_async_engine(
        database_url(url),
        pool_size=size,
        max_overflow=0,
        pool_timeout=CONNECT_TIMEOUT,
        hide_parameters=True,  # errors are logged, payloads are not
        connect_args=connect,
        json_serializer=_dump,
    )
    event.listen(engine.sync_engine, "checkin", _note_use)
    event.listen(engine.sync_engine, "checkout", _check_use)
    event.listen(engine.sync_engine, "handle_error", _note_end)
    return engine


def _note_use(_: object, record: ConnectionPoolEntry) -> None:
    record.info["used_at"] = clock.monotonic()


def _note_end(context: ExceptionContext) -> None:
    """Have a connection dropped that is over although the driver does not know it yet."""
    error = context.original_exception
    context.is_disconnect = context.is_disconnect or ends_connection(error) or ends_connection(error.__cause__)


def _check_use(connection: object, record: ConnectionPoolEntry, _: object) -> None:
    """Have a connection replaced that was lost while it was idle.

    SQLAlchemy's own check costs three round trips each time; one that was used a moment ago is not asked.
    """
    known = cast("_Adapted", connection)
    used_at = record.info.get("used_at")
    if known.driver_connection.is_closed():
        raise DisconnectionError
    if isinstance(used_at, float) and clock.monotonic() - used_at > IDLE:
        try:
            known.ping()
        except Exception as error:
            raise DisconnectionError from error


class _Driver(Protocol):
    def is_closed(self) -> bool: ...


class _Adapted(Protocol):
    """SQLAlchemy's view of a driver's connection, which it does not export."""

    driver_connection: _Driver

    def ping(self) -> None: ...


@lru_cache(maxsize=512)
def _statement(sql: str) -> TextClause:
    return text(sql)


async def fetch_all(tx: AnyConnection, kind: Callable[..., T], sql: str, **values: object) -> tuple[T, ...]:
    """Run a statement and return each row as a `kind`, whose fields carry the columns' names."""
    if isinstance(tx, Direct):
        return _made(kind, await tx.fetch(sql, values))
    result = await tx.execute(_statement(sql), values)
    return tuple(kind(**{str(name): value for name, value in row.items()}) for row in result.mappings())


def _made(kind: Callable[..., T], rows: Sequence[Mapping[str, object]]) -> tuple[T, ...]:
    """Make a `kind` of each row; by place where the columns stand as its fields do, at a tenth of the cost."""
    fields = cast("tuple[str, ...]", getattr(kind, "__struct_fields__", ()))
    names = tuple(rows[0].keys()) if rows else ()
    if names and names == fields[: len(names)]:
        return tuple([kind(*row.values()) for row in rows])
    return tuple([kind(**row) for row in rows])


async def fetch_one(tx: AnyConnection, kind: Callable[..., T], sql: str, **values: object) -> T | None:
    """Run a statement and return its first row as a `kind`, or `None` where there is no row."""
    return next(iter(await fetch_all(tx, kind, sql, **values)), None)


async def execute(tx: AsyncConnection, sql: str, **values: object) -> int:
    """Run a statement and return how many rows it changed."""
    return (await tx.execute(_statement(sql), values)).rowcount


_WHO: Final = "SELECT set_config('ringback.tenant', :tenant, true), set_config('ringback.owner', :owner, true)"


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Database:
    """The pools of one process, and the database's clock."""

    def __init__(
        self,
        url: str,
        *,
        size: int = 5,
        direct: int = 1,
        patience: float = STATEMENT_TIMEOUT,
    ) -> None:
        """Open nothing yet; a statement may take `patience` seconds, its connection is dropped then.

        Each role that is used has up to `size` connections, and the engine's `direct` more for single statements;
        with 0, `statement` raises. These plan each statement once.
        """
        self._tenant: Final = open_engine(url, Role.TENANT, size=size, patience=patience)
        self._engine: Final = open_engine(url, Role.ENGINE, size=size + direct, patience=patience)
        self._direct: Final = DirectPool(self._engine.execution_options(isolation_level="AUTOCOMMIT"), size=direct)
        self._offset = clock.unix_seconds() - clock.monotonic()

    @asynccontextmanager
    async def tenant(self, tenant_id: UUID, owner: str | None = None) -> AsyncGenerator[AsyncConnection]:
        """Open a transaction that sees one tenant's rows and no others; with an owner, only that owner's of them."""
        async with self._tenant.begin() as tx:
            await tx.execute(_statement(_WHO), {"tenant": str(tenant_id), "owner": owner or ""})
            yield tx

    @asynccontextmanager
    async def engine(self, *, patient: bool = True) -> AsyncGenerator[AsyncConnection]:
        """Open a transaction across tenants, for statements that carry the tenant themselves.

        One that is not `patient` hardly waits for a lock: to find out which of many rows somebody holds.
        """
        async with self._engine.begin() as tx:
            if not patient:
                await tx.execute(_statement(_HARDLY_WAIT))
            yield tx

    def statement(self) -> AbstractAsyncContextManager[Direct]:
        """Open a connection in the engine's role on which each statement is a transaction of its own.

        One statement then costs one round trip instead of three, and nothing of SQLAlchemy's execution. Raises
        `core.direct.NoDirectConnectionsError` where the process was given none (`direct=0`).
        """
        return self._direct.connection()

    async def ping(self) -> None:
        """Ask the database for its time and keep the difference to a clock that never leaps; raise if it is away."""
        async with self._engine.connect() as connection:
            before = clock.monotonic()
            there = await connection.scalar(text("SELECT extract(EPOCH FROM clock_timestamp())::FLOAT8"))
            self._offset = float(there or 0) - (before + clock.monotonic()) / 2

    def unix_seconds(self) -> float:
        """Return the database's time, good to the milliseconds of its last `ping`; this machine's before the first."""
        return clock.monotonic() + self._offset

    async def close(self) -> None:
        """Close every connection; a Postgres that says nothing is not waited for."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL):
                await self._direct.close()
                await self._tenant.dispose()
                await self._engine.dispose()
