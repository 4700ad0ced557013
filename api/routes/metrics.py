"""`/metrics`: what the operator watches, in Prometheus's text format; docs/operations/metrics.md has each by name."""

from typing import Final

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from api.deps import StateDep
from api.schemas.fields import Problem
from api.state import State
from core.journal.gauge_queries import (
    AttemptGauge,
    DeliveryGauge,
    EndedGauge,
    EndpointGauge,
    TaskGauge,
    read_attempt_gauges,
    read_cold_share,
    read_delivery_gauge,
    read_ended_gauges,
    read_endpoint_gauge,
    read_task_gauges,
)

_TASK_LABELS: Final = ("type", "queue", "status")

router = APIRouter(tags=["operations"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"description": "The gauges.", "content": {"text/plain": {}}},
        503: {"model": Problem, "description": "Postgres is away."},
    },
)
async def metrics(state: StateDep) -> Response:
    """Read the gauges of all tenants: tasks, deliveries, attempts, endpoints in trouble, the broker and its queues."""
    registry = CollectorRegistry()
    async with state.database.engine() as tx:
        _tasks(registry, await read_task_gauges(tx))
        _ended(registry, await read_ended_gauges(tx))
        _deliveries(registry, await read_delivery_gauge(tx))
        _attempts(registry, await read_attempt_gauges(tx))
        _connections(registry, await read_cold_share(tx))
        _endpoints(registry, await read_endpoint_gauge(tx))
    _broker(registry, state)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


def _tasks(registry: CollectorRegistry, found: tuple[TaskGauge, ...]) -> None:
    count = Gauge("ringback_tasks", "Tasks that have not ended.", _TASK_LABELS, registry=registry)
    oldest = Gauge(
        "ringback_tasks_oldest_seconds", "How long the oldest has been due.", _TASK_LABELS, registry=registry
    )
    for one in found:
        count.labels(one.type, one.queue, one.status).set(one.count)
        oldest.labels(one.type, one.queue, one.status).set(one.oldest_seconds)


def _ended(registry: CollectorRegistry, found: tuple[EndedGauge, ...]) -> None:
    name = "ringback_tasks_ended_last_minute"
    count = Gauge(name, "Tasks that ended in the last 60 seconds.", _TASK_LABELS, registry=registry)
    for one in found:
        count.labels(one.type, one.queue, one.status).set(one.count)


def _deliveries(registry: CollectorRegistry, found: DeliveryGauge) -> None:
    state = Gauge("ringback_deliveries", "Deliveries that have not ended.", ("state",), registry=registry)
    state.labels("waiting").set(found.waiting)
    state.labels("due").set(found.due)
    state.labels("on_the_wire").set(found.on_the_wire)
    Gauge("ringback_deliveries_oldest_seconds", "How long the oldest has been due.", registry=registry).set(
        found.oldest_seconds
    )


def _attempts(registry: CollectorRegistry, found: tuple[AttemptGauge, ...]) -> None:
    name = "ringback_attempts_last_five_minutes"
    count = Gauge(name, "Attempts of the last five minutes that are over.", ("outcome", "error"), registry=registry)
    for one in found:
        count.labels(one.outcome, one.error).set(one.count)


def _connections(registry: CollectorRegistry, cold: float) -> None:
    told = "Share of the attempts of the last five minutes that opened a connection."
    Gauge("ringback_cold_connections_ratio", told, registry=registry).set(cold)


def _endpoints(registry: CollectorRegistry, found: EndpointGauge) -> None:
    count = Gauge("ringback_endpoints", "Endpoints in trouble.", ("state",), registry=registry)
    count.labels("disabled").set(found.disabled)
    count.labels("failing").set(found.failing)


def _broker(registry: CollectorRegistry, state: State) -> None:
    publisher = state.publisher
    Gauge("ringback_broker_connected", "1 while this process is connected to the broker.", registry=registry).set(
        publisher.connected
    )
    Gauge("ringback_window_room", "Deliveries that the broker's window can still take.", registry=registry).set(
        publisher.room
    )
    messages = Gauge("ringback_queue_messages", "Messages that wait on the broker.", ("queue",), registry=registry)
    for queue, count in state.depths.found.items():
        messages.labels(queue).set(count)
