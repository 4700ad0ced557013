from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.retry import DEFAULT_SCHEDULE, RETRY_AFTER_LIMIT, delay_after, retry_after

NOW = datetime(2026, 10, 21, 7, 28, 0, tzinfo=UTC)


def test_the_default_schedule_makes_ten_attempts_in_seventy_five_hours() -> None:
    assert timedelta(seconds=sum(DEFAULT_SCHEDULE)) == timedelta(hours=75, minutes=35, seconds=5)
    assert len(DEFAULT_SCHEDULE) + 1 == 10


@given(st.integers(0, 8), st.floats(0, 1, exclude_max=True))
def test_jitter_adds_up_to_a_fifth_and_takes_nothing_away(step: int, draw: float) -> None:
    delay = delay_after(step, DEFAULT_SCHEDULE, draw)

    assert delay is not None
    assert DEFAULT_SCHEDULE[step] <= delay <= DEFAULT_SCHEDULE[step] * 1.2


def test_a_schedule_that_is_used_up_gives_no_delay() -> None:
    assert delay_after(2, (5, 300), 0.0) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3),
        ("120", 120),
        ("0", 0),
        ("007", 7),
        (" 5\t", 5),
        ("86400", 86_400),
        ("86401", 86_400),
        ("9" * 60_000, 86_400),
        ("Wed, 21 Oct 2026 07:29:00 GMT", 60),
        ("Wednesday, 21-Oct-26 07:29:00 GMT", 60),
        ("Wed Oct 21 07:29:00 2026", 60),
        ("Wed, 21 Oct 2026 07:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
    ],
)
def test_retry_after_takes_seconds_and_dates(value: str, seconds: float) -> None:
    assert retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    "value",
    [
        *("", "-1", "1e9", "abc", "120.5", "+3", "3 s", "٣", "²", "1_000", "0x10", "3, 4"),
        *("2026-10-21T07:29:00Z", "Wed, 32 Oct 2026 07:29:00 GMT", "Wed, 21 Oct 2026 07:29:00 +0200"),
    ],
)
def test_a_malformed_retry_after_is_ignored(value: str) -> None:
    assert retry_after(value, NOW) is None


@given(st.text())
def test_any_retry_after_is_ignored_or_within_a_day(value: str) -> None:
    seconds = retry_after(value, NOW)

    assert seconds is None or 0 <= seconds <= RETRY_AFTER_LIMIT
