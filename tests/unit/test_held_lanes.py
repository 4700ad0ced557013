from uuid import UUID, uuid4

from core import clock
from core.model.queued import Queued
from workers.delivery.lanes import Lanes

ACME = uuid4()


def due(lane: UUID, count: int = 1) -> list[Queued]:
    return [Queued(uuid4(), lane, ACME) for _ in range(count)]


class FixedDoors:
    """Lets so many of each lane go, and holds what may not for a moment that has passed."""

    def __init__(self, limit: int) -> None:
        self.most = limit

    def limit(self, lane: UUID, cap: int) -> int:  # noqa: ARG002 - all alike
        """See `Doors.limit`."""
        return min(self.most, cap)

    def held_for(self, lane: UUID) -> float:  # noqa: ARG002 - all alike
        """See `Doors.held_for`."""
        return 0.0


def test_a_lane_starts_no_more_than_its_doors_let_through() -> None:
    lanes = Lanes(5, bound=4_000, doors=FixedDoors(2))
    lanes.offer(due(uuid4(), 5))

    assert len(lanes.take(10)) == 2


def test_what_was_asked_for_goes_first_and_through_closed_doors() -> None:
    lanes, lane = Lanes(5, bound=4_000, doors=FixedDoors(0)), uuid4()
    asked = Queued(uuid4(), lane, ACME, asked=True)

    lanes.offer([*due(lane, 2), asked])

    assert lanes.take(10) == [asked]


def test_what_was_asked_for_keeps_to_the_cap() -> None:
    lanes, lane = Lanes(1, bound=4_000), uuid4()
    lanes.offer(due(lane))
    lanes.take(10)

    lanes.offer([Queued(uuid4(), lane, ACME, asked=True)])

    assert lanes.take(10) == []


def test_what_waits_and_is_asked_for_then_is_there_once() -> None:
    lanes, (one,) = Lanes(5, bound=4_000), due(uuid4())
    asked = Queued(one.delivery_id, one.lane, ACME, asked=True)

    lanes.offer([one, asked, one])

    assert lanes.take(10) == [asked]


def test_of_a_held_lane_the_first_is_kept_and_its_end_fetches_the_others() -> None:
    doors, lane = FixedDoors(0), uuid4()
    lanes = Lanes(5, bound=4_000, doors=doors)
    first, *_ = offered = due(lane, 4)
    lanes.offer(offered)
    held = lanes.take(10)
    doors.most = 1

    lanes.wake()

    assert (held, lanes.take(10), lanes.release(lane)) == ([], [first], 2)


def test_a_lane_that_is_held_while_its_attempts_end_fetches_nothing() -> None:
    doors, lane = FixedDoors(5), uuid4()
    lanes = Lanes(2, bound=4_000, doors=doors)
    lanes.offer(due(lane, 2))
    lanes.take(10)
    doors.most = 0

    assert [lanes.release(lane), lanes.release(lane)] == [0, 0]


def test_a_lane_that_rests_starts_nothing_until_it_has_rested() -> None:
    lanes, lane = Lanes(5, bound=4_000), uuid4()
    offered = due(lane, 2)
    lanes.offer(offered)
    lanes.rest(lane, clock.monotonic() + 60)
    lanes.offer([Queued(uuid4(), lane, ACME, asked=True)])

    lanes.wake()
    left = lanes.next_wake()

    assert lanes.take(10) == []
    assert left is not None
    assert 59 < left <= 60


def test_a_lane_that_has_rested_goes_on() -> None:
    lanes, lane = Lanes(5, bound=4_000), uuid4()
    offered = due(lane, 2)
    lanes.offer(offered)
    lanes.rest(lane, clock.monotonic() - 1)

    lanes.wake()

    assert (lanes.next_wake(), lanes.take(10)) == (None, offered)


def test_a_lane_that_has_rested_meanwhile_asks_to_be_woken_at_once() -> None:
    lanes, lane = Lanes(5, bound=4_000), uuid4()
    lanes.offer(due(lane, 2))
    lanes.rest(lane, clock.monotonic() - 1)

    assert (lanes.next_wake(), lanes.take(10)) == (0.0, [])


def test_what_was_asked_for_meanwhile_is_put_back_once() -> None:
    lanes, lane = Lanes(5, bound=4_000), uuid4()
    (one,) = due(lane)
    lanes.offer([one])
    taken = lanes.take(10)
    lanes.offer([Queued(one.delivery_id, lane, ACME, asked=True)])

    lanes.put_back(taken)

    assert [each.delivery_id for each in lanes.take(10)] == [one.delivery_id]


def test_a_lane_that_was_held_to_its_share_goes_on_when_that_grows() -> None:
    lanes, lane, crowd = Lanes(50, bound=40), uuid4(), [uuid4() for _ in range(12)]
    lanes.offer(due(lane))
    lanes.take(1)
    for one in crowd:
        lanes.offer(due(one))
    lanes.take(9)
    lanes.offer(due(lane, 5))
    before = lanes.take(40)
    for one in {each.lane for each in before} | set(crowd[:9]):
        lanes.release(one)

    assert lane in {each.lane for each in lanes.take(40)}


def test_the_fetch_that_brought_less_than_a_cap_leaves_the_rest_to_the_feeder() -> None:
    lanes, lane = Lanes(5, bound=4_000), uuid4()
    lanes.offer([Queued(uuid4(), lane, ACME, more=True)])
    lanes.take(10)

    lanes.short()

    assert lanes.refilled() == []


def test_the_end_of_one_of_a_full_lane_fetches_what_others_may_have_refused() -> None:
    lanes, lane = Lanes(1, bound=4_000), uuid4()
    lanes.offer(due(lane))
    lanes.take(10)

    assert lanes.release(lane) > 0
