from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.queued import Queued
from workers.delivery.lanes import Lanes

ACME, OTHER = uuid4(), uuid4()


def due(lane: UUID, count: int = 1, tenant: UUID = ACME) -> list[Queued]:
    return [Queued(uuid4(), lane, tenant) for _ in range(count)]


def test_what_was_offered_is_taken_once() -> None:
    lanes = Lanes(5, bound=4_000)
    offered = due(uuid4(), 3)
    lanes.offer(offered)

    assert [lanes.take(10), lanes.take(10)] == [offered, []]


def test_a_delivery_that_is_offered_twice_is_taken_once() -> None:
    lanes = Lanes(5, bound=4_000)
    offered = due(uuid4())

    lanes.offer([*offered, *offered])

    assert lanes.take(10) == offered


def test_the_end_of_one_of_many_fetches_more_of_its_lane() -> None:
    lanes, lane = Lanes(5, bound=4_000), uuid4()
    lanes.offer([Queued(uuid4(), lane, ACME, more=True)])
    lanes.take(10)

    assert (lanes.refilled(), lanes.release(lane)) == ([lane], 10)


def test_when_the_first_of_many_are_taken_more_are_fetched_once() -> None:
    lanes, lane = Lanes(5, bound=4_000), uuid4()
    lanes.offer([Queued(uuid4(), lane, ACME, more=True), *due(uuid4())])
    lanes.take(10)

    assert [lanes.short(), lanes.short()] == [[(lane, 10)], []]


def test_a_lane_that_does_nothing_is_not_refilled() -> None:
    lanes = Lanes(5, bound=4_000)

    lanes.offer([Queued(uuid4(), uuid4(), ACME, more=True), *due(uuid4(), 2)])

    assert lanes.refilled() == []


def test_no_more_is_taken_than_there_is_room_for() -> None:
    lanes = Lanes(50, bound=4_000)
    lanes.offer(due(uuid4(), 20))

    assert len(lanes.take(7)) == 7


def test_a_lane_starts_no_more_than_its_cap_until_a_slot_is_given_back() -> None:
    lanes, lane = Lanes(2, bound=4_000), uuid4()
    lanes.offer(due(lane, 4))
    first = lanes.take(10)

    lanes.release(lane)

    assert [len(first), len(lanes.take(10))] == [2, 1]


def test_a_full_lane_pins_no_slot_of_another() -> None:
    lanes, full, free = Lanes(1, bound=4_000), uuid4(), uuid4()
    lanes.offer(due(full, 2))
    lanes.take(10)

    lanes.offer(due(free))

    assert [one.lane for one in lanes.take(10)] == [free]


def test_lanes_of_a_tenant_take_turns() -> None:
    lanes, long, short = Lanes(50, bound=4_000), uuid4(), uuid4()
    lanes.offer(due(long, 20) + due(short, 2))

    assert [one.lane for one in lanes.take(4)] == [long, short, long, short]


def test_tenants_take_turns_whatever_the_number_of_their_lanes() -> None:
    lanes = Lanes(50, bound=4_000)
    lanes.offer([one for _ in range(20) for one in due(uuid4())])
    lanes.offer(due(uuid4(), 2, OTHER))

    assert [one.tenant_id for one in lanes.take(4)] == [ACME, OTHER, ACME, OTHER]


def test_a_lane_holds_twice_its_cap_at_most() -> None:
    lanes, lane = Lanes(3, bound=4_000), uuid4()

    lanes.offer(due(lane, 100))

    assert len(lanes) == 6


def test_of_what_was_asked_for_a_lane_holds_twice_its_cap_at_most_and_fetches_the_rest() -> None:
    lanes, lane = Lanes(1, bound=4_000), uuid4()
    lanes.offer([Queued(uuid4(), lane, ACME, asked=True) for _ in range(100)])
    kept = len(lanes)

    fetched = [lanes.release(lane) for _ in range(kept) if lanes.take(10)]

    assert (kept, fetched) == (2, [0, 2])


def test_a_lane_that_was_full_asks_for_more_once_it_has_run_dry() -> None:
    lanes, lane = Lanes(2, bound=4_000), uuid4()
    lanes.offer(due(lane, 2))
    lanes.take(2)

    assert [lanes.release(lane), lanes.release(lane)] == [4, 0]


def test_a_lane_that_never_filled_asks_for_nothing_and_is_forgotten() -> None:
    lanes, lane = Lanes(5, bound=4_000), uuid4()
    lanes.offer(due(lane))
    lanes.take(1)

    assert lanes.release(lane) == 0


def test_a_slot_that_led_to_nothing_is_free_again_and_asks_for_nothing() -> None:
    lanes, lane = Lanes(1, bound=4_000), uuid4()
    lanes.offer(due(lane, 2))
    lanes.take(1)

    lanes.refuse(lane)

    assert len(lanes.take(1)) == 1


def test_a_lane_whose_rest_was_refused_still_asks_for_more_when_its_last_attempt_ends() -> None:
    lanes, lane = Lanes(2, bound=4_000), uuid4()
    lanes.offer(due(lane, 2))
    lanes.take(2)

    lanes.refuse(lane)

    assert lanes.release(lane) == 4


def test_what_is_put_back_is_taken_again() -> None:
    lanes = Lanes(1, bound=4_000)
    lanes.offer(due(uuid4()))
    taken = lanes.take(1)

    lanes.put_back(taken)

    assert lanes.take(1) == taken


@pytest.mark.parametrize(("cap", "taken"), [(1, 0), (3, 1), (9, 2)])
def test_a_cap_that_was_learnt_counts_from_then_on(cap: int, taken: int) -> None:
    lanes, lane = Lanes(2, bound=4_000), uuid4()
    lanes.offer(due(lane, 4))
    lanes.take(10)

    lanes.learn(lane, cap)

    assert len(lanes.take(10)) == min(taken, 2)


def test_a_cap_for_a_lane_that_is_forgotten_is_ignored() -> None:
    lanes = Lanes(2, bound=4_000)

    lanes.learn(uuid4(), 9)

    assert len(lanes) == 0


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=60), st.integers(1, 4), st.integers(1, 50))
def test_a_turn_never_exceeds_a_cap_nor_takes_a_delivery_twice(
    offered: list[tuple[int, int]], cap: int, room: int
) -> None:
    lanes = Lanes(cap, bound=4_000)
    lanes.offer(Queued(uuid4(), UUID(int=tenant * 10 + lane), UUID(int=tenant)) for tenant, lane in offered)

    taken = lanes.take(room)

    counts = {one.lane: sum(other.lane == one.lane for other in taken) for one in taken}
    assert max(counts.values(), default=0) <= cap
    assert len(taken) == len({one.delivery_id for one in taken})
    assert len(taken) == room or all(counts.get(UUID(int=t * 10 + n), 0) >= 1 for t, n in offered)


def test_a_tenant_takes_no_more_than_its_share_however_many_lanes_it_has() -> None:
    greedy, modest = uuid4(), uuid4()
    lanes = Lanes(50, bound=12)
    lanes.offer([Queued(uuid4(), uuid4(), greedy) for _ in range(9)])
    lanes.offer([Queued(uuid4(), uuid4(), modest)])

    taken = lanes.take(100)

    assert [one.tenant_id for one in taken].count(greedy) == 3
    assert [one.tenant_id for one in taken].count(modest) == 1


def test_something_is_free_for_who_is_well_however_many_hang() -> None:
    lanes, tenant, well = Lanes(50, bound=2_000), uuid4(), uuid4()
    lanes.offer([Queued(uuid4(), lane, tenant) for lane in [uuid4() for _ in range(100)] for _ in range(50)])
    hanging = lanes.take(10_000)

    lanes.offer([Queued(uuid4(), well, tenant) for _ in range(3)])

    assert len(hanging) > 300
    assert [one.lane for one in lanes.take(3)] == [well] * 3


def test_tenants_that_hang_leave_something_to_others() -> None:
    lanes, other = Lanes(50, bound=2_000), uuid4()
    for tenant in [uuid4() for _ in range(20)]:
        lanes.offer([Queued(uuid4(), lane, tenant) for lane in [uuid4() for _ in range(50)] for _ in range(50)])
    lanes.take(10_000)

    lanes.offer([Queued(uuid4(), uuid4(), other) for _ in range(10)])

    assert [one.tenant_id for one in lanes.take(10)] == [other] * 10


def test_a_lane_alone_has_all_of_its_cap() -> None:
    lanes, lane = Lanes(50, bound=2_000), uuid4()
    lanes.offer(due(lane, 60))

    assert len(lanes.take(100)) == 50


def test_the_end_of_a_request_makes_room_in_the_share() -> None:
    tenant, lane = uuid4(), uuid4()
    lanes = Lanes(50, bound=4)
    lanes.offer([Queued(uuid4(), lane, tenant) for _ in range(2)])
    lanes.take(10)

    lanes.release(lane)

    assert len(lanes.take(10)) == 1


def test_what_was_refused_because_the_lane_is_full_here_is_fetched_at_its_next_end() -> None:
    lane = uuid4()
    lanes = Lanes(2, bound=4_000)
    lanes.offer([Queued(uuid4(), lane, uuid4()) for _ in range(2)])
    lanes.take(2)

    lanes.refuse(lane)

    assert lanes.release(lane) > 0


def test_a_thousand_full_lanes_do_not_hide_one_that_is_free() -> None:
    lanes, full = Lanes(1, bound=40_000), [uuid4() for _ in range(1000)]
    lanes.offer([one for lane in full for one in due(lane, 2)])
    lanes.take(1000)
    (free,) = due(uuid4())
    lanes.offer([free])

    assert lanes.take(10) == [free]
