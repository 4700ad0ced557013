"""What a running task can ask and say."""

import math
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import pytest
from pydantic import TypeAdapter

from core.progress import Progress
from tests.support.desks import KeepingDesk, context_of
from workers.task_types.context import CancelledTaskError


@dataclass(frozen=True)
class Receipt:
    """What a side effect may give back."""

    number: int
    payer: UUID


RECEIPT = Receipt(7, UUID(int=9))


def test_progress_is_shown_as_it_is_said() -> None:
    desk = KeepingDesk()

    context_of(desk).progress(2, 5, "painting")

    assert desk.shown == [Progress(2, 5, "painting")]


def test_progress_needs_neither_a_total_nor_a_message() -> None:
    desk = KeepingDesk()

    context_of(desk).progress(0.5)

    assert desk.shown == [Progress(0.5, None, None)]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 10**400], ids=["nan", "inf", "-inf", "long"])
def test_progress_that_json_cannot_say_is_refused(number: float) -> None:
    desk = KeepingDesk()

    with pytest.raises(ValueError, match="progress cannot be"):
        context_of(desk).progress(number)
    with pytest.raises(ValueError, match="progress cannot be"):
        context_of(desk).progress(1, number)

    assert desk.shown == []


def test_progress_is_shown_in_what_can_be_kept() -> None:
    desk = KeepingDesk()

    context_of(desk).progress(Decimal("0.5"), 2**70, "a\x00b")  # pyright: ignore[reportArgumentType] - what a task may do

    assert desk.shown == [Progress(0.5, 2.0**70, "a\ufffdb")]


def test_a_task_sees_that_it_was_cancelled() -> None:
    context = context_of(KeepingDesk(cancel_after=2))

    assert [context.cancelled, context.cancelled, context.cancelled] == [False, False, True]


def test_a_task_that_was_not_cancelled_goes_on() -> None:
    desk = KeepingDesk()

    context_of(desk).stop_if_cancelled()

    assert desk.looks == 1


def test_a_task_that_was_cancelled_stops() -> None:
    with pytest.raises(CancelledTaskError):
        context_of(KeepingDesk(cancel_after=0)).stop_if_cancelled()


@pytest.mark.parametrize("value", [None, 0, False, "sent", [1, 2], {"id": "m-1"}, 1.5])
def test_a_later_run_gets_what_the_first_one_got(value: object) -> None:
    desk = KeepingDesk()
    done: list[int] = []

    def act() -> object:
        done.append(1)
        return value

    got = [context_of(desk, run=run).once("mail", act) for run in (1, 2)]

    assert got == [value, value]
    assert done == [1]


def test_each_name_is_a_side_effect_of_its_own() -> None:
    context = context_of()

    assert [context.once("first", lambda: 1), context.once("second", lambda: 2)] == [1, 2]


def test_a_kind_brings_back_what_json_alone_cannot() -> None:
    desk, kind = KeepingDesk(), TypeAdapter(Receipt)
    context_of(desk).once("pay", lambda: RECEIPT, kind=kind)

    again = context_of(desk, run=2).once("pay", lambda: Receipt(0, UUID(int=0)), kind=kind)

    assert again == RECEIPT


def test_an_action_that_fails_is_not_noted() -> None:
    desk = KeepingDesk()

    def fail() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        context_of(desk).once("mail", fail)

    assert desk.markers == {}


def test_a_run_that_lost_its_task_stops_after_the_action() -> None:
    with pytest.raises(CancelledTaskError):
        context_of(KeepingDesk(taken_away=True)).once("mail", lambda: 1)
