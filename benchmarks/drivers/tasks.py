"""Tasks through the whole product, and through plain Celery with the same settings, side by side in one run.

```
load ──► API ──► Postgres (fsync on), RabbitMQ (quorum queues) ──► worker ──► Redis, Postgres ──► deliverer ──► sink
plain.apply_async ─────────────► RabbitMQ (quorum queue) ─────────► worker ──► Redis
```
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from signal import SIGKILL, SIGTERM
from statistics import median, quantiles
from typing import Final

import msgspec
from redis import Redis

from benchmarks.instruments.load import NUMBER, Order
from benchmarks.instruments.machine import cpu_seconds, describe
from benchmarks.instruments.processes import Sent, Sink, WrongAnswersError, eventually_counts, running_sink, send
from benchmarks.instruments.sink import Plan as SinkPlan
from cli.embedded.processes import spawn, stop
from core.clock import monotonic
from core.dispatch.celery import celery_backend
from tests.conftest import migrate
from tests.support.rabbitmq import rabbitmq_server
from tests.support.stack import Stack, eventually, running
from tests.support.stores import ask, postgres_server, private_directory, redis_server

PATIENCE: Final = 300


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured; `rate` is tasks per second while latency is measured."""

    count: int
    connections: int
    concurrency: int
    rate: float
    paced: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Bench:
    """The running product, the sink, and where plain Celery finds its stores."""

    stack: Stack
    key: str
    sink: Sink
    database: str
    env: dict[str, str]
    backend: str
    directory: Path


def main(arguments: Sequence[str]) -> None:
    """Measure and print the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks tasks", description=__doc__)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--paced", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=2)
    plan = Plan(**vars(parser.parse_args(arguments)))
    with _everything(plan) as bench:
        _product(bench, plan, count=300)  # warm up
        rounds = [_round(bench, plan) for _ in range(plan.rounds)]
        latency = _latency(bench, plan)
    shares = [one["ringback"]["tasks_per_second"] / one["celery"]["tasks_per_second"] for one in rounds]
    result = {"share_of_celery": round(median(shares), 2), "rounds": rounds, "latency": latency}
    print(msgspec.json.format(msgspec.json.encode(describe() | {"settings": asdict(plan)} | result), indent=2).decode())


def _round(bench: Bench, plan: Plan) -> dict[str, dict[str, float]]:
    return {"ringback": _product(bench, plan), "celery": _plain(bench, plan)}


@contextmanager
def _everything(plan: Plan) -> Generator[Bench]:
    with (
        private_directory() as directory,
        postgres_server(durable=True) as postgres,
        redis_server() as redis,
        rabbitmq_server() as broker,
    ):
        url = postgres.create_database("bench")
        migrate(url)
        settings = {"TASK_MODULES": "benchmarks.noop", "WORKER_CONCURRENCY": str(plan.concurrency)}
        stack = Stack(directory, database=url, broker=broker.url, redis=redis, FEED_INTERVAL="1", **settings)
        backend = redis.replace("?db=1", "?db=3")
        env = {"PLAIN_BROKER": broker.url, "PLAIN_BACKEND": celery_backend(backend) or ""}
        with running(stack), running_sink(SinkPlan()) as sink:
            stack.make_tenant("bench")
            made = stack.client.post("/v1/keys", json={"name": "bench", "role": "client"})
            key = made.raise_for_status().json()["key"]
            database = postgres.store.url_of("bench", user="postgres")
            yield Bench(stack, key, sink, database, env, backend, directory)


def _product(bench: Bench, plan: Plan, *, count: int | None = None) -> dict[str, float]:
    """Submit as fast as answers come; the last webhook's first byte ends the clock."""
    count = count or plan.count
    before = cpu_seconds()
    sent = _submit(bench, plan, count=count, rate=0)
    spent_by_submit = _spent(before)
    came = _all_came(bench, sent)
    spent = _spent(before)
    return {
        "tasks_per_second": round(count / (max(came.values()) - sent.started), 1),
        "tasks_ended_per_second": round(count / _seconds_to_the_last_end(bench, count), 1),
        "submits_per_second": round(count / sent.seconds, 1),
        "api_cpu_ms_per_submit": round(spent_by_submit["api"] * 1000 / count, 3),
        **{f"cpu_ms_per_task.{name}": round(seconds * 1000 / count, 3) for name, seconds in spent.items()},
    }


def _latency(bench: Bench, plan: Plan) -> dict[str, float]:
    """Submit at a steady rate that everything keeps up with; from the request to the webhook's first byte."""
    sent = _submit(bench, plan, count=plan.paced, rate=plan.rate)
    came = _all_came(bench, sent)
    percents = quantiles([(came[number] - at) * 1000 for number, at in enumerate(sent.intended)], n=100)
    return {"submit_to_webhook_ms_p50": round(percents[49], 1), "submit_to_webhook_ms_p99": round(percents[98], 1)}


def _plain(bench: Bench, plan: Plan) -> dict[str, float]:
    """Submit from one process; the last result in Redis ends the clock. The product's processes idle meanwhile."""
    env = {**os.environ, **bench.env}
    results = Redis.from_url(bench.backend)  # pyright: ignore[reportUnknownMemberType] - its options are untyped
    results.flushdb()  # pyright: ignore[reportUnknownMemberType] - as above
    celery = [sys.executable, "-m", "celery", "-A", "benchmarks.plain"]
    options = [
        f"--concurrency={plan.concurrency}",
        "--without-gossip",
        "--without-mingle",
        "--loglevel=WARNING",
        "--hostname=plain@localhost",
    ]
    with (bench.directory / "plain.log").open("ab") as log:
        argv = [*celery, "worker", *options]
        worker = spawn(argv, death_signal=SIGKILL, env=env | {"C_FORCE_ROOT": "1"}, output=log.fileno())
    try:
        _submit_plain(env, 50)
        eventually(lambda: _has_results(results, 50), within=PATIENCE)
        before, started = cpu_seconds(), monotonic()
        _submit_plain(env, plan.count)
        submitted = monotonic()
        eventually(lambda: _has_results(results, plan.count + 50), within=PATIENCE)
        ended, spent = monotonic(), _spent(before)
    finally:
        stop(worker, SIGTERM, grace=20)
    return {
        "tasks_per_second": round(plan.count / (ended - started), 1),
        "submits_per_second": round(plan.count / (submitted - started), 1),
        **{f"cpu_ms_per_task.{name}": round(seconds * 1000 / plan.count, 3) for name, seconds in spent.items()},
    }


def _submit(bench: Bench, plan: Plan, *, count: int, rate: float) -> Sent:
    """Submit tasks that carry their number in their metadata, which their webhooks show."""
    bench.sink.clear()
    wish = {
        "type": "benchmarks.noop",
        "input": {"x": 1},
        "metadata": {"mark": NUMBER},
        "webhook_url": bench.sink.url(0),
    }
    headers = {
        "Authorization": f"Bearer {bench.key}",
        "Content-Type": "application/json",
        "Prefer": "respond-async",
    }
    order = Order(port=bench.stack.port, path="/v1/tasks", headers=headers, line=msgspec.json.encode(wish).decode())
    return send(msgspec.structs.replace(order, count=count, connections=plan.connections, rate=rate))


def _submit_plain(env: dict[str, str], count: int) -> None:
    subprocess.run([sys.executable, "-m", "benchmarks.plain", str(count)], env=env, check=True)


def _all_came(bench: Bench, sent: Sent) -> dict[int, float]:
    """Wait for the webhooks of what was sent, each once; return when they came."""
    eventually_counts(bench.sink, sent.count, within=PATIENCE)
    came = bench.sink.came().first_of_each()
    if len(came) != sent.count:
        raise WrongAnswersError(f"{len(came)} of {sent.count} tasks told of their end")
    return came


def _has_results(results: "Redis", count: int) -> None:
    there: object = results.dbsize()  # pyright: ignore[reportUnknownMemberType] - as above
    assert there == count, f"{there} results of {count}"


def _seconds_to_the_last_end(bench: Bench, count: int) -> float:
    newest = f"SELECT created_at, finished_at FROM tasks ORDER BY id DESC LIMIT {count}"
    lasted = f"SELECT extract(EPOCH FROM max(finished_at) - min(created_at)) FROM ({newest}) t"
    return float(ask(bench.database, lasted))


def _spent(before: dict[str, float]) -> dict[str, float]:
    return {name: seconds - before.get(name, 0) for name, seconds in cpu_seconds().items()}
