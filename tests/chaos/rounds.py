"""A round: a tenant under load, a fault, rest, and the proof.

```
load ──► fault ──► healed ──► load goes on a little ──► rest ──► export ──► checker ──► Result
```
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, cast
from uuid import uuid4

from core.clock import monotonic
from tests.chaos.checker import Evidence, read_evidence, violations, waited
from tests.chaos.cluster import SCHEDULE, Cluster, pause, remove_data
from tests.chaos.export import Exporter
from tests.chaos.ledger import Ledger
from tests.chaos.load import Load
from tests.chaos.pull import pulling
from tests.chaos.sink import ChaosSink, running_sink
from tests.chaos.tenant import TASKS, Tenant
from tests.model.history import Secret
from tests.support.pulse import Pulse

BEFORE: Final = 2.0
AFTER: Final = 3.0
ACCEPT_WITHIN: Final = 10.0
REST_WITHIN: Final = 60.0
WIPED_REST_WITHIN: Final = 90.0
SERVED_WITHIN: Final = 5.0
PULLED: Final = "pulled"
"""The endpoint from which clients fetch."""


class SkippedError(Exception):
    """A fault needs something that this machine does not have; says what."""


@dataclass(slots=True)
class Scene:
    """What a fault acts on."""

    cluster: Cluster
    tenant: Tenant
    sink: ChaosSink
    load: Load
    draw: random.Random
    directory: Path
    found: list[str] = field(default_factory=list[str])
    """What a fault saw that must not be."""


Act = Callable[[Scene], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """One of the faults: what it does, and what is promised meanwhile. When `act` returns, all is healed."""

    number: str
    name: str
    act: Act
    users_see: str
    promised: str
    rest_within: float = REST_WITHIN
    restart: bool = False
    """Whether no duplicate is allowed at all, and no 5xx: a planned restart."""
    deaths: bool = True
    """Whether an attempt may end `unknown`, because a process died, stood still or lost its store."""
    pulls: bool = True
    """Whether clients fetch as well; some of what they fetch they drop."""
    isolates: bool = False
    """Whether the receiver that is well has to be served as ever."""


@dataclass(slots=True)
class Result:
    """What was measured; one line of `failure.md`."""

    number: str
    name: str
    seed: int
    accepted: int = 0
    lost: int = 0
    duplicates: int = 0
    unexplained: int = 0
    false: int = 0
    refused: int = 0
    unanswered: int = 0
    slowest_refusal: float = 0.0
    accepts_after: float | None = None
    rests_after: float | None = None
    latency: float = 0.0
    """Seconds from the answer to the request that the plain receiver saw; 99 in 100 came sooner."""
    stood_still: float = 0.0
    """Seconds in which the machine let the harness not run; no client is taken to have waited in them."""
    violations: list[str] = field(default_factory=list[str])
    skipped: str | None = None

    @property
    def holds(self) -> bool:
        """Whether every property held."""
        return not self.violations and self.skipped is None


def run_round(
    cluster: Cluster, fault: Fault, directory: Path, *, seed: int, rate: float, after: float = AFTER
) -> Result:
    """Run one fault under load and check all that came of it; the files of a round that holds are removed."""
    remove_data(directory)
    directory.mkdir(parents=True)
    result = Result(fault.number, fault.name, seed)
    accepted = Ledger(directory / "accepted.jsonl")
    with running_sink(directory / "seen.jsonl") as sink, closing(accepted), closing(Pulse()) as pulse:
        begun = monotonic()
        scene = _set_the_scene(cluster, sink, directory, Load(accepted, pulse, rate=rate, seed=seed))
        with closing(Exporter(scene.tenant)) as exporter:
            try:
                with _fetched(scene, fault):
                    _play(scene, fault, result, after)
                    result.rests_after = _rest(exporter, scene, fault, result)
            except SkippedError as error:
                result.skipped = str(error)
                return result
            _write_down(scene, exporter)
            result.stood_still = round(pulse.missed(begun, monotonic()), 1)
    evidence = read_evidence(directory)
    result.violations += scene.found + violations(evidence)
    _measure(result, fault, evidence)
    if result.holds:
        remove_data(directory)
    else:
        (directory / "result.json").write_text(json.dumps(asdict(result), indent=1))
    return result


def _set_the_scene(cluster: Cluster, sink: ChaosSink, directory: Path, load: Load) -> Scene:
    tenant = Tenant(cluster, sink, f"t{uuid4().hex[:12]}")
    tenant.register("plain")
    tenant.register("fifo", ordering="fifo")
    tenant.register("flaky", "flaky")
    return Scene(cluster, tenant, sink, load, random.Random(load.seed), directory)


@contextmanager
def _fetched(scene: Scene, fault: Fault) -> Generator[None]:
    """Let clients fetch until the block ends, from an endpoint with an order or without one."""
    if not fault.pulls:
        yield
        return
    ordering = scene.draw.choice(("none", "fifo"))
    endpoint = scene.tenant.register(PULLED, mode="pull", ordering=ordering)
    with (
        closing(Ledger(scene.directory / "pulled.jsonl")) as ledger,
        pulling(scene.tenant, endpoint, ledger, scene.load.seed) as found,
    ):
        yield
    scene.found += found


def _play(scene: Scene, fault: Fault, result: Result, after: float) -> None:
    scene.load.start(scene.tenant)
    try:
        pause(BEFORE)
        fault.act(scene)
        healed = monotonic()
        while scene.load.accepted_at < healed and monotonic() - healed < ACCEPT_WITHIN + AFTER:
            pause(0.05)
        result.accepts_after = round(max(0.0, scene.load.accepted_at - healed), 2)
        if not 0 <= scene.load.accepted_at - healed <= ACCEPT_WITHIN:
            result.violations.append(f"p11_liveness: accepted again {result.accepts_after} s after the fault")
        pause(after)
    finally:
        scene.load.stop()


def _rest(exporter: Exporter, scene: Scene, fault: Fault, result: Result) -> float | None:
    took = exporter.wait_for_rest(fault.rest_within)
    if took is None:
        result.violations += [f"p11_liveness: {one} after {fault.rest_within} s" for one in exporter.left()]
        return None
    late = scene.cluster.sql("SELECT count(*) FROM deliveries WHERE lease_until < now() - INTERVAL '5 s'")
    if late != "0":
        result.violations.append(f"p11_liveness: {late} deliveries carry a lease that has run out")
    strays = scene.cluster.sql("SELECT count(*) FROM leases WHERE until < now() - INTERVAL '5 s'")
    if strays != "0":
        result.violations.append(f"p11_liveness: {strays} leases are of no delivery on the wire")
    return round(took, 1)


def _write_down(scene: Scene, exporter: Exporter) -> None:
    tenant = scene.tenant
    endpoints = [{**asdict(one), "secrets": [asdict(secret) for secret in one.secrets]} for one in tenant.endpoints]
    tasks = f"{tenant.slug}-{TASKS}"
    default = [asdict(Secret(text=tenant.default_secret, since=0.0))]
    endpoints.append({"id": "", "path": tasks, "ordered": False, "wants": False, "secrets": default})
    world = {"slug": tenant.slug, "schedule": SCHEDULE, "endpoints": endpoints}
    (scene.directory / "world.json").write_text(json.dumps(world))
    claimed = Ledger(scene.directory / "claimed.jsonl")
    exporter.write(claimed)
    claimed.close()


def _measure(result: Result, fault: Fault, evidence: Evidence) -> None:
    answers, history = evidence.answers, evidence.history
    result.accepted = len({answer["made"] for answer in answers if answer["made"] is not None})
    refusals = [waited(answer) for answer in answers if answer["status"] in (503, 429)]
    result.refused, result.slowest_refusal = len(refusals), max(refusals, default=0.0)
    result.unanswered = sum(answer["status"] is None for answer in answers)
    welcome = Counter((one.webhook_id, one.endpoint) for one in history.seen if one.welcome)
    result.duplicates = sum(count - 1 for count in welcome.values() if count > 1)
    result.lost = sum(one.startswith(("p1_", "p2_")) for one in result.violations)
    result.false = sum(one.startswith("p5_") for one in result.violations)
    result.unexplained = sum(one.startswith("p6_") for one in result.violations)
    result.latency = _latency(evidence)
    if fault.isolates and result.latency > SERVED_WITHIN:
        result.violations.append(f"p10_isolation: 1 in 100 came to the healthy receiver after {result.latency} s")
    pushed = [one for one in history.deliveries if not one.endpoint.endswith(f"-{PULLED}")]  # some of those are dropped
    unknown = sum(one.outcome == "unknown" for delivery in pushed for one in delivery.attempts)
    if unknown and not fault.deaths:
        result.violations.append(f"p4_unknown: {unknown} attempts are unknown although nothing died")
    if fault.restart and (result.duplicates or result.refused):
        result.violations.append(f"p6_restart: {result.duplicates} duplicates, {result.refused} refusals")


def _latency(evidence: Evidence) -> float:
    first: dict[str, float] = {}
    for one in evidence.history.seen:
        if one.endpoint.endswith("-plain"):
            first[one.webhook_id] = min(one.at, first.get(one.webhook_id, one.at))
    at = {str(answer["made"]): cast("float", answer["at"]) for answer in reversed(evidence.answers)}
    took = sorted(first[event] - at[event] for event in first if event in at)
    return round(max(0.0, took[len(took) * 99 // 100]), 2) if took else 0.0
