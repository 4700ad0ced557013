"""Endpoints that only fail: told of after a day, disabled after five, and only where failures say so."""

import pytest
from sqlalchemy.exc import DBAPIError

from core.database import Database
from core.model import tables
from core.model.ids import EndpointId, TenantId
from tests.support.claiming import DOWN, OK, claim, claim_one, record, settled
from tests.support.feeding import new_notices
from tests.support.rows import Rows
from tests.support.samples import ago
from workers.upkeep.endpoint_health import EndpointHealth

DAY = 86_400
FIVE_DAYS = 5 * DAY

EVENTS = """
SELECT d.event_type, d.endpoint_id FROM deliveries d WHERE d.event_type LIKE 'endpoint.%' ORDER BY d.id
"""


class Judged:
    """An endpoint that fails, and one that hears of it."""

    def __init__(self, rows: Rows, tenant: TenantId, endpoint: EndpointId, listener: EndpointId) -> None:
        self.rows = rows
        self.tenant = tenant
        self.endpoint = endpoint
        self.listener = listener

    async def failed(self, *days_ago: float, since: float) -> None:
        """Let it have failed at these times, and since that long ago; all in days."""
        await self.rows.change(tables.endpoints, self.endpoint, failing_since=ago(since * DAY))
        for days in days_ago:
            await self.rows.put(
                tables.rollups, self.tenant, lane=self.endpoint, bucket=ago(days * DAY), failed=1, timeout=1
            )

    async def state(self) -> tuple[object, object]:
        """Return its status and the reason."""
        row = await self.rows.row(tables.endpoints, self.endpoint)
        return row["status"], row["disabled_reason"]

    async def heard(self) -> list[object]:
        """Return what the listener was told."""
        return [row["event_type"] for row in await self.rows.all(EVENTS) if row["endpoint_id"] == self.listener]


@pytest.fixture
async def judged(rows: Rows, tenant: TenantId, endpoint: EndpointId) -> Judged:
    """An endpoint to be judged."""
    return Judged(rows, tenant, endpoint, await rows.endpoint(tenant, event_types=["endpoint.*"]))


@pytest.fixture
def health(database: Database) -> EndpointHealth:
    """What judges, by the contract's five days."""
    return EndpointHealth(database, new_notices(database), disable_after=FIVE_DAYS)


async def test_an_endpoint_that_only_failed_for_five_days_is_disabled_and_told(
    judged: Judged, health: EndpointHealth
) -> None:
    await judged.failed(4.9, 3.1, 2.5, 0.5, since=5.1)

    report = await health.run_once()

    assert (report.disabled, report.failing) == (1, 0)
    assert await judged.state() == ("disabled", "failing")
    assert sorted(await judged.heard(), key=str) == ["endpoint.disabled", "endpoint.failing"]


async def test_who_was_warned_of_is_not_warned_of_again_as_it_is_disabled(
    judged: Judged, health: EndpointHealth, rows: Rows
) -> None:
    await rows.change(tables.endpoints, judged.endpoint, failing_told_at=ago(DAY))
    await judged.failed(4.9, 3.1, 2.5, 0.5, since=5.1)

    await health.run_once()

    assert await judged.heard() == ["endpoint.disabled"]


@pytest.mark.parametrize(
    ("days_ago", "since"),
    [
        ((), 6),
        ((5.0,), 6),
        ((0.5,), 6),
        ((4.9, 4.8, 4.7, 4.6, 4.5), 6),
        ((3.5, 2.5, 1.5), 6),
        ((0.5, 0.4, 0.3, 0.2, 0.1), 6),
        ((4.5, 3.5, 0.5), 4.9),
    ],
    ids=["never", "once, long ago", "once", "on one day", "not lately", "only lately", "not for so long"],
)
async def test_without_failures_spread_over_the_days_it_is_not_disabled(
    judged: Judged, health: EndpointHealth, days_ago: tuple[float, ...], since: float
) -> None:
    await judged.failed(*days_ago, since=since)

    await health.run_once()

    assert await judged.state() == ("enabled", None)


async def test_a_day_of_failure_is_told_once(judged: Judged, health: EndpointHealth) -> None:
    await judged.failed(0.9, 0.5, 0.1, since=1.1)
    await health.run_once()

    report = await health.run_once()

    assert report.failing == 0
    assert await judged.heard() == ["endpoint.failing"]
    assert await judged.state() == ("enabled", None)


async def test_a_new_stretch_is_told_again(judged: Judged, health: EndpointHealth, rows: Rows) -> None:
    await rows.change(tables.endpoints, judged.endpoint, failing_told_at=ago(10 * DAY))
    await judged.failed(0.9, 0.5, 0.1, since=1.1)

    report = await health.run_once()

    assert report.failing == 1


@pytest.mark.parametrize(("days_ago", "since"), [((0.5, 0.4), 2), ((0.5, 0.4, 0.3), 0.9), ((1.9, 1.8, 1.7), 2)])
async def test_less_than_three_failures_in_the_last_day_are_not_told(
    judged: Judged, health: EndpointHealth, days_ago: tuple[float, ...], since: float
) -> None:
    await judged.failed(*days_ago, since=since)

    report = await health.run_once()

    assert report.failing == 0


@pytest.mark.parametrize("columns", [{"status": "paused"}, {"deleted_at": ago(1)}, {"failing_since": None}])
async def test_who_is_paused_deleted_or_well_is_not_judged(
    judged: Judged, health: EndpointHealth, rows: Rows, columns: dict[str, object]
) -> None:
    await judged.failed(4.9, 3.1, 2.5, 0.5, since=5.1)
    await rows.change(tables.endpoints, judged.endpoint, **columns)

    report = await health.run_once()

    assert (report.disabled, report.failing) == (0, 0)


async def test_a_success_makes_the_days_begin_anew(
    database: Database, judged: Judged, health: EndpointHealth, rows: Rows
) -> None:
    await judged.failed(4.9, 3.1, 2.5, 0.5, since=5.1)
    resent = await rows.delivery(judged.tenant, judged.endpoint, trigger="resend")
    await record(database, settled(await claim_one(database, resent), OK))

    report = await health.run_once()

    assert (report.disabled, report.failing) == (0, 0)


async def test_a_short_time_is_judged_by_the_attempts_themselves(
    database: Database, rows: Rows, judged: Judged
) -> None:
    claimed = await claim(database, *await rows.deliveries(3, judged.tenant, judged.endpoint))
    await record(database, *(settled(one, DOWN) for one in claimed))
    await rows.change(tables.endpoints, judged.endpoint, failing_since=ago(11))

    report = await EndpointHealth(database, new_notices(database), disable_after=10).run_once()

    assert report.disabled == 1


async def test_a_turn_is_skipped_while_another_process_judges(
    database: Database, judged: Judged, health: EndpointHealth
) -> None:
    await judged.failed(4.9, 3.1, 2.5, 0.5, since=5.1)
    async with database.engine() as other:
        await other.exec_driver_sql("SELECT pg_advisory_xact_lock(7102002)")

        report = await health.run_once()

    assert (report.disabled, report.failing) == (0, 0)


@pytest.mark.parametrize(("disable_after", "pause"), [(FIVE_DAYS, 60.0), (100, 4.0), (1, 1.0)])
def test_it_is_judged_often_enough_for_the_time_that_is_set(
    database: Database, disable_after: int, pause: float
) -> None:
    assert EndpointHealth(database, new_notices(database), disable_after=disable_after).pause == pause


async def test_a_turn_that_tells_too_much_is_followed_by_smaller_ones(
    judged: Judged, health: EndpointHealth, database: Database, rows: Rows, tenant: TenantId
) -> None:
    others = [Judged(rows, tenant, await rows.endpoint(tenant), judged.listener) for _ in range(2)]
    for one in (judged, *others):
        await one.failed(0.9, 0.5, 0.1, since=1.1)

    async with database.engine() as other:
        await other.exec_driver_sql("LOCK TABLE events IN EXCLUSIVE MODE")  # as if to tell of them took too long
        for _ in range(4):
            with pytest.raises(DBAPIError):
                await health.run_once()
    reports = [await health.run_once() for _ in range(3)]

    assert [(one.failing, one.worked) for one in reports] == [(1, True), (2, True), (0, False)]
