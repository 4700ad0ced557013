"""What the tutorials say to the product: submit and follow the redirect, poll from state to state, retry, delete."""

import json
import subprocess
from pathlib import Path
from typing import cast
from uuid import uuid4

import requests

from tests.e2e.conversations import Json, ended, started, submit
from tests.support.pulse import stopwatch
from tests.support.stack import Stack, eventually

LATER = {"type": "demo.sleep", "input": {"seconds": 1}, "delay": 3600}
SLEEPERS = 2
"""As many as the worker has children."""


def path_of(stack: Stack, type_: str, **values: object) -> str:
    answer = submit(stack, type_, input=values)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


class Polls:
    """Polls of one task; `told` has each state that was seen, in its order."""

    def __init__(self, stack: Stack, path: str) -> None:
        self._stack = stack
        self._path = path
        self.told: list[str] = []

    def once(self) -> str:
        """Poll, and return the state."""
        status = str(self._stack.client.get(self._path).raise_for_status().json()["status"])
        if self.told[-1:] != [status]:
            self.told.append(status)
        return status

    def until(self, *wanted: str) -> None:
        """Poll until the task is in one of these states."""

        def look() -> None:
            assert self.once() in wanted

        eventually(look, within=90)


def test_requests_follows_the_redirect_to_the_task(stack: Stack) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.headers.update({name: stack.client.headers[name] for name in ("Authorization", "Ringback-Tenant")})

        answer = session.post(f"{stack.client.base_url}/v1/tasks", json=LATER, timeout=60)

    document = cast("Json", answer.json())
    assert [one.status_code for one in answer.history] == [303]
    assert (answer.status_code, answer.request.method) == (202, "GET")
    assert answer.url.endswith(f"/v1/tasks/{document['task_id']}")
    assert int(answer.headers["Retry-After"]) > 0
    stack.client.delete(f"/v1/tasks/{document['task_id']}").raise_for_status()


def test_curl_follows_the_redirect_to_the_task(stack: Stack) -> None:
    given = [f"{name}: {stack.client.headers[name]}" for name in ("Authorization", "Ringback-Tenant")]
    headers = [part for line in (*given, "Content-Type: application/json") for part in ("-H", line)]
    told = "\\n%{http_code} %{num_redirects} %{method} %{url_effective}"
    url = f"{stack.client.base_url}/v1/tasks"
    argv = ["curl", "--noproxy", "*", "-w", told, "-sS", "-L", url, *headers, "-d", json.dumps(LATER)]

    done = subprocess.run(argv, check=True, capture_output=True, text=True)

    body, _, last = done.stdout.rpartition("\n")
    task = cast("Json", json.loads(body))["task_id"]
    assert last.split() == ["202", "1", "GET", f"{url}/{task}"]
    stack.client.delete(f"/v1/tasks/{task}").raise_for_status()


def opened(folder: Path, *gates: str) -> None:
    """Open gates of a gated task."""
    folder.mkdir(exist_ok=True)
    for gate in gates:
        (folder / gate).touch()


def test_polls_see_each_state_in_its_order(module_stack: Stack, tmp_path: Path) -> None:
    module_stack.make_tenant(f"t-{uuid4().hex}", running_tasks=1)
    ahead, own = tmp_path / "ahead", tmp_path / "own"
    started(module_stack, path_of(module_stack, "tests.gated", gates=str(ahead)))
    polls = Polls(module_stack, path_of(module_stack, "tests.gated", gates=str(own)))

    polls.until("PENDING")
    opened(ahead, "progress", "end")
    polls.until("STARTED")
    opened(own, "progress")
    polls.until("PROGRESS")
    opened(own, "end")
    polls.until("SUCCESS")

    assert polls.told == ["PENDING", "STARTED", "PROGRESS", "SUCCESS"]


def poll_all(polls: list[Polls]) -> list[list[str]]:
    """Poll several tasks in turn until all have ended; return the states of each."""

    def look() -> None:
        assert {one.once() for one in polls} <= {"SUCCESS", "FAILURE"}

    eventually(look, within=90)
    return [one.told for one in polls]


def test_a_flaky_report_shows_a_retry_and_then_success(stack: Stack) -> None:
    # Half of the runs fail: that none of 20 fails first and succeeds then is one case in 300,000.
    reports = [
        path_of(stack, "reports.generate", user_id=number, version="v1", steps=1, failure_rate=0.5)
        for number in range(20)
    ]

    told = poll_all([Polls(stack, path) for path in reports])

    assert [one for one in told if "RETRY" in one and one[-1] == "SUCCESS"] != []


def asleep(stack: Stack) -> list[str]:
    """Return tasks that hold every child of the worker for a minute."""
    paths = [path_of(stack, "demo.sleep", seconds=60) for _ in range(SLEEPERS)]
    for path in paths:
        Polls(stack, path).until("PROGRESS")
    return paths


def seconds_to_revoke(stack: Stack) -> float:
    """Delete tasks that run; return how long it took until all were revoked."""
    sleepers = asleep(stack)
    with stopwatch() as spent:
        answers = [stack.client.delete(path) for path in sleepers]

        polls = [stack.client.get(path, headers={"Prefer": "wait=30"}) for path in sleepers]
        took = spent()
    records = [cast("Json", poll.json()) for poll in polls]
    assert [answer.status_code for answer in answers] == [204] * SLEEPERS
    assert [(poll.status_code, record["status"]) for poll, record in zip(polls, records, strict=True)] == [
        (200, "REVOKED")
    ] * SLEEPERS
    assert [record[name] for record in records for name in ("input", "result", "progress")] == [None] * 3 * SLEEPERS
    return took


def test_a_running_task_that_is_deleted_is_revoked_within_two_seconds(stack: Stack) -> None:
    assert any(seconds_to_revoke(stack) <= 2 for _ in range(3))  # the machine may be slow once, and again


def test_a_running_task_that_is_deleted_frees_its_child(stack: Stack) -> None:
    sleepers = asleep(stack)

    answers = [stack.client.delete(path) for path in sleepers]

    after = submit(stack)

    assert [answer.status_code for answer in answers] == [204] * SLEEPERS
    assert ended(stack, after.headers["location"])["status"] == "SUCCESS"
