"""A check by the running product, past the guard of deliveries."""

from typing import cast

from tests.support.flawed import SECRET, receiver_with
from tests.support.stack import Stack, eventually

Json = dict[str, object]


def checked(stack: Stack, url: str) -> Json:
    """Check a receiver; return the task once it has ended."""
    made = stack.client.post("/v1/endpoints", json={"url": url, "secret": SECRET, "timeout": 10})
    started = stack.client.post(f"/v1/endpoints/{made.json()['id']}/check")

    def ended() -> Json:
        task = stack.get(f"/v1/tasks/{started.json()['task_id']}")
        assert task["finished_at"] is not None
        return task

    return eventually(ended, within=90)


def test_a_receiver_that_is_right_passes(stack: Stack) -> None:
    with receiver_with("") as url:
        task = checked(stack, url)

    assert (task["status"], cast("Json", task["result"])["passed"]) == ("SUCCESS", True)


def test_a_receiver_that_is_wrong_is_told_how_to_mend_it(stack: Stack) -> None:
    with receiver_with("changed_body") as url:
        task = checked(stack, url)

    trials = cast("list[Json]", cast("Json", task["result"])["trials"])
    (failed,) = [one for one in trials if not one["passed"]]
    assert (failed["name"], failed["status"], failed["expected"]) == ("changed_body", 204, "refused")
    assert str(failed["mend"]).startswith("Verify the bytes of the body")
