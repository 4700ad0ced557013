"""Which events go to many, as far as it is known before they are recorded."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest

from core.intake.event_queries import Line
from core.intake.verdicts import Verdict
from core.intake.wide import WIDE, Wide
from core.intake.wish import EventWish, line_of
from core.model.ids import TenantId

FIRST, SECOND, THIRD = (TenantId(UUID(int=n)) for n in range(3))


async def write(group: Sequence[Line]) -> Sequence[str]:
    return [line.event.type for line in group]


@pytest.fixture
def wide() -> Wide[str]:
    """What keeps two types of each of two tenants."""
    return Wide[str](write, lambda _: 0, tenants=2, types=2)


def line(tenant: TenantId = FIRST, type_: str = "a", selected: int = 0) -> Line:
    made = line_of(tenant, EventWish(type=type_, data=b"1"), 0.0)
    verdicts = tuple(Verdict(UUID(int=n), 1, n < selected) for n in range(WIDE if selected else 0))
    return Line(made.event, verdicts, made.keys)


@pytest.mark.parametrize(("deliveries", "alone"), [(WIDE - 1, False), (WIDE, True)])
async def test_what_went_to_many_goes_alone_the_next_time(wide: Wide[str], deliveries: int, alone: bool) -> None:  # noqa: FBT001 - a parameter of the test
    wide.learn(line(), deliveries)

    assert (wide.queue_of(line()) is not None) == alone
    assert wide.queue_of(line(type_="b")) is None
    assert wide.queue_of(line(SECOND)) is None


@pytest.mark.parametrize(("selected", "alone"), [(WIDE - 1, False), (WIDE, True)])
async def test_what_filters_select_for_many_goes_alone_at_once(wide: Wide[str], selected: int, alone: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert (wide.queue_of(line(selected=selected)) is not None) == alone


async def test_what_filters_selected_is_not_expected_of_the_next_one(wide: Wide[str]) -> None:
    wide.learn(line(selected=WIDE), WIDE + 9)

    assert wide.queue_of(line()) is None
    assert wide.queue_of(line(selected=WIDE - 9)) is not None
    assert wide.queue_of(line(selected=WIDE - 10)) is None


async def test_what_goes_to_few_again_goes_with_the_others(wide: Wide[str]) -> None:
    wide.learn(line(), WIDE)

    wide.learn(line(), 3)

    assert wide.queue_of(line()) is None


async def test_of_each_tenant_the_last_types_are_kept(wide: Wide[str]) -> None:
    wide.learn(line(SECOND), WIDE)
    wide.learn(line(type_="a"), WIDE)
    wide.learn(line(type_="b"), WIDE)
    wide.learn(line(type_="a"), WIDE)

    wide.learn(line(type_="c"), WIDE)

    assert [wide.queue_of(line(type_=one)) is not None for one in "abc"] == [True, False, True]
    assert wide.queue_of(line(SECOND)) is not None


async def test_the_tenants_that_were_last_are_kept(wide: Wide[str]) -> None:
    wide.learn(line(FIRST), WIDE)
    wide.learn(line(SECOND), WIDE)
    wide.learn(line(FIRST), WIDE)

    wide.learn(line(THIRD), WIDE)

    assert [wide.queue_of(line(tenant)) is not None for tenant in (FIRST, SECOND, THIRD)] == [True, False, True]


async def test_tenants_take_turns() -> None:
    opened, taken = asyncio.Event(), list[TenantId]()

    async def take(group: Sequence[Line]) -> Sequence[str]:
        taken.extend(one.event.tenant_id for one in group)
        await opened.wait()
        return await write(group)

    wide = Wide[str](take, lambda _: 0)
    lines = [line(tenant) for tenant in (FIRST, FIRST, FIRST, SECOND, SECOND)]
    wide.learn(lines[0], WIDE)
    wide.learn(lines[-1], WIDE)
    adds = [asyncio.create_task(queue.add(one)) for one in lines if (queue := wide.queue_of(one)) is not None]
    await asyncio.to_thread(int)
    begun = list(taken)

    opened.set()

    assert await asyncio.gather(*adds) == ["a"] * 5
    assert (begun, taken) == ([FIRST], [FIRST, SECOND, FIRST, SECOND, FIRST])
