"""Answers that nobody reads: so many bytes of them are held, and none for long."""

import asyncio
import socket
import threading
import tracemalloc
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import ClassVar

import httpx
import pytest
from redis.asyncio import Redis

from api.holdings import Holdings
from api.hot_protocol import HotProtocol
from core.journal.tasks import STORED_RESULT_LIMIT
from core.model import ids
from core.model.ids import TenantId
from core.redis import open_redis
from core.results import Results
from core.settings import Settings
from tests.support.accounts import data, document
from tests.support.apps import settings_of
from tests.support.listening import listening
from tests.support.raw_http import key_of
from tests.support.rows import Rows
from tests.support.samples import ago
from tests.support.stack import eventually

MIB = 1024 * 1024
PAGE = 8 * MIB
ROOM = 24 * MIB
READERS = 12
BUFFERED = 256 * 1024
"""Bytes that a connection may have waiting: what starts to hold it up, and a piece."""
RESULT = b'"%b"' % (b"x" * PAGE)
GET = "GET {} HTTP/1.1\r\nHost: ringback\r\nAuthorization: Bearer {}\r\nPrefer: wait=10\r\n\r\n"


class Watched(HotProtocol):
    """A connection that can be looked at, and waits a long time for its reader."""

    unread_for = 600.0
    open: ClassVar[set[HotProtocol]] = set()

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Note it."""
        super().connection_made(transport)
        self.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        super().connection_lost(exc)
        self.open.discard(self)


class Hasty(Watched):
    """One that waits for its reader a moment only."""

    unread_for = 0.3


class Brisk(Watched):
    """One that waits for its reader for less than the whole of a slow read."""

    unread_for = 3.0


@pytest.fixture
def settings(api_database: str, redis_store: str) -> Settings:
    """The settings of an API that has results."""
    return settings_of(database=api_database, redis=redis_store)


async def fill(client: httpx.AsyncClient) -> None:
    """Send events that come to a page and more."""
    for _ in range(PAGE // MIB + 2):
        answer = await client.post("/v1/events", json={"type": "order.paid", "data": "x" * (MIB - 100)})
        assert answer.status_code == 202


@asynccontextmanager
async def asking(
    client: httpx.AsyncClient, path: str, count: int = 1, buffer: int = 4096
) -> AsyncGenerator[list[asyncio.StreamReader]]:
    """Ask for something so many times, and read nothing; hang up at the end."""
    opened = [await asyncio.open_connection(sock=narrow(client, buffer), limit=1024) for _ in range(count)]
    for _, writer in opened:
        writer.write(GET.format(path, key_of(client)).encode())
    try:
        yield [reader for reader, _ in opened]
    finally:
        for _, writer in opened:
            writer.transport.abort()
        await asyncio.to_thread(eventually, lambda: waiting(0), within=10)


def narrow(client: httpx.AsyncClient, buffer: int) -> socket.socket:
    """Connect as a client that takes little at a time."""
    link = socket.create_connection((client.base_url.host, client.base_url.port or 0))
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    link.setblocking(False)
    return link


async def statuses(readers: list[asyncio.StreamReader]) -> list[int]:
    """Return the status of each answer."""
    lines = await asyncio.gather(*[reader.readline() for reader in readers])
    return [int(line.split()[1]) for line in lines]


def unsent() -> list[int]:
    """Return the bytes that each connection has waiting, if it has any."""
    sizes = [one.transport.get_write_buffer_size() for one in Watched.open]
    return [size for size in sizes if size]


async def test_pages_that_nobody_reads_are_as_many_as_there_is_room_for(settings: Settings) -> None:
    async with listening(settings, Watched, Holdings(answers=ROOM)) as client:
        await fill(client)

        async with asking(client, "/v1/events?limit=200", READERS) as readers:
            assert sorted(await statuses(readers)) == [200] + [503] * (READERS - 1)
            assert len(unsent()) == 1
            assert max(unsent()) < BUFFERED
            assert len(data(await client.get("/v1/events?limit=2"))) == 2


async def test_a_refused_page_is_a_problem_that_says_when_to_come_again(settings: Settings) -> None:
    async with listening(settings, Watched, Holdings(answers=PAGE)) as client:
        await fill(client)
        async with asking(client, "/v1/events?limit=4") as readers:
            await statuses(readers)

            answer = await client.get("/v1/events?limit=4")

        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_a_connection_whose_answer_nobody_reads_ends(settings: Settings) -> None:
    async with listening(settings, Hasty, Holdings(answers=ROOM)) as client:
        await fill(client)
        async with asking(client, "/v1/events?limit=200", READERS) as readers:
            await statuses(readers)

            await asyncio.to_thread(eventually, lambda: waiting(0), within=10)

        assert len(data(await client.get("/v1/events?limit=200"))) == PAGE // MIB + 1


async def test_a_slow_reader_who_goes_on_gets_all_of_it(settings: Settings) -> None:
    async with listening(settings, Brisk) as client:
        await fill(client)
        async with asking(client, "/v1/events?limit=8", buffer=64 * 1024) as (reader,):
            await reader.readline()

            left = await drip(reader, 8 * (MIB - 100))

    assert left <= 0


async def drip(reader: asyncio.StreamReader, size: int) -> int:
    """Read so many bytes, with a rest after each part; return how many of them are left."""
    while size > 0:
        size -= len(await reader.readexactly(min(size, 128 * 1024)))
        await asyncio.to_thread(threading.Event().wait, 0.1)
    return size


@pytest.fixture
async def redis(redis_store: str) -> AsyncGenerator[Redis]:
    """The Redis of the API."""
    opened = open_redis(redis_store)
    yield opened
    await opened.aclose()


@pytest.mark.parametrize("what", ["", "/result", "/stream"])
async def test_those_who_ask_for_one_large_result_share_its_bytes(
    settings: Settings, rows: Rows, redis: Redis, what: str
) -> None:
    assert len(RESULT) > STORED_RESULT_LIMIT
    async with listening(settings, Watched, Holdings(answers=4 * len(RESULT))) as client:
        event = data(await client.get("/v1/events"))[0]
        tenant_id = await tenant_of(rows, event["id"])
        ended: dict[str, object] = {"status": "SUCCESS", "due_at": None, "run": 1, "result_size": len(RESULT)}
        task = await rows.task(tenant_id, **ended, started_at=ago(1), finished_at=ago(0))
        await Results(redis, ttl=60).put(task, 1, RESULT)
        path = f"/v1/tasks/{ids.encode(ids.TASK, task)}"
        tracemalloc.start()

        async with asking(client, path + what, READERS) as readers:
            answered = await statuses(readers)
            await asyncio.to_thread(eventually, lambda: waiting(READERS), within=10)
            kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert answered == [200] * READERS
        assert kept < 6 * len(RESULT)
        assert document(await client.get(path))["result"] == "x" * PAGE


def waiting(count: int) -> None:
    """Assert that so many connections have something waiting."""
    assert len(unsent()) == count


async def tenant_of(rows: Rows, event: object) -> TenantId:
    """Return whose an event is."""
    found = await rows.one("SELECT tenant_id FROM events WHERE id = :id", id=ids.decode(ids.EVENT, str(event)))
    return TenantId(found["tenant_id"])  # pyright: ignore[reportArgumentType]
