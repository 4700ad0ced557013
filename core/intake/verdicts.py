"""What an endpoint's filter says of one event."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an endpoint's filter, in this version of it, selects an event."""

    endpoint_id: UUID
    version: int
    selected: bool
