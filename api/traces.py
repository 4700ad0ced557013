"""The trace that a request belongs to, which events and tasks take along."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Header
from msgspec.structs import replace

from core.intake.outcomes import Refusal
from core.intake.wish import EventWish
from core.model.trace_context import read_traceparent

TraceHeader = Annotated[str | None, Header(alias="traceparent", description="W3C Trace Context; ignored if malformed.")]


def traced(wish: EventWish, header: str | None) -> EventWish:
    """Return an event that belongs to the trace of a `traceparent`, if that is one."""
    trace = None if header is None else read_traceparent(header)
    return wish if trace is None else replace(wish, traceparent=trace)


def all_traced(wishes: Sequence[EventWish | Refusal], header: str | None) -> Sequence[EventWish | Refusal]:
    """Do the same for each event of a batch."""
    if header is None:
        return wishes
    return [wish if isinstance(wish, Refusal) else traced(wish, header) for wish in wishes]
