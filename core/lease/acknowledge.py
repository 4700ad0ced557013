"""What became of pulled deliveries, as whoever pulled them says: settled and recorded as that of a push."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
import structlog

from core import clock
from core.database import Database
from core.intake.notices import Notices
from core.journal.record import Settled
from core.journal.record_queries import record_attempts
from core.lease.claim import Puller
from core.lease.pull_queries import read_pull_target
from core.lease.ticket import Ticket, read_ticket
from core.model.errors import FieldError, InvalidInputError, NotFoundError
from core.model.ids import DeliveryId
from core.model.outcome import RESPONSE_BODY_LIMIT, ErrorClass, Outcome, OutcomeKind, Response, Timings
from core.model.sealing import KeyRing
from core.model.settle import ABORT, CONTROL_HEADER
from core.once import Once
from core.settings import Settings

_SUCCESS: Final = range(200, 300)

_log: Final = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """The outcome of one pulled delivery: the status that its receiver answered, or why there is none.

    `duration` is in milliseconds, from the pull to now unless told; `retry_after` in seconds. With `abort` its receiver
    wants the delivery to end.
    """

    token: str
    status: int | None = None
    error: ErrorClass | None = None
    body: bytes = b""
    duration: float | None = None
    retry_after: float | None = None
    abort: bool = False

    def outcome(self, since_claim: float) -> Outcome:
        """Return it as a sender would have; `since_claim` is in milliseconds."""
        timings = Timings(total=since_claim if self.duration is None else self.duration)
        if self.status is None:
            return Outcome(OutcomeKind.FAILED, error=self.error, timings=timings, retry_after=self.retry_after)
        good = self.status in _SUCCESS
        return Outcome(
            OutcomeKind.SUCCEEDED if good else OutcomeKind.FAILED,
            error=None if good else ErrorClass.HTTP_STATUS,
            response=Response(
                self.status,
                ((CONTROL_HEADER, ABORT),) if self.abort else (),
                self.body[:RESPONSE_BODY_LIMIT],
                truncated=len(self.body) > RESPONSE_BODY_LIMIT,
            ),
            timings=timings,
            retry_after=self.retry_after,
        )


class Acknowledgements:
    """Records what whoever pulled brings back, all of a request in one transaction."""

    def __init__(self, database: Database, ring: KeyRing, settings: Settings, notices: Notices) -> None:
        self._database: Final = database
        self._ring: Final = ring
        self._settings: Final = settings
        self._notices: Final = notices

    async def record(self, who: Puller, acks: Sequence[Ack], once: Once) -> Sequence[DeliveryId]:
        """Record outcomes; return whose they were, in the order in which they came.

        One whose lease has run out fills in its own attempt, and a late success ends the delivery; one that was
        recorded before changes nothing. Raises `NotFoundError` for an endpoint that this owner does not see, and
        `InvalidInputError` for a claim that was not handed out or stands there twice: nothing is recorded then.
        """
        async with self._database.tenant(who.tenant_id, who.owner) as tx:
            if await read_pull_target(tx, endpoint_id=who.endpoint_id) is None:
                raise NotFoundError("endpoint")
        tickets = self._opened(who, acks)
        now = clock.at(self._database.unix_seconds())
        settled = [self._settled(ticket, ack, now) for ticket, ack in zip(tickets, acks, strict=True)]
        async with self._database.engine() as tx:
            if not await once.take(tx, who.endpoint_id):
                await self._notices.tell(tx, await record_attempts(tx, settled=settled))
        for one in settled:
            _log.info("attempt", **one.wide())
        return [DeliveryId(one.delivery_id) for one in settled]

    def _opened(self, who: Puller, acks: Sequence[Ack]) -> Sequence[Ticket]:
        found = [
            read_ticket(self._ring, ack.token, tenant_id=who.tenant_id, endpoint_id=who.endpoint_id) for ack in acks
        ]
        bad = [place for place, ticket in enumerate(found) if ticket is None]
        tickets = [ticket for ticket in found if ticket is not None]
        deliveries = [ticket.leased.delivery_id for ticket in tickets]
        if bad:
            raise InvalidInputError(*(FieldError(f"/acks/{place}/claim", _UNKNOWN) for place in bad))
        twice = [place for place, one in enumerate(deliveries) if one in deliveries[:place]]
        if twice:
            raise InvalidInputError(*(FieldError(f"/acks/{place}/claim", _TWICE) for place in twice))
        return tickets

    def _settled(self, ticket: Ticket, ack: Ack, now: datetime) -> Settled:
        since = max(0.0, (now - ticket.claimed_at).total_seconds() * 1000)
        return ticket.leased.settled(
            ack.outcome(since),
            default_schedule=self._settings.retry_schedule,
            headers=msgspec.json.encode(ticket.headers).decode(),
            started_at=ticket.claimed_at,
            now=now,
        )


_UNKNOWN: Final = "It is no claim that was handed out for this endpoint."
_TWICE: Final = "Its delivery is named before."
