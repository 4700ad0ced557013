"""What an attempt's outcome means for its delivery: the one place that decides.

```
             ┌── 2xx ────────────────────────► succeeded
             ├── 410 ────────────────────────► cancelled (gone), endpoint disabled
Outcome ─────┼── abort-message ──────────────► cancelled (aborted)
             ├── reconnect, unknown ─────────► retrying, at once, no step
             └── anything else ──► a step ───► retrying, or exhausted at the schedule's end
```
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from core.model.outcome import Outcome, OutcomeKind, Trigger
from core.model.retry import delay_after, retry_after
from core.model.states import CancelReason, DeliveryStatus, WaitingFor

UNKNOWN_LIMIT: Final = 3
RECONNECT: Final = "reconnect"
CONTROL_HEADER: Final = "webhook-delivery"
ABORT: Final = "abort-message"

_GONE: Final = 410
SLOW_DOWN: Final = frozenset({429, 503})
"""The statuses whose `Retry-After` is minded."""


class DeliveryState(msgspec.Struct, frozen=True, gc=False):
    """A delivery as its attempt found it.

    `step` counts the steps of `schedule` (seconds) that are used; `unknown_run` the attempts in a row that
    ended `unknown`; `trigger` is the one of the attempt that has ended now.
    """

    step: int
    unknown_run: int
    trigger: Trigger
    had_succeeded: bool
    schedule: Sequence[int]


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """The delivery's next state.

    `delay` is in seconds from the database's now until the next attempt, `None` when there is none;
    `next_trigger` belongs to that attempt.
    """

    status: DeliveryStatus
    delay: float | None
    step: int
    unknown_run: int
    next_trigger: Trigger = Trigger.RETRY
    reason: CancelReason | None = None
    waiting_for: WaitingFor | None = None
    disable_endpoint: bool = False


def settle(outcome: Outcome, state: DeliveryState, *, now: datetime, draw: float) -> Verdict:
    """Return the state after an attempt; `now` is the database's, `draw` a random number in [0, 1)."""
    gone = outcome.response is not None and outcome.response.status == _GONE
    if outcome.kind is OutcomeKind.SUCCEEDED or state.had_succeeded:
        return _ended(state, DeliveryStatus.SUCCEEDED, disable_endpoint=gone)
    if gone:
        return _ended(state, DeliveryStatus.CANCELLED, CancelReason.GONE, disable_endpoint=True)
    if _aborted(outcome):
        return _ended(state, DeliveryStatus.CANCELLED, CancelReason.ABORTED)
    if outcome.kind is OutcomeKind.UNKNOWN:
        return _after_unknown(state, draw)
    if outcome.note == RECONNECT and state.trigger is not Trigger.RECONNECT:
        # The run of unknown ones goes on, else the two could take turns for ever without using a step.
        return _at_once(state, state.unknown_run, Trigger.RECONNECT)
    return _next_step(state, 0, draw, pause_asked(outcome, now))


def pause_asked(outcome: Outcome, now: datetime) -> float | None:
    """Return how many seconds the receiver asked to be left alone: `Retry-After` on 429 and 503, 24 h at most."""
    if outcome.retry_after is not None:
        return outcome.retry_after
    response = outcome.response
    if response is None or response.status not in SLOW_DOWN:
        return None
    value = response.header("retry-after")
    return None if value is None else retry_after(value, now)


def _ended(
    state: DeliveryState,
    status: DeliveryStatus,
    reason: CancelReason | None = None,
    *,
    disable_endpoint: bool = False,
) -> Verdict:
    return Verdict(status, None, state.step, 0, reason=reason, disable_endpoint=disable_endpoint)


def _aborted(outcome: Outcome) -> bool:
    return is_abort(outcome.response.header(CONTROL_HEADER) if outcome.response else None)


def is_abort(asked: str | None) -> bool:
    """Tell whether a receiver's `CONTROL_HEADER` wants the delivery to end."""
    return asked is not None and asked.strip().lower() == ABORT


def _after_unknown(state: DeliveryState, draw: float) -> Verdict:
    # The run is not reset by the step: a payload that kills its process would be sent four times a step.
    run = state.unknown_run + 1
    if run > UNKNOWN_LIMIT:
        return _next_step(state, run, draw, None)
    return _at_once(state, run, Trigger.RETRY)


def _at_once(state: DeliveryState, unknown_run: int, trigger: Trigger) -> Verdict:
    return Verdict(DeliveryStatus.RETRYING, 0.0, state.step, unknown_run, trigger)


def _next_step(state: DeliveryState, unknown_run: int, draw: float, asked: float | None) -> Verdict:
    planned = delay_after(state.step, state.schedule, draw)
    if planned is None:
        return _ended(state, DeliveryStatus.EXHAUSTED)
    later = asked is not None and asked > planned
    return Verdict(
        DeliveryStatus.RETRYING,
        asked if later else planned,
        state.step + 1,
        unknown_run,
        waiting_for=WaitingFor.RETRY_AFTER if later else WaitingFor.SCHEDULE,
    )
