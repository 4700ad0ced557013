"""What a process remembers of a tenant's catalogue: for two seconds, and then what the catalogue says."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from core.intake.schemas import BELIEVED_FOR, HEAVY, Budget, Compiled, Kept, Schemas
from core.intake.wish import EventWish
from core.model.ids import TenantId
from core.model.json_value import JsonValue
from core.patience import Turns
from core.registry.catalogue import Catalogue
from core.registry.event_types import WORK, DataSchema, EventTypeWish
from tests.support.rows import Rows
from tests.support.turns import Turns as CountedTurns


@dataclass
class Desk:
    """Two processes: one that changes the catalogue, and one that has to find out."""

    tenant: TenantId
    catalogue: Catalogue
    rows: Rows
    at: float = 1000.0

    def schemas(self) -> Schemas:
        return Schemas(self.rows.database, seconds=lambda: self.at)

    async def describe(self, type_: str, name: str = "a", **more: JsonValue) -> None:
        wish = EventTypeWish(name=name, description=None, schema={"type": type_, **more}, example=None)
        await self.catalogue.put(self.tenant, wish)

    def wish(self, value: JsonValue = 1, type_: str = "a") -> EventWish:
        return EventWish(type=type_, data=msgspec.json.encode(value))


@pytest.fixture
async def desk(rows: Rows) -> Desk:
    return Desk(await rows.tenant(), Catalogue(rows.database), rows)


async def test_a_change_elsewhere_holds_after_two_seconds(desk: Desk) -> None:
    schemas = desk.schemas()
    before = await schemas.problems(desk.tenant, desk.wish())
    await desk.describe("string")
    meanwhile = await schemas.problems(desk.tenant, desk.wish())
    desk.at += BELIEVED_FOR

    after = await schemas.problems(desk.tenant, desk.wish())

    assert (before, meanwhile) == ((), ())
    assert [one.pointer for one in after] == ["/data"]


async def test_a_schema_that_was_changed_elsewhere_is_compiled_anew(desk: Desk) -> None:
    schemas = desk.schemas()
    await desk.describe("string")
    before = await schemas.problems(desk.tenant, desk.wish())
    await desk.describe("integer")
    desk.at += BELIEVED_FOR

    after = await schemas.problems(desk.tenant, desk.wish())

    assert (len(before), after) == (1, ())


async def test_a_type_that_was_forgotten_elsewhere_takes_anything(desk: Desk) -> None:
    schemas = desk.schemas()
    await desk.describe("string")
    await schemas.problems(desk.tenant, desk.wish())
    await desk.catalogue.delete(desk.tenant, "a")
    desk.at += BELIEVED_FOR

    assert await schemas.problems(desk.tenant, desk.wish()) == ()


async def test_a_type_that_is_forgotten_between_two_looks_takes_anything(desk: Desk) -> None:
    schemas = desk.schemas()
    await desk.describe("string", "a")
    await desk.describe("string", "b")
    await schemas.problems(desk.tenant, desk.wish(type_="b"))
    await desk.catalogue.delete(desk.tenant, "a")

    assert await schemas.problems(desk.tenant, desk.wish(type_="a")) == ()


async def test_what_is_changed_here_holds_at_once(desk: Desk) -> None:
    schemas = desk.schemas()
    await schemas.problems(desk.tenant, desk.wish())
    await desk.describe("string")
    schemas.forget(desk.tenant)

    assert len(await schemas.problems(desk.tenant, desk.wish())) == 1


async def test_a_schema_that_an_earlier_version_took_refuses_nothing(desk: Desk) -> None:
    await desk.describe("string")
    await desk.rows.all(
        'UPDATE event_types SET schema = \'{"$ref": "#"}\' WHERE tenant_id = :id RETURNING 1', id=desk.tenant
    )

    assert await desk.schemas().problems(desk.tenant, desk.wish()) == ()


async def test_the_lines_of_a_batch_share_what_checking_them_may_take(desk: Desk) -> None:
    await desk.describe("string")
    schemas, light = desk.schemas(), desk.wish("a")
    work = DataSchema({"type": "string"}).work(len(light.data))
    heavy = EventWish(type="a", data=b"1" * (WORK // work * len(light.data) + len(light.data)))
    budget = Budget(2 * work)

    found = [await schemas.problems(desk.tenant, wish, budget) for wish in (light, heavy, light, light)]

    assert [[(one.pointer, "batch" in one.detail) for one in problems] for problems in found] == [
        [],
        [("/data", False)],
        [],
        [("/data", True)],
    ]


async def test_after_a_check_that_took_long_everybody_else_has_turns(desk: Desk) -> None:
    await desk.describe("string", pattern="a[ab]{1000}c")
    schemas, text = desk.schemas(), "ab" * 4096
    wish = EventWish(type="a", data=f'"{text}"'.encode())
    await schemas.problems(desk.tenant, wish)
    turns = CountedTurns()

    await schemas.problems(desk.tenant, wish)

    turns.end()
    assert HEAVY < DataSchema({"pattern": "a[ab]{1000}c"}).work(len(wish.data)) < WORK
    assert turns.count > 10


async def test_a_description_is_checked_in_turn_with_what_is_heavy(desk: Desk) -> None:
    turns = Turns()
    catalogue = Catalogue(desk.rows.database, turns)
    wish = EventTypeWish(name="a", description=None, schema={"type": "string"}, example="a")

    async with turns.take(1):
        described = asyncio.create_task(catalogue.put(desk.tenant, wish))
        _, waiting = await asyncio.wait([described], timeout=0.2)

    assert waiting == {described}
    assert (await described)[1]


def test_schemas_are_kept_as_far_as_they_fit_the_one_that_was_asked_for_last_the_longest() -> None:
    one = Kept(datetime(2026, 1, 1, tzinfo=UTC), DataSchema({"type": "string"}))
    first, second, third = ((UUID(int=n), "a") for n in range(3))
    compiled = Compiled(2 * one.memory)
    compiled.keep(first, one)
    compiled.keep(second, one)
    compiled.find(first, one.version)

    compiled.keep(third, one)
    compiled.keep(third, one)

    assert [compiled.find(key, one.version) for key in (first, second, third)] == [one, None, one]
