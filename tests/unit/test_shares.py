"""How many tasks of a tenant stand published in a queue."""

import pytest

from workers.feeder.shares import LEAST, MOST, Shares, Standing


def fed(*turns: tuple[int, int, int]) -> Shares:
    """Return shares after turns of (standing, published, tenants) in one queue, each asked for before it."""
    shares = Shares()
    for standing, published, tenants in turns:
        shares.of_queues()
        shares.note({"default": Standing(standing, tenants)}, ["default"] * published)
    return shares


def test_before_anything_has_drained_no_share_is_named() -> None:
    assert fed((0, 8, 1)).of_queues() == {}


@pytest.mark.parametrize("tenants", [1, 10])
def test_a_queue_that_stands_still_keeps_the_least_share(tenants: int) -> None:
    full = LEAST * tenants

    shares = fed((0, full, tenants), (full, 0, tenants), (full, 0, tenants), (full, 0, tenants))

    assert shares.of_queues() == {"default": LEAST}


def test_a_queue_that_drains_everything_each_turn_has_a_growing_share() -> None:
    assert fed(*[(0, 8, 1)] * 11).of_queues() == {"default": 20}


def test_no_share_is_larger_than_the_most() -> None:
    assert fed(*[(0, 200, 1)] * 40).of_queues() == {"default": MOST}


def test_tenants_divide_what_drains() -> None:
    assert fed(*[(0, 80, 10)] * 21).of_queues() == {"default": 40}


def test_a_queue_that_is_empty_at_a_turn_has_drained_all_that_stood_there() -> None:
    shares = fed((0, 8, 1), (0, 8, 1), (0, 8, 1), (0, 8, 1), (0, 8, 1), (0, 8, 1))

    shares.note({}, [])

    assert shares.of_queues() == {"default": 12}
