"""Recovers on the wire."""

from typing import Annotated

from pydantic import Field

from api.schemas.endpoints import Subscription
from api.schemas.fields import In, Out, Timestamp


class RecoveryIn(In):
    """What to reopen: deliveries that were made from `since` on and before `until`."""

    since: Timestamp
    until: Timestamp | None = Field(default=None, description="Now, unless told.")
    event_types: Annotated[list[Subscription], Field(max_length=100)] | None = Field(
        default=None, description="Exact names, or a prefix with `.*`; all of them, unless told."
    )


class MissedOut(Out):
    """What a recover would reopen."""

    count: int = Field(description="Counted up to 10,000.", le=10_000)
