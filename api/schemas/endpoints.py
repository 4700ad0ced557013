"""Endpoints on the wire."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue, StringConstraints, field_validator

from api.schemas.fields import EndpointIdOut, In, Metadata, Moment, Out, Owner, Text, Url
from core.model.matching import SUBSCRIPTION_PATTERN, TYPE_LENGTH
from core.registry.endpoints import DEFAULT_MAX_IN_FLIGHT

Subscription = Annotated[
    str, StringConstraints(pattern=SUBSCRIPTION_PATTERN, max_length=TYPE_LENGTH), Field(examples=["task.*"])
]
Seconds = Annotated[int, Field(ge=1, le=7 * 86_400)]


class RetryPolicy(In):
    """Seconds between attempts; a delivery is given up after the last."""

    schedule: Annotated[list[Seconds], Field(max_length=50, examples=[[5, 300, 1800]])]


class EndpointIn(In):
    """A callback URL to register."""

    url: Url
    event_types: Annotated[list[Subscription], Field(max_length=100)] | None = Field(
        default=None, description="Exact names, or a prefix with `.*`; none: all events of clients, and `task.*`."
    )
    description: Text | None = None
    secret: str | None = Field(default=None, description="`whsec_…`; made if it is not given.", max_length=128)
    headers: dict[str, str] | None = Field(default=None, description="Sent with each request; their values are masked.")
    max_in_flight: int = Field(default=DEFAULT_MAX_IN_FLIGHT, ge=1, le=1000)
    retry_policy: RetryPolicy | None = None
    timeout: int | None = Field(default=None, ge=1, le=30, description="Seconds over everything.")
    owner: Owner | None = Field(
        default=None, description="The partner whose it is; untold: that of the key that registers it."
    )
    metadata: Metadata = Field(default_factory=dict)


class EndpointOut(Out):
    """An endpoint; the values of its headers are masked."""

    id: EndpointIdOut
    url: str
    description: str | None
    event_types: list[str] | None
    headers: dict[str, str]
    signature: Literal["hmac", "ed25519"]
    public_key: str | None = None
    rate_limit: int | None
    max_in_flight: int
    ordering: Literal["none", "fifo"]
    retry_policy: RetryPolicy
    timeout: int
    filter: dict[str, JsonValue] | str | None
    owner: str | None
    metadata: dict[str, str]
    status: Literal["enabled", "paused", "disabled"]
    disabled_reason: str | None
    created_at: Moment
    updated_at: Moment

    @field_validator("event_types", mode="before")
    @classmethod
    def _none_means_all(cls, value: object) -> object:
        return value or None


class NewEndpointOut(EndpointOut):
    """A new endpoint, with its secret."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


class EndpointPage(Out):
    """A page of endpoints, newest first."""

    data: list[EndpointOut]
    next_cursor: str | None
