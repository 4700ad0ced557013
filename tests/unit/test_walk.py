"""How many lanes a look of the feeder goes through, and where the next one goes on."""

from uuid import UUID

import pytest

from core.lease.lane_queries import Due
from workers.feeder.walk import BEGINNING, FEWEST, LONG, MOST, Walk

FIRST, SECOND, THIRD = (UUID(int=number) for number in (1, 2, 3))


@pytest.mark.parametrize(
    ("before", "took", "after"),
    [
        (MOST, 0.1, MOST),
        (MOST, LONG, MOST // 8),
        (1_000, 0.1, 2_000),
        (MOST - 1, 0.1, MOST),
        (FEWEST, 30.0, FEWEST),
    ],
)
def test_a_look_goes_through_fewer_lanes_after_a_long_one_and_more_after_a_short_one(
    before: int, took: float, after: int
) -> None:
    assert Walk(before).timed(took).lanes == after


def test_the_next_look_goes_on_after_the_last_lane_of_either_kind() -> None:
    walked = Walk(after=FIRST, asked_after=FIRST).on(Due((), {}, last=SECOND, last_asked=THIRD), took=0.1)

    assert (walked.after, walked.asked_after) == (SECOND, THIRD)


def test_after_all_lanes_the_next_look_begins_again() -> None:
    walked = Walk(after=FIRST, asked_after=SECOND).on(Due((), {}), took=0.1)

    assert (walked.after, walked.asked_after) == (BEGINNING, BEGINNING)


@pytest.mark.parametrize(
    ("after", "last", "unseen"),
    [
        (BEGINNING, None, set[UUID]()),
        (BEGINNING, SECOND, {THIRD}),
        (FIRST, SECOND, {FIRST, THIRD}),
        (SECOND, None, {FIRST, SECOND}),
    ],
)
def test_what_was_not_gone_through_is_unseen(after: UUID, last: UUID | None, unseen: set[UUID]) -> None:
    starts = dict.fromkeys((FIRST, SECOND, THIRD), "key")

    assert Walk(after=after).unseen(starts, last) == dict.fromkeys(unseen, "key")
