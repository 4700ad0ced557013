"""Attempts as the live stream shows them."""

from api.schemas.deliveries import DurationsOut
from api.schemas.fields import AttemptIdOut, DeliveryIdOut, EndpointIdOut, EventIdOut, Moment, Out, TaskIdOut
from core.journal.live_queries import LiveAttempt


class LiveAttemptOut(Out):
    """An attempt without headers and bodies, which `GET /v1/deliveries/{id}/attempts` has."""

    id: AttemptIdOut
    delivery_id: DeliveryIdOut
    event_id: EventIdOut
    event_type: str
    endpoint_id: EndpointIdOut | None
    task_id: TaskIdOut | None
    number: int
    trigger: str
    outcome: str
    error: str | None
    note: str | None
    url: str | None
    response_status: int | None
    address: str | None
    duration_ms: DurationsOut
    started_at: Moment

    @classmethod
    def of(cls, attempt: LiveAttempt) -> "LiveAttemptOut":
        """Show an attempt."""
        values: dict[str, object] = {name: getattr(attempt, name, None) for name in cls.model_fields}
        stages = DurationsOut.model_fields
        values["duration_ms"] = {stage: getattr(attempt, f"{stage}_ms") for stage in stages}
        return cls.model_validate(values | {"url": attempt.request_url})
