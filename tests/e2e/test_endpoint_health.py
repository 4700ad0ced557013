"""An endpoint that only fails: others hear of it, it is disabled, and its stats say why."""

from collections.abc import Generator
from pathlib import Path
from typing import cast
from uuid import uuid4

import pytest

from tests.conftest import TEMPLATE
from tests.e2e.conftest import on_redis
from tests.support.answers import Answer
from tests.support.stack import Stack, eventually, running
from tests.support.stores import PostgresServer, ask_redis
from tests.support.threaded import ThreadedReceiver

Json = dict[str, object]
WAITING: Json = {"type": "math.divide", "input": {"x": 1, "y": 2}, "delay": 600}


@pytest.fixture
def impatient(tmp_path: Path, postgres: PostgresServer, redis_store: str) -> Generator[Stack]:
    """A product that disables an endpoint after twenty seconds of failure, and gives up after a second."""
    ask_redis(redis_store, "FLUSHALL")
    name = f"e2e_{uuid4().hex}"
    made = Stack(
        tmp_path,
        database=postgres.create_database(name, TEMPLATE),
        broker=on_redis(redis_store),
        redis=redis_store,
        RETRY_SCHEDULE="1",
        DISABLE_AFTER="20",
    )
    with running(made):
        made.make_tenant("acme")
        yield made
    postgres.drop_database(name)


def register(stack: Stack, url: str, *event_types: str) -> str:
    """Register an endpoint; return its path."""
    made = stack.client.post("/v1/endpoints", json={"url": url, "event_types": list(event_types)})
    return made.raise_for_status().headers["location"]


def heard(receiver: ThreadedReceiver) -> set[object]:
    """Return the types of what a receiver got."""
    return {one.json()["type"] for one in receiver.requests}


def test_an_endpoint_that_only_fails_is_told_of_and_disabled(impatient: Stack, receiver: ThreadedReceiver) -> None:
    with ThreadedReceiver() as broken:
        broken.script(Answer(500))
        failing = register(impatient, broken.url, "task.revoked")
        register(impatient, receiver.url, "endpoint.*", "delivery.*")
        tasks = [impatient.client.post("/v1/tasks", json=wish).headers["location"] for wish in [WAITING] * 2]

        cancelled = [impatient.client.post(f"{task}/cancel").status_code for task in tasks]

        def look() -> None:
            assert impatient.get(failing)["disabled_reason"] == "failing"
            assert {"delivery.exhausted", "endpoint.failing", "endpoint.disabled"} == heard(receiver)

        eventually(look, within=90)
        attempts = impatient.get(f"{failing}/stats")["windows"]
    assert cancelled == [202, 202]
    assert cast("dict[str, dict[str, Json]]", attempts)["1h"]["attempts"] == {"succeeded": 0, "failed": 4, "unknown": 0}
