"""Faults of stores that are there and do not work: blocked, locked, full, read-only, out of connections."""

import subprocess
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from signal import SIGCONT, SIGSTOP
from typing import Final

from cli.embedded.postgres_binaries import installed_packages, programs_for
from cli.embedded.processes import BARE_ENVIRONMENT
from tests.chaos.cluster import Cluster, family, pause
from tests.chaos.rounds import Fault, Scene
from tests.support.stores import ask_redis

NOTHING: Final = "Nothing."
LATER: Final = "Deliveries and tasks come later."
REFUSED: Final = "503 with `Retry-After`, within 3 s."
_SECONDS: Final = 6


def block_publishers(scene: Scene) -> None:
    """Let the broker raise its memory alarm, which blocks all who publish; then close every connection."""
    rabbit = scene.cluster.rabbit
    rabbit.ctl("set_vm_memory_high_watermark", "0.00001")
    pause(_SECONDS)
    rabbit.ctl("set_vm_memory_high_watermark", "absolute", "512MB")
    rabbit.ctl("close_all_connections", "chaos")


def redis_misbehaves(scene: Scene) -> None:
    """Let Redis hang, run out of memory, be a read-only replica, and lose everything."""
    url = scene.cluster.urls["REDIS_URL"]
    for trouble, cure in (
        (("CLIENT", "PAUSE", "4000"), ("PING",)),
        (("CONFIG", "SET", "maxmemory", "1mb"), ("CONFIG", "SET", "maxmemory", "0")),
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
        (("FLUSHALL",), ("PING",)),
    ):
        ask_redis(url, *trouble)
        pause(4)
        ask_redis(url, *cure)


def end_all_backends(scene: Scene) -> None:
    """End every connection to Postgres, five times."""
    for _ in range(5):
        scene.cluster.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'ringback'")
        pause(1)


def no_connections(scene: Scene) -> None:
    """Let nobody connect any more, and end those who have."""
    scene.cluster.sql("ALTER ROLE ringback CONNECTION LIMIT 0")
    end_all_backends(scene)
    scene.cluster.sql("ALTER ROLE ringback CONNECTION LIMIT -1")


def lock_tables(scene: Scene) -> None:
    """Hold a lock on each hot table in turn, as a careless migration does."""
    for table in ("events", "deliveries", "attempts", "tasks", "dedupe"):
        with _session(scene.cluster, f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(4)"):
            pause(3)


def read_only(scene: Scene) -> None:
    """Let every new transaction be read-only."""
    scene.cluster.sql("ALTER ROLE ringback SET default_transaction_read_only = on")
    end_all_backends(scene)
    scene.cluster.sql("ALTER ROLE ringback RESET default_transaction_read_only")


def freeze_postgres(scene: Scene) -> None:
    """Stop every process of Postgres: connections stand, and nothing answers."""
    pids = family(scene.cluster.postgres.process.pid)
    for pid in pids:
        scene.cluster.signal(pid, SIGSTOP)
    pause(_SECONDS)
    for pid in pids:
        scene.cluster.signal(pid, SIGCONT)


def freeze_rabbitmq(scene: Scene) -> None:
    """Stop the broker's process: connections stand, and nothing answers."""
    pid = scene.cluster.rabbit.pid
    scene.cluster.signal(pid, SIGSTOP)
    pause(_SECONDS)
    scene.cluster.signal(pid, SIGCONT)


@contextmanager
def _session(cluster: Cluster, sql: str) -> Generator[None]:
    """Run statements in a session of the superuser's while the block runs, and to their end."""
    psql = programs_for(None, installed_packages()) / "psql"
    with ExitStack() as stack:
        process = subprocess.Popen([str(psql), cluster.superuser_url, "-qXAt", "-c", sql], env=BARE_ENVIRONMENT)
        stack.callback(process.wait)
        yield


FAULTS = (
    Fault("F9", "RabbitMQ blocks publishers, then closes every connection", block_publishers, LATER, "P11 P13"),
    Fault("F9b", "RabbitMQ stands still", freeze_rabbitmq, LATER, "P11 P13"),
    Fault("F12", "Redis hangs, is full, is read-only, is flushed", redis_misbehaves, NOTHING, "P1 to P9"),
    Fault("F13b", "every connection to Postgres ended, five times", end_all_backends, REFUSED, "P1 P13"),
    Fault("F13c", "Postgres gives no connection", no_connections, REFUSED, "P1 P13"),
    Fault("F13d", "each hot table locked for 4 s", lock_tables, REFUSED, "P1 P13"),
    Fault("F13e", "Postgres is read-only", read_only, REFUSED, "P1 P13"),
    Fault("F13f", "Postgres stands still", freeze_postgres, REFUSED, "P1 P13"),
)
