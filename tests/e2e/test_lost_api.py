"""An API process that is killed among many equal submits: however they end, there is one task."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import cast

import httpx
import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from tests.e2e.conversations import Json
from tests.support.stack import Stack

SUBMITS = 200
AT_ONCE = 50
DIVIDE: Json = {"type": "math.divide", "input": {"x": 1, "y": 4}}
KEYS: dict[str, tuple[Json, dict[str, str]]] = {
    "unique_key": (DIVIDE | {"unique_key": "u"}, {}),
    "Idempotency-Key": (DIVIDE, {"Idempotency-Key": '"a-key"'}),
}


class UnansweredError(Exception):
    """The request brought no answer, or one that says to come again."""


class Submitter:
    """Many clients that submit the same; `begun` is set once one of them has an answer."""

    def __init__(self, client: httpx.Client, body: Json, headers: dict[str, str]) -> None:
        self._client = client
        self._body = body
        self._headers = headers
        self.begun = Event()
        self.unanswered: list[Exception] = []

    def submit_on(self, times: int) -> list[httpx.Response]:
        """Submit so often, and on until one submit of all clients was not answered."""
        answers = [self.submit() for _ in range(times)]
        while not self.unanswered:
            answers.append(self.submit())
        return answers

    def submit(self) -> httpx.Response:
        """Submit until there is an answer."""
        patiently = Retrying(
            stop=stop_after_delay(60),
            wait=wait_fixed(0.1),
            retry=retry_if_exception_type(UnansweredError),
            reraise=True,
        )
        return patiently(self._once)

    def _once(self) -> httpx.Response:
        try:
            answer = self._client.post("/v1/tasks", json=self._body, headers=self._headers)
        except httpx.TransportError as error:
            self.unanswered.append(error)
            raise UnansweredError from error
        if answer.status_code in {409, 503}:
            raise UnansweredError(answer.text)
        self.begun.set()
        return answer


def task_ids(stack: Stack) -> list[object]:
    return [one["task_id"] for one in cast("list[Json]", stack.get("/v1/tasks", limit="200")["data"])]


@pytest.fixture
def submitter(stack: Stack, key: str) -> Submitter:
    """Submits that are the same by their key."""
    body, headers = KEYS[key]
    return Submitter(stack.client, body, headers)


@pytest.mark.parametrize("key", KEYS)
def test_many_submits_make_one_task_although_the_api_is_killed_among_them(stack: Stack, submitter: Submitter) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        pending = pool.map(submitter.submit_on, [SUBMITS // AT_ONCE] * AT_ONCE)
        assert submitter.begun.wait(30)
        stack.kill("api")
        stack.start("api")
        answers = [answer for several in pending for answer in several]

    (task,) = task_ids(stack)
    assert submitter.unanswered != []
    assert {answer.status_code for answer in answers} == {303}
    assert {(answer.json()["task_id"], answer.headers["location"]) for answer in answers} == {
        (task, f"/v1/tasks/{task}")
    }
