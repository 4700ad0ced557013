"""`GET /v1/stream`: attempts as they happen, as Server-Sent Events."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

import httpx
import pytest

from api.routes.live import read_place, write_place
from core.journal.live_queries import Place
from core.model import ids
from core.model.ids import DeliveryId
from tests.support.accounts import Account, client_of, document, refused
from tests.support.claiming import OK, claim_one, record, settled
from tests.support.rows import Rows

Event = dict[str, str]
WITHIN = 60.0


class Listener:
    """One who reads the events of a stream."""

    def __init__(self, began: str, lines: AsyncGenerator[str]) -> None:
        self.began = began
        self._lines = lines

    async def next(self) -> Event:
        """Return the next event, without beats."""
        async with asyncio.timeout(WITHIN):
            return await self._next()

    async def _next(self) -> Event:
        event: Event = {}
        async for line in self._lines:
            name, _, value = line.partition(": ")
            event |= {name: value} if name else {}
            if not line and "event" in event:
                return event
        return event


@asynccontextmanager
async def listening(client: httpx.AsyncClient, known: str | None = None) -> AsyncGenerator[Listener]:
    headers = {} if known is None else {"Last-Event-ID": known}
    async with client.stream("GET", "/v1/stream", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        begins = [await anext(lines) for _ in range(3)]
        assert begins[1:] == ["retry: 3000", ""]
        yield Listener(begins[0].removeprefix("id: "), lines)  # pyright: ignore[reportArgumentType] - httpx declares an iterator, and gives a generator


async def attempt(account: Account, rows: Rows, **endpoint: object) -> DeliveryId:
    """Make an attempt, as a deliverer records it."""
    delivery = await rows.delivery(account.tenant_id, await rows.endpoint(account.tenant_id, **endpoint))
    await record(rows.database, settled(await claim_one(rows.database, delivery), OK))
    return delivery


async def test_a_stream_ends_with_its_key(acme: Account) -> None:
    made = (await acme.client.post("/v1/keys", json={"name": "k", "role": "inspector"})).json()

    async with client_of(str(acme.client.base_url), made["key"]) as theirs, listening(theirs) as listener:
        await acme.client.delete(f"/v1/keys/{made['id']}")
        ended = await listener.next()

    assert ended == {}


async def test_a_stream_of_a_task_ends_with_its_key(acme: Account, rows: Rows) -> None:
    task = await rows.task(acme.tenant_id)
    made = (await acme.client.post("/v1/keys", json={"name": "k", "role": "client"})).json()

    async with (
        client_of(str(acme.client.base_url), made["key"]) as theirs,
        theirs.stream("GET", f"/v1/tasks/{ids.encode(ids.TASK, task)}/stream") as answer,
    ):
        await acme.client.delete(f"/v1/keys/{made['id']}")
        async with asyncio.timeout(WITHIN):
            told = await answer.aread()

    assert told.count(b"event: status") == 1


async def test_an_attempt_is_told_as_it_happens(acme: Account, rows: Rows) -> None:
    async with listening(acme.client) as listener:
        delivery = await attempt(acme, rows)

        event = await listener.next()

    assert event["event"] == "attempt"
    told = httpx.Response(200, text=event["data"]).json()
    assert (told["delivery_id"], told["outcome"]) == (ids.encode(ids.DELIVERY, delivery), "succeeded")
    assert (told["event_type"], told["response_status"], told["number"]) == ("order.paid", 200, 1)


async def test_who_resumes_gets_what_was_missed_and_nothing_twice(acme: Account, rows: Rows) -> None:
    async with listening(acme.client) as listener:
        await attempt(acme, rows)
        known = (await listener.next())["id"]
    missed = await attempt(acme, rows)

    async with listening(acme.client, known) as listener:
        first = await listener.next()
        later = await attempt(acme, rows)
        second = await listener.next()

    named = [ids.encode(ids.DELIVERY, one) in event["data"] for one, event in ((missed, first), (later, second))]
    assert named == [True, True]


async def test_who_has_heard_of_nothing_yet_resumes_where_its_stream_began(acme: Account, rows: Rows) -> None:
    async with listening(acme.client) as listener:
        began = listener.began
    missed = await attempt(acme, rows)

    async with listening(acme.client, began) as listener:
        event = await listener.next()

    assert (listener.began, event["event"]) == (began, "attempt")
    assert ids.encode(ids.DELIVERY, missed) in event["data"]


@pytest.mark.parametrize("known", ["nonsense", "9000000000000000000.0.0", f"9000000000000000000.{'0' * 32}.1"])
async def test_who_cannot_resume_is_told_so(acme: Account, rows: Rows, known: str) -> None:
    async with listening(acme.client, known) as listener:
        reset = await listener.next()
        delivery = await attempt(acme, rows)
        event = await listener.next()

    assert (reset["event"], event["event"]) == ("reset", "attempt")
    assert ids.encode(ids.DELIVERY, delivery) in event["data"]


async def test_a_partner_hears_of_its_own_attempts_alone(acme: Account, rows: Rows) -> None:
    made = await acme.client.post("/v1/keys", json={"name": "own", "role": "partner", "owner": "partner-1"})

    async with client_of(str(acme.client.base_url), document(made)["key"]) as client, listening(client) as listener:
        await attempt(acme, rows, owner="partner-2")
        await attempt(acme, rows)
        own = await attempt(acme, rows, owner="partner-1")
        event = await listener.next()

    assert ids.encode(ids.DELIVERY, own) in event["data"]


async def test_another_tenants_attempts_are_not_told(acme: Account, other: Account, rows: Rows) -> None:
    async with listening(acme.client) as listener:
        await attempt(other, rows)
        own = await attempt(acme, rows)
        event = await listener.next()

    assert ids.encode(ids.DELIVERY, own) in event["data"]


async def test_listening_needs_the_scope_for_it(acme: Account) -> None:
    made = await acme.client.post("/v1/keys", json={"name": "own", "role": "client"})

    async with client_of(str(acme.client.base_url), document(made)["key"]) as client:
        refused(await client.get("/v1/stream"), 403, "forbidden")


def test_a_place_is_read_as_it_was_written() -> None:
    place = Place(7, UUID(int=5), 3)

    assert read_place(write_place(place)) == place
