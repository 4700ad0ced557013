"""Faults of the stores: killed, wiped, locked, full, read-only."""

from signal import SIGKILL, SIGQUIT
from typing import Final

from tests.chaos.cluster import pause
from tests.chaos.rounds import WIPED_REST_WITHIN, Fault, Scene
from tests.chaos.standby import following
from tests.support.stores import ask_redis

NOTHING: Final = "Nothing."
LATER: Final = "Deliveries and tasks come later."
REFUSED: Final = "503 with `Retry-After`, within 3 s."


def kill_rabbitmq(scene: Scene) -> None:
    """Kill the broker, and start it again."""
    scene.cluster.rabbit.stop(SIGKILL)
    pause(2)
    scene.cluster.rabbit.start()


def wipe_both_twice(scene: Scene) -> None:
    """Delete the broker's data and flush Redis, twice, together."""
    for _ in range(2):
        scene.cluster.rabbit.stop(SIGKILL)
        scene.cluster.rabbit.wipe()
        flush_redis(scene)
        scene.cluster.rabbit.start()
        pause(3)


def flush_redis(scene: Scene) -> None:
    """Delete all that Redis knows."""
    ask_redis(scene.cluster.urls["REDIS_URL"], "FLUSHALL")


def kill_redis(scene: Scene) -> None:
    """Flush Redis, kill it, and start it again."""
    flush_redis(scene)
    scene.cluster.redis.kill()
    pause(4)
    scene.cluster.redis.start()


def stop_postgres_at_once(scene: Scene) -> None:
    """Stop Postgres as `pg_ctl -m immediate` does, for half a minute."""
    scene.cluster.postgres.kill(SIGQUIT)
    pause(30)
    scene.cluster.postgres.start()


def fail_over(scene: Scene) -> None:
    """Kill Postgres, let the standby take its place at its address, and give it back some seconds later."""
    with following(scene.cluster) as standby:
        pause(2)
        scene.cluster.postgres.kill(SIGQUIT)
        standby.take_over()
        pause(6)
        standby.give_back()


FAULTS = (
    Fault("F7", "RabbitMQ killed", kill_rabbitmq, LATER, "P1 P11"),
    Fault(
        "F8",
        "RabbitMQ's data deleted and Redis flushed, twice, together",
        wipe_both_twice,
        LATER,
        "P1 P2",
        rest_within=WIPED_REST_WITHIN,
    ),
    Fault("F12b", "Redis flushed and killed", kill_redis, NOTHING, "P1 to P9"),
    Fault("F13", "Postgres stopped at once for 30 s", stop_postgres_at_once, REFUSED, "P1 P13"),
    Fault("F14", "Postgres fails over to a synchronous standby, and back", fail_over, REFUSED, "P1 P13"),
)
