"""What protects the promises, and how each is taken away: only here, in a process of a test, never by a setting.

Each replaces a function or a few words of a statement of the product, and fails if they are not there any more.
"""

import importlib
import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, cast

from msgspec import structs

from core.model.signature import SigningKey
from workers.delivery.exchange import OutgoingRequest


class MovedError(Exception):
    """A protection is not where it was: this list has to follow it."""


def take_away(name: str) -> None:
    """Take one protection away from the process that this is."""
    TAKEN[name]()


def _replace(place: str, make: Callable[[object], object]) -> None:
    """Replace `module:name` or `module:class.name` by what `make` makes of it."""
    module, _, path = place.partition(":")
    *owners, name = path.split(".")
    target: object = importlib.import_module(module)
    for owner in owners:
        target = getattr(target, owner)
    if not hasattr(target, name):
        raise MovedError(place)
    setattr(target, name, make(getattr(target, name)))


def _reword(place: str, words: Mapping[str, str]) -> None:
    """Replace words of a statement."""

    def make(found: object) -> str:
        text = str(found)
        for old, new in words.items():
            if old not in text:
                raise MovedError(f"{place}: {old}")
            text = text.replace(old, new)
        return text

    _replace(place, make)


def _does_nothing(place: str) -> None:
    async def nothing(*_: object, **__: object) -> int:
        return 0

    _replace(place, lambda _: nothing)


def _no_lease() -> None:
    for name in ("_PLAIN", "_ORDERED"):
        words = {"AND d.lease_until IS NULL FOR UPDATE": "FOR UPDATE", "false) AND d.lease_until IS NULL\n": "false)\n"}
        _reword(f"core.lease.queries:{name}", words)


def _counters_start_anew() -> None:
    for module in ("record_queries", "success_queries"):
        words = {"succeeded = r.succeeded + excluded.succeeded": "succeeded = excluded.succeeded"}
        _reword(f"core.journal.{module}:_RECORD", words)


def _no_order() -> None:
    plain = {"(s.ordered IS NOT TRUE OR s.asked)": "true"}
    _reword("core.lease.queries:_PLAIN", plain)
    queries = importlib.import_module("core.lease.queries")
    _replace("core.lease.queries:_ORDERED", lambda _: getattr(queries, "_PLAIN"))  # noqa: B009 - it is private


def _no_keys() -> None:
    def make(found: object) -> Callable[[object, object], object]:
        values = cast("Callable[[object, object], object]", found)
        return lambda _, tenant: values([], tenant)

    _replace("core.intake.accept_queries:_key_values", make)


def _any_answer_is_a_success() -> None:
    _replace("workers.delivery.exchange:_SUCCESS", lambda _: range(200, 600))


def _no_deadline() -> None:
    _around("workers.delivery.attempt:build_request", lambda request: structs.replace(request, timeout=600))


def _other_bytes() -> None:
    def spaced(request: OutgoingRequest) -> OutgoingRequest:
        return structs.replace(request, body=request.body + b" " * random.randint(0, 9))

    _around("workers.delivery.attempt:build_request", spaced)


def _around(place: str, change: Callable[[OutgoingRequest], OutgoingRequest]) -> None:
    def make(found: object) -> Callable[..., OutgoingRequest]:
        build = cast("Callable[..., OutgoingRequest]", found)
        return lambda *args, **named: change(build(*args, **named))

    _replace(place, make)


def _newest_secret_only() -> None:
    def make(found: object) -> Callable[..., Sequence[SigningKey]]:
        open_keys = cast("Callable[..., Sequence[SigningKey]]", found)
        return lambda *args: open_keys(*args)[:1]

    _replace("workers.delivery.opened:Opener.keys", make)


def _no_wait_between_attempts() -> None:
    def make(found: object) -> Callable[..., float | None]:
        delay_after = cast("Callable[..., float | None]", found)
        return lambda *args: None if delay_after(*args) is None else 0.0

    _replace("core.model.settle:delay_after", make)


def _patience_without_end() -> None:
    _replace("core.intake.shared:PATIENCE", lambda _: 60.0)
    _replace("core.intake.shared:Shared.__init__", lambda init: _patient(cast("Callable[..., None]", init)))


def _patient(init: Callable[..., None]) -> Callable[..., None]:
    return lambda *args, **named: init(*args, **named, within=60.0)


_FENCE: Final = "d.claim = o.claim AND d.lease_until IS NOT NULL AS mine"
TAKEN: Final[dict[str, Callable[[], None]]] = {
    "feeder": partial(_does_nothing, "workers.feeder.feed:Feeder._feed_deliveries"),
    "lapsed leases": partial(_does_nothing, "workers.feeder.feed:Feeder._end_lapsed"),
    "lost tasks": partial(_does_nothing, "workers.feeder.feed:end_lost_tasks"),
    "lease": _no_lease,
    "fence": partial(_reword, "core.journal.record_queries:_RECORD", {_FENCE: "true AS mine"}),
    "order": _no_order,
    "dedupe": _no_keys,
    "success": _any_answer_is_a_success,
    "deadline": _no_deadline,
    "bytes": _other_bytes,
    "overlap": _newest_secret_only,
    "schedule": _no_wait_between_attempts,
    "patience": _patience_without_end,
    "counters": _counters_start_anew,
}
