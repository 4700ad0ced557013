"""The built-in task types, through all of it, on both brokers."""

from datetime import datetime
from typing import cast
from uuid import uuid4

import httpx
import pytest

from tests.e2e.conversations import Json, ended, submit
from tests.support.answers import Answer
from tests.support.stack import Stack, eventually
from tests.support.threaded import ThreadedReceiver

LONG = "zwölf Wörter sind es, und jedes zweite ist länger als ein anderes "
REPORT = {"user_id": 42, "version": "v1", "steps": 3}


def send_file(stack: Stack, content: bytes) -> str:
    """Submit a file to be counted; return its task's path."""
    answer = stack.client.post("/v1/tasks", data={"type": "words.count"}, files={"file": ("a.txt", content)})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def path_of(submitted: httpx.Response) -> str:
    assert submitted.status_code == 303, submitted.text
    return submitted.headers["location"]


def seen(stack: Stack, path: str, status: str) -> Json:
    """Wait until a task is in this state; return it."""

    def look() -> Json:
        found = cast("Json", stack.client.get(path).json())
        assert found["status"] == status
        return found

    return eventually(look)


def test_sleep_shows_progress_and_gives_back_null(stack: Stack) -> None:
    path = path_of(submit(stack, "demo.sleep", input={"seconds": 5}))

    under_way = seen(stack, path, "PROGRESS")

    done = ended(stack, path)
    assert cast("Json", under_way["progress"])["total"] == 5
    assert (done["status"], done["result"]) == ("SUCCESS", None)
    assert done["progress"] == {"current": 5, "total": 5, "message": None}


def test_a_sleeper_that_is_cancelled_ends(stack: Stack) -> None:
    path = path_of(submit(stack, "demo.sleep", input={"seconds": 60}))
    seen(stack, path, "PROGRESS")

    stack.client.post(f"{path}/cancel").raise_for_status()

    assert seen(stack, path, "REVOKED")["attempts"] == 1


def test_a_report_is_generated_step_by_step(stack: Stack) -> None:
    path = path_of(submit(stack, "reports.generate", input=REPORT))

    done = ended(stack, path)

    url = "https://reports.example.com/42/v1"
    assert done["result"] == {"user_id": 42, "version": "v1", "report_url": url}
    assert done["progress"] == {"current": 3, "total": 3, "message": "Step 3 of 3"}


def test_a_report_that_always_fails_is_tried_five_times(stack: Stack) -> None:
    path = path_of(submit(stack, "reports.generate", input={**REPORT, "failure_rate": 1}))

    seen(stack, path, "RETRY")

    done = ended(stack, path)
    assert (done["status"], done["attempts"], done["max_attempts"]) == ("FAILURE", 5, 5)
    assert cast("Json", done["error"])["code"] == "transient_failure"


def test_a_task_is_retried_and_succeeds(stack: Stack) -> None:
    path = path_of(submit(stack, "tests.flaky", input={"failures": 4}))

    again = seen(stack, path, "RETRY")

    done = ended(stack, path)
    assert again["finished_at"] is None
    assert (done["status"], done["attempts"], done["result"]) == ("SUCCESS", 5, 5)


def test_a_url_is_fetched(stack: Stack, receiver: ThreadedReceiver) -> None:
    receiver.script(Answer(status=201, headers={"X-One": "1"}, body=b"made"))

    path = path_of(submit(stack, "http.fetch", input={"url": receiver.url, "method": "PUT"}))

    result = cast("Json", ended(stack, path)["result"])
    assert (result["status"], result["body"], cast("Json", result["headers"])["x-one"]) == (201, "made", "1")


def test_a_private_address_is_not_fetched(stack: Stack) -> None:
    path = path_of(submit(stack, "http.fetch", input={"url": "http://169.254.169.254/latest/meta-data"}))

    assert cast("Json", ended(stack, path)["error"])["code"] == "blocked_address"


@pytest.mark.parametrize("times", [1, 3_000, 140_000], ids=["at once", "two parts", "many parts"])
def test_the_words_of_a_file_are_counted(stack: Stack, times: int) -> None:
    path = send_file(stack, (LONG * times).encode())

    done = ended(stack, path)

    assert (done["status"], done["result"]) == ("SUCCESS", {"count": 12 * times})
    assert done["attempts"] == 1


def test_the_words_of_a_long_text_are_counted_in_parts(stack: Stack) -> None:
    path = path_of(submit(stack, "words.count", input={"text": LONG * 10_000}))

    assert ended(stack, path)["result"] == {"count": 120_000}
    assert "task.in_parts" in stack.log("worker")


def test_a_file_that_is_no_text_is_not_counted(stack: Stack) -> None:
    path = send_file(stack, b"\x89PNG\r\n")

    assert cast("Json", ended(stack, path)["error"])["code"] == "not_text"


def test_a_worker_that_dies_among_the_parts_costs_no_task(stack: Stack) -> None:
    path = path_of(submit(stack, "tests.slow_parts", input={"parts": 8, "seconds": 0.5}))
    eventually(lambda: _logged(stack, "task.in_parts", path))

    stack.kill("worker")
    stack.start("worker")

    done = ended(stack, path)
    assert (done["status"], done["result"]) == ("SUCCESS", 8)


def test_a_task_whose_parts_are_done_does_not_wait_for_the_parts_of_others(stack: Stack) -> None:
    path = path_of(submit(stack, "tests.slow_parts", input={"parts": 4, "seconds": 1.5}))
    eventually(lambda: _logged(stack, "task.in_parts", path))
    other = path_of(submit(stack, "tests.slow_parts", input={"parts": 60, "seconds": 3}))

    done = ended(stack, path)

    stack.client.post(f"{other}/cancel").raise_for_status()
    assert (done["status"], done["result"], done["attempts"]) == ("SUCCESS", 4, 1)


def test_a_tenants_many_tasks_of_parts_do_not_hold_up_anothers(stack: Stack) -> None:
    many = [path_of(submit(stack, "tests.patient_parts", input={"parts": 32, "seconds": 0.05})) for _ in range(16)]
    tenant = {"Ringback-Tenant": stack.client.headers["Ringback-Tenant"]}
    stack.make_tenant(f"t-{uuid4().hex}")
    path = path_of(submit(stack, "tests.patient_parts", input={"parts": 4, "seconds": 0.05}))

    done = ended(stack, path)

    stack.client.headers.update(tenant)
    theirs = [ended(stack, one) for one in many]
    before = [one for one in theirs if at(done, "created_at") < at(one, "finished_at") <= at(done, "finished_at")]
    assert (done["status"], done["attempts"]) == ("SUCCESS", 1)
    assert len(before) < len(many) / 2
    assert {one["attempts"] for one in theirs} == {1}


def at(task: Json, name: str) -> datetime:
    return datetime.fromisoformat(str(task[name]))


def test_a_task_in_parts_can_be_cancelled(stack: Stack) -> None:
    path = path_of(submit(stack, "tests.slow_parts", input={"parts": 60, "seconds": 0.5}))
    eventually(lambda: _logged(stack, "task.in_parts", path))

    stack.client.post(f"{path}/cancel").raise_for_status()

    done = seen(stack, path, "REVOKED")
    assert cast("Json", done["error"])["code"] == "cancelled"


def test_a_part_that_fails_ends_its_task(stack: Stack) -> None:
    path = path_of(submit(stack, "tests.slow_parts", input={"parts": 3, "seconds": -1}))

    done = ended(stack, path)
    assert (done["status"], cast("Json", done["error"])["code"]) == ("FAILURE", "negative")


def test_a_task_hears_its_soft_time_limit_while_it_waits_for_what_it_says(stack: Stack) -> None:
    paths = [path_of(submit(stack, "tests.talkative", input={})) for _ in range(4)]

    assert [ended(stack, path)["result"] for path in paths] == ["heard"] * 4


@pytest.mark.parametrize(("kind", "limit"), [("tests.deaf", 6), ("tests.deaf_parts", 2)])
def test_what_is_killed_at_its_hard_time_limit_ends_at_once_and_is_told_once(
    stack: Stack, receiver: ThreadedReceiver, kind: str, limit: int
) -> None:
    path = path_of(submit(stack, kind, input={}, webhook_url=receiver.url))

    done = ended(stack, path)

    (told,) = receiver.wait_for(1, within=90)
    detail = f"It ran longer than {limit} seconds, and was killed."
    error = {"code": "time_limit", "title": "Time limit", "detail": detail}
    assert (done["status"], done["attempts"], done["error"]) == ("FAILURE", 1, error)
    assert (told.json()["type"], len(cast("list[Json]", stack.get("/v1/deliveries")["data"]))) == ("task.failed", 1)


def test_a_part_that_kills_its_process_each_time_ends_its_task_as_lost(stack: Stack) -> None:
    path = path_of(submit(stack, "tests.deadly_parts", input={}))

    done = ended(stack, path)

    assert (done["status"], done["attempts"], cast("Json", done["error"])["code"]) == ("FAILURE", 3, "worker_lost")


def test_what_is_killed_at_its_hard_time_limit_is_tried_again_where_the_soft_one_would_be(stack: Stack) -> None:
    path = path_of(submit(stack, "tests.deaf_once", input={}))

    done = ended(stack, path)

    assert (done["status"], done["attempts"], done["result"]) == ("SUCCESS", 2, 2)


def _logged(stack: Stack, event: str, path: str) -> None:
    task = path.rpartition("/")[2]
    assert any(event in line and task in line for line in stack.log("worker").splitlines())
