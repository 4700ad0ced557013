"""What was accepted, what receivers saw, and what the log claims: three views that have to agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

ENDED = frozenset({"succeeded", "exhausted", "cancelled"})
ASKED_FOR = frozenset({"resend", "replay", "recover", "test"})
"""Triggers that somebody asked for: they may follow a success."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """An event that was answered with 202; `endpoints` are those that matched then, `order` counts the events."""

    event_id: str
    order: int
    data: object
    ordering_key: str | None
    endpoints: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request as a receiver saw it, with the status that it answered, if it answered; times are Unix seconds."""

    endpoint: str
    webhook_id: str
    at: float
    headers: Mapping[str, str]
    body: bytes
    status: int | None

    @property
    def welcome(self) -> bool:
        """Whether it was answered with a 2xx."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt of the log."""

    number: int
    trigger: str
    outcome: str
    started_at: datetime
    note: str | None = None

    @property
    def doubtful(self) -> bool:
        """Whether it may have been sent without having been recorded as a success in time."""
        return self.outcome != "succeeded" or self.note == "late"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One delivery of the log, with its attempts in their order."""

    id: str
    event_id: str
    endpoint: str
    status: str
    reason: str | None
    attempts: Sequence[Attempt]

    @property
    def first_success(self) -> Attempt | None:
        """The attempt that succeeded first."""
        return next((one for one in self.attempts if one.outcome == "succeeded"), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A signing secret and when it signs, in Unix seconds; `until` is infinite for the present one."""

    text: str
    since: float
    until: float = float("inf")


@dataclass(slots=True, kw_only=True)
class History:
    """All of it, once nothing moves any more."""

    schedule: Sequence[int]
    accepted: list[Accepted] = field(default_factory=list[Accepted])
    seen: list[Seen] = field(default_factory=list[Seen])
    events: dict[str, object] = field(default_factory=dict[str, object])
    """The data of each event of the log, by its ID."""
    deliveries: list[Delivery] = field(default_factory=list[Delivery])
    secrets: dict[str, list[Secret]] = field(default_factory=dict[str, list[Secret]])
    fifo: set[str] = field(default_factory=set[str])
    """Endpoints that were to be served in order all the time."""
    counted: dict[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])
    """What the stats of each endpoint say: attempts by outcome."""
    _pairs: dict[tuple[str, str], list[Delivery]] = field(default_factory=dict[tuple[str, str], list[Delivery]])
    _indexed: int = 0

    def of_pair(self, event_id: str, endpoint: str) -> list[Delivery]:
        """Return the deliveries of an event to an endpoint: one, and one more for each replay."""
        if self._indexed != len(self.deliveries):
            self._pairs.clear()
            for one in self.deliveries:
                self._pairs.setdefault((one.event_id, one.endpoint), []).append(one)
            self._indexed = len(self.deliveries)
        return self._pairs.get((event_id, endpoint), [])
