"""The checker's teeth: one protection is taken away at a time, and the property that it serves has to fail.

Confirms are not among them: what they report is brought again by the feeder, some seconds later, so that without them
only time is lost.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from signal import SIGQUIT
from typing import Final

from tests.chaos.cluster import APIS, DELIVERERS, PROCESSES, WORKERS, Cluster, pause
from tests.chaos.faults import messages, processes
from tests.chaos.rounds import Act, Fault, Result, Scene, run_round

_BRIEFLY: Final = 8.0


@dataclass(frozen=True, slots=True)
class Tooth:
    """A protection, whose processes do without it, what is done then, and the property that has to fail."""

    protection: str
    processes: tuple[str, ...]
    act: Act
    property: str
    rest_within: float = _BRIEFLY
    deaths: bool = True


def bites(cluster: Cluster, tooth: Tooth, directory: Path, *, seed: int, rate: float) -> Result:
    """Run a round without a protection; its result holds if the property failed that had to."""
    fault = Fault(
        f"tooth {tooth.protection}",
        f"without: {tooth.protection}",
        tooth.act,
        "",
        "",
        tooth.rest_within,
        deaths=tooth.deaths,
        pulls=False,
    )
    take, give_back = _SPECIAL.get(tooth.protection, (_take, _give_back))
    take(cluster, tooth)
    try:
        result = run_round(cluster, fault, directory, seed=seed, rate=rate, after=1.0)
    finally:
        give_back(cluster, tooth)
    if any(one.startswith(tooth.property) for one in result.violations):
        return replace(result, violations=[])
    return replace(result, violations=[f"teeth: {tooth.property} held without {tooth.protection}"])


def _take(cluster: Cluster, tooth: Tooth) -> None:
    for name in tooth.processes:
        cluster.plans[name] = {"without": [tooth.protection]}
    _restart(cluster, tooth)


def _give_back(cluster: Cluster, tooth: Tooth) -> None:
    for name in tooth.processes:
        cluster.plans.pop(name, None)
    _restart(cluster, tooth)


def _restart(cluster: Cluster, tooth: Tooth) -> None:
    running = [name for name in tooth.processes if name in cluster.processes]
    cluster.restart(*running)
    cluster.wait_until_ready(*(name for name in running if name in APIS))


def _take_durability(cluster: Cluster, tooth: Tooth) -> None:
    cluster.sql("ALTER DATABASE ringback SET synchronous_commit = off")
    _restart(cluster, tooth)


def _give_back_durability(cluster: Cluster, tooth: Tooth) -> None:
    cluster.sql("ALTER DATABASE ringback RESET synchronous_commit")
    _restart(cluster, tooth)


def nothing(_: Scene) -> None:
    """Let the load do it."""
    pause(2)


def kill_deliverers(scene: Scene) -> None:
    """Kill the deliverers while their receivers think."""
    for name in ("plain", "fifo", "flaky"):
        scene.sink.behave(f"{scene.tenant.slug}-{name}", "slow")
    pause(1)
    running = [name for name in DELIVERERS if name in scene.cluster.processes]
    scene.cluster.restart(*running)


def kill_worker_at_work(scene: Scene) -> None:
    """Kill workers while their tasks run."""
    for _ in range(4):
        scene.tenant.call("POST", "/v1/tasks", {"type": "tests.hold", "input": {"seconds": 3}})
    pause(1.5)
    scene.cluster.restart(*(name for name in WORKERS if name in scene.cluster.processes))


def double_slow(scene: Scene) -> None:
    """Double the messages while their receivers think."""
    scene.sink.behave(f"{scene.tenant.slug}-plain", "slow")
    pause(0.5)
    messages.double_messages(scene)


def hang(scene: Scene) -> None:
    """Let a receiver of a few events never answer."""
    scene.tenant.register("mute", "hang", wants=False, event_types=["order.slow"])
    for number in range(3):
        scene.tenant.call("POST", "/v1/events", {"type": "order.slow", "data": number})
    pause(6)


def rotate(scene: Scene) -> None:
    """Rotate a secret; both are to sign for a while."""
    scene.tenant.rotate(scene.tenant.endpoints[0], 3600)
    pause(4)


def stop_postgres_briefly(scene: Scene) -> None:
    """Stop Postgres at once, and start it again."""
    scene.cluster.postgres.kill(SIGQUIT)
    pause(1)
    scene.cluster.postgres.start()


def freeze_postgres(scene: Scene) -> None:
    """Stop Postgres at once, for longer than anybody should wait."""
    scene.cluster.postgres.kill(SIGQUIT)
    pause(12)
    scene.cluster.postgres.start()


def flaky_order(scene: Scene) -> None:
    """Let the receiver that is to be served in order refuse some."""
    scene.sink.behave(f"{scene.tenant.slug}-fifo", "flaky")
    pause(4)


_Change = Callable[[Cluster, Tooth], None]
_SPECIAL: Final[dict[str, tuple[_Change, _Change]]] = {
    "durability": (_take_durability, _give_back_durability),
}
TEETH: Final = (
    Tooth("dedupe", APIS, nothing, "p9"),
    Tooth("durability", PROCESSES, stop_postgres_briefly, "p1"),
    Tooth("patience", APIS, freeze_postgres, "p13"),
    Tooth("feeder", DELIVERERS, messages.purge_queues, "p11"),
    Tooth("lapsed leases", DELIVERERS, kill_deliverers, "p11"),
    Tooth("lost tasks", DELIVERERS, kill_worker_at_work, "p11"),
    Tooth("lease", DELIVERERS, double_slow, "p6"),
    Tooth("fence", DELIVERERS, processes.stop_past_the_lease, "p6", rest_within=30),
    Tooth("deadline", DELIVERERS, hang, "p4_unknown", deaths=False),
    Tooth("order", DELIVERERS, flaky_order, "p8"),
    Tooth("success", DELIVERERS, nothing, "p5"),
    Tooth("bytes", DELIVERERS, nothing, "p3"),
    Tooth("overlap", DELIVERERS, rotate, "p12"),
    Tooth("schedule", DELIVERERS, nothing, "p7"),
    Tooth("counters", DELIVERERS, nothing, "p14"),
)
