"""Receivers that drip, flood, lie and hang up, all at once, beside one that is well."""

import gzip
import socket
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast
from uuid import uuid4

import pytest
import trustme

from tests.conftest import TEMPLATE
from tests.e2e.conftest import on_redis
from tests.e2e.conversations import Json, attempts, submit
from tests.support.answers import Answer, Endless, Reset, redirect
from tests.support.crowd import peak_memory, reset_peak_memory
from tests.support.pulse import stood_still
from tests.support.receiver import Receiver
from tests.support.sending import SENDERS, server_tls
from tests.support.stack import Stack, eventually, running
from tests.support.stores import PostgresServer, ask_redis
from tests.support.threaded import ThreadedReceiver

DEADLINE: Final = 8.0
"""Seconds; half of it is more than what is well may take on a machine whose cores others have."""
EVENTS: Final = 3
"""Few enough that no endpoint is held back for failing too often."""
MORE_MEMORY: Final = 30_000_000

OK: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CASES: Final[Mapping[str, tuple[Answer, str | None]]] = {
    "silence": (Answer(endless=Endless.SILENCE), "timeout"),
    "head-drips": (Answer(drip=(1, 1.0)), "timeout"),
    "body-drips": (Answer(endless=Endless.DRIP), "timeout"),
    "endless-hints": (Answer(endless=Endless.INTERIM), "timeout"),
    "endless-body": (Answer(endless=Endless.BODY), None),
    "endless-failure": (Answer(500, endless=Endless.BODY), "http_status"),
    "endless-extension": (Answer(endless=Endless.EXTENSION), "protocol"),
    "endless-trailer": (Answer(endless=Endless.TRAILER), "protocol"),
    "huge-head": (Answer(200, {"x-big": "x" * 200_000}), "too_large"),
    "many-headers": (Answer(200, {f"x-{number}": "x" * 20 for number in range(8_000)}), "too_large"),
    "bomb": (Answer(200, {"content-encoding": "gzip"}, gzip.compress(bytes(200_000_000), 1)), None),
    "reset-at-once": (Answer(reset=Reset.BEFORE_ANSWER), "connect"),
    "reset-in-head": (Answer(reset=Reset.IN_HEADERS), "connect"),
    "reset-in-body": (Answer(body=b"x" * 100, reset=Reset.IN_BODY), None),
    "closed-at-once": (Answer(raw=b"", close=True), "connect"),
    "closed-in-body": (Answer(body=b"x" * 100, declared=200, close=True), None),
    "split": (Answer(raw=b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n" + OK), "http_status"),
    "split-in-value": (Answer(500, {"x-a": "b\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0"}), "http_status"),
    "two-lengths": (Answer(raw=b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc"), "protocol"),
    "unasked": (Answer(raw=OK + b"\x00\xff junk " * 1000), None),
    "close-storm": (Answer(200, {"connection": "close"}, close=True), None),
    "not-http": (Answer(raw=b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", close=True), "protocol"),
}


@pytest.fixture(scope="module", params=SENDERS)
def beset(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer, redis_store: str
) -> Generator[Stack]:
    ask_redis(redis_store, "FLUSHALL")
    name = f"hostile_{uuid4().hex}"
    made = Stack(
        tmp_path_factory.mktemp("hostile"),
        database=postgres.create_database(name, TEMPLATE),
        broker=on_redis(redis_store),
        redis=redis_store,
        SENDER=str(request.param),
        RETRY_SCHEDULE="60",
        TIMEOUT=str(int(DEADLINE)),
    )
    with running(made):
        yield made
    postgres.drop_database(name)


@pytest.fixture
def crowd(beset: Stack) -> Generator[tuple[ThreadedReceiver, ThreadedReceiver, ThreadedReceiver]]:
    """One receiver for each way to misbehave, by path; one that is well; and one that nobody may ever call."""
    beset.make_tenant(f"t-{uuid4().hex}")
    with ThreadedReceiver() as hostile, ThreadedReceiver() as well, ThreadedReceiver() as canary:
        for case, (answer, _) in CASES.items():
            hostile.script(answer, path=f"/{case}")
        hostile.script(redirect(canary.url, 301), path="/redirect")
        yield hostile, well, canary


def register(stack: Stack, url: str) -> None:
    given = {"url": url, "event_types": ["task.succeeded"]}
    stack.client.post("/v1/endpoints", json=given).raise_for_status()


def tried(stack: Stack, count: int) -> dict[str, list[Json]]:
    """Return each URL's first attempts, one of each event, once all of them are in the log."""

    def look() -> list[Json]:
        found = cast("list[Json]", stack.get("/v1/deliveries", limit="200")["data"])
        assert len([one for one in found if one["status"] != "pending"]) == count
        return found

    deliveries = eventually(look, within=90)
    return {
        str(url): [attempts(stack, one)[0] for one in deliveries if one["url"] == url]
        for url in {one["url"] for one in deliveries}
    }


def total(attempt: Json) -> float:
    return cast("dict[str, float]", attempt["duration_ms"])["total"] / 1000


@dataclass(frozen=True, slots=True)
class Round:
    """What came of some events for all receivers; `still` is for how long the machine stood still."""

    errors: dict[str, set[object]]
    timeouts: list[float]
    others: list[float]
    delays: list[float]
    grown: int
    still: float

    @property
    def in_time(self) -> bool:
        """Whether all of it is within the bounds."""
        return (
            min(self.timeouts, default=0) > DEADLINE - 0.05
            and max(self.timeouts) <= DEADLINE + 1 + self.still
            and max(self.others) <= DEADLINE + self.still
            and max(self.delays) < DEADLINE / 2 + self.still
            and self.grown < MORE_MEMORY
        )


def one_round(beset: Stack, hostile: ThreadedReceiver, well: ThreadedReceiver) -> Round:
    """Have a new tenant send events to all of them."""
    beset.make_tenant(f"t-{uuid4().hex}")
    register(beset, f"{well.url}well")
    _ = [register(beset, f"{hostile.url}{case}") for case in (*CASES, "redirect")]
    pid = beset.processes["deliverer"].pid
    before = reset_peak_memory(pid)

    with stood_still() as missed:
        _ = [submit(beset) for _ in range(EVENTS)]

        found = tried(beset, EVENTS * (len(CASES) + 2))
        still = missed()
    return Round(
        errors={url.rpartition("/")[2]: {one["error"] for one in several} for url, several in found.items()},
        timeouts=[total(one) for several in found.values() for one in several if one["error"] == "timeout"],
        others=[total(one) for several in found.values() for one in several if one["error"] != "timeout"],
        delays=[delay(one) for one in found[f"{well.url}well"]],
        grown=peak_memory(pid) - before,
        still=still,
    )


def first_in_time(rounds: Iterable[Round]) -> Round:
    """Return the first round that is within all bounds, else the last one: the machine may be slow in one."""
    seen: list[Round] = []
    for one in rounds:
        seen.append(one)
        if one.in_time:
            break
    return seen[-1]


def test_each_attempt_ends_in_time_with_its_error_and_nobody_else_waits(
    beset: Stack, crowd: tuple[ThreadedReceiver, ThreadedReceiver, ThreadedReceiver]
) -> None:
    hostile, well, canary = crowd

    one = first_in_time(one_round(beset, hostile, well) for _ in range(3))

    wanted = {case: error for case, (_, error) in CASES.items()} | {"redirect": "http_status", "well": None}
    assert one.errors == {case: {error} for case, error in wanted.items()}
    assert one.in_time, one
    assert len(one.delays) == EVENTS
    assert canary.requests == ()


def test_a_handshake_that_stalls_or_names_another_ends_before_anything_is_sent(
    beset: Stack, crowd: tuple[ThreadedReceiver, ThreadedReceiver, ThreadedReceiver]
) -> None:
    _, well, _ = crowd
    other = Receiver(tls=server_tls(trustme.CA(), "other.example.test"))
    with socket.create_server(("127.0.0.1", 0)) as stalls, ThreadedReceiver(other) as named:
        silent = f"https://127.0.0.1:{stalls.getsockname()[1]}/"
        _ = [register(beset, url) for url in (silent, named.url, f"{well.url}well")]

        with stood_still() as missed:
            submit(beset)

            found = tried(beset, 3)
            still = missed()
    assert {url: [one["error"] for one in several] for url, several in found.items()} == {
        silent: ["timeout"],
        named.url: ["tls"],
        f"{well.url}well": [None],
    }
    assert DEADLINE - 0.05 < total(found[silent][0]) <= DEADLINE + 1 + still
    assert total(found[named.url][0]) < DEADLINE / 2 + still
    assert named.requests == ()


def delay(attempt: Json) -> float:
    """Return the seconds from the making of the event to the start of the attempt."""
    sent = cast("dict[str, str]", attempt["request"])["body"]
    made = sent.partition('"timestamp":"')[2].partition('"')[0]
    started = datetime.fromisoformat(str(attempt["started_at"]))
    return (started - datetime.fromisoformat(made)).total_seconds()
