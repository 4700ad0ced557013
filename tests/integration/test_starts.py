"""How the engine starts what one claim has leased: some at a time, and all of it, whatever comes between."""

import asyncio
from collections.abc import Callable
from typing import Final

import pytest

from core.database import Database
from core.lease.claim import Claimed
from core.model.ids import TenantId
from core.model.queued import Queued
from tests.support.engines import Post, new_engine
from tests.support.rows import Rows
from workers.delivery.engine import TOGETHER, Ended, Engine

ENDPOINTS: Final = 4
OF_EACH: Final = 48
ALL: Final = ENDPOINTS * OF_EACH


class Heard(Post):
    """Hears after how many starts the loop turned, and does something then."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.count = 0
        self.turned: list[int] = []
        self.then: Callable[[], object] = lambda: None

    def attempt(self, claimed: Claimed, _before: float, ended: Ended) -> None:
        """See `Post.attempt`."""
        super().attempt(claimed, _before, ended)
        self.count += 1
        if self.count == 1:
            asyncio.get_running_loop().call_soon(self._turns)

    def _turns(self) -> None:
        self.turned.append(self.count)
        self.then()


@pytest.fixture
async def post(database: Database) -> Heard:
    return Heard(database)


@pytest.fixture
async def engine(post: Heard, rows: Rows, tenant: TenantId) -> Engine:
    """Return an engine that was offered more than it starts at once."""
    engine = new_engine(post, limit=ALL)
    for endpoint in [await rows.endpoint(tenant) for _ in range(ENDPOINTS)]:
        engine.offer([Queued(made, endpoint, tenant) for made in await rows.deliveries(OF_EACH, tenant, endpoint)])
    return engine


async def test_answers_are_heard_before_all_of_a_claim_have_started(engine: Engine, post: Heard) -> None:
    started = await engine.turn()

    assert (post.turned, started, post.count) == ([TOGETHER], ALL, ALL)


async def test_who_is_cancelled_among_the_starts_of_a_claim_starts_the_rest(engine: Engine, post: Heard) -> None:
    turn = asyncio.create_task(engine.turn())
    post.then = turn.cancel

    with pytest.raises(asyncio.CancelledError):
        await turn

    assert (post.turned, post.count, engine.in_flight) == ([TOGETHER], ALL, ALL)
