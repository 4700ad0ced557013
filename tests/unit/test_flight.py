"""An attempt gives its slot back once, whoever tells of its end."""

from types import SimpleNamespace
from typing import cast
from uuid import UUID

from core.lease.claim import Claimed
from workers.delivery.attempt import Flight


def test_a_second_end_is_none() -> None:
    claimed = cast("Claimed", SimpleNamespace(delivery_id=UUID(int=1)))
    ends: list[object] = []

    def ended(_: Claimed, error: BaseException | None) -> None:
        ends.append(error)

    def settle(*_: object) -> None:
        """Record nothing."""

    flight = Flight(claimed, ended, settle)
    flight.over(None)
    flight.broke(RuntimeError())

    assert ends == [None]
