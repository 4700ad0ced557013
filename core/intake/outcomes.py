"""What becomes of an event that a client sends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from core.journal.event_queries import read_events
from core.journal.events import EventRecord
from core.model.errors import ConflictError, FieldError, GoneError, InvalidInputError, RingbackError
from core.model.ids import EventId, TenantId
from core.model.json_value import JsonValue
from core.once import Kept


class ContentDiffersError(ConflictError):
    """A client's ID stands for another event already."""

    def __init__(self) -> None:
        super().__init__("An event with this ID and other content was accepted before.")


class EventGoneError(GoneError):
    """The event that a request or an ID stands for was accepted, and is no more."""

    def __init__(self) -> None:
        super().__init__("The event that was accepted first is past its retention.")


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """An event that was made, or found: `replayed` if its request was answered before."""

    event: EventRecord
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a line of a batch was not accepted: a stable code and a safe sentence, and where the bad values are."""

    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()

    @classmethod
    def of(cls, error: RingbackError) -> "Refusal":
        """Return an error as the refusal of its line."""
        return cls(error.code, error.detail, error.errors if isinstance(error, InvalidInputError) else ())


def refused(outcome: Accepted | RingbackError) -> Accepted | Refusal:
    """Return what became of a line."""
    return outcome if isinstance(outcome, Accepted) else Refusal.of(outcome)


def remembered(outcomes: Sequence[Accepted | Refusal]) -> dict[str, JsonValue]:
    """Return what is kept of a batch with its key: the ID or the error code of each line."""
    lines = [
        {"id": one.event.id.hex} if isinstance(one, Accepted) else {"code": one.code, "detail": one.detail}
        for one in outcomes
    ]
    return {"lines": lines}


async def replayed(tx: AsyncConnection, tenant_id: TenantId, kept: Kept) -> list[Accepted | Refusal]:
    """Return what became of each line of a batch that was answered before."""
    lines = kept.more.get("lines")
    told = [one for one in lines if isinstance(one, Mapping)] if isinstance(lines, Sequence) else []
    ids = [EventId(UUID(str(one["id"]))) for one in told if "id" in one]
    events = await read_events(tx, tenant_id=tenant_id, event_ids=ids)
    return [_again(one, events) for one in told]


def _again(line: Mapping[str, JsonValue], events: Mapping[EventId, EventRecord]) -> Accepted | Refusal:
    if "code" in line:
        return Refusal(str(line["code"]), str(line["detail"]))
    event = events.get(EventId(UUID(str(line["id"]))))
    if event is None:
        return Refusal.of(EventGoneError())
    return Accepted(event, replayed=True)
