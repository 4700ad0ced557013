"""What makes two events of one ID the same content."""

from datetime import UTC, datetime

import pytest

from core.intake.wish import EventWish

PLAIN = EventWish(type="order.paid", data=b'{"n":1}')
FULL = EventWish(
    type="order.paid",
    data=b'{"n":1}',
    timestamp=datetime(2026, 1, 1, tzinfo=UTC),
    ordering_key="k",
    attributes={"b": 1, "a": "x"},
)


@pytest.mark.parametrize(
    ("wish", "fingerprint"),
    [
        (PLAIN, "b2cdd39bd8775ac7cc8326fdc68fc7c69605a5ba392f2b263eccd96ac3deb270"),
        (FULL, "b42c8f470b047cf0d5773260a0fe177ae7612371a52b4ddd4f59dae0666fcc2a"),
    ],
)
def test_a_fingerprint_stays_what_it_was_when_it_was_kept(wish: EventWish, fingerprint: str) -> None:
    assert wish.fingerprint.hex() == fingerprint
