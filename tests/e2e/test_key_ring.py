"""The key ring is rotated while deliveries run, by processes that are started again one after another."""

import base64
import subprocess
import sys
from collections.abc import Generator
from http import HTTPStatus
from pathlib import Path
from signal import SIGTERM
from typing import cast

import pytest

from tests.e2e.conftest import product
from tests.support.accounts import Json
from tests.support.partners import SECRET
from tests.support.repeating import answered
from tests.support.stack import SECRET_KEYS, Stack, eventually
from tests.support.stores import PostgresServer
from tests.support.threaded import ThreadedReceiver

OLD = SECRET_KEYS
NEW = base64.b64encode(bytes(range(32))).decode()
TASKS = 10


@pytest.fixture
def rotating(tmp_path: Path, postgres: PostgresServer, redis_store: str) -> Generator[Stack]:
    """The product on the old key."""
    with product(tmp_path, postgres, redis_store) as up:
        yield up


def restart(stack: Stack, ring: str) -> None:
    """Start what holds the ring again, with another ring; what is on the wire ends first."""
    stack.env = {**stack.env, "RINGBACK_SECRET_KEYS": ring}
    for name in ("api", "deliverer"):
        stack.kill(name, SIGTERM)
        stack.start(name)
    stack.wait_until_ready()


def submit(stack: Stack, url: str) -> None:
    """Submit tasks; each is told to the endpoint, and to a URL of its own with a secret of its own."""
    body: Json = {"type": "math.divide", "input": {"x": 1, "y": 4}, "webhook_url": url, "webhook_secret": SECRET}
    for _ in range(TASKS):
        assert answered(stack.client, "POST", "/v1/tasks", body=body).status_code == HTTPStatus.SEE_OTHER


def reseal_beside(stack: Stack, url: str) -> str:
    """Run the command while tasks are submitted; return what it says."""
    command = [sys.executable, "-m", "cli", "reseal"]
    with subprocess.Popen(command, env=stack.env, stdout=subprocess.PIPE, text=True) as process:
        submit(stack, url)
        said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    return said


def endings(stack: Stack) -> list[tuple[object, object]]:
    """Return state and attempts of every delivery."""
    found = cast("list[Json]", stack.get("/v1/deliveries", limit="200")["data"])
    return [(one["status"], one["attempt_count"]) for one in found]


def all_succeeded(stack: Stack, count: int) -> None:
    assert endings(stack) == [("succeeded", 1)] * count


def test_the_ring_is_rotated_without_a_failed_attempt(rotating: Stack, receiver: ThreadedReceiver) -> None:
    wish = {"url": receiver.url, "secret": SECRET, "headers": {"X-Team": "a"}, "event_types": ["task.succeeded"]}
    rotating.client.post("/v1/endpoints", json=wish).raise_for_status()
    submit(rotating, receiver.url)

    restart(rotating, f"{OLD},{NEW}")
    submit(rotating, receiver.url)
    restart(rotating, f"{NEW},{OLD}")
    submit(rotating, receiver.url)
    said = reseal_beside(rotating, receiver.url)
    restart(rotating, NEW)
    submit(rotating, receiver.url)

    requests = receiver.wait_for(2 * 5 * TASKS, within=90)
    eventually(lambda: all_succeeded(rotating, 2 * 5 * TASKS))
    receiver.verify(SECRET)
    assert [request.header("x-team") for request in requests].count("a") == 5 * TASKS
    assert "endpoints.headers: 1 sealed anew, 0 unreadable" in said
