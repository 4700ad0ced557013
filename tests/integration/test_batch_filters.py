"""Batches of a tenant with heavy filters: what judging them takes is bounded, and nobody else waits for it."""

import asyncio
import json
from collections.abc import Sequence

import pytest

from core.intake import together
from core.intake.acceptance import Acceptance
from core.intake.judge import Judge
from core.intake.outcomes import Accepted, Refusal
from core.intake.schemas import Schemas
from core.intake.wish import EventWish
from core.model import tables
from core.model.errors import UnavailableError
from core.model.ids import TenantId
from tests.integration.test_group import nowhere
from tests.integration.test_judge import Overtaken
from tests.support.judging import Slow
from tests.support.rows import Rows

ONE_IN_MANY = "$[?@ == 'x']"
LOOKS = 100
HEAVY = "$..*..*"


def acceptance_of(rows: Rows, judge: Judge) -> Acceptance:
    return Acceptance(rows.database, nowhere(), judge, Schemas(rows.database))


def wish() -> EventWish:
    """Return an event that a filter for one in many finds at the last of `LOOKS` looks."""
    value = [*range(LOOKS - 1), "x"]
    return EventWish(type="order.paid", data=json.dumps(value).encode())


def told(outcomes: Sequence[Accepted | Refusal]) -> list[int | tuple[str, str]]:
    """Return of each line how many deliveries it made, or why it was refused."""
    return [
        one.event.deliveries if isinstance(one, Accepted) else (one.code, one.errors[0].pointer) for one in outcomes
    ]


async def test_the_lines_of_a_batch_share_what_filters_may_look_at(
    rows: Rows, tenant: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "LOOKS", 2 * LOOKS + 1)
    await rows.endpoint(tenant, filter=ONE_IN_MANY)

    outcomes, _ = await acceptance_of(rows, Judge()).accept_all(tenant, [wish()] * 4)

    assert told(outcomes) == [1, 1, 1, ("invalid-input", "/data")]  # the third is still judged as if it came alone
    assert await rows.one("SELECT count(*) AS n FROM events") == {"n": 3}


async def test_judging_a_batch_again_takes_no_more(
    rows: Rows, tenant: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "LOOKS", 2 * LOOKS)
    endpoint = await rows.endpoint(tenant, filter=ONE_IN_MANY)

    async def change(version: int) -> None:
        await rows.change(tables.endpoints, endpoint, filter=f"$[?@ == 'x{version}']", filter_version=version)

    outcomes, _ = await acceptance_of(rows, Overtaken(change)).accept_all(tenant, [wish()])

    assert told(outcomes) == [("invalid-input", "/data")]


async def test_a_batch_that_takes_too_long_to_judge_is_refused(
    rows: Rows, tenant: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(together, "JUDGED_WITHIN", 0.0)
    await rows.endpoint(tenant, filter=HEAVY)

    with pytest.raises(UnavailableError):
        await acceptance_of(rows, Judge()).accept_all(tenant, [wish()])


async def test_batches_of_a_tenant_are_judged_one_after_the_other_beside_those_of_others(
    rows: Rows, tenant: TenantId
) -> None:
    other, judge = await rows.tenant(), Slow(tenant)
    acceptance = acceptance_of(rows, judge)
    slow = [asyncio.create_task(acceptance.accept_all(tenant, [wish()])) for _ in range(3)]
    await judge.entered.wait()

    outcomes, _ = await acceptance.accept_all(other, [wish()])

    assert told(outcomes) == [0]
    judge.go_on.set()
    assert [told(outcomes) for outcomes, _ in await asyncio.gather(*slow)] == [[0]] * 3
    assert judge.most == 1
