"""Faults of our own processes: killed at random and at the worst moment, stopped past their leases, restarted."""

from collections.abc import Sequence
from functools import partial
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM
from uuid import UUID

from core.model import ids
from tests.chaos.cluster import APIS, DELIVERERS, LEASE, PROCESSES, WORKERS, pause
from tests.chaos.faults.messages import DELIVERIES
from tests.chaos.launcher import Fail
from tests.chaos.rounds import Fault, Scene
from tests.support.stack import eventually
from tests.support.stores import ask_redis

GONE = "A request without an answer; the same request again, under the same key, settles it."
NOTHING = "Nothing."
FEW = 8
"""Events; ten that fail would open the receiver's circuit breaker."""
LONGER = 5
"""Seconds: the timeout of an endpoint that is slow."""
PATIENCE = 30
_SENT = "SELECT count(*) FROM deliveries WHERE endpoint_id = '{}' AND attempt_count > 0"
_TAKEN_OVER = """
    SELECT count(*) FROM deliveries d JOIN attempts a ON a.delivery_id = d.id AND a.outcome = 'unknown'
    WHERE d.event_type = 'order.slow' AND d.lease_until IS NOT NULL
"""


def _die_at(scene: Scene, name: str, points: Sequence[str], after: int) -> None:
    """Let a process end itself at each of these points in turn, then run it as it is."""
    cluster = scene.cluster
    for point in points:
        fail: Fail = {"point": point, "after": scene.draw.randint(1, after)}
        cluster.plans[name] = {"fail": fail}
        cluster.restart(name)
        if not cluster.wait_for_death(name):
            scene.found.append(f"harness: {name} never came by {point}")
        del cluster.plans[name]
        cluster.restart(name)
        if name in APIS:
            cluster.wait_until_ready(name)


def kill_api(scene: Scene) -> None:
    """End an API process between commit and answer, before its commit, and at random."""
    _die_at(scene, "api1", ("accept.inserted", "accept.committed", "submit.committed", "publish.sent"), 5)
    scene.cluster.restart("api2")
    scene.cluster.wait_until_ready("api2")


def kill_deliverer(scene: Scene) -> None:
    """End a deliverer between claim and request, between answer and record, after the record."""
    _die_at(scene, "deliverer1", ("attempt.claimed", "attempt.answered", "record.committed"), 20)
    scene.cluster.restart("deliverer2")


def kill_worker(scene: Scene) -> None:
    """End a worker with its children, and children alone, between start and end."""
    _die_in_child(scene, "worker1", ("task.started", "task.worked"))
    scene.cluster.restart(*WORKERS)
    pause(2)
    for pid in [pid for name in WORKERS for pid in scene.cluster.children(name)]:
        scene.cluster.signal(pid, SIGKILL)


def _die_in_child(scene: Scene, name: str, points: Sequence[str]) -> None:
    for point in points:
        scene.cluster.plans[name] = {"fail": {"point": point, "after": 1}}
        scene.cluster.restart(name)
        pause(5)
    del scene.cluster.plans[name]
    scene.cluster.restart(name)


def two_more_feeders(scene: Scene) -> None:
    """Run four deliverers, each with a feeder, and kill two of them."""
    scene.cluster.start("deliverer3", "deliverer4")
    pause(6)
    scene.cluster.kill("deliverer3", "deliverer4")


def stop_past_the_lease(scene: Scene) -> None:
    """Stop a deliverer and a worker past their leases; others take over; then they go on.

    One receiver keeps the first request of each event for itself and answers the next ones after 4 s. The first
    deliverer comes back as soon as another has taken over, so that both are at work.
    """
    eventually(partial(_are_consuming, scene), within=PATIENCE)  # what befell them before may have been a moment ago
    sleepy = scene.tenant.register("sleepy", "sleepy", wants=False, timeout=LONGER, event_types=["order.slow"])
    for number in range(FEW):
        scene.tenant.call("POST", "/v1/events", {"type": "order.slow", "data": number})
    eventually(partial(_are_sent, scene, ids.decode(ids.ENDPOINT, sleepy.id)), within=PATIENCE)
    pause(1)
    for name in ("deliverer1", "worker1"):
        scene.cluster.processes[name].send_signal(SIGSTOP)
    pause(LONGER)
    eventually(partial(_is_taken_over, scene), within=LEASE + PATIENCE)
    for name in ("deliverer1", "worker1"):
        scene.cluster.processes[name].send_signal(SIGCONT)


def _are_consuming(scene: Scene) -> None:
    """Raise unless each deliverer takes messages."""
    queues = scene.cluster.rabbit.list_queues("name", "consumers")
    assert [one["consumers"] for one in queues if one["name"] == DELIVERIES] == [len(DELIVERERS)]


def _are_sent(scene: Scene, endpoint: UUID) -> None:
    """Raise unless all that is slow has been sent."""
    assert scene.cluster.sql(_SENT.format(endpoint)) == str(FEW)


def _is_taken_over(scene: Scene) -> None:
    """Raise unless somebody sends again what was on the wire when its lease ran out."""
    assert scene.cluster.sql(_TAKEN_OVER) != "0"


def rolling_restart(scene: Scene) -> None:
    """Replace every process, one after another, as a deployment does."""
    for name in PROCESSES:
        scene.cluster.restart(name, how=SIGTERM)
        if name in APIS:
            scene.cluster.wait_until_ready(name)
        else:
            pause(2)


def kill_one_each_second(scene: Scene) -> None:
    """Kill one of the processes, whichever, every second for a minute."""
    for _ in range(60):
        scene.cluster.restart(scene.draw.choice(PROCESSES))
        pause(1)
    scene.cluster.wait_until_ready(*APIS)


def a_bit_of_everything(scene: Scene) -> None:
    """Do what takes little time: end an API process and a deliverer at the worst moment, flush Redis."""
    _die_at(scene, "api1", ("accept.inserted",), 5)
    ask_redis(scene.cluster.urls["REDIS_URL"], "FLUSHALL")
    _die_at(scene, "deliverer1", ("attempt.answered",), 5)


def bury(scene: Scene) -> None:
    """Kill every process at once."""
    scene.cluster.restart(*PROCESSES)
    scene.cluster.wait_until_ready(*APIS)


BRIEF = Fault("F0", "API and deliverer killed, Redis flushed", a_bit_of_everything, GONE, "P1 to P14")
FAULTS = (
    Fault("F1", "API killed before commit, after commit, before confirm", kill_api, GONE, "P1 P9 P13"),
    Fault(
        "F2",
        "deliverer killed before send, after the answer, after the record",
        kill_deliverer,
        NOTHING,
        "P1 to P6 P11",
    ),
    Fault("F3", "worker and its children killed", kill_worker, "A task that takes a few seconds longer.", "P1"),
    Fault("F4", "twice as many feeders, then half", two_more_feeders, NOTHING, "P6"),
    Fault("F5", "deliverer and worker stopped past their leases, then on", stop_past_the_lease, NOTHING, "P5 P6"),
    Fault("F6", "rolling restart", rolling_restart, NOTHING, "P1 P10, no 5xx, no duplicate", restart=True),
    Fault("F6b", "a process killed every second for 60 s", kill_one_each_second, GONE, "P1 P6 P9 P11"),
    Fault("F6c", "all processes killed at once", bury, GONE, "P1 P6 P9 P11"),
)
