"""The whole schedule of a delivery: every attempt that was made, and every one still to come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.journal.read import AttemptLine, DeliveryRecord
from core.model.outcome import Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One line of the schedule; what is still to come has no outcome."""

    number: int
    at: datetime
    made: bool
    reason: str
    outcome: str | None = None
    error: str | None = None
    response_code: int | None = None


def plan(delivery: DeliveryRecord, attempts: Sequence[AttemptLine], *, default: Sequence[int]) -> list[Planned]:
    """Return the attempts, then what follows if each of those still to come fails; jitter is not foreseen."""
    made = [
        Planned(
            number=one.number,
            at=one.started_at,
            made=True,
            reason=one.trigger,
            outcome=one.outcome,
            error=one.error,
            response_code=one.response_status,
        )
        for one in attempts
    ]
    if delivery.due_at is None:
        return made
    schedule = default if delivery.schedule is None else delivery.schedule
    return made + _to_come(delivery, _steps(delivery, schedule), delivery.due_at)


def _steps(delivery: DeliveryRecord, schedule: Sequence[int]) -> Sequence[int]:
    """Return the seconds between the attempts still to come; what had succeeded is sent once, whatever comes of it."""
    if delivery.had_succeeded:
        return ()
    return schedule if delivery.resend_asked_at is not None else schedule[delivery.step :]


def _to_come(delivery: DeliveryRecord, steps: Sequence[int], at: datetime) -> list[Planned]:
    number = delivery.attempt_count if delivery.on_the_wire else delivery.attempt_count + 1
    coming = [Planned(number=number, at=at, made=False, reason=delivery.trigger)]
    if delivery.resend_asked_at is not None:
        number, at = number + 1, delivery.resend_asked_at
        coming.append(Planned(number=number, at=at, made=False, reason=Trigger.RESEND.value))
    for seconds in steps:
        at += timedelta(seconds=seconds)
        number += 1
        coming.append(Planned(number=number, at=at, made=False, reason=Trigger.RETRY.value))
    return coming
