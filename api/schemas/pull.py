"""Pulled deliveries, and what became of them, on the wire."""

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from api.schemas.deliveries import DeliveryOut, TriggerName
from api.schemas.fields import WHOLE, DeliveryIdOut, EventIdOut, In, Moment, Out
from core.lease.acknowledge import Ack
from core.lease.pull import Pulled
from core.lease.ticket import LENGTH
from core.model.outcome import ErrorClass

MOST: Final = 100
LONGEST_WAIT: Final = 60
LONGEST_PAUSE: Final = 86_400
BODY_LIMIT: Final = 64 * 1024
"""Characters of an answer's body that an acknowledgement may bring; the first 16 KiB are kept."""

PullErrorName = Literal["timeout", "connect", "tls", "dns", "too_large", "protocol"]


class PullIn(In):
    """How many deliveries to lease, and how long to wait for the first."""

    max: Annotated[int, Field(strict=True, ge=1, le=MOST), WHOLE] = Field(
        default=10, description="At most so many, and none once their bodies come to 8 MiB."
    )
    wait: Annotated[int, Field(strict=True, ge=0, le=LONGEST_WAIT), WHOLE] = Field(
        default=0, description="Seconds to wait if there is nothing yet."
    )


class PulledRequestOut(Out):
    """The request that a push would have been; what is signed are the bytes of `body` in UTF-8."""

    method: Literal["POST"]
    url: str | None = Field(description="`null`: it goes where whoever pulls it wants.")
    headers: dict[str, str]
    body: str


class PulledOut(Out):
    """A leased delivery; what is not acknowledged before `leased_until` becomes an attempt `unknown`."""

    claim: str = Field(description="What `ack` knows it by.", max_length=LENGTH)
    leased_until: Moment
    delivery_id: DeliveryIdOut
    event_id: EventIdOut
    number: int
    trigger: TriggerName = Field(description="Why this attempt is made.")
    request: PulledRequestOut

    @classmethod
    def of(cls, pulled: Pulled) -> "PulledOut":
        """Show a delivery as it is handed out."""
        one = pulled.claimed
        request = PulledRequestOut(method="POST", url=None, headers=dict(pulled.headers), body=one.body.decode())
        return cls.model_validate(
            {
                "claim": pulled.token,
                "leased_until": pulled.leased_until,
                "delivery_id": one.delivery_id,
                "event_id": one.event_id,
                "number": one.number,
                "trigger": one.trigger,
                "request": request,
            }
        )


_OTHER: Final[JsonDict] = {"type": "null"}
_EXAMPLE: Final[JsonDict] = {"claim": "AXoH3k", "status": 200, "duration_ms": 12.5}
_EITHER: Final[JsonDict] = {
    "oneOf": [
        {"required": ["status"], "properties": {"status": {"type": "integer"}, "error": _OTHER}},
        {"required": ["error"], "properties": {"error": {"type": "string"}, "status": _OTHER}},
    ],
    "examples": [_EXAMPLE],
}


class AckIn(In):
    """What became of one pulled delivery: the status that its receiver answered, or why there is none.

    It means what it means of a push: a 2xx ends the delivery, 410 disables the endpoint, `abort` cancels the delivery,
    all else follows the schedule.
    """

    model_config = ConfigDict(json_schema_extra=_EITHER)

    claim: str = Field(description="As `pull` gave it.", min_length=1, max_length=LENGTH)
    status: Annotated[int, Field(strict=True, ge=200, le=599), WHOLE] | None = None
    error: PullErrorName | None = None
    body: str = Field(default="", description="What was answered, for the log.", max_length=BODY_LIMIT)
    duration_ms: float | None = Field(
        default=None, ge=0, le=86_400_000, description="How long it took; since the pull, unless told."
    )
    retry_after: Annotated[int, Field(strict=True, ge=0, le=LONGEST_PAUSE), WHOLE] | None = Field(
        default=None, description="Seconds: the next attempt is at the later of that time and the schedule."
    )
    abort: bool = Field(
        default=False,
        strict=True,
        description="Whether its receiver answered with `webhook-delivery: abort-message`: the delivery ends.",
    )

    @model_validator(mode="after")
    def _check(self) -> "AckIn":
        if (self.status is None) == (self.error is None):
            raise ValueError("give either status or error")
        if self.abort and self.status is None:
            raise ValueError("abort is something that is answered: give a status")
        return self

    def ack(self) -> Ack:
        """Return it as core takes it."""
        return Ack(
            token=self.claim,
            status=self.status,
            error=None if self.error is None else ErrorClass(self.error),
            body=self.body.encode(errors="replace"),
            duration=self.duration_ms,
            retry_after=self.retry_after,
            abort=self.abort,
        )


class AcksIn(In):
    """What became of pulled deliveries."""

    acks: Annotated[list[AckIn], Field(min_length=1, max_length=MOST, examples=[[_EXAMPLE]])]


class PulledPage(Out):
    """What was leased; empty if nothing is due or may go now."""

    data: list[PulledOut]


class AckedPage(Out):
    """The deliveries as they stand now, in the order of their acknowledgements."""

    data: list[DeliveryOut]
