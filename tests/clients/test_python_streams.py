"""What the client of Python reads while it comes, and what it pulls, against the product."""

import csv
from contextlib import aclosing, closing

import pytest
from ringback import AsyncRingback, NotFoundError, Ringback, Webhook
from ringback.live import LiveAttempt

from api.schemas.live import LiveAttemptOut
from tests.clients.conftest import Account
from tests.support.stack import eventually
from tests.support.threaded import ThreadedReceiver

REPORT = {"user_id": 7, "version": "2026-01", "steps": 20}
"""It takes seconds, so that it is seen under way."""
BEGINNING = f"0.{'0' * 32}.0"
ODD = "line\u2028separator \u0085 \x1c end"
"""Characters at which Python breaks lines, and streams do not."""


def delivered(client: Ringback, event_id: str) -> None:
    """Raise `AssertionError` until it is recorded that an event was delivered."""
    assert [one.status for one in client.deliveries.list(event_id=event_id)] == ["succeeded"]


def test_a_task_is_followed_to_its_end(client: Ringback) -> None:
    task = client.tasks.submit("reports.generate", REPORT, metadata={"odd": ODD})

    seen = list(client.tasks.follow(task.task_id))

    assert (seen[-1].status, seen[-1].metadata) == ("SUCCESS", {"odd": ODD})
    assert {one.task_id for one in seen} == {task.task_id}
    assert len(seen) > 1


async def test_a_task_is_followed_asynchronously(account: Account) -> None:
    async with AsyncRingback(account.key, account.url) as client:
        task = await client.tasks.submit("reports.generate", REPORT)

        seen = [one.status async for one in client.tasks.follow(task.task_id)]

    assert seen[-1] == "SUCCESS"


def test_a_task_that_is_not_there_is_not_followed(client: Ringback) -> None:
    with pytest.raises(NotFoundError):
        next(client.tasks.follow("task_01jz8f6kq3e5v9t2w4x6y8z0ab"))


def test_attempts_are_seen_live_and_from_a_place_on(client: Ringback, receiver: ThreadedReceiver) -> None:
    client.endpoints.create(url=receiver.url, event_types=["order.*"])
    first, second = [client.events.send("order.paid", number).id for number in range(2)]
    eventually(lambda: (delivered(client, first), delivered(client, second)))

    with closing(client.deliveries.live(after=BEGINNING)) as stream:
        one, other = next(stream), next(stream)
    with closing(client.deliveries.live(after=one.place)) as stream:
        again = next(stream)

    assert {one.event_id, other.event_id} == {first, second}
    assert (again.event_id, again.outcome) == (other.event_id, "succeeded")


async def test_attempts_are_seen_live_asynchronously(account: Account, receiver: ThreadedReceiver) -> None:
    async with AsyncRingback(account.key, account.url) as client:
        await client.endpoints.create(url=receiver.url, event_types=["order.*"])
        event = await client.events.send("order.paid", 1)
        async with aclosing(client.deliveries.live(after=BEGINNING)) as stream:
            seen = await anext(stream)

    assert (seen.event_id, seen.event_type) == (event.id, "order.paid")


def test_a_place_that_is_none_is_told_as_a_gap(client: Ringback, receiver: ThreadedReceiver) -> None:
    client.endpoints.create(url=receiver.url, event_types=["order.*"])
    gaps: list[str] = []

    def gap() -> None:
        gaps.append("gap")
        client.events.send("order.paid", 1)

    with closing(client.deliveries.live(after="nowhere", on_gap=gap)) as stream:
        seen = next(stream)

    assert (gaps, seen.event_type) == (["gap"], "order.paid")


def test_what_is_live_has_the_fields_that_the_api_tells() -> None:
    assert set(LiveAttempt.model_fields) == {*LiveAttemptOut.model_fields, "place"}


def test_deliveries_are_exported(client: Ringback) -> None:
    client.endpoints.create(url="https://partner.example/hook", event_types=["order.*"])
    sent = [client.events.send("order.paid", number).id for number in range(3)]

    exported = [one.event_id for one in client.deliveries.export(event_type="order.paid")]
    table = list(csv.DictReader(client.deliveries.export_csv(event_type="order.paid")))

    assert exported == [row["event_id"] for row in table] == sent[::-1]
    assert list(client.deliveries.export(event_type="other")) == []


def test_deliveries_are_pulled_verified_and_acknowledged(client: Ringback) -> None:
    endpoint = client.endpoints.create(mode="pull", event_types=["order.*"])
    event = client.events.send("order.paid", {"order": ODD})

    (pulled,) = client.endpoints.pull(endpoint.id, wait=20)
    message = Webhook(str(endpoint.secret)).verify(pulled.request.body.encode(), pulled.request.headers)
    (acked,) = client.endpoints.ack(endpoint.id, [{"claim": pulled.claim, "status": 200, "body": "done"}])

    assert (message.id, message.data) == (event.id, {"order": ODD})
    assert (acked.id, acked.status) == (pulled.delivery_id, "succeeded")
    assert client.endpoints.pull(endpoint.id) == []


def test_a_tenant_is_told_how_it_is(client: Ringback, receiver: ThreadedReceiver) -> None:
    client.endpoints.create(url=receiver.url, event_types=["order.*"])
    event = client.events.send("order.paid", 1)
    eventually(lambda: delivered(client, event.id))

    stats = client.stats(window="1h")

    assert (stats.window, stats.total.attempts.succeeded) == ("1h", 1)
