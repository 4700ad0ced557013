"""The contract's task table, line by line, on both brokers."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import httpx
import pytest

from tests.e2e.conversations import Json, delivery, ended, started, submit
from tests.support.answers import Answer
from tests.support.stack import Stack
from tests.support.threaded import ThreadedReceiver

KEY = {"Idempotency-Key": '"a-key"'}


def of(answer: httpx.Response) -> Json:
    return cast("Json", answer.json())


def path_of(answer: httpx.Response) -> str:
    return str(answer.headers["location"])


def events_of(lines: Iterator[str]) -> Iterator[tuple[str, Json]]:
    """Read a stream as it comes, as the WHATWG standard says: the lines of `data` of one event are one text."""
    event: list[str] = []
    for line in lines:
        if line:
            event.append(line)
            continue
        if data := values("data", event):
            yield values("event", event)[0], cast("Json", json.loads("\n".join(data)))
        event = []


def values(field: str, lines: list[str]) -> list[str]:
    return [line.removeprefix(f"{field}: ") for line in lines if line.startswith(f"{field}: ")]


def test_submit_and_wait_answers_the_finished_task(stack: Stack) -> None:
    answer = stack.client.post(
        "/v1/tasks", json={"type": "math.divide", "input": {"x": 1, "y": 4}}, headers={"Prefer": "wait=20"}
    )

    assert (answer.status_code, of(answer)["result"]) == (200, 0.25)
    assert answer.headers["preference-applied"] == "wait=20"


def test_submit_and_wait_too_short_answers_as_without_it(stack: Stack) -> None:
    body = {"type": "tests.hold", "input": {"seconds": 60}}

    answer = stack.client.post("/v1/tasks", json=body, headers={"Prefer": "wait=1"})

    stack.client.delete(path_of(answer)).raise_for_status()
    assert answer.status_code == 303


def test_a_repeated_request_makes_one_task_and_says_that_it_is_a_replay(stack: Stack) -> None:
    body = {"type": "math.divide", "input": {"x": 1, "y": 4}}

    first, second = (stack.client.post("/v1/tasks", json=body, headers=KEY) for _ in range(2))

    assert of(first)["task_id"] == of(second)["task_id"]
    assert (first.status_code, second.status_code) == (303, 303)
    assert second.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers


def test_a_key_with_another_body_is_refused(stack: Stack) -> None:
    stack.client.post("/v1/tasks", json={"type": "math.divide", "input": {"x": 1, "y": 4}}, headers=KEY)

    other = stack.client.post("/v1/tasks", json={"type": "math.divide", "input": {"x": 1, "y": 5}}, headers=KEY)

    assert (other.status_code, of(other)["type"]) == (422, "/problems/idempotency-key-reused")


def test_an_error_frees_its_key(stack: Stack) -> None:
    refused = stack.client.post("/v1/tasks", json={"type": "math.divide", "input": {"x": 1}}, headers=KEY)

    accepted = stack.client.post("/v1/tasks", json={"type": "math.divide", "input": {"x": 1, "y": 2}}, headers=KEY)

    assert (refused.status_code, accepted.status_code) == (422, 303)


@pytest.mark.parametrize("more", [{"headers": KEY}, {"unique": "u"}])
def test_many_at_once_make_one_task(stack: Stack, more: dict[str, object]) -> None:
    body = {"type": "math.divide", "input": {"x": 1, "y": 4}, "unique_key": more.get("unique")}
    headers = cast("dict[str, str]", more.get("headers", {}))

    def post(_: int) -> httpx.Response:
        return stack.client.post("/v1/tasks", json=body, headers=headers)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(post, range(200)))

    assert {answer.status_code for answer in answers} <= {303, 409, 503}
    assert len({of(answer)["task_id"] for answer in answers if answer.status_code == 303}) == 1


def test_a_unique_key_gives_back_the_task_that_has_it_until_it_fails(stack: Stack) -> None:
    first = submit(stack, unique_key="u", input={"x": 1, "y": 0})
    ended(stack, path_of(first))

    second, third = submit(stack, unique_key="u"), submit(stack, unique_key="u", input={"x": 9, "y": 9})

    assert of(second)["task_id"] != of(first)["task_id"]
    assert of(third)["task_id"] == of(second)["task_id"]


def test_a_delayed_task_runs_when_it_is_due(stack: Stack) -> None:
    submitted = submit(stack, delay=1)

    done = ended(stack, path_of(submitted))

    assert str(done["started_at"])[:19] > str(done["created_at"])[:19]


def test_a_task_that_waited_too_long_is_revoked_as_expired(stack: Stack, receiver: ThreadedReceiver) -> None:
    submitted = submit(stack, delay=60, expires_in=1, webhook_url=receiver.url)

    done = ended(stack, path_of(submitted))

    assert (done["status"], cast("Json", done["error"])["code"]) == ("REVOKED", "expired")
    assert receiver.wait_for(1, within=90)[0].json()["type"] == "task.revoked"
    assert stack.client.get(f"{path_of(submitted)}/result").status_code == 410


def test_a_poll_that_waits_answers_at_the_end(stack: Stack) -> None:
    submitted = submit(stack, "tests.hold", input={"seconds": 1})

    answer = stack.client.get(path_of(submitted), headers={"Prefer": "wait=20"})

    assert (answer.status_code, of(answer)["status"]) == (200, "SUCCESS")


def test_lists_filter_by_metadata(stack: Stack) -> None:
    submit(stack, metadata={"order": "1"})
    submit(stack, metadata={"order": "2"})

    found = cast("list[Json]", stack.get("/v1/tasks", **{"metadata.order": "2"})["data"])

    assert [one["metadata"] for one in found] == [{"order": "2"}]


def test_a_waiting_task_that_is_cancelled_never_runs(stack: Stack, receiver: ThreadedReceiver) -> None:
    submitted = submit(stack, delay=3600, webhook_url=receiver.url)

    cancelled = stack.client.post(f"{path_of(submitted)}/cancel")

    assert (cancelled.status_code, of(cancelled)["status"]) == (202, "REVOKED")
    assert receiver.wait_for(1, within=90)[0].json()["type"] == "task.revoked"
    assert ended(stack, path_of(submitted))["attempts"] == 0
    assert stack.client.post(f"{path_of(submitted)}/cancel").status_code == 409


def test_a_running_task_that_does_not_look_is_ended_all_the_same(stack: Stack) -> None:
    submitted = submit(stack, "tests.hold", input={"seconds": 60})
    started(stack, path_of(submitted))

    cancelled = stack.client.post(f"{path_of(submitted)}/cancel")

    done = ended(stack, path_of(submitted))
    assert cancelled.status_code == 202
    assert (done["status"], cast("Json", done["error"])["code"], done["attempts"]) == ("REVOKED", "cancelled", 1)


def test_an_ended_task_can_run_again_as_a_new_one(stack: Stack) -> None:
    first = submit(stack, unique_key="u")
    ended(stack, path_of(first))

    again = stack.client.post(f"{path_of(first)}/retry")

    assert again.status_code == 303
    assert (of(again)["retry_of"], of(again)["unique_key"]) == (of(first)["task_id"], None)
    assert ended(stack, path_of(again))["result"] == 22 / 7


def test_a_task_that_has_not_ended_cannot_run_again(stack: Stack) -> None:
    submitted = submit(stack, delay=60)

    assert stack.client.post(f"{path_of(submitted)}/retry").status_code == 409


def test_an_erased_task_leaves_its_record_and_nothing_that_it_held(stack: Stack, receiver: ThreadedReceiver) -> None:
    receiver.script(Answer(status=200, body=b"echo of a secret"))
    submitted = submit(stack, unique_key="u", webhook_url=receiver.url)
    ended(stack, path_of(submitted))
    told = delivery(stack, "succeeded")

    erased = stack.client.delete(path_of(submitted))

    record = of(stack.client.get(path_of(submitted)))
    attempt = cast("list[Json]", stack.get(f"/v1/deliveries/{told['id']}/attempts")["data"])[0]
    assert erased.status_code == 204
    assert (record["status"], record["input"], record["result"], record["unique_key"]) == ("SUCCESS", None, None, None)
    assert stack.client.get(f"{path_of(submitted)}/result").status_code == 410
    assert cast("Json", attempt["request"])["body"] is None
    assert "secret" not in str(attempt["response"])


def test_a_running_task_that_is_erased_ends_and_keeps_nothing(stack: Stack) -> None:
    submitted = submit(stack, "tests.hold", input={"seconds": 60})
    started(stack, path_of(submitted))

    stack.client.delete(path_of(submitted))

    done = ended(stack, path_of(submitted))
    assert (done["status"], done["input"], done["result"]) == ("REVOKED", None, None)


def test_a_stream_tells_each_state_until_the_end(stack: Stack, tmp_path: Path) -> None:
    submitted = submit(stack, "tests.gated", input={"gates": str(tmp_path)})
    gates = {"STARTED": "progress", "PROGRESS": "end"}
    told: list[tuple[str, Json]] = []

    with stack.client.stream("GET", f"{path_of(submitted)}/stream") as stream:
        for name, task in events_of(stream.iter_lines()):
            told.append((name, task))
            if gate := gates.get(str(task["status"])):
                (tmp_path / gate).touch()

    progress = [one["progress"] for name, one in told if name == "progress"]
    states = dict.fromkeys(one["status"] for _, one in told)
    assert [*states][-3:] == ["STARTED", "PROGRESS", "SUCCESS"]
    assert progress[-1] == {"current": 1, "total": 2, "message": "Half of it is done."}
    assert told[-1][1]["progress"] == progress[-1]


def test_a_stream_tells_an_input_that_was_sent_on_several_lines(stack: Stack) -> None:
    written = b'{"type": "math.divide", "input": {\n  "x": 1,\r\n\n  "y":\r4\n}}'
    headers = {"Content-Type": "application/json", "Prefer": "wait=20"}
    submitted = stack.client.post("/v1/tasks", content=written, headers=headers)

    with stack.client.stream("GET", f"{path_of(submitted)}/stream") as stream:
        told = list(events_of(stream.iter_lines()))

    assert [one["input"] for _, one in told] == [{"x": 1, "y": 4}]


def test_a_stream_that_resumes_does_not_repeat_what_is_known(stack: Stack) -> None:
    submitted = submit(stack)
    ended(stack, path_of(submitted))
    url = f"{path_of(submitted)}/stream"
    with stack.client.stream("GET", url) as stream:
        (last,) = [line.removeprefix("id: ") for line in stream.iter_lines() if line.startswith("id: ")]

    with stack.client.stream("GET", url, headers={"Last-Event-ID": last}) as resumed:
        again = list(events_of(resumed.iter_lines()))

    assert again == []


def test_a_flaky_task_shows_retry_and_then_success(stack: Stack, receiver: ThreadedReceiver) -> None:
    stack.client.post("/v1/endpoints", json={"url": receiver.url, "event_types": ["task.retried"]}).raise_for_status()

    submitted = submit(stack, "tests.flaky", input={"failures": 2})

    done = ended(stack, path_of(submitted))
    told = [one.json() for one in receiver.wait_for(2, within=90)]
    assert (done["status"], done["attempts"], done["result"]) == ("SUCCESS", 3, 3)
    assert [(one["type"], cast("Json", one["data"])["status"]) for one in told] == [("task.retried", "RETRY")] * 2


def test_a_side_effect_that_was_done_is_not_done_again(stack: Stack) -> None:
    submitted = submit(stack, "tests.charge", input={"failures": 2})

    assert ended(stack, path_of(submitted))["result"] == {"charged_in_run": 1, "run": 3}


def test_an_endpoint_that_asks_hears_of_starts(stack: Stack, receiver: ThreadedReceiver) -> None:
    stack.client.post("/v1/endpoints", json={"url": receiver.url, "event_types": ["task.started"]}).raise_for_status()

    submit(stack)

    (told,) = receiver.wait_for(1, within=90)
    assert cast("Json", told.json()["data"])["status"] == "STARTED"


def test_hundreds_of_polls_wait_without_a_thread_or_a_connection_each(stack: Stack) -> None:
    path = path_of(submit(stack, "tests.hold", input={"seconds": 3}))
    statuses: list[int] = []
    lock = threading.Lock()

    def poll(_: int) -> None:
        with httpx.Client(base_url=stack.client.base_url, headers=stack.client.headers, timeout=40) as client:
            answer = client.get(path, headers={"Prefer": "wait=30"})
        with lock:
            statuses.append(answer.status_code)

    with ThreadPoolExecutor(100) as pool:
        list(pool.map(poll, range(100)))

    assert statuses == [200] * 100
