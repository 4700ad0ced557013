"""The receivers of `examples`, each started as its users start it."""

import os
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from datetime import timedelta
from pathlib import Path
from signal import SIGKILL

import httpx
import pytest
import standardwebhooks

from cli.embedded.ports import free_port
from cli.embedded.processes import spawn, stop
from core.clock import now
from tests.support.node_packages import NODE, installed
from tests.support.stack import eventually

EXAMPLES = Path(__file__).parents[2] / "examples"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"type":"order.paid","timestamp":"2026-01-31T12:00:00Z","data":"\xc3\xa9"}'


def fastapi(port: int) -> list[str]:
    """Return the command that starts the receiver with FastAPI."""
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLES), "fastapi_receiver:app"]
    return [*command, "--port", str(port)]


def flask(port: int) -> list[str]:
    """Return the command that starts the receiver with Flask."""
    return [sys.executable, "-m", "flask", "--app", str(EXAMPLES / "flask_receiver.py"), "run", "--port", str(port)]


def express(_port: int) -> list[str]:
    """Return the command that starts the receiver with Express."""
    return [str(NODE), str(installed(EXAMPLES / "express", "receiver.js") / "receiver.js")]


class Started:
    """A receiver that runs."""

    def __init__(self, command: Callable[[int], list[str]], directory: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/"
        self._log = directory / "log"
        env = {**os.environ, "WEBHOOK_SECRET": SECRET, "WEBHOOK_DB": str(directory / "seen"), "PORT": str(port)}
        with self._log.open("wb") as log:
            self.process: subprocess.Popen[bytes] = spawn(
                command(port), death_signal=SIGKILL, env=env, output=log.fileno()
            )

    def post(self, headers: Mapping[str, str], body: bytes = BODY) -> int:
        """Send it something, and return its status."""
        sent = {"content-type": "application/json", **headers}
        return httpx.post(self.url, content=body, headers=sent, trust_env=False, timeout=10).status_code

    def worked(self) -> int:
        """Return how many webhooks it has worked on."""
        return self._log.read_text(encoding="utf-8").count("worked on order.paid")


@pytest.fixture(scope="module", params=[fastapi, flask, express], ids=["fastapi", "flask", "express"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[Started]:
    """Each of them in turn."""
    command: Callable[[int], list[str]] = request.param
    started = Started(command, tmp_path_factory.mktemp("receiver"))
    eventually(lambda: httpx.get(started.url, trust_env=False), within=90)
    yield started
    stop(started.process, SIGKILL, grace=5)


def signed(name: str, *, age: int = 0, secret: str = SECRET) -> dict[str, str]:
    """Return the headers of a webhook that was signed some seconds ago."""
    at = now() - timedelta(seconds=age)
    signature = standardwebhooks.Webhook(secret).sign(name, at, BODY.decode())
    return {"webhook-id": name, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


def test_what_comes_again_is_answered_and_not_worked_on_twice(running: Started) -> None:
    before = running.worked()

    statuses = [running.post(signed(name)) for name in ("evt_1", "evt_1", "evt_2")]

    assert statuses == [204, 204, 204]
    eventually(lambda: assert_equal(running.worked(), before + 2))


def assert_equal(found: int, wanted: int) -> None:
    """Raise `AssertionError` unless they are the same."""
    assert found == wanted


@pytest.mark.parametrize(
    "headers",
    [
        lambda: signed("evt_3", secret="whsec_" + "QUJD" * 8),
        lambda: signed("evt_3", age=3600),
        lambda: signed("evt_3", age=-3600),
        lambda: {**signed("evt_3"), "webhook-id": "evt_4"},
        lambda: {**signed("evt_3"), "webhook-signature": "nothing"},
        dict,
    ],
    ids=["another-secret", "stale", "from-the-future", "another-id", "no-signature", "no-headers"],
)
def test_what_does_not_verify_is_refused(running: Started, headers: Callable[[], dict[str, str]]) -> None:
    before = running.worked()

    assert running.post(headers()) == 401
    assert running.worked() == before


def test_another_body_is_refused(running: Started) -> None:
    assert running.post(signed("evt_5"), BODY + b" ") == 401
