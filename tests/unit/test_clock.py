"""Times as they are shown."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from core.clock import timestamp

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (NOON, "2026-03-01T12:00:00.000Z"),
        (NOON.replace(microsecond=1), "2026-03-01T12:00:00.000Z"),
        (NOON.replace(microsecond=7_000), "2026-03-01T12:00:00.007Z"),
        (NOON.replace(microsecond=120_000), "2026-03-01T12:00:00.120Z"),
        (NOON.replace(microsecond=999_999), "2026-03-01T12:00:00.999Z"),
        (NOON.replace(year=987, microsecond=1_500), "0987-03-01T12:00:00.001Z"),
        (NOON.astimezone(timezone(timedelta(hours=5, minutes=30))), "2026-03-01T12:00:00.000Z"),
        (NOON.replace(microsecond=40_000).astimezone(timezone(timedelta(hours=-3))), "2026-03-01T12:00:00.040Z"),
    ],
    ids=["whole second", "below", "leading zeros", "trailing zero", "cut, not rounded", "old", "east", "west"],
)
def test_a_time_is_shown_in_utc_to_the_millisecond(moment: datetime, shown: str) -> None:
    assert timestamp(moment) == shown


def test_no_time_is_shown_as_none() -> None:
    assert timestamp(None) is None
