"""Endpoints on the wire."""

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, JsonValue, StringConstraints, field_validator
from pydantic.config import JsonDict

from api.schemas.fields import (
    WHOLE,
    EndpointIdOut,
    HeaderMap,
    In,
    Metadata,
    MetadataKey,
    MetadataValue,
    Moment,
    Out,
    Owner,
    Text,
    Timestamp,
    Url,
    never_null,
)
from core.model.matching import SUBSCRIPTION_PATTERN, TYPE_LENGTH
from core.registry.endpoints import DEFAULT_MAX_IN_FLIGHT, MOST_PER_SECOND
from core.registry.renewal import LONGEST_OVERLAP, OVERLAP

Subscription = Annotated[
    str, StringConstraints(pattern=SUBSCRIPTION_PATTERN, max_length=TYPE_LENGTH), Field(examples=["task.*"])
]
Subscriptions = Annotated[
    list[Subscription],
    Field(
        max_length=100,
        description="Exact names, or a prefix with `.*`; none: all events of clients, and `task.*`. Those named"
        " `endpoint.*` and `delivery.*` come only to endpoints that ask for them.",
    ),
]
Seconds = Annotated[int, Field(strict=True, ge=1, le=7 * 86_400), WHOLE]
Schedule = Annotated[list[Seconds], Field(max_length=50, examples=[[5, 300, 1800]])]
Signature = Annotated[
    Literal["hmac", "ed25519"],
    Field(
        description="`hmac` signs with a shared secret (`v1`), `ed25519` with a private key that never leaves (`v1a`)."
    ),
]
Ordering = Annotated[
    Literal["none", "fifo"],
    Field(description="`fifo`: in the order of acceptance; an event waits until those before it have ended."),
]
RateLimit = Annotated[int, Field(strict=True, ge=1, le=MOST_PER_SECOND, description="Requests per second."), WHOLE]
MaxInFlight = Annotated[int, Field(strict=True, ge=1, le=1000, description="Requests on the wire at once."), WHOLE]
Timeout = Annotated[int, Field(strict=True, ge=1, le=30, description="Seconds over everything."), WHOLE]
SendTraceparent = Annotated[
    bool,
    Field(
        strict=True,
        description="Whether requests tell the trace of the request that caused the event (W3C `traceparent`).",
    ),
]
Filter = Annotated[
    str | dict[str, JsonValue],
    Field(
        description="A JSONPath query (RFC 9535) over `data` that must select something, or `{path, equals}`. The"
        " functions `match` and `search` are not there: a regular expression may take for ever. A query that looks at"
        " more than 20,000 values of an event selects nothing of it.",
        examples=["$.order[?@.total > 100]", {"path": "$.country", "equals": "DE"}],
    ),
]
SecretIn = Annotated[str, Field(description="`whsec_…`; made if it is not given.", max_length=128)]


class RetryPolicy(In):
    """Seconds between attempts; a delivery is given up after the last."""

    schedule: Schedule


class RetryPolicyPatch(In):
    """A change of a retry policy: without a schedule it stays, with `null` it is the platform's default again."""

    schedule: Schedule | None = None


Mode = Annotated[
    Literal["push", "pull"],
    Field(
        description="`push`: events are sent to `url`. `pull`: there is no URL; events wait until they are fetched"
        " by `pull`. It stays as it was made."
    ),
]
_IN: Final[JsonDict] = {
    "examples": [{"url": "https://example.com/hook", "event_types": ["order.*"]}, {"mode": "pull"}],
    "if": {"properties": {"mode": {"const": "pull"}}, "required": ["mode"]},
    "then": {"properties": {"url": {"type": "null"}, "headers": {"maxProperties": 0}}},
    "else": {"properties": {"url": {"type": "string"}}, "required": ["url"]},
}


class EndpointIn(In):
    """A callback URL to register, or something to pull from."""

    model_config = ConfigDict(json_schema_extra=_IN)

    mode: Mode = "push"
    url: Url | None = None
    event_types: Subscriptions | None = None
    description: Text | None = None
    secret: SecretIn | None = None
    headers: HeaderMap | None = None
    signature: Signature = "hmac"
    rate_limit: RateLimit | None = None
    max_in_flight: MaxInFlight = DEFAULT_MAX_IN_FLIGHT
    ordering: Ordering = "none"
    retry_policy: RetryPolicy | None = None
    timeout: Timeout | None = None
    send_traceparent: SendTraceparent = False
    filter: Filter | None = None
    owner: Owner | None = Field(
        default=None, description="The partner whose it is; untold: that of the key that registers it."
    )
    metadata: Metadata = Field(default_factory=dict)


class EndpointPatch(In):
    """A change of an endpoint (RFC 7396): what is not named stays, `null` means the default again.

    What cannot be changed here may come back as it was, and masked values of headers mean that they stay.
    """

    mode: JsonValue = Field(default=None, description="Read-only.")
    url: Url | None = Field(default=None, json_schema_extra=never_null)
    event_types: Subscriptions | None = None
    description: Text | None = None
    headers: dict[str, str | None] | None = None
    signature: Signature | None = None
    rate_limit: RateLimit | None = None
    max_in_flight: MaxInFlight | None = None
    ordering: Ordering | None = None
    retry_policy: RetryPolicyPatch | None = None
    timeout: Timeout | None = None
    send_traceparent: SendTraceparent | None = None
    filter: Filter | None = None
    owner: Owner | None = None
    metadata: (
        Annotated[dict[MetadataKey, MetadataValue | None], Field(json_schema_extra={"additionalProperties": False})]
        | None
    ) = None
    id: JsonValue = Field(default=None, description="Read-only.")
    public_key: JsonValue = Field(default=None, description="Read-only.")
    status: JsonValue = Field(default=None, description="Read-only: see `pause` and `enable`.")
    disabled_reason: JsonValue = Field(default=None, description="Read-only.")
    created_at: JsonValue = Field(default=None, description="Read-only.")
    updated_at: JsonValue = Field(default=None, description="Read-only.")


READ_ONLY: Final = frozenset({"id", "mode", "public_key", "status", "disabled_reason", "created_at", "updated_at"})


class EndpointOut(Out):
    """An endpoint; the values of its headers are masked."""

    id: EndpointIdOut
    mode: Literal["push", "pull"]
    url: str | None = Field(description="`null` of one that is pulled from.")
    description: str | None
    event_types: list[str] | None
    headers: dict[str, str]
    signature: Literal["hmac", "ed25519"]
    public_key: str | None = Field(description="Of `ed25519`: what its signatures are verified with.")
    rate_limit: int | None = Field(description="Requests per second.")
    max_in_flight: int
    ordering: Literal["none", "fifo"]
    retry_policy: RetryPolicy
    timeout: int
    send_traceparent: bool
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
    """A new endpoint, with its secret; of `ed25519` there is none to show."""

    secret: str | None = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


class EndpointPage(Out):
    """A page of endpoints, newest first."""

    data: list[EndpointOut]
    next_cursor: str | None


class RotateIn(In):
    """How to replace a secret."""

    overlap: Annotated[int, Field(strict=True, ge=0, le=LONGEST_OVERLAP), WHOLE] = Field(
        default=OVERLAP, description="Seconds for which every request is signed with the old secret as well."
    )
    secret: SecretIn | None = None


class EndpointSecretOut(Out):
    """What an endpoint's requests are verified with (Standard Webhooks)."""

    secret: str | None = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
    public_key: str | None = Field(description="Of `ed25519`, whose private key is never shown: `whpk_…`.")


class CancelIn(In):
    """What to cancel; all that waits, unless told."""

    before: Timestamp | None = Field(default=None, description="Only deliveries that were made before.")
    event_types: Annotated[list[Subscription], Field(min_length=1, max_length=100)] | None = None


class CancelledOut(Out):
    """How many deliveries were cancelled."""

    cancelled: int
