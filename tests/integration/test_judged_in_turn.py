"""What heavy filters of a tenant cost others: of its requests one is judged at a time, and in no transaction."""

import asyncio

from core.intake.acceptance import Acceptance
from core.intake.replay import Replays
from core.intake.schemas import Schemas
from core.intake.wish import EventWish
from core.model.ids import TenantId
from tests.integration.test_group import nowhere
from tests.integration.test_judge import OPEN
from tests.support.judging import Slow
from tests.support.rows import Rows
from tests.support.stores import ask

WISH = EventWish(type="order.paid", data=b"1")


def acceptance_of(rows: Rows, judge: Slow) -> Acceptance:
    return Acceptance(rows.database, nowhere(), judge, Schemas(rows.database))


async def test_events_of_a_tenant_are_judged_one_after_the_other_beside_those_of_others(
    rows: Rows, tenant: TenantId
) -> None:
    other, judge = await rows.tenant(), Slow(tenant)
    acceptance = acceptance_of(rows, judge)
    slow = [asyncio.create_task(acceptance.accept(tenant, WISH)) for _ in range(3)]
    await judge.entered.wait()

    await acceptance.accept(other, WISH)

    judge.go_on.set()
    await asyncio.gather(*slow)
    assert judge.most == 1


async def test_one_that_is_given_up_has_its_turn_until_its_thread_ends(rows: Rows, tenant: TenantId) -> None:
    judge = Slow(tenant)
    acceptance = acceptance_of(rows, judge)
    given_up = asyncio.create_task(acceptance.accept(tenant, WISH))
    await judge.entered.wait()

    given_up.cancel()
    await asyncio.wait([given_up])
    waiting = asyncio.create_task(acceptance.accept(tenant, WISH))
    await asyncio.to_thread(int)

    assert judge.most == 1
    judge.go_on.set()
    await waiting
    assert judge.most == 1


async def test_a_replay_is_judged_in_no_transaction(rows: Rows, tenant: TenantId, database_url: str) -> None:
    judge, endpoint = Slow(tenant), await rows.endpoint(tenant, filter="$")
    event = await rows.event(tenant)
    replay = asyncio.create_task(Replays(rows.database, nowhere(), judge).replay(tenant, event, None))
    await judge.entered.wait()

    held = await asyncio.to_thread(ask, database_url, OPEN)

    judge.go_on.set()
    await replay
    assert held == "0"
    assert await rows.one("SELECT endpoint_id FROM deliveries") == {"endpoint_id": endpoint}
