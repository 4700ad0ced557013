"""The Prefer header (RFC 7240)."""

import pytest

from api.preferences import WAIT_LIMIT, read_preferences


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("wait=5", 5),
        ('wait="5"', 5),
        ("Wait = 60", 60),
        ("wait=61", WAIT_LIMIT),
        ("wait=" + "9" * 5000, WAIT_LIMIT),
        ("wait=" + "0" * 5000 + "7", 7),
        ("wait=0", 0),
        ("wait=7, wait=60", 7),
        ("wait=x, wait=60", 60),
        ("wait=", None),
        ("wait=-1", None),
        ("wait=1.5", None),
        (None, None),
    ],
)
def test_how_long_to_wait(header: str | None, wait: int | None) -> None:
    assert read_preferences(header).wait == wait


def test_where_nobody_waits_it_is_not_said_to_be_applied() -> None:
    told = read_preferences("respond-async, wait=5", may_wait=False).applied

    assert told["Preference-Applied"] == "respond-async"
