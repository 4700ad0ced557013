"""The client of Python against the product."""

from uuid import uuid4

import pytest
from ringback import (
    AsyncRingback,
    AuthenticationError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    ResultPendingError,
    Retry,
    Ringback,
    ServerError,
    TaskFailedError,
    WaitTimeoutError,
    Webhook,
)
from ringback.models import Delivery

from tests.clients.conftest import Account
from tests.support.stack import eventually
from tests.support.threaded import ThreadedReceiver

SUM = {"x": 1, "y": 4}


def succeeded(client: Ringback, event_id: str) -> Delivery:
    """Return the delivery of an event; raise `AssertionError` before it is recorded that it succeeded."""
    found = list(client.deliveries.list(status="succeeded", event_id=event_id))
    assert len(found) == 1
    return found[0]


async def test_a_task_is_submitted_and_waited_for(account: Account) -> None:
    async with AsyncRingback(account.key, account.url) as client:
        task = await client.tasks.submit("math.divide", SUM, metadata={"order": "42"})
        ended = await client.tasks.wait(task.task_id, timeout=30)
        listed = [one.task_id async for one in client.tasks.list(metadata={"order": "42"})]

    assert (ended.status, ended.result, ended.metadata) == ("SUCCESS", 0.25, {"order": "42"})
    assert listed == [task.task_id]


def test_run_gives_the_result_alone(client: Ringback) -> None:
    assert client.tasks.run("math.divide", SUM, timeout=30) == 0.25


def test_a_result_of_null_is_a_result(client: Ringback) -> None:
    assert client.tasks.run("demo.sleep", {"seconds": 0}, timeout=30) is None


def test_a_file_is_submitted(client: Ringback) -> None:
    task = client.tasks.submit("words.count", file=("words.txt", b"one two three"), metadata={"of": "a file"})

    ended = client.tasks.wait(task.task_id, timeout=30)

    assert ended.result == {"count": 3}
    assert ended.metadata == {"of": "a file"}


def test_a_task_that_fails_says_why(client: Ringback) -> None:
    with pytest.raises(TaskFailedError) as failed:
        client.tasks.run("math.divide", {"x": 1, "y": 0}, timeout=30)

    assert failed.value.code == "division_by_zero"
    assert failed.value.task.status == "FAILURE"


def test_waiting_for_a_task_that_fails_returns_it(client: Ringback) -> None:
    task = client.tasks.submit("math.divide", {"x": 1, "y": 0})

    ended = client.tasks.wait(task.task_id, timeout=30)

    assert ended.error is not None
    assert ended.error.code == "division_by_zero"
    with pytest.raises(ServerError) as failed:
        client.tasks.result(task.task_id)
    assert failed.value.code == "task-failed"


def test_waiting_ends_in_time_and_the_task_goes_on(client: Ringback) -> None:
    task = client.tasks.submit("math.divide", SUM, delay=3600)

    with pytest.raises(WaitTimeoutError) as late:
        client.tasks.wait(task.task_id, timeout=0.1)

    assert late.value.task.status == "PENDING"
    assert isinstance(late.value, TimeoutError)
    with pytest.raises(ResultPendingError):
        client.tasks.result(task.task_id)


def test_a_task_is_cancelled_run_again_and_erased(client: Ringback) -> None:
    task = client.tasks.submit("math.divide", SUM, delay=3600)

    client.tasks.cancel(task.task_id)
    again = client.tasks.retry(task.task_id)
    client.tasks.delete(task.task_id)

    assert client.tasks.wait(again.task_id, timeout=30).retry_of == task.task_id
    assert client.tasks.get(task.task_id).input is None
    with pytest.raises(ConflictError):
        client.tasks.cancel(task.task_id)


def test_an_event_reaches_its_endpoint_and_verifies(client: Ringback, receiver: ThreadedReceiver) -> None:
    endpoint = client.endpoints.create(url=receiver.url, event_types=["order.*"])
    event = client.events.send("order.paid", {"order": "42"}, id="42")

    (request,) = receiver.wait_for(1, within=90)

    message = Webhook(str(endpoint.secret)).verify(request.body, dict(request.headers))
    assert (message.id, message.type, message.data) == (event.id, "order.paid", {"order": "42"})
    delivery = eventually(lambda: succeeded(client, event.id))
    (attempt,) = client.deliveries.attempts(delivery.id)
    assert attempt.outcome == "succeeded"


def test_a_public_key_verifies_too(client: Ringback, receiver: ThreadedReceiver) -> None:
    endpoint = client.endpoints.create(url=receiver.url, signature="ed25519")
    client.endpoints.test(endpoint.id)

    (request,) = receiver.wait_for(1, within=90)

    assert Webhook(str(endpoint.public_key)).verify(request.body, dict(request.headers)).type == "ringback.test"


def test_an_endpoint_is_changed_and_deleted(client: Ringback) -> None:
    endpoint = client.endpoints.create(url="https://partner.example/hook", rate_limit=5)

    changed = client.endpoints.update(endpoint.id, rate_limit=None, description="Orders")
    paused = client.endpoints.pause(endpoint.id)
    rotated = client.endpoints.rotate_secret(endpoint.id, overlap=0)
    client.endpoints.delete(endpoint.id)

    assert (changed.rate_limit, changed.description, paused.status) == (None, "Orders", "paused")
    assert rotated.secret != endpoint.secret
    with pytest.raises(NotFoundError):
        client.endpoints.get(endpoint.id)


def test_a_batch_says_what_became_of_each_line(client: Ringback) -> None:
    batch = client.events.send_batch([{"type": "a.b", "data": 1}, {"type": "task.mine", "data": 2}])

    assert [line.status for line in batch.data] == [202, 422]


def test_a_list_is_read_over_its_pages(client: Ringback) -> None:
    sent = [client.events.send("a.b", number).id for number in range(5)]

    listed = [event.id for event in client.events.list(type="a.b", limit=2)]

    assert listed == sent[::-1]
    assert [len(page.data) for page in client.events.list(limit=2).pages()] == [2, 2, 1]


async def test_a_list_is_read_over_its_pages_asynchronously(account: Account) -> None:
    async with AsyncRingback(account.key, account.url) as client:
        sent = [(await client.events.send("a.b", number)).id for number in range(3)]
        listed = [event.id async for event in client.events.list(limit=1)]

    assert listed == sent[::-1]


def test_a_key_of_ones_own_makes_one_event(client: Ringback) -> None:
    key = uuid4().hex

    events = [client.events.send("a.b", 1, idempotency_key=key), client.events.send("a.b", 1, idempotency_key=key)]

    assert events[0].id == events[1].id


def test_what_is_not_there_is_told(client: Ringback) -> None:
    with pytest.raises(NotFoundError) as missing:
        client.tasks.get("task_01jz8f6kq3e5v9t2w4x6y8z0ab")

    assert (missing.value.status, missing.value.code) == (404, "not-found")
    assert missing.value.request_id


def test_bad_values_are_named(client: Ringback) -> None:
    with pytest.raises(InvalidInputError) as refused:
        client.tasks.submit("math.divide", {"x": "one", "y": 4})

    assert [error.pointer for error in refused.value.errors] == ["/input/x"]
    assert "/input/x" in str(refused.value)


def test_a_wrong_key_is_told(account: Account) -> None:
    with Ringback("rb_wrong", account.url) as client, pytest.raises(AuthenticationError):
        client.tasks.list().page()


def test_a_limit_is_waited_out(limited: Account) -> None:
    with Ringback(limited.key, limited.url, retry=Retry(limit=10, base=0.1)) as client:
        sent = [client.events.send("a.b", number).id for number in range(3)]

    assert len(set(sent)) == 3


def test_the_catalogue_and_the_task_types_are_read(client: Ringback) -> None:
    client.event_types.put("order.paid", description="An order was paid.", schema={"type": "object"})

    assert [one.name for one in client.event_types.list()] == ["order.paid"]
    assert "math.divide" in {one.name for one in client.task_types.list()}
    with pytest.raises(InvalidInputError):
        client.events.send("order.paid", "no object")
