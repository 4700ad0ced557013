"""`python -m tests.chaos`: every fault, each alone, under load, then the checker's teeth; `make chaos`."""

import argparse
import secrets
import sys
import tempfile
from collections.abc import Collection, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from core.clock import monotonic
from tests.chaos.cluster import LEASE, TIMEOUT, Cluster, remove_data, running_cluster
from tests.chaos.faults import machine, messages, network, processes, receivers, stores, trouble
from tests.chaos.nemesis import mixed
from tests.chaos.report import PAGE, is_complete, keep, write_page
from tests.chaos.rounds import Fault, Result, run_round
from tests.chaos.teeth import TEETH, Tooth, bites

RATE: Final = 50.0
MIXED_RATE: Final = 120.0
MOST_ROUNDS: Final = 1_000
FAULTS: tuple[Fault, ...] = (
    *processes.FAULTS,
    *stores.FAULTS,
    *trouble.FAULTS,
    *messages.FAULTS,
    *machine.FAULTS,
    *network.FAULTS,
    *receivers.FAULTS,
)


class Run:
    """One run: its cluster, its seed, and what came of it."""

    def __init__(self, directory: Path, *, seed: int, rate: float) -> None:
        self.directory = directory
        self.seed = seed
        self.rate = rate
        self.results: list[Result] = []

    def faults(self, cluster: Cluster, faults: Sequence[Fault]) -> None:
        """Run faults, each alone."""
        for fault in faults:
            self._note(run_round(cluster, fault, self.directory / fault.number, seed=self.seed, rate=self.rate))

    def teeth(self, cluster: Cluster, teeth: Sequence[Tooth]) -> None:
        """Take away one protection after another."""
        for tooth in teeth:
            place = self.directory / tooth.protection.replace(" ", "-")
            self._note(bites(cluster, tooth, place, seed=self.seed, rate=self.rate))
            remove_data(place)

    def mix(self, cluster: Cluster, minutes: float, only: Collection[str]) -> None:
        """Run rounds of random faults until the time is over, or those that are named."""
        until, left = monotonic() + minutes * 60, set(only)
        for fault in islice(mixed(FAULTS, self.seed), MOST_ROUNDS):
            if monotonic() > until or (only and not left):
                return
            if only and fault.number not in left:
                continue
            left.discard(fault.number)
            self._note(run_round(cluster, fault, self.directory / fault.number, seed=self.seed, rate=self.rate))

    def _note(self, result: Result) -> None:
        self.results.append(result)
        keep(self.directory, [result])
        print(told(result), flush=True)
        if not result.holds and result.skipped is None:
            mix = "MINUTES=45 " if result.number.startswith("mix") else ""
            again = f"make chaos {mix}SEED={self.seed} ONLY='{result.number.removeprefix('tooth ')}'"
            print(f"  files: {self.directory}\n  again: {again}", flush=True)


def told(result: Result) -> str:
    """Return a result in a line, and what speaks against it in a few more."""
    if result.skipped is not None:
        return f"SKIPPED {result.number:5} {result.name}: {result.skipped}"
    word = "holds  " if result.holds else "FAILED "
    figures = (
        f"accepted {result.accepted}, lost {result.lost}, duplicates {result.duplicates} "
        f"({result.unexplained} unexplained), refused {result.refused} (slowest {result.slowest_refusal} s), "
        f"unanswered {result.unanswered}, accepts after {result.accepts_after} s, rests after {result.rests_after} s, "
        f"p99 {result.latency} s, stood still {result.stood_still} s"
    )
    against = "".join(f"\n    {one}" for one in result.violations[:20])
    return f"{word} {result.number:5} {result.name}: {figures}{against}"


def main() -> int:
    """Run what was asked for; 0 if every property held, every tooth bit, and nothing was skipped."""
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--seed", type=int, help="of the load and the faults; a random one unless told")
    parser.add_argument("--only", default="", help="numbers of faults, and names of protections, with commas")
    parser.add_argument("--rate", type=float, help=f"requests a second; {RATE}, in a mix {MIXED_RATE}, unless told")
    place = Path(tempfile.gettempdir()) / "ringback-chaos"
    parser.add_argument("--directory", type=Path, default=place, help="where a failing round leaves its files")
    parser.add_argument("--minutes", type=float, default=0, help="run a random mix for so long instead")
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else secrets.randbelow(1_000_000)
    only = set(asked.only.split(",")) - {""}
    print(f"chaos: SEED={seed}", flush=True)
    asked.directory.mkdir(exist_ok=True)
    rate = asked.rate or (MIXED_RATE if asked.minutes else RATE)
    run = Run(asked.directory.absolute(), seed=seed, rate=rate)
    with running_cluster(run.directory) as cluster:
        if asked.minutes:
            run.mix(cluster, asked.minutes, only)
        else:
            run.faults(cluster, [one for one in FAULTS if not only or one.number in only])
            run.teeth(cluster, [one for one in TEETH if not only or {one.protection, "teeth"} & only])
    kept = keep(run.directory, ())
    if is_complete(kept, FAULTS):
        write_page(kept, FAULTS, rates=(asked.rate or RATE, asked.rate or MIXED_RATE), lease=LEASE, timeout=TIMEOUT)
        print(f"wrote {PAGE}", flush=True)
    return 0 if run.results and all(result.holds for result in run.results) else 1


if __name__ == "__main__":
    sys.exit(main())
