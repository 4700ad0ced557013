"""Clients publish, repeat, edit, pause, rotate, delete, resend and replay against the running product."""

import os
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.conftest import TEMPLATE
from tests.model.properties import violations
from tests.model.sink import HANG, RESET, Sink, running_sink
from tests.model.world import Json, Registered, World
from tests.support.brokers import delete_queues
from tests.support.rabbitmq import RabbitServer
from tests.support.stack import Stack, running
from tests.support.stores import PostgresServer

TYPES = ("order.paid", "order.sent", "user.made")
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
EVENT = st.tuples(st.sampled_from(TYPES), DATA, st.booleans(), st.sampled_from([None, None, "a", "b"]))
MOST_ENDPOINTS = 5
EXAMPLES = int(os.environ.get("RINGBACK_TEST_EXAMPLES", "3"))
"""For each seed; more of them look further."""


class Clients(RuleBasedStateMachine):
    """What clients of one tenant do; every step is a call of the API."""

    stack: Stack
    sink: Sink

    endpoints: Bundle[Registered] = Bundle("endpoints")
    sent: Bundle[Json] = Bundle("sent")

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.stack, self.sink)

    @initialize(target=endpoints)
    def begin(self) -> MultipleResults[Registered]:
        """Begin with one endpoint in order, one that takes all as it comes, and one to pull from; each has to do."""
        begun = multiple(
            self.world.register((), "fifo"),
            self.world.register((), "none"),
            self.world.register((), "fifo", pulled=True),
        )
        self.world.publish(TYPES[0], {"n": 1}, client_id=None, ordering_key=None)
        return begun

    @precondition(lambda self: len(self.world.endpoints) < MOST_ENDPOINTS)
    @rule(
        target=endpoints,
        types=st.lists(st.sampled_from(TYPES), max_size=2, unique=True),
        fifo=st.booleans(),
        pulled=st.booleans(),
    )
    def register(self, types: list[str], *, fifo: bool, pulled: bool) -> Registered:
        """Register an endpoint."""
        return self.world.register(types, "fifo" if fifo else "none", pulled=pulled)

    @rule(target=sent, events=st.lists(EVENT, min_size=1, max_size=5))
    def publish(self, events: list[tuple[str, object, bool, str | None]]) -> MultipleResults[Json]:
        """Send a few events, one after another."""
        return multiple(
            *(
                self.world.publish(type_, data, client_id=uuid4().hex if named else None, ordering_key=key)
                for type_, data, named, key in events
            )
        )

    @rule(event=sent)
    def repeat(self, event: Json) -> None:
        """Send an event again under its own ID: the first one is given back (P9)."""
        body = {name: value for name, value in event.items() if name != "made"}
        if "id" in body:
            again = self.world.call("POST", "/v1/events", status=202, body=body)
            assert again["id"] == event["made"]

    @rule(event=sent)
    def contradict(self, event: Json) -> None:
        """Send other content under an ID that was used: it is refused."""
        body = {name: value for name, value in event.items() if name != "made"} | {"data": {"other": uuid4().hex}}
        if "id" in body:
            self.world.call("POST", "/v1/events", status=409, body=body)

    @rule(one=endpoints, behaviour=st.sampled_from([200, 204, 301, 400, 500, 503, RESET, HANG]))
    def behave(self, one: Registered, behaviour: int | str) -> None:
        """Let a receiver answer in another way."""
        self.world.behave(one, behaviour)

    @rule(one=endpoints)
    def edit(self, one: Registered) -> None:
        """Move an endpoint to another path of its receiver."""
        if one.status != "deleted" and not one.pulled:
            url = f"{self.sink.url}/{one.path}/{uuid4().hex}"
            self.world.call("PATCH", f"/v1/endpoints/{one.id}", status=200, body={"url": url})

    @rule(one=endpoints)
    def pause(self, one: Registered) -> None:
        """Pause an endpoint, or let it go on."""
        if one.status != "deleted":
            verb, one.status = ("pause", "paused") if one.status == "enabled" else ("enable", "enabled")
            self.world.call("POST", f"/v1/endpoints/{one.id}/{verb}", status=200)

    @rule(one=endpoints, overlap=st.sampled_from([0, 3600]))
    def rotate(self, one: Registered, overlap: int) -> None:
        """Rotate a secret."""
        if one.status != "deleted":
            self.world.rotate(one, overlap)

    @precondition(lambda self: len(self.world.endpoints) > 2)
    @rule(one=consumes(endpoints))
    def delete(self, one: Registered) -> None:
        """Delete an endpoint."""
        if one.status != "deleted":
            self.world.call("DELETE", f"/v1/endpoints/{one.id}", status=204)
            one.status = "deleted"

    @rule(event=sent)
    def resend(self, event: Json) -> None:
        """Send the deliveries of an event again; those of deleted endpoints cannot be."""
        for delivery in self.world.pages(f"/v1/events/{event['made']}/deliveries"):
            self.world.call("POST", f"/v1/deliveries/{delivery['id']}/resend", status=(202, 409))

    @rule(event=sent, one=endpoints)
    def replay(self, event: Json, one: Registered) -> None:
        """Make a new delivery of an old event."""
        if one.status != "deleted":
            body = {"endpoint_id": one.id}
            self.world.call("POST", f"/v1/events/{event['made']}/replay", status=202, body=body)

    @rule(event=sent)
    def cancel(self, event: Json) -> None:
        """Cancel what waits of an event."""
        for delivery in self.world.pages(f"/v1/events/{event['made']}/deliveries"):
            self.world.call("POST", f"/v1/deliveries/{delivery['id']}/cancel", status=(202, 409))

    @precondition(lambda self: len(self.world.history.accepted) < 2)
    @rule(one=endpoints)
    def give_up(self, one: Registered) -> None:
        """Let an event fail until its schedule is used up; only at the start: ten failures would open the breaker."""
        if one.status == "enabled" and not one.event_types:
            self.world.exhaust(one)

    @rule()
    def rest(self) -> None:
        """Let time pass until everything has come to its end."""
        self.world.come_to_rest()

    @invariant()
    def what_was_seen_is_what_was_sent(self) -> None:
        """At each step: no body differs from another of its event."""
        seen = self.sink.of({one.path for one in self.world.endpoints.values()})
        assert len({(one.webhook_id, one.body) for one in seen}) == len({one.webhook_id for one in seen})

    def teardown(self) -> None:
        """Let everything come to its end, and compare the three views."""
        self.world.come_to_rest()
        observed = self.world.observed()
        self.world.close()
        assert violations(observed) == []


@pytest.fixture(scope="module")
def clients(
    tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer, redis_store: str, rabbitmq_store: RabbitServer
) -> Generator[type[Clients]]:
    """The clients of a running product on RabbitMQ."""
    name = f"model_{uuid4().hex}"
    directory: Path = tmp_path_factory.mktemp("model")
    delete_queues(rabbitmq_store.url)
    with ExitStack() as closing:
        database = postgres.create_database(name, TEMPLATE)
        closing.callback(postgres.drop_database, name)
        made = Stack(directory, database=database, broker=rabbitmq_store.url, redis=redis_store, LEASE="30")
        stack, sink = closing.enter_context(running(made)), closing.enter_context(running_sink())
        yield type("RunningClients", (Clients,), {"stack": stack, "sink": sink})


@pytest.mark.timeout(300)  # a breaker that opens holds its endpoint for half a minute
@pytest.mark.parametrize("number", range(6))
def test_the_promises_hold_whatever_clients_do(clients: type[Clients], number: int) -> None:
    run_state_machine_as_test(
        seed(number)(clients),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=40,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
