"""Paging while others write: nothing of what was there at the start is left out, nothing comes twice."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from core.model import ids
from core.model.ids import EndpointId
from tests.support.accounts import Account, Json
from tests.support.rows import Rows

Query = dict[str, str | int]


class Writer:
    """One who makes deliveries all the time, and says how often."""

    def __init__(self, rows: Rows, account: Account, endpoint: EndpointId) -> None:
        self._rows, self._account, self._endpoint = rows, account, endpoint
        self.batches = 0
        self._wrote = asyncio.Condition()

    async def run(self) -> None:
        """Write until it is cancelled, some with an ID of a while ago: as one whose transaction took long."""
        while True:
            early = self._rows.new_id()
            await self._rows.deliveries(3, self._account.tenant_id, self._endpoint)
            await self._rows.delivery(self._account.tenant_id, self._endpoint, id=early)
            async with self._wrote:
                self.batches += 1
                self._wrote.notify_all()

    async def has_written(self, batches: int) -> None:
        """Return once it has written so many more."""
        until = self.batches + batches
        async with self._wrote, asyncio.timeout(60):
            await self._wrote.wait_for(lambda: self.batches >= until)


@asynccontextmanager
async def writing(rows: Rows, account: Account, endpoint: EndpointId) -> AsyncGenerator[Writer]:
    """Have somebody write meanwhile."""
    writer = Writer(rows, account, endpoint)
    task = asyncio.create_task(writer.run())
    await writer.has_written(1)
    yield writer
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def listed(account: Account, writer: Writer, query: Query) -> list[str]:
    """Return the IDs of all pages; something is written before each of them."""
    found: list[str] = []
    cursor: object = ""
    while cursor is not None:
        await writer.has_written(1)
        params = query | ({"cursor": str(cursor)} if cursor else {})
        page: Json = (await account.client.get("/v1/deliveries", params=params)).raise_for_status().json()
        found.extend(str(one["id"]) for one in cast("list[Json]", page["data"]))
        cursor = page["next_cursor"]
    return found


@pytest.mark.parametrize("query", [{}, {"status": "pending"}, {"event_type": "order.paid"}], ids=repr)
@pytest.mark.parametrize("limit", [1, 7, 200])
async def test_pages_hold_once_what_was_there_at_the_start(acme: Account, rows: Rows, limit: int, query: Query) -> None:
    endpoint = await rows.endpoint(acme.tenant_id)
    made = await rows.deliveries(5 * min(limit, 50) + 1, acme.tenant_id, endpoint)
    before = sorted((ids.encode(ids.DELIVERY, one) for one in made), reverse=True)

    async with writing(rows, acme, endpoint) as writer:
        found = await listed(acme, writer, query | {"limit": limit})

    assert [one for one in found if one in set(before)] == before
    assert len(found) == len(set(found))
    assert found == sorted(found, reverse=True)
    assert len(found) > len(before)
