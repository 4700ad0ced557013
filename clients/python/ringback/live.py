"""What the live stream shows of attempts; the API's document has no words for what is in a stream."""

from ringback.base import Model
from ringback.generated.models import DurationsOut


class LiveAttempt(Model):
    """An attempt as it was recorded, without headers and bodies, which `client.deliveries.attempts` has."""

    id: str
    delivery_id: str
    event_id: str
    event_type: str
    endpoint_id: str | None
    task_id: str | None
    number: int
    trigger: str
    outcome: str
    error: str | None
    note: str | None
    url: str | None
    response_status: int | None
    address: str | None
    duration_ms: DurationsOut
    started_at: str
    place: str | None = None
    """Where it stands in the stream: given as `after`, the stream goes on behind it."""
