"""Old counts are added up to hours without a loss, and deleted once no window reaches them."""

import pytest

from core.database import Database
from core.model import tables
from core.model.ids import EndpointId, TenantId
from tests.support.rows import Rows
from tests.support.samples import ago
from workers.upkeep.retention import Retention

DAY = 86_400


@pytest.mark.parametrize(("disable_after", "days", "deleted"), [(DAY, 7, 0), (DAY, 9, 1), (20 * DAY, 20, 0)])
async def test_rollups_are_deleted_once_no_window_reaches_them(
    database: Database, rows: Rows, tenant: TenantId, disable_after: int, days: int, deleted: int
) -> None:
    await rows.put(tables.rollups, tenant, bucket=ago(days * DAY))

    report = await Retention(database, retention_days=30, disable_after=disable_after).run_once()

    assert report.rollups == deleted


HOUR = "date_bin('1 h', now() - INTERVAL '5 h', '2000-01-01Z')"


async def of_five_minutes(rows: Rows, tenant: TenantId, lane: EndpointId, *minutes: int) -> None:
    """Put rows that begin so many minutes after an hour that is past."""
    for n, offset in enumerate(minutes):
        counts = {"succeeded": 1, "failed": n, "timeout": n, "connected": n + 2, "latencies": [n + 1, *[0] * 31]}
        bucket = (await rows.one(f"SELECT {HOUR} + make_interval(mins => :offset) AS at", offset=offset))["at"]
        await rows.put(tables.rollups, tenant, lane=lane, bucket=bucket, **counts)


async def test_old_rollups_are_added_up_to_their_hours(
    rows: Rows, tenant: TenantId, endpoint: EndpointId, retention: Retention
) -> None:
    await of_five_minutes(rows, tenant, endpoint, 0, 5, 55, 60, 65)

    report = await retention.run_once()

    hours = await rows.all(
        "SELECT succeeded, failed, timeout, connected, latencies[1] AS fast,"
        " date_bin('1 h', bucket, '2000-01-01Z') = bucket AS whole FROM rollups ORDER BY bucket"
    )
    assert report.folded == 3
    assert hours == (
        {"succeeded": 3, "failed": 3, "timeout": 3, "connected": 9, "fast": 6, "whole": True},
        {"succeeded": 2, "failed": 7, "timeout": 7, "connected": 11, "fast": 9, "whole": True},
    )


async def test_rollups_of_the_last_two_hours_stay_as_they_are(
    rows: Rows, tenant: TenantId, endpoint: EndpointId, retention: Retention
) -> None:
    await rows.put(tables.rollups, tenant, lane=endpoint, bucket=ago(7100))

    report = await retention.run_once()

    assert report.folded == 0


async def test_an_hour_is_made_where_none_of_its_rows_begins_it(
    rows: Rows, tenant: TenantId, endpoint: EndpointId, retention: Retention
) -> None:
    await of_five_minutes(rows, tenant, endpoint, 10, 15)

    await retention.run_once()

    assert await rows.one(f"SELECT succeeded, bucket = {HOUR} AS begins FROM rollups") == {
        "succeeded": 2,
        "begins": True,
    }
