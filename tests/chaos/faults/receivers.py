"""Faults of receivers, and what their owners do meanwhile: rotate, edit, disable, delete, replay."""

from typing import Final

from core.clock import at, timestamp, unix_seconds
from tests.chaos.cluster import TIMEOUT, pause
from tests.chaos.rounds import Fault, Scene

NOTHING: Final = "Nothing."
BAD: Final = ("hang", "late", "drip", "reset", "busy", "500", "slow")
FLOOD: Final = 3_000
DEAD: Final = 100
BATCH: Final = 500
AFTER_BREAKERS: Final = 150.0
"""Seconds: a circuit breaker holds for 30, then for 60; what was held back goes then."""


def misbehave(scene: Scene) -> None:
    """Let receivers hang, answer after the deadline, drip, reset, ask to be left alone; then be well again."""
    for behaviour in BAD:
        scene.tenant.register(f"bad-{behaviour}", behaviour, wants=False)
    pause(6)
    for behaviour in BAD:
        scene.sink.behave(f"{scene.tenant.slug}-bad-{behaviour}", "200")


def gone(scene: Scene) -> None:
    """Let a receiver say that it is gone for good."""
    scene.tenant.register("gone", "410", wants=False)
    pause(5)


def flood(scene: Scene) -> None:
    """Let another tenant send thousands of events, to many receivers that never answer."""
    other = type(scene.tenant)(scene.cluster, scene.sink, f"{scene.tenant.slug}x")
    for number in range(DEAD):
        other.register(f"dead{number}", "hang", wants=False, event_types=[f"dead.n{number}"])
    for start in range(0, FLOOD, BATCH):
        events = [{"type": f"dead.n{number % DEAD}", "data": number} for number in range(start, start + BATCH)]
        other.call("POST", "/v1/events/batch", events)
    pause(10)
    for one in other.endpoints:
        other.call("DELETE", f"/v1/endpoints/{one.id}")


def recover_twice(scene: Scene) -> None:
    """Give up what a receiver refused, then recover it twice at once, while a deliverer dies."""
    since = timestamp(at(unix_seconds() - 1))
    one = scene.tenant.register(
        "refusing", "500", wants=False, event_types=["order.slow"], retry_policy={"schedule": [1]}
    )
    for number in range(8):
        scene.tenant.call("POST", "/v1/events", {"type": "order.slow", "data": number})
    pause(5)
    scene.sink.behave(one.path, "slow")
    for _ in range(2):
        scene.tenant.call("POST", f"/v1/endpoints/{one.id}/recover", {"since": since})
    scene.cluster.restart("deliverer1")
    pause(3)


def change_endpoints(scene: Scene) -> None:
    """Rotate secrets, edit, pause, disable and delete endpoints while events flow."""
    tenant = scene.tenant
    edited = tenant.register("edited", wants=False)
    paused = tenant.register("paused", wants=False)
    deleted = tenant.register("deleted", wants=False)
    for _ in range(3):
        tenant.rotate(tenant.endpoints[0], 1)
        tenant.rotate(edited, 3600)
        tenant.call("PATCH", f"/v1/endpoints/{edited.id}", {"description": f"edited at {unix_seconds()}"})
        tenant.call("POST", f"/v1/endpoints/{paused.id}/pause")
        pause(2)
        tenant.call("POST", f"/v1/endpoints/{paused.id}/enable")
    tenant.call("DELETE", f"/v1/endpoints/{deleted.id}")
    gone_at = unix_seconds()
    pause(4)
    late = [moment for moment in scene.sink.times(deleted.path) if moment > gone_at + TIMEOUT]
    if late:
        scene.found.append(f"p12_deleted: {len(late)} requests came after the deletion and one timeout")


FAULTS = (
    Fault(
        "F20",
        "receivers that hang, drip, reset, answer late",
        misbehave,
        NOTHING,
        "P6 P10",
        deaths=False,
        isolates=True,
    ),
    Fault("F20b", "a receiver that is gone", gone, "The endpoint is disabled.", "P6", deaths=False),
    Fault(
        "F21",
        "another tenant's flood to receivers that never answer",
        flood,
        NOTHING,
        "P10",
        isolates=True,
        deaths=False,
    ),
    Fault("F24", "recovered twice while a deliverer dies", recover_twice, NOTHING, "P6"),
    Fault("F25", "secrets rotated, endpoints edited, paused, deleted", change_endpoints, NOTHING, "P12", deaths=False),
)
