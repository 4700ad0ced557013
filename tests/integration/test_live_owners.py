"""What one owner hears of attempts while others' happen: from where to go on, and nothing of theirs."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from types import SimpleNamespace
from typing import cast

import pytest
from fastapi import Request

from api import live as live_module
from api.deps import TenantCaller
from api.live import Live
from api.routes import live as routes
from core.database import Database
from core.journal.live_queries import Place
from core.model.ids import DeliveryId, TenantId
from tests.support.claiming import OK, claim_one, record, settled
from tests.support.rows import Rows

OWNER = "partner-1"
Follow = Callable[[Place, Callable[[], Awaitable[None]]], AsyncGenerator[bytes]]


class Listening:
    """One who may listen, and for whom something happens whenever there is nothing new."""

    def __init__(self, live: Live, happens: Callable[[], Awaitable[None]]) -> None:
        self._live, self._happens = live, happens

    async def may_listen(self) -> bool:
        """Go on."""
        return True

    async def listen(self, _: object) -> bool:
        """Have it happen, and be read."""
        await self._happens()
        return bool(await self._live.tick())


@pytest.fixture
def live(database: Database) -> Live:
    """What reads attempts; its turns are taken by the test."""
    return Live(database)


@pytest.fixture
def follow(live: Live, tenant: TenantId, monkeypatch: pytest.MonkeyPatch) -> Follow:
    """Follow as the owner from a place, where each pause is long enough to be told from where to go on."""

    def begin(place: Place, happens: Callable[[], Awaitable[None]]) -> AsyncGenerator[bytes]:
        def listener(_: object) -> Listening:
            return Listening(live, happens)

        monkeypatch.setattr(routes, "Listener", listener)
        monkeypatch.setattr(routes, "BEAT_EVERY", 0.0)
        caller = cast("TenantCaller", SimpleNamespace(tenant_id=tenant, owner=OWNER))
        return routes.follow_attempts(cast("Request", None), live, caller, place, None, reset=False)

    return begin


def place_in(told: bytes) -> Place:
    place = routes.read_place(told.decode().partition("\n")[0].removeprefix("id: "))
    assert place is not None
    return place


async def test_who_is_told_of_nothing_for_long_is_told_from_where_to_go_on_and_of_nobodys_delivery(
    live: Live, follow: Follow, database: Database, tenant: TenantId, delivery: DeliveryId
) -> None:
    async def happens() -> None:
        await record(database, settled(await claim_one(database, delivery), OK))

    began = await live.horizon()
    stream = follow(began, happens)
    first, second = await anext(stream), await anext(stream)
    await stream.aclose()

    place = place_in(second)
    assert first.startswith(b"id: ")
    assert place > began
    assert place == Place(place.transaction)
    assert [one.delivery_id for one in (await live.page(tenant, place))[0]] == [delivery]


async def test_what_was_told_of_a_transaction_is_not_told_again_to_who_goes_on_after_others_of_it(
    live: Live, follow: Follow, database: Database, rows: Rows, tenant: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "PAGE", 1)  # what one transaction wrote is read in two turns
    own = await rows.delivery(tenant, await rows.endpoint(tenant, owner=OWNER))
    other = await rows.delivery(tenant, await rows.endpoint(tenant))
    claimed = [await claim_one(database, one) for one in (own, other)]
    waiting = [settled(one, OK) for one in claimed]

    async def happens() -> None:
        await record(database, *waiting)
        waiting.clear()

    stream = follow(await live.horizon(), happens)
    _, told, after = await anext(stream), await anext(stream), await anext(stream)
    await stream.aclose()

    assert b"event: attempt" in told
    assert b"event: attempt" not in after
    assert place_in(after) == place_in(told)
    assert place_in(told).delivery_id == own
    assert [one.delivery_id for one in (await live.page(tenant, place_in(after)))[0]] == [other]
