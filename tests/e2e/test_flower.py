"""Flower beside the product, as the compose file runs it: it turns task events on by itself and shows tasks."""

import sys
from collections.abc import Generator
from signal import SIGKILL, SIGTERM
from typing import cast

import httpx
import pytest

from cli.embedded.ports import free_port
from cli.embedded.processes import spawn, stop
from tests.e2e.conversations import Json, submit
from tests.support.compose import compose
from tests.support.stack import Stack, eventually

USER = ("ringback", "a-password")


@pytest.fixture(scope="module")
def flower(module_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Generator[httpx.Client]:
    """A client of a Flower that looks at the stack's broker."""
    port = free_port()
    given = {name: value or "" for name, value in compose().services["flower"].environment.items()}
    own = {
        "CELERY_BROKER_URL": module_stack.env["RINGBACK_BROKER_URL"],
        "FLOWER_BASIC_AUTH": ":".join(USER),
        "FLOWER_ADDRESS": "127.0.0.1",
        "FLOWER_PORT": str(port),
    }
    env = {**module_stack.env, **given, **own}
    env.pop("FLOWER_BROKER_API")  # the tests' broker has no management page
    argv = [sys.executable, "-m", "celery", "--quiet", "flower"]
    with (tmp_path_factory.mktemp("flower") / "log").open("ab") as log:
        process = spawn(argv, death_signal=SIGKILL, env=env, output=log.fileno())
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", auth=USER, timeout=30, trust_env=False) as client:
        try:
            eventually(lambda: client.get("/healthcheck").raise_for_status())
            yield client
        finally:
            stop(process, SIGTERM, grace=10)


def read(flower: httpx.Client, path: str) -> dict[str, Json]:
    return cast("dict[str, Json]", flower.get(path).raise_for_status().json())


def test_it_shows_the_worker_and_what_it_runs(stack: Stack, flower: httpx.Client) -> None:
    def look() -> None:
        submit(stack)
        # One that began before the events were on has no name.
        told = [(task["name"], task["state"], task["result"]) for task in read(flower, "/api/tasks").values()]
        assert ("math.divide", "SUCCESS", "None") in told

    eventually(look, within=90)

    def registered() -> None:
        (worker,) = [one for one in read(flower, "/api/workers?refresh=1").values() if "registered" in one] or [{}]
        assert "math.divide" in cast("list[str]", worker.get("registered", []))

    eventually(registered, within=90)


@pytest.mark.parametrize("path", ["/", "/api/tasks"])
def test_it_wants_its_password(flower: httpx.Client, path: str) -> None:
    assert flower.get(path, auth=("ringback", "another")).status_code == 401


def test_it_changes_nothing(flower: httpx.Client) -> None:
    assert flower.post("/api/worker/shutdown/any").status_code == 403
