"""What a process remembers of a tenant's catalogue: for two seconds, and then what the catalogue says."""

from dataclasses import dataclass

import pytest

from core.intake.schemas import BELIEVED_FOR, Budget, Schemas
from core.intake.wish import EventWish
from core.model.ids import TenantId
from core.model.json_value import JsonValue
from core.registry.catalogue import Catalogue
from core.registry.event_types import WORK, DataSchema, EventTypeWish
from tests.support.rows import Rows


@dataclass
class Desk:
    """Two processes: one that changes the catalogue, and one that has to find out."""

    tenant: TenantId
    catalogue: Catalogue
    rows: Rows
    at: float = 1000.0

    def schemas(self) -> Schemas:
        return Schemas(self.rows.database, seconds=lambda: self.at)

    async def describe(self, type_: str, name: str = "a") -> None:
        wish = EventTypeWish(name=name, description=None, schema={"type": type_}, example=None)
        await self.catalogue.put(self.tenant, wish)

    def wish(self, value: JsonValue = 1, type_: str = "a") -> EventWish:
        return EventWish(type=type_, data=b"1", value=value)


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
    work = DataSchema({"type": "string"}).work(1)
    heavy = EventWish(type="a", data=b"1" * (WORK // work + 1), value="a")
    budget = Budget(2 * work)

    found = [await schemas.problems(desk.tenant, wish, budget) for wish in (light, heavy, light, light)]

    assert [[(one.pointer, "batch" in one.detail) for one in problems] for problems in found] == [
        [],
        [("/data", False)],
        [],
        [("/data", True)],
    ]
