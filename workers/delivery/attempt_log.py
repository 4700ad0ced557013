"""The log of attempts: one wide line each, those of a batch in one write.

A line through structlog and logging costs some 30 µs, a tenth of what a delivery did in all.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, cast

import msgspec
import structlog

from core import clock
from core.journal.record import Settled
from core.model import ids
from core.model.outcome import ErrorClass, OutcomeKind, Trigger
from core.model.states import DeliveryStatus
from core.settings import Settings

Write = Callable[[bytes], object]

_QUIET: Final = ("warning", "error")
_log: Final = structlog.stdlib.get_logger()


class Line(msgspec.Struct, frozen=True):
    """What is told of an attempt: no payload, no secret, no URL; times in milliseconds, the delay in seconds."""

    delivery_id: str
    number: int
    trigger: Trigger
    outcome: OutcomeKind
    error: ErrorClass | None
    status: int | None
    total_ms: float
    next: DeliveryStatus
    delay: float | None
    event: str = "attempt"
    level: str = "info"
    logger: str = __name__
    timestamp: str | None = None


class AttemptLog:
    """Tells of attempts in the shape and from the level that the settings name, see `core.telemetry`."""

    def __init__(self, settings: Settings, write: Write | None = None) -> None:
        """Tell nothing yet; `write` takes whole lines of JSON: standard error, unless told otherwise."""
        self._quiet: Final = settings.log_level in _QUIET
        self._plain: Final = settings.log_format != "json"
        self._write: Final = write or _to_standard_error
        self._encode: Final = msgspec.json.Encoder().encode

    def tell(self, settled: Sequence[Settled]) -> None:
        """Write a line for each."""
        if self._quiet:
            return
        now = clock.timestamp(clock.now())
        lines = [_line(one, now) for one in settled]
        if self._plain:
            for line in lines:
                _log.info(line.event, **_fields(line))
        else:
            self._write(b"".join([self._encode(line) + b"\n" for line in lines]))


def _to_standard_error(lines: bytes) -> None:
    with suppress(OSError):  # a log that takes no more must not keep what is recorded from being known so
        sys.stderr.buffer.write(lines)
        sys.stderr.buffer.flush()


def _fields(line: Line) -> dict[str, object]:
    told = cast("dict[str, object]", msgspec.to_builtins(line))
    return {name: value for name, value in told.items() if name not in {"event", "level", "logger", "timestamp"}}


def _line(settled: Settled, now: str | None) -> Line:
    outcome, verdict = settled.outcome, settled.verdict
    return Line(
        ids.encode(ids.DELIVERY, settled.delivery_id),
        settled.number,
        settled.trigger,
        outcome.kind,
        outcome.error,
        outcome.response and outcome.response.status,
        round(outcome.timings.total, 1),
        verdict.status,
        verdict.delay,
        timestamp=now,
    )
