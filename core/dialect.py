"""SQLAlchemy's dialect for asyncpg, where a connection may end while it is being set up.

What the driver raises there SQLAlchemy passes on as it is; everywhere else it makes its own errors of it, by which a
store that is away is told from a statement that is wrong.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final, Protocol, cast

from asyncpg import InterfaceError, InternalClientError, PostgresError  # pyright: ignore[reportMissingTypeStubs] - it has none
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

NAME: Final = "postgresql+ringback"
"""What stands before `://` for engines of this dialect."""


class _Driver(Protocol):
    def terminate(self) -> None: ...


class _Adapted(Protocol):
    """SQLAlchemy's view of a driver's connection, which it does not export."""

    driver_connection: _Driver


class Dialect(PGDialect_asyncpg):
    """asyncpg's, with the errors of a connection's set-up told as those of its statements."""

    supports_statement_cache = True

    async def setup_asyncpg_json_codec(self, conn: object) -> None:
        """See `PGDialect_asyncpg`."""
        async with self._setting_up(conn):
            await super().setup_asyncpg_json_codec(conn)  # pyright: ignore[reportUnknownMemberType] - untyped there

    async def setup_asyncpg_jsonb_codec(self, conn: object) -> None:
        """See `PGDialect_asyncpg`."""
        async with self._setting_up(conn):
            await super().setup_asyncpg_jsonb_codec(conn)  # pyright: ignore[reportUnknownMemberType] - untyped there

    @asynccontextmanager
    async def _setting_up(self, conn: object) -> AsyncGenerator[None]:
        """Drop a connection that cannot be set up, as the pool does not: by its end, or because nobody waits for it."""
        try:
            yield
        except BaseException as error:
            cast("_Adapted", conn).driver_connection.terminate()
            if not isinstance(error, (PostgresError, InterfaceError, InternalClientError)):
                raise
            raise self.loaded_dbapi.InterfaceError(str(error)) from error


registry.register("postgresql.ringback", __name__, Dialect.__name__)
