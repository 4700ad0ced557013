"""No host gets more requests at once than its cap, whosever they are."""

from uuid import UUID, uuid4

from core.model.queued import Queued
from workers.delivery.hosts import Hosts
from workers.delivery.lanes import Lanes

SHARED, OTHER = "https://hooks.example.com/a", "https://example.org/b"


def due(lane: UUID, count: int, tenant: UUID | None = None) -> list[Queued]:
    return [Queued(uuid4(), lane, tenant or lane) for _ in range(count)]


def met(lanes: Lanes, url: str, count: int = 1) -> list[UUID]:
    """Return new lanes, each of a tenant of its own, whose host is known and that have nothing to do."""
    made = [uuid4() for _ in range(count)]
    lanes.offer([one for lane in made for one in due(lane, 1)])
    for one in lanes.take(count):
        lanes.learn(one.lane, 50, url)
        lanes.release(one.lane)
    return made


def test_two_tenants_share_the_cap_of_a_host() -> None:
    lanes = Lanes(50, bound=4_000, hosts=Hosts(5))
    one, two = met(lanes, SHARED, 2)
    lanes.offer([*due(one, 9), *due(two, 9)])

    taken = lanes.take(100)

    assert sorted([one.lane for one in taken].count(lane) for lane in (one, two)) == [2, 3]


def test_another_host_goes_on_while_one_is_full() -> None:
    lanes = Lanes(50, bound=4_000, hosts=Hosts(2))
    (full,), (free,) = met(lanes, SHARED), met(lanes, OTHER)
    lanes.offer(due(full, 9))
    lanes.take(100)
    lanes.offer(due(free, 2))

    taken = lanes.take(100)

    assert [one.lane for one in taken] == [free, free]


def test_the_end_of_a_request_lets_the_lane_go_that_stood_aside() -> None:
    lanes = Lanes(50, bound=4_000, hosts=Hosts(1))
    one, two = met(lanes, SHARED, 2)
    lanes.offer([*due(one, 1), *due(two, 1)])
    (first,) = lanes.take(100)

    lanes.release(first.lane)

    assert {one.lane for one in lanes.take(100)} == {one, two} - {first.lane}


def test_a_lane_that_cannot_use_the_room_does_not_keep_it_from_the_others() -> None:
    lanes, tenant = Lanes(50, bound=4, hosts=Hosts(1)), uuid4()
    (one, two), (elsewhere,) = met(lanes, SHARED, 2), met(lanes, OTHER)
    lanes.offer([*due(one, 1), *due(elsewhere, 1, tenant)])
    lanes.take(100)
    lanes.offer([*due(elsewhere, 1, tenant), *due(two, 1)])
    lanes.take(100)

    lanes.release(one)

    assert [one.lane for one in lanes.take(100)] == [two]


def test_a_new_lane_sends_one_until_its_host_is_known() -> None:
    lanes, lane = Lanes(50, bound=4_000, hosts=Hosts(5)), uuid4()
    lanes.offer(due(lane, 9))
    first = len(lanes.take(100))

    lanes.learn(lane, 50, SHARED)

    assert (first, len(lanes.take(100))) == (1, 4)


def test_a_lane_that_moves_takes_what_is_on_the_wire_along() -> None:
    lanes = Lanes(50, bound=4_000, hosts=Hosts(3))
    (one,), (two,) = met(lanes, SHARED), met(lanes, OTHER)
    lanes.offer(due(one, 3))
    lanes.take(100)

    lanes.learn(one, 50, OTHER)

    lanes.offer([*due(one, 1), *due(two, 1)])
    assert lanes.take(100) == []


def test_a_url_that_cannot_be_sent_to_has_a_host_of_its_own() -> None:
    lanes = Lanes(50, bound=4_000, hosts=Hosts(2))
    (lane,) = met(lanes, "not a URL")
    lanes.offer(due(lane, 9))

    assert len(lanes.take(100)) == 2
