"""The proof: files that know nothing of each other have to agree.

```
accepted.jsonl  what clients were answered      ─┐
seen.jsonl      what receivers got               ├─► P1 to P14
pulled.jsonl    what clients fetched            ─┤
claimed.jsonl   what the product says of itself ─┘
```
Nothing else is looked at: no table, no queue, no memory of the product.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from math import inf
from pathlib import Path
from typing import Final, cast

from tests.chaos.ledger import read_ledger
from tests.model.history import ASKED_FOR, Accepted, Attempt, Delivery, History, Secret, Seen
from tests.model.properties import PROPERTIES, Against

Json = dict[str, object]
HONEST: Final = frozenset({202, 303, 503, 429, 409, None})
"""What an API that is in trouble may answer; `None`: nothing, the connection broke."""
UNBOUNDED: Final = frozenset({"ReadTimeout", "WriteTimeout"})
IN_TIME: Final = 3.0
"""Seconds within which a refusal is promised."""


@dataclass(slots=True)
class Evidence:
    """The files of a round, read."""

    history: History
    answers: list[Json]
    names: Counter[str]
    """How many things of the log carry each name that a client gave."""
    tasks: dict[str, Json]
    told: dict[str, list[str]]
    """The events of each task's own callback, by the task's ID."""
    ordered: frozenset[str]
    """Endpoints that were served in order all the time."""
    counts: Counter[str] = field(default_factory=Counter[str])
    """How many attempts each delivery says that it took."""
    unasked: set[str] = field(default_factory=set[str])
    """Deliveries of which no attempt was asked for."""


def read_evidence(directory: Path) -> Evidence:
    """Read a round's files."""
    world = cast("Json", json.loads((directory / "world.json").read_text()))
    endpoints = cast("list[Json]", world["endpoints"])
    history = History(schedule=cast("list[int]", world["schedule"]))
    history.fifo = {str(one["path"]) for one in endpoints if one["ordered"]}
    ordered = frozenset(history.fifo)
    history.secrets = {
        str(one["path"]): [Secret(**secret) for secret in cast("list[dict[str, object]]", one["secrets"])]  # pyright: ignore[reportArgumentType] - as it was written
        for one in endpoints
    }
    answers = list(read_ledger(directory / "accepted.jsonl"))
    wanted = frozenset(str(one["path"]) for one in endpoints if one["wants"])
    history.accepted = list(_accepted(answers, wanted))
    history.seen = [
        _seen(row)
        for row in chain(read_ledger(directory / "seen.jsonl"), read_ledger(directory / "pulled.jsonl"))
        if str(row["endpoint"]).startswith(f"{world['slug']}-")
    ]
    evidence = Evidence(history, answers, Counter(), {}, defaultdict(list), ordered)
    paths = {str(one["id"]): str(one["path"]) for one in endpoints}
    for row in read_ledger(directory / "claimed.jsonl"):
        _READERS[str(row["what"])](evidence, row, paths)
    return evidence


def violations(evidence: Evidence) -> list[str]:
    """Return all that speaks against any property, with the property's name in front."""
    against = [f"{holds.__name__}: {found}" for holds in PROPERTIES for found in holds(evidence.history)]
    return against + [f"{holds.__name__}: {found}" for holds in MORE for found in holds(evidence)]


def p1_no_task_is_lost(evidence: Evidence) -> Against:
    """Each accepted task has ended well, and its own callback URL was told."""
    got = {one.webhook_id for one in evidence.history.seen if one.welcome}
    for answer in evidence.answers:
        if answer["path"] != "/v1/tasks" or answer["made"] is None:
            continue
        task = str(answer["made"])
        status = evidence.tasks.get(task, {}).get("status")
        if status != "SUCCESS":
            yield f"{task} was accepted and is {status}"
        elif not got.intersection(evidence.told[task]):
            yield f"{task} has ended, and its callback URL was not told"


def p1_every_endpoint_is_there(evidence: Evidence) -> Against:
    """An event has as many deliveries as its answer said, in the log too."""
    logged = Counter(one.event_id for one in evidence.history.deliveries)
    for answer in evidence.answers:
        told = answer["deliveries"]
        if answer["made"] is not None and isinstance(told, int) and logged[str(answer["made"])] < told:
            yield f"{answer['made']} has {logged[str(answer['made'])]} deliveries, its answer said {told}"


def p6_requests_are_explained(evidence: Evidence) -> Against:
    """Of k requests that nobody asked for, all but one belong to attempts that failed, are unknown, or came late."""
    seen = Counter((one.webhook_id, one.endpoint) for one in evidence.history.seen)
    for one in evidence.history.deliveries:
        pair = one.event_id, one.endpoint
        doubts = sum(attempt.doubtful for attempt in one.attempts)
        if one.id in evidence.unasked and len(evidence.history.of_pair(*pair)) == 1 and seen[pair] - 1 > doubts:
            yield f"{one.id}: {seen[pair]} requests, {doubts} doubts"


def p8_receivers_see_the_order(evidence: Evidence) -> Against:
    """Who is served in order sees nothing of one key before it has welcomed what was accepted sooner."""
    first: dict[tuple[str, str], float] = {}
    welcomed: dict[tuple[str, str], float] = {}
    for one in evidence.history.seen:
        pair = one.endpoint, one.webhook_id
        first[pair] = min(one.at, first.get(pair, one.at))
        if one.welcome:
            welcomed[pair] = min(one.at, welcomed.get(pair, one.at))
    for endpoint in evidence.ordered:
        latest: dict[str | None, float] = {}
        for one in sorted(evidence.history.accepted, key=lambda accepted: accepted.order):
            pair = endpoint, one.event_id
            if first.get(pair, inf) < latest.get(one.ordering_key, 0.0):
                yield f"{endpoint} saw {one.event_id} before it had welcomed one that was accepted sooner"
            if pair in welcomed:
                latest[one.ordering_key] = welcomed[pair]


def p9_one_key_makes_one_thing(evidence: Evidence) -> Against:
    """Whatever was sent under one key, however often, was made once."""
    made: dict[object, set[object]] = defaultdict(set)
    for answer in evidence.answers:
        if answer["made"] is not None and answer["key"] is not None:
            made[answer["key"]].add(answer["made"])
    for key, things in made.items():
        if len(things) > 1:
            yield f"{key} made {sorted(map(str, things))}"
    for name, count in evidence.names.items():
        if count > 1:
            yield f"{name} is in the log {count} times"


def waited(answer: Json) -> float:
    """Return for how many seconds a client waited for an answer, without those in which the machine stood still."""
    return round(cast("float", answer["took"]) - cast("float", answer["missed"]), 3)


def p13_the_edge_is_honest(evidence: Evidence) -> Against:
    """What cannot be promised is refused: by a 503 or 429, and in time."""
    for answer in evidence.answers:
        if answer["status"] not in HONEST:
            yield f"{answer['path']} was answered {answer['status']} at {answer['at']}"
        if answer["error"] in UNBOUNDED:
            yield f"{answer['path']} was not answered for {answer['took']} s"
        if answer["status"] == 503 and waited(answer) > IN_TIME:
            yield f"{answer['path']} was refused after {waited(answer)} s"


def p14_deliveries_count_their_attempts(evidence: Evidence) -> Against:
    """A delivery says how many attempts it took, and has them."""
    for one in evidence.history.deliveries:
        if evidence.counts[one.id] != len(one.attempts):
            yield f"{one.id} says {evidence.counts[one.id]} attempts and has {len(one.attempts)}"


MORE: Final[tuple[Callable[[Evidence], Against], ...]] = (
    p1_no_task_is_lost,
    p1_every_endpoint_is_there,
    p6_requests_are_explained,
    p8_receivers_see_the_order,
    p9_one_key_makes_one_thing,
    p13_the_edge_is_honest,
    p14_deliveries_count_their_attempts,
)


def _accepted(answers: Sequence[Json], wanted: frozenset[str]) -> Iterator[Accepted]:
    known: set[object] = set()
    for order, answer in enumerate(answers):
        if answer["path"] == "/v1/events" and answer["made"] is not None and answer["made"] not in known:
            known.add(answer["made"])
            lane = answer["lane"]
            yield Accepted(
                event_id=str(answer["made"]),
                order=order,
                data=answer["data"],
                ordering_key=None if lane is None else str(lane),
                endpoints=wanted,
            )


def _seen(row: Json) -> Seen:
    return Seen(
        endpoint=str(row["endpoint"]),
        webhook_id=str(row["id"]),
        at=cast("float", row["at"]),
        headers=cast("dict[str, str]", row["headers"]),
        body=str(row["body"]).encode("latin-1"),
        status=cast("int | None", row["status"]),
    )


def _read_delivery(evidence: Evidence, row: Json, paths: dict[str, str]) -> None:
    attempts = [
        Attempt(
            number=cast("int", one["number"]),
            trigger=str(one["trigger"]),
            outcome=str(one["outcome"]),
            started_at=datetime.fromisoformat(str(one["started_at"] or row["finished_at"])),
            note=cast("str | None", one["note"]),
        )
        for one in cast("list[Json]", row["attempts"])
    ]
    endpoint = paths.get(str(row["endpoint_id"])) or str(row["url"]).split("/")[3]
    if any(one["started_at"] is None for one in cast("list[Json]", row["attempts"])):
        evidence.history.fifo.discard(endpoint)  # when they started was not read: what receivers saw has to do
    one = Delivery(
        id=str(row["id"]),
        event_id=str(row["event_id"]),
        endpoint=endpoint,
        status=str(row["status"]),
        reason=cast("str | None", row["reason"]),
        attempts=attempts,
    )
    evidence.history.deliveries.append(one)
    evidence.counts[one.id] = cast("int", row["attempt_count"])
    if not any(attempt.trigger in ASKED_FOR for attempt in attempts):
        evidence.unasked.add(one.id)
    if row["task_id"] is not None and row["endpoint_id"] is None:
        evidence.told[str(row["task_id"])].append(one.event_id)


def _read_event(evidence: Evidence, row: Json, _: dict[str, str]) -> None:
    evidence.history.events[str(row["id"])] = row["data"]
    data = row["data"]
    if isinstance(data, dict) and "name" in data:
        evidence.names[str(cast("Json", data)["name"])] += 1


def _read_task(evidence: Evidence, row: Json, _: dict[str, str]) -> None:
    evidence.tasks[str(row["task_id"])] = row
    evidence.names[str(cast("Json", row["metadata"]).get("name", row["task_id"]))] += 1


def _read_stats(evidence: Evidence, row: Json, _: dict[str, str]) -> None:
    evidence.history.counted[str(row["path"])] = cast("dict[str, int]", row["counted"])


_READERS: Final[dict[str, Callable[[Evidence, Json, dict[str, str]], None]]] = {
    "delivery": _read_delivery,
    "event": _read_event,
    "task": _read_task,
    "stats": _read_stats,
}
