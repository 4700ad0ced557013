"""`docs/operations/failure.md`, made from what a run measured."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final, cast

from tests.chaos.rounds import Fault, Result
from tests.chaos.teeth import TEETH

PAGE: Final = Path(__file__).parents[2] / "docs" / "operations" / "failure.md"
_HEAD: Final = """# Failure

What happens when something breaks, what is promised then, and what was measured. `make chaos` wrote this page: it
starts two of each process on RabbitMQ, Redis and Postgres of its own, sends {rate:g} requests a second ({mixed:g} in a
mix), breaks one thing after another, and compares what clients were answered, what receivers saw and what the API says.
The properties P1 to P14 stand in [tests/chaos/checker.py](../../tests/chaos/checker.py) and
[tests/model/properties.py](../../tests/model/properties.py). Leases were {lease} s and timeouts {timeout} s, shorter
than the defaults, so that what waits for a lease comes later in production.

- **lost**: accepted, and not delivered or not in the log. **False**: logged as delivered, and no receiver said so.
- **again**: a receiver said 2xx more than once; in brackets, how many of those no doubt in the log explains.
- **accepts, rests**: seconds from the end of the fault to the first acceptance, and to an empty backlog, with the load
  going on for three seconds. For how long a client waited is told without what the machine did not let it run.

| | fault | what users see | promised | accepted | lost | false | again | accepts | rests |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""
_TEETH: Final = """
## The checker can fail

Each of these protections was taken away by itself, and the property that it serves failed.

| without | fails | |
| --- | --- | --- |
"""
_TAIL: Final = """
Publisher confirms are not in the list: what they report is brought again by the feeder, so that without them only time
is lost.

## What is not measured here

- **Postgres fails over to an asynchronous standby.** What it had not received is lost although it was answered, and
  Ringback cannot know of it: run it with a synchronous one (`synchronous_standby_names`), as F14 does.
- **Postgres is restored from a backup** (F26). Events since the backup are gone with their dedupe records: clients that
  send them again under the same ID make new events. Deliveries that had ended since the backup are open again and are
  sent a second time, with the same `webhook-id`, by which receivers know them.

## Again

`make chaos` runs all of it in about half an hour; `make chaos ONLY=F7,F13` some; `make chaos MINUTES=45 SEED=7` a mix
that the seed decides. A round that fails leaves its files and prints the command that repeats it.
"""


def keep(directory: Path, results: Iterable[Result]) -> dict[str, Result]:
    """Add results to those of earlier runs in the directory; return all, by their number."""
    file = directory / "results.json"
    rows = cast("dict[str, dict[str, object]]", json.loads(file.read_text()) if file.exists() else {})
    rows |= {one.number: asdict(one) for one in results}
    file.write_text(json.dumps(rows, indent=1))
    # What was written as a result is one.
    return {number: Result(**row) for number, row in rows.items()}  # pyright: ignore[reportArgumentType] - see above


def is_complete(results: Mapping[str, Result], faults: Sequence[Fault]) -> bool:
    """Tell whether each fault and each tooth has a result."""
    return {fault.number for fault in faults} | {f"tooth {tooth.protection}" for tooth in TEETH} <= results.keys()


def write_page(
    results: Mapping[str, Result], faults: Sequence[Fault], *, rates: tuple[float, float], lease: int, timeout: int
) -> None:
    """Write the page of what was measured; `rates` are requests a second, by themselves and in a mix."""
    lines = "".join(_line(fault, results.get(fault.number)) for fault in faults)
    teeth = "".join(_bite(tooth.protection, tooth.property, results) for tooth in TEETH)
    head = _HEAD.format(rate=rates[0], mixed=rates[1], lease=lease, timeout=timeout)
    PAGE.write_text(f"{head}{lines}{_broken(results)}{_TEETH}{teeth}{_mixed(results)}{_TAIL}")


def _line(fault: Fault, result: Result | None) -> str:
    told = f"| {fault.number} | {fault.name} | {fault.users_see} | {fault.promised} |"
    if result is None or result.skipped is not None:
        why = "not measured yet" if result is None else f"skipped: {result.skipped}"
        return f"{told} {why} | | | | | |\n"
    again = f"{result.duplicates} ({result.unexplained})"
    figures = (
        result.accepted,
        result.lost,
        result.false,
        again,
        f"{result.accepts_after} s",
        f"{result.rests_after} s",
    )
    return f"{told} {' | '.join(map(str, figures))} |\n"


def _bite(protection: str, fails: str, results: Mapping[str, Result]) -> str:
    result = results.get(f"tooth {protection}")
    word = "not measured yet" if result is None else "seen" if result.holds else "not seen"
    return f"| {protection} | {fails.partition('_')[0].upper()} | {word} |\n"


def _broken(results: Mapping[str, Result]) -> str:
    """Say where something did not hold."""
    found = [f"- {one.number}: {one.violations[0]}\n" for one in results.values() if one.violations]
    return "".join(["\nWhat did not hold:\n\n", *found]) if found else ""


def _mixed(results: Mapping[str, Result]) -> str:
    rounds = [one for number, one in results.items() if number.startswith("mix")]
    if not rounds:
        return ""
    accepted, lost = sum(one.accepted for one in rounds), sum(one.lost for one in rounds)
    again, odd = sum(one.duplicates for one in rounds), sum(one.unexplained for one in rounds)
    slowest = max((one.rests_after or 0.0 for one in rounds), default=0.0)
    return (
        f"\n## A mix\n\nSeed {rounds[0].seed}, {len(rounds)} rounds of three faults each: {accepted} accepted,"
        f" {lost} lost, {again} again ({odd} unexplained); rests within {slowest} s.\n"
    )
