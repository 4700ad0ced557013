"""How many tasks of a tenant stand published in a queue."""

import pytest

from workers.feeder.shares import LEAST, MOST, Shares


def test_a_queue_that_drains_nothing_has_the_least_share() -> None:
    shares = Shares()

    shares.note([])

    assert shares.of_queues() == {}


@pytest.mark.parametrize(("drained", "share"), [(1, LEAST), (4 * LEAST, LEAST), (100, 25), (10_000, MOST)])
def test_a_share_is_what_drains_in_a_quarter_of_a_second(drained: int, share: int) -> None:
    shares = Shares()

    shares.note(["default"] * drained)

    assert shares.of_queues() == {"default": share}


def test_turns_add_up_and_queues_do_not() -> None:
    shares = Shares()

    shares.note(["default"] * 60 + ["reports"] * 40)
    shares.note(["default"] * 60)

    assert shares.of_queues() == {"default": 30, "reports": 10}
