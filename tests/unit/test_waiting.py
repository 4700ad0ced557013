"""What waits to be recorded: lanes that somebody holds stand in line, and hold up no other."""

from collections.abc import Iterable
from uuid import UUID, uuid4

from msgspec import structs

from tests.support.claiming import settled_of
from workers.delivery.turns import Entry
from workers.delivery.waiting import Waiting, parted

A, B, C = (UUID(int=number) for number in range(3))


def entries(lane: UUID, count: int = 1) -> list[Entry]:
    return [(structs.replace(settled_of(uuid4(), uuid4()), lane=lane), lambda _: None) for _ in range(count)]


def waiting(*given: Iterable[Entry]) -> Waiting:
    made = Waiting()
    for some in given:
        for one in some:
            made.put(one)
    return made


def held(made: Waiting, *lanes: UUID) -> list[Entry]:
    """Find lanes held, by one outcome of each."""
    found = [one for lane in lanes for one in entries(lane)]
    for one in found:
        made.hold(one)
    return found


def test_an_outcome_of_a_delivery_that_is_in_the_batch_goes_with_the_next() -> None:
    (one,) = entries(A)
    made = waiting([one, one])

    assert (made.take(10), made.take(10)) == (([one], True), ([one], True))


def test_all_of_a_lane_that_is_held_stands_aside_and_who_found_it_so_last() -> None:
    of_lane, other, later = entries(A, 2), entries(B), entries(A)
    made = waiting(of_lane, other)
    found = held(made, A)
    made.put(later[0])

    assert list(made) == [*other, *of_lane, *found, *later]


def test_a_lane_that_is_still_held_waits_while_there_is_something_else() -> None:
    made, others = Waiting(), entries(B, 2)
    stuck = held(made, A)
    made.put(others[0])
    tried = made.take(10)
    made.hold(*tried[0])
    made.settle()
    made.put(others[1])

    assert tried == (stuck, False)
    assert made.take(10) == (others, False)
    assert made.take(10) == (stuck, True)


def test_once_a_lane_is_free_more_of_the_others_are_tried() -> None:
    made = Waiting()
    stuck = held(made, A, B, C)

    first, _ = made.take(10)
    made.settle()

    assert first == stuck[:1]
    assert made.take(10) == (stuck[1:], True)


def test_what_is_left_of_a_lane_that_is_free_goes_with_the_others() -> None:
    made, of_lane, other = Waiting(), entries(A, 2), entries(B)
    made.hold(*of_lane)
    made.take(1)
    made.put(other[0])
    made.settle()

    assert made.take(10) == ([of_lane[1], *other], True)


def test_what_is_held_may_go_elsewhere_with_what_else_waits_of_its_lane() -> None:
    gone = list[Entry]()
    made, of_lane, other = Waiting(gone.append), entries(A, 2), entries(B)
    made.put(of_lane[0])
    made.put(other[0])
    made.hold(of_lane[1])

    assert (gone, list(made)) == (of_lane, other)


def test_what_failed_together_is_parted_by_lanes() -> None:
    of_a, of_b = entries(A, 3), entries(B, 2)

    assert parted([of_a[0], of_b[0], *of_a[1:], of_b[1]]) == [of_a[:1], of_a[1:], of_b]
    assert parted(of_a[:2]) == [of_a[:1], of_a[1:2]]
