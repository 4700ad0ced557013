"""Events that are recorded with what they tell of: judging them holds the transaction only so long, however many."""

from collections.abc import Sequence

import pytest

from core.database import Database
from core.intake import judge
from core.intake.accept import NewEvent
from core.intake.event_queries import Line
from core.intake.judge import Judge
from core.intake.notices import Notices
from core.intake.telling import Teller
from core.journal.record import Recorded
from core.model.counted import Budget
from core.model.ids import EndpointId, TenantId
from tests.integration.test_group import nowhere
from tests.integration.test_judge import Desk, Overtaken
from tests.support.feeding import BASE_URL, new_notices
from tests.support.rows import Rows
from tests.support.samples import ago
from workers.ending import end_expired_tasks, end_lost_tasks

LOOKS = 30
DATA = b'["w",%b"x"]' % (b'"v",' * (LOOKS - 2))
HEAVY = "$[?@ == 'x',?@ == 'x']"
"""Looks at all of `DATA`, and is not light."""


@pytest.fixture
async def desk(rows: Rows, tenant: TenantId) -> Desk:
    return Desk(rows, tenant)


@pytest.mark.parametrize(("events", "wanted"), [(2, 2), (3, 0)])
async def test_events_that_are_recorded_together_share_what_filters_may_look_at(
    rows: Rows, desk: Desk, monkeypatch: pytest.MonkeyPatch, events: int, wanted: int
) -> None:
    monkeypatch.setattr(judge, "EVENT_BUDGET", 2 * (LOOKS + 1))
    heavy = await rows.endpoint(desk.tenant, filter=HEAVY)
    light = await rows.endpoint(desk.tenant, filter="$[0]")

    told = [endpoint for _, endpoint in await desk.told(*(desk.event(DATA) for _ in range(events)))]

    assert (told.count(heavy), told.count(light)) == (wanted, events)


async def test_what_is_light_takes_nothing_of_what_heavy_filters_of_others_share(
    rows: Rows, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "EVENT_BUDGET", LOOKS)
    heavy = await rows.endpoint(desk.tenant, filter=HEAVY, event_types=["order.*"])
    light = await rows.endpoint(desk.tenant, filter="$[?@ == 'x']", event_types=["user.*"])
    events = [desk.event(DATA, type=type_) for type_ in ("user.made", "order.paid", "user.made")]

    told = [endpoint for _, endpoint in await desk.told(*events)]

    assert told == [light, heavy, light]


async def test_filters_that_took_long_are_held_before_they_are_judged_again(
    rows: Rows, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "EVENT_BUDGET", LOOKS)
    endpoint = await rows.endpoint(desk.tenant, filter=HEAVY)
    desk.judge = changing = Overtaken(lambda version: desk.refilter(endpoint, HEAVY, version))
    event = desk.event(DATA)

    told = await desk.told(event)

    assert told == [(event.id, endpoint)]
    assert (changing.version, len(changing.waiting)) == (3, 1)  # it was judged twice, and not four times


class Counting(Judge):
    """Notes how many events it is asked of at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = list[int]()

    async def lines(self, events: Sequence[NewEvent], budget: Budget) -> list[Line]:
        self.asked.append(len(events))
        return await super().lines(events, budget)


async def test_what_ends_together_is_told_together(database: Database, rows: Rows, tenant: TenantId) -> None:
    await rows.endpoint(tenant)
    counting = Counting()
    teller = Teller(database, nowhere(), BASE_URL, counting)
    late: dict[str, object] = {"expires_at": ago(1), "due_at": ago(2)}
    lost: dict[str, object] = {"status": "STARTED", "run": 1, "due_at": None, "lease_until": ago(1)}
    _ = [await rows.task(tenant, **one) for one in (late, late, lost, lost, lost)]

    ended = (await end_expired_tasks(database, teller, limit=10), await end_lost_tasks(database, teller, limit=10))

    assert (ended, counting.asked) == ((2, 3), [2, 3])
    assert await rows.one("SELECT count(*) AS n FROM deliveries") == {"n": 5}


async def test_an_end_of_a_delivery_and_of_an_endpoint_are_told_together(
    database: Database, rows: Rows, tenant: TenantId, endpoint: EndpointId
) -> None:
    await rows.endpoint(tenant, event_types=["endpoint.*", "delivery.*"])
    delivery = await rows.delivery(tenant, endpoint)
    known, counting = new_notices(database), Counting()
    notices = Notices(database, known.ring, known.settings, counting)

    async with database.engine() as tx:
        await notices.tell(tx, Recorded(exhausted=(delivery,), disabled=(endpoint,)))

    told = await rows.all("SELECT event_type FROM deliveries WHERE id <> :id ORDER BY sequence", id=delivery)
    assert [one["event_type"] for one in told] == ["endpoint.disabled", "delivery.exhausted"]
    assert counting.asked == [2]
