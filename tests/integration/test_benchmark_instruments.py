"""The benchmark's own instruments, and how it talks to a system that it did not start."""

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import msgspec
import pytest

from benchmarks.instruments.load import Order
from benchmarks.instruments.processes import WrongAnswersError, running_sink, send
from benchmarks.instruments.sink import Plan
from benchmarks.systems import peer
from benchmarks.systems.peer import Description, open_peer
from tests.support.answers import Answer
from tests.support.receiver import Receiver

SVIX = Path(peer.__file__).with_name("svix.json")

# As the server answers: `svix` 2's models, with the fields that they require.
TENANT = (
    b'{"id":"app_2x","uid":"r","name":"r","metadata":{},"createdAt":"2026-11-01T00:00:00Z",'
    b'"updatedAt":"2026-11-01T00:00:00Z"}'
)
ENDPOINT = (
    b'{"id":"ep_2x","url":"http://127.0.0.1/","description":"benchmark","metadata":{},"disabled":false,'
    b'"channels":["e00000"],"createdAt":"2026-11-01T00:00:00Z","updatedAt":"2026-11-01T00:00:00Z"}'
)


def described(port: int, directory: Path) -> Path:
    """Return the description of a Svix server at this port."""
    description = msgspec.json.decode(SVIX.read_bytes(), type=Description)
    file = directory / "svix.json"
    file.write_bytes(msgspec.json.encode(msgspec.structs.replace(description, port=port)))
    return file


def body_of(content: bytes) -> Mapping[str, object]:
    return msgspec.json.decode(content, type=dict[str, object])


async def test_a_peer_gets_a_tenant_and_endpoints_in_its_own_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SVIX_TOKEN", "testsk_x")
    async with Receiver() as server:
        server.script(Answer(status=201, body=TENANT), Answer(status=201, body=ENDPOINT))
        with open_peer(described(server.port, tmp_path)) as system:
            await asyncio.to_thread(partial(system.begin, ["http://127.0.0.1/e/0", "http://127.0.0.1/e/1"], lanes=1))

    made, first, second = server.requests
    assert (made.path, first.path) == ("/api/v1/app", "/api/v1/app/app_2x/endpoint")
    assert dict(made.headers)["Authorization"] == "Bearer testsk_x"
    assert body_of(second.body) == {
        "url": "http://127.0.0.1/e/1",
        "description": "benchmark",
        "channels": ["e00000"],
    }


async def test_a_peer_gets_events_in_its_own_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SVIX_TOKEN", "testsk_x")
    async with Receiver() as server:
        server.script(Answer(status=201, body=TENANT), Answer(status=202, body=b"{}"))
        with open_peer(described(server.port, tmp_path)) as system:
            await asyncio.to_thread(partial(system.begin, [], lanes=2))
            order = msgspec.structs.replace(system.order(size=3, lanes=2), count=2, connections=1)
            await asyncio.to_thread(send, order)

    sent = server.requests[2]
    assert sent.path == "/api/v1/app/app_2x/msg"
    assert body_of(sent.body) == {
        "eventType": "bench.event",
        "eventId": "bench-0000000001",
        "channels": ["e00001"],
        "payload": {"mark": "0000000001", "pad": "xxx"},
    }


async def test_a_peer_that_refuses_ends_the_benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SVIX_TOKEN", "testsk_x")
    async with Receiver() as server:
        server.script(Answer(status=401, body=b"{}"))
        with open_peer(described(server.port, tmp_path)) as system, pytest.raises(WrongAnswersError, match="401"):
            await asyncio.to_thread(partial(system.begin, [], lanes=1))


def test_what_the_load_generator_sends_is_what_the_sink_receives() -> None:
    with running_sink(Plan(ports=2)) as sink:
        order = Order(port=sink.port, path="/e/00003", headers={}, line='{"mark":"@NUMBER@"}', count=500, answer="200")

        sent = send(order)
        came = sink.came()

    assert sent.count == len(sent.latencies) == 500
    assert sorted(came.numbers) == list(range(500))
    assert set(came.endpoints) == {3}


def test_at_a_steady_rate_each_request_has_its_moment_whatever_the_answers_do() -> None:
    with running_sink(Plan()) as sink:
        order = Order(port=sink.port, path="/e/00000", headers={}, line="@NUMBER@", count=50, rate=1000, answer="200")

        sent = send(msgspec.structs.replace(order, connections=1))

    assert [at - sent.started for at in sent.intended] == pytest.approx([number / 1000 for number in range(50)])
    assert min(sent.lateness) >= 0
    assert [end - start for start, end in zip(sent.intended, sent.answered, strict=True)] == list(sent.latencies)


def test_another_status_than_the_orders_ends_the_benchmark() -> None:
    with running_sink(Plan()) as sink, pytest.raises(WrongAnswersError, match=r"3 times, as: HTTP/1\.1 200 OK"):
        send(Order(port=sink.port, path="/e/00000", headers={}, line="x", count=3, connections=1))
