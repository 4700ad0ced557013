"""How the product of the SSRF cases is told of a URL, and what makes it send there."""

from typing import Final, cast

from tests.e2e.conversations import Json, submit
from tests.support.rig import Rig

SHORT: Final = 4
"""Seconds for who lets one wait; all others may take longer on a slow machine."""


def register(guarded: Rig, url: str, error: str | None = None, **more: object) -> int:
    """Register an endpoint; one whose attempts are to time out has a short time for them. Return the status."""
    more |= {"timeout": SHORT} if error == "timeout" else {}
    given = {"url": url, "event_types": ["task.succeeded", "order.paid"], **more}
    return guarded.stack.client.post("/v1/endpoints", json=given).status_code


def by_task(guarded: Rig) -> None:
    """Have a task succeed."""
    submit(guarded.stack)


def by_event(guarded: Rig) -> None:
    """Send an event."""
    guarded.stack.client.post("/v1/events", json={"type": "order.paid", "data": {}}).raise_for_status()


def by_test(guarded: Rig) -> None:
    """Ask for a test of each endpoint."""
    found = cast("list[Json]", guarded.stack.get("/v1/endpoints", limit="200")["data"])
    for endpoint in found:
        guarded.stack.client.post(f"/v1/endpoints/{endpoint['id']}/test").raise_for_status()
