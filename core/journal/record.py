"""Append to the log: one finished attempt and what it means for its delivery, as one value."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.model.outcome import Outcome, Trigger
from core.model.settle import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """An attempt to append; `claim` is the fence: a newer claim makes this outcome a late one."""

    delivery_id: UUID
    tenant_id: UUID
    claim: int
    number: int
    trigger: Trigger
    url: str
    request_headers: Mapping[str, str]
    outcome: Outcome
    verdict: Verdict
    started_at: datetime
