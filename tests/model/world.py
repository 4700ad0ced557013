"""One tenant of the running product, with what it did and what came of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast
from uuid import uuid4

from core.clock import unix_seconds
from tests.model.history import ENDED, Accepted, Attempt, Delivery, History, Secret
from tests.model.puller import Puller
from tests.model.sink import Behaviour, Sink
from tests.support.repeating import answered
from tests.support.stack import Stack, eventually

SCHEDULE = (1, 1)
Json = dict[str, object]


@dataclass(slots=True)
class Registered:
    """An endpoint as the model knows it; `path` names it at the sink."""

    id: str
    path: str
    event_types: Sequence[str]
    status: str = "enabled"
    pulled: bool = False
    secrets: list[Secret] = field(default_factory=list[Secret])

    def wants(self, type_: str) -> bool:
        """Whether an event of this type makes a delivery to it."""
        return self.status != "deleted" and (not self.event_types or type_ in self.event_types)


class World:
    """Acts for one tenant, and remembers."""

    def __init__(self, stack: Stack, sink: Sink) -> None:
        self.stack = stack
        self.sink = sink
        self.slug = f"t-{uuid4().hex}"
        stack.make_tenant(self.slug)
        self.endpoints: dict[str, Registered] = {}
        self.history = History(schedule=SCHEDULE)
        self._pullers: list[Puller] = []

    def close(self) -> None:
        """Pull no more."""
        for puller in self._pullers:
            puller.stop()

    def call(self, method: str, path: str, *, status: int | tuple[int, ...], body: object = None) -> Json:
        """Call the API as this tenant; raise `AssertionError` for another status than expected."""
        headers = {"Ringback-Tenant": self.slug}
        answer = answered(self.stack.client, method, path, body=body, headers=headers)
        expected = status if isinstance(status, tuple) else (status,)
        assert answer.status_code in expected, f"{method} {path}: {answer.status_code} {answer.text}"
        return cast("Json", answer.json()) if answer.content else {}

    def register(self, event_types: Sequence[str], ordering: str, *, pulled: bool = False) -> Registered:
        """Register an endpoint; of one to pull from, pull, and bring it to the sink."""
        path = uuid4().hex
        url = f"{self.sink.url}/{path}/0"
        wanted: Json = {
            **({"mode": "pull"} if pulled else {"url": url}),
            "event_types": list(event_types),
            "ordering": ordering,
            "timeout": 1,
            "retry_policy": {"schedule": list(SCHEDULE)},
        }
        made = self.call("POST", "/v1/endpoints", status=201, body=wanted)
        one = Registered(str(made["id"]), path, event_types, pulled=pulled)
        if pulled:
            self._pullers.append(Puller(self.stack.client, self.slug, one.id, url))
        one.secrets.append(Secret(text=str(made["secret"]), since=unix_seconds()))
        self.endpoints[one.id] = one
        if ordering == "fifo":
            self.history.fifo.add(one.path)
        return one

    def publish(self, type_: str, data: object, *, client_id: str | None, ordering_key: str | None) -> Json:
        """Send an event."""
        named = {"id": client_id, "ordering_key": ordering_key}
        body: Json = {"type": type_, "data": data}
        body |= {name: value for name, value in named.items() if value is not None}
        made = self.call("POST", "/v1/events", status=202, body=body)
        matched = {one.path for one in self.endpoints.values() if one.wants(type_)}
        assert made["deliveries"] == len(matched), made
        self.history.accepted.append(
            Accepted(
                event_id=str(made["id"]),
                order=len(self.history.accepted),
                data=data,
                ordering_key=ordering_key,
                endpoints=frozenset(matched),
            )
        )
        return body | {"made": made["id"]}

    def rotate(self, one: Registered, overlap: int) -> None:
        """Rotate a secret; the old one goes on signing for the overlap."""
        last, before = one.secrets[-1], unix_seconds()
        fresh = self.call("POST", f"/v1/endpoints/{one.id}/secret/rotate", status=200, body={"overlap": overlap})
        one.secrets[-1] = Secret(text=last.text, since=last.since, until=before + overlap)
        one.secrets.append(Secret(text=str(fresh["secret"]), since=unix_seconds()))

    def behave(self, one: Registered, behaviour: Behaviour) -> None:
        """Let a receiver answer so from now on."""
        self.sink.behave(one.path, behaviour)

    def exhaust(self, one: Registered) -> None:
        """Send an event to an endpoint that fails, and wait until it is given up."""
        self.behave(one, 500)
        made = self.publish("order.paid", None, client_id=None, ordering_key=None)["made"]

        def given_up() -> None:
            found = self.pages(f"/v1/deliveries?event_id={made}&endpoint_id={one.id}")
            assert [delivery["status"] for delivery in found] == ["exhausted"]

        eventually(given_up, within=60)

    def pages(self, path: str) -> Iterator[Json]:
        """Read a whole list, oldest first."""
        found: list[Json] = []
        cursor = ""
        while True:
            page = self.call("GET", f"{path}{'&' if '?' in path else '?'}limit=200{cursor}", status=200)
            found += cast("list[Json]", page["data"])
            if page["next_cursor"] is None:
                return reversed(found)
            cursor = f"&cursor={page['next_cursor']}"

    def come_to_rest(self) -> None:
        """Heal every receiver, let everything go, and wait until nothing moves any more."""
        for one in self.endpoints.values():
            if one.status == "deleted":
                continue
            self.behave(one, 200)
            if one.status != "enabled":
                self.call("POST", f"/v1/endpoints/{one.id}/enable", status=200)
                one.status = "enabled"
        eventually(self._at_rest, within=90)

    def _at_rest(self) -> None:
        waiting = [one for one in self.pages("/v1/deliveries") if not self._rests(one)]
        assert waiting == []

    def _rests(self, delivery: Json) -> bool:
        """Tell whether a delivery has ended, nobody has asked for it again, and each attempt is in the log."""
        if delivery["status"] not in ENDED or delivery["next_attempt_at"] is not None:
            return False
        attempts = self.call("GET", f"/v1/deliveries/{delivery['id']}/attempts", status=200)["data"]
        return len(cast("list[Json]", attempts)) == delivery["attempt_count"]

    def observed(self) -> History:
        """Return the history with all that the log and the receivers say by now."""
        history = self.history
        paths = {one.id: one.path for one in self.endpoints.values()}
        history.events = {str(one["id"]): one["data"] for one in self.pages("/v1/events")}
        history.deliveries = [self._delivery(one, paths) for one in self.pages("/v1/deliveries")]
        history.seen = self.sink.of(set(paths.values()))
        history.secrets = {one.path: one.secrets for one in self.endpoints.values()}
        history.counted = {
            one.path: self._counted(one.id) for one in self.endpoints.values() if one.status != "deleted"
        }
        return history

    def _delivery(self, found: Json, paths: Mapping[str, str]) -> Delivery:
        attempts = cast("list[Json]", self.call("GET", f"/v1/deliveries/{found['id']}/attempts", status=200)["data"])
        return Delivery(
            id=str(found["id"]),
            event_id=str(found["event_id"]),
            endpoint=paths[str(found["endpoint_id"])],
            status=str(found["status"]),
            reason=cast("str | None", found["reason"]),
            attempts=[_attempt(one) for one in attempts],
        )

    def _counted(self, endpoint_id: str) -> Mapping[str, int]:
        stats = self.call("GET", f"/v1/endpoints/{endpoint_id}/stats", status=200)
        week = cast("dict[str, Json]", stats["windows"])["7d"]
        return cast("Mapping[str, int]", week["attempts"])


def _attempt(found: Json) -> Attempt:
    return Attempt(
        number=cast("int", found["number"]),
        trigger=str(found["trigger"]),
        outcome=str(found["outcome"]),
        started_at=datetime.fromisoformat(str(found["started_at"])),
    )
