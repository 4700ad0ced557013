"""What must hold, whatever clients and receivers do: each property returns what speaks against it.

Their names and numbers are those of the reliability checklist that the documents use (P1 to P14).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Final

from standardwebhooks import Webhook, WebhookVerificationError

from tests.model.history import ASKED_FOR, ENDED, Accepted, Delivery, History, Seen

EARLY: Final = timedelta(milliseconds=100)
"""How much sooner than its schedule an attempt may seem to start: `started_at` is the claim's time."""
TURN: Final = 1.5
"""Seconds around a rotation in which either secret may be the newest: a claim may have waited for the rotation."""

Against = Iterator[str]


def p1_nothing_accepted_is_lost(history: History) -> Against:
    """Each accepted event is there, and each endpoint that matched has a delivery that has ended."""
    for one in history.accepted:
        if one.event_id not in history.events:
            yield f"{one.event_id} was accepted and is not there"
        for endpoint in one.endpoints:
            found = history.of_pair(one.event_id, endpoint)
            if not found:
                yield f"{one.event_id} has no delivery to {endpoint}"
            for delivery in found:
                if delivery.status not in ENDED or (delivery.status == "cancelled") != (delivery.reason is not None):
                    yield f"{delivery.id} is {delivery.status}, {delivery.reason}"


def p2_at_least_once(history: History) -> Against:
    """Who is said to have got an event has got it; an exhausted one was tried as often as its schedule says."""
    got = {(one.webhook_id, one.endpoint) for one in history.seen if one.welcome}
    for one in history.deliveries:
        if one.status == "succeeded" and (one.event_id, one.endpoint) not in got:
            yield f"{one.id} is succeeded, and nobody got it"
        if one.status == "exhausted" and len(one.attempts) <= len(history.schedule):
            yield f"{one.id} was given up after {len(one.attempts)} attempts"


def p3_identity_is_stable(history: History) -> Against:
    """Every request of an event carries its ID and the same bytes, and the data that was sent."""
    bodies: dict[str, set[bytes]] = defaultdict(set)
    for one in history.seen:
        bodies[one.webhook_id].add(one.body)
    for event_id, seen in bodies.items():
        if len(seen) > 1:
            yield f"{event_id} went out in {len(seen)} bodies"
        if event_id not in history.events:
            yield f"{event_id} was sent and is not there"
    for one in history.accepted:
        if history.events.get(one.event_id, one.data) != one.data:
            yield f"{one.event_id} holds other data than was accepted"


def p4_every_request_is_logged(history: History) -> Against:
    """No more requests were seen than attempts are logged."""
    seen = Counter((one.webhook_id, one.endpoint) for one in history.seen)
    for (event_id, endpoint), count in seen.items():
        logged = sum(len(one.attempts) for one in history.of_pair(event_id, endpoint))
        if count > logged:
            yield f"{endpoint} saw {count} requests of {event_id}, {logged} are logged"
    for one in history.deliveries:
        if [attempt.number for attempt in one.attempts] != list(range(1, len(one.attempts) + 1)):
            yield f"{one.id} has attempts {[attempt.number for attempt in one.attempts]}"


def p5_no_false_success(history: History) -> Against:
    """Each attempt that is said to have succeeded was answered with a 2xx."""
    welcome = Counter((one.webhook_id, one.endpoint) for one in history.seen if one.welcome)
    claimed: Counter[tuple[str, str]] = Counter()
    for one in history.deliveries:
        claimed[one.event_id, one.endpoint] += sum(attempt.outcome == "succeeded" for attempt in one.attempts)
    for pair, count in claimed.items():
        if count > welcome[pair]:
            yield f"{pair}: {count} successes are claimed, {welcome[pair]} requests were welcome"


def p6_duplicates_come_from_doubt(history: History) -> Against:
    """After a recorded success nothing is sent, unless somebody asks."""
    for one in history.deliveries:
        first = one.first_success
        for attempt in one.attempts:
            if first is None or first.doubtful or attempt.trigger in ASKED_FOR:
                continue
            if attempt.number > first.number:
                yield f"{one.id}: attempt {attempt.number} ({attempt.trigger}) follows a success"


def p7_the_schedule_is_kept(history: History) -> Against:
    """No retry comes sooner than its step, and no more of them than there are steps."""
    for one in history.deliveries:
        for steps in _runs(one):
            if steps > len(history.schedule):
                yield f"{one.id}: {steps} retries of a schedule of {len(history.schedule)}"
        for before, after in pairwise(one.attempts):
            gap = after.started_at - before.started_at
            if after.trigger == "retry" and before.outcome == "failed" and gap + EARLY < _least(history):
                yield f"{one.id}: attempt {after.number} came {gap} after the one before"


def p8_order_is_kept(history: History) -> Against:
    """First successes of one key come in the order of acceptance, less what was given up and asked for again."""
    for endpoint in history.fifo:
        lines: dict[str | None, list[Accepted]] = defaultdict(list)
        for one in sorted(history.accepted, key=lambda accepted: accepted.order):
            if endpoint in one.endpoints:
                lines[one.ordering_key].append(one)
        for line in lines.values():
            yield from _out_of_order(history, endpoint, line)


def p12_signatures_are_valid(history: History) -> Against:
    """Each request verifies with every secret of its endpoint that was valid from its claim until it was seen."""
    for one in history.seen:
        claimed = _claimed(history, one)
        for secret in history.secrets.get(one.endpoint, ()):
            if secret.since + TURN < claimed and one.at < secret.until - TURN and not _verifies(one, secret.text):
                yield f"{one.endpoint}: a request of {one.webhook_id} does not verify"


def p14_counters_agree(history: History) -> Against:
    """The stats of an endpoint are what its attempts add up to."""
    for endpoint, counted in history.counted.items():
        logged = Counter(
            attempt.outcome for one in history.deliveries if one.endpoint == endpoint for attempt in one.attempts
        )
        if any(logged[outcome] != counted.get(outcome, 0) for outcome in ("succeeded", "failed", "unknown")):
            yield f"{endpoint}: counted {dict(counted)}, logged {dict(logged)}"


PROPERTIES: Final[tuple[Callable[[History], Against], ...]] = (
    p1_nothing_accepted_is_lost,
    p2_at_least_once,
    p3_identity_is_stable,
    p4_every_request_is_logged,
    p5_no_false_success,
    p6_duplicates_come_from_doubt,
    p7_the_schedule_is_kept,
    p8_order_is_kept,
    p12_signatures_are_valid,
    p14_counters_agree,
)


def violations(history: History) -> list[str]:
    """Return all that speaks against any property, with the property's name in front."""
    return [f"{holds.__name__}: {found}" for holds in PROPERTIES for found in holds(history)]


def _least(history: History) -> timedelta:
    return timedelta(seconds=min(history.schedule))


def _runs(delivery: Delivery) -> Iterator[int]:
    """Count the scheduled retries between attempts that somebody asked for; `unknown` ones use no step."""
    steps = 0
    previous = None
    for attempt in delivery.attempts:
        if attempt.trigger in ASKED_FOR:
            yield steps
            steps = 0
        elif attempt.trigger == "retry" and previous != "unknown":
            steps += 1
        previous = attempt.outcome
    yield steps


def _out_of_order(history: History, endpoint: str, line: list[Accepted]) -> Against:
    latest = None
    for one in line:
        original = history.of_pair(one.event_id, endpoint)[:1]
        first = original[0].first_success if original else None
        if first is None or first.trigger in ASKED_FOR:  # given up: those behind it need not wait any more
            continue
        if latest is not None and first.started_at < latest:
            yield f"{endpoint}: {one.event_id} was delivered before one that was accepted sooner"
        latest = first.started_at


def _claimed(history: History, seen: Seen) -> float:
    """Return when a request was claimed: it may have taken its time to arrive."""
    attempts = (attempt for one in history.of_pair(seen.webhook_id, seen.endpoint) for attempt in one.attempts)
    starts = (attempt.started_at.timestamp() for attempt in attempts)
    return max((start for start in starts if start <= seen.at), default=seen.at)


def _verifies(seen: Seen, secret: str) -> bool:
    try:
        Webhook(secret).verify(seen.body, dict(seen.headers), json_parse=False)
    except WebhookVerificationError:
        return False
    return True
