"""Events for many endpoints share no transaction with others, who would wait for them."""

import asyncio
from collections.abc import Sequence
from typing import TypeVar

import pytest

from core.database import AnyConnection, Database
from core.intake import event_group, wide
from core.intake.accept_queries import insert_lines
from core.intake.acceptance import Acceptance
from core.intake.event_queries import Line
from core.model.ids import TenantId
from tests.integration.test_event_group import acceptance_of, wish
from tests.support.rows import Rows

T = TypeVar("T")


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The types of each group that is written, from two deliveries on an event is wide."""
    written: list[list[str]] = []

    async def insert(tx: AnyConnection, *, lines: Sequence[Line], publish: bool, whole: bool) -> object:
        written.append([line.event.type for line in lines])
        return await insert_lines(tx, lines=lines, publish=publish, whole=whole)

    monkeypatch.setattr(event_group, "insert_lines", insert)
    monkeypatch.setattr(wide, "WIDE", 2)
    return written


@pytest.fixture
async def acceptance(database: Database, rows: Rows, tenant: TenantId) -> Acceptance:
    """What accepts, with two endpoints that want one type and one that wants another."""
    await rows.endpoint(tenant, event_types=["wide"])
    await rows.endpoint(tenant, event_types=["wide"])
    await rows.endpoint(tenant, event_types=["narrow"])
    return acceptance_of(database)


async def accept(acceptance: Acceptance, tenant: TenantId, *types: str) -> None:
    await asyncio.gather(*[acceptance.accept(tenant, wish(type_=type_)) for type_ in types])


async def test_what_is_known_to_go_to_many_goes_alone(
    acceptance: Acceptance, tenant: TenantId, groups: list[list[str]]
) -> None:
    await accept(acceptance, tenant, "wide")

    await accept(acceptance, tenant, "wide", "narrow", "wide", "narrow")

    assert sorted(groups) == [["narrow", "narrow"], ["wide"], ["wide"], ["wide"]]


async def test_what_goes_to_few_again_goes_with_the_others(
    acceptance: Acceptance, rows: Rows, tenant: TenantId, groups: list[list[str]]
) -> None:
    await accept(acceptance, tenant, "wide")
    await rows.all("UPDATE endpoints SET deleted_at = now() WHERE event_types = '{wide}' RETURNING id")
    await accept(acceptance, tenant, "wide")

    await accept(acceptance, tenant, "wide", "wide")

    assert groups == [["wide"], ["wide"], ["wide", "wide"]]


async def test_what_filters_select_for_many_goes_alone_however_few_the_last_one_went_to(
    acceptance: Acceptance, rows: Rows, tenant: TenantId, groups: list[list[str]]
) -> None:
    asked = {"path": "$.n", "equals": 1}
    await rows.endpoint(tenant, event_types=["asked"], filter=asked)
    await rows.endpoint(tenant, event_types=["asked"], filter=asked)
    await accept(acceptance, tenant, "asked")  # to nobody: what is known of the filters is learned
    groups.clear()

    await asyncio.gather(*[acceptance.accept(tenant, wish(number, type_="asked")) for number in (0, 1, 0, 1)])

    assert sorted(groups) == [["asked"], ["asked"], ["asked", "asked"]]
