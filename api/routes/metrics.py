"""`/metrics`: what the operator watches, in Prometheus's text format."""

from typing import Final

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from api.deps import StateDep
from core.journal.gauge_queries import DeliveryGauge, TaskGauge, read_delivery_gauge, read_task_gauges

_TASK_LABELS: Final = ("type", "queue", "status")

router = APIRouter(tags=["operations"])


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(state: StateDep) -> Response:
    """Read the gauges of all tenants: tasks by type and state, deliveries that wait, the age of the oldest."""
    async with state.database.engine() as tx:
        tasks, deliveries = await read_task_gauges(tx), await read_delivery_gauge(tx)
    registry = CollectorRegistry()
    _tasks(registry, tasks)
    _deliveries(registry, deliveries)
    Gauge("ringback_window_room", "Deliveries that the broker's window can still take.", registry=registry).set(
        state.publisher.room
    )
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _tasks(registry: CollectorRegistry, found: tuple[TaskGauge, ...]) -> None:
    count = Gauge("ringback_tasks", "Tasks that have not ended.", _TASK_LABELS, registry=registry)
    oldest = Gauge(
        "ringback_tasks_oldest_seconds", "How long the oldest has been due.", _TASK_LABELS, registry=registry
    )
    for one in found:
        count.labels(one.type, one.queue, one.status).set(one.count)
        oldest.labels(one.type, one.queue, one.status).set(one.oldest_seconds)


def _deliveries(registry: CollectorRegistry, found: DeliveryGauge) -> None:
    state = Gauge("ringback_deliveries", "Deliveries that have not ended.", ("state",), registry=registry)
    state.labels("waiting").set(found.waiting)
    state.labels("due").set(found.due)
    state.labels("on_the_wire").set(found.on_the_wire)
    Gauge("ringback_deliveries_oldest_seconds", "How long the oldest has been due.", registry=registry).set(
        found.oldest_seconds
    )
