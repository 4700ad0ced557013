"""What waits to be recorded goes tenants in turn, and alone whose events take long to write."""

from uuid import UUID, uuid4

from msgspec import structs

from tests.support.claiming import settled_of
from workers.delivery.turns import QUICK, Entry
from workers.delivery.waiting import Waiting

A, B, C = (UUID(int=number) for number in range(3))
FEW, MOST = 4, 8
HOUR = 3600.0


def entries(tenant: UUID, count: int = 1) -> list[Entry]:
    one = structs.replace(settled_of(uuid4(), uuid4()), tenant_id=tenant, lane=tenant)
    return [(structs.replace(one, delivery_id=uuid4()), lambda _: None) for _ in range(count)]


def waiting(*given: list[Entry], few: int | None = FEW) -> Waiting:
    made = Waiting(few=few)
    put(made, *given)
    return made


def put(made: Waiting, *given: list[Entry]) -> None:
    for some in given:
        for one in some:
            made.put(one)


def tenants(made: Waiting, seconds: float = 0.0, most: int = MOST) -> list[UUID]:
    """Have a batch written in so many seconds, and say whose it was."""
    batch, _ = made.take(most)
    made.settle(seconds)
    return [settled.tenant_id for settled, _ in batch]


def test_one_outcome_of_another_goes_with_the_first_batch_of_many() -> None:
    made = waiting(entries(A, 100), entries(B))

    assert tenants(made) == [B, *[A] * 7]


def test_whoever_did_not_fit_into_a_batch_is_in_the_next() -> None:
    made = waiting(entries(A, 100), entries(B, 100), entries(C, 100))

    assert [set(tenants(made, most=2)) for _ in range(3)] == [{A, B}, {C, A}, {B, C}]


def test_outcomes_of_one_tenant_keep_their_order() -> None:
    given = entries(A, 20)
    made = waiting(given, entries(B, 20))

    assert [one for one in made.take(MOST)[0] if one[0].tenant_id == A] == given[:4]


def test_many_tenants_with_one_outcome_each_go_together_after_a_slow_batch_of_others() -> None:
    made = waiting(entries(A, 100))
    tenants(made, QUICK)
    others = [uuid4() for _ in range(MOST)]
    put(made, *(entries(one) for one in others))

    assert tenants(made) == others


def test_after_a_slow_batch_each_of_it_goes_alone_and_few_together() -> None:
    made = waiting(entries(A, 100), entries(B, 100))
    tenants(made, QUICK)

    assert [tenants(made, QUICK), tenants(made)] == [[A] * FEW, [B] * FEW]


def test_whoever_is_quick_alone_goes_with_the_others_again() -> None:
    made = waiting(entries(A, 20), entries(B, 20))
    tenants(made, QUICK)
    tenants(made)
    tenants(made)

    assert tenants(made) == [A] * 4 + [B] * 4


def test_the_others_have_as_long_as_the_slow_one_took() -> None:
    made = waiting(entries(A, 100))
    tenants(made, HOUR)
    put(made, entries(B, 12))

    assert [tenants(made), tenants(made), tenants(made)] == [[B] * 8, [B] * 4, [A] * FEW]


def test_where_nobody_is_slow_however_long_it_takes_all_go_together() -> None:
    made = waiting(entries(A, 100), entries(B, 100), few=None)
    tenants(made, HOUR)

    assert tenants(made) == [A] * 4 + [B] * 4


def test_lanes_that_are_held_are_tried_tenants_in_turn() -> None:
    made = Waiting(few=FEW)
    lanes = [[(structs.replace(one, lane=uuid4()), done)] for one, done in entries(A, 50)]
    for lane in (*lanes, entries(B)):
        made.hold(*lane)
    tried = [made.take(MOST)[0]]
    made.hold(*tried[0])
    made.settle()

    assert [one[0].tenant_id for one in made.take(MOST)[0]] == [B]


def test_a_lane_of_a_slow_one_that_is_held_waits_while_it_is_the_others_time() -> None:
    made = waiting(entries(A, 100))
    tenants(made, HOUR)
    stuck = [(structs.replace(one, lane=C), done) for one, done in entries(A)]
    made.hold(*stuck)
    put(made, entries(B))

    assert [tenants(made), tenants(made)] == [[B], [A]]
