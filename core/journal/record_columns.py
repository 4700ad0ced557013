"""What is recorded of a batch of attempts, as arrays: what each column holds, and how it is spread to rows again.

The driver looks twice at each element of each array: what is the same for all goes once, what is nothing not at all.
"""

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from core.journal.record import Settled
from core.model.latency import slot_of
from core.model.outcome import OutcomeKind

_encode: Final = msgspec.json.Encoder().encode

TYPES: Final = {
    "delivery_id": "UUID",
    "tenant_id": "UUID",
    "claim": "INTEGER",
    "number": "INTEGER",
    "trigger": "TEXT",
    "outcome": "TEXT",
    "error": "TEXT",
    "note": "TEXT",
    "url": "TEXT",
    "request_headers": "TEXT",
    "code": "SMALLINT",
    "headers": "TEXT",
    "body": "BYTEA",
    "truncated": "BOOLEAN",
    "address": "TEXT",
    "dns": "FLOAT8",
    "connect": "FLOAT8",
    "tls": "FLOAT8",
    "first": "FLOAT8",
    "total": "FLOAT8",
    "started_at": "TIMESTAMPTZ",
    "next_status": "TEXT",
    "next_reason": "TEXT",
    "delay": "FLOAT8",
    "step": "INTEGER",
    "unknown_run": "INTEGER",
    "next_trigger": "TEXT",
    "wait_reason": "TEXT",
    "disable": "BOOLEAN",
    "slot": "INTEGER",
}
_FULL: Final = "delivery_id"
"""The column that tells how many there are."""


def spread(names: Collection[str]) -> str:
    """Return what to `SELECT` to make rows of the arrays of these columns."""
    arrays = ", ".join(_whole(name) for name in names)
    return f"{', '.join(f'u.{name}' for name in names)} FROM unnest({arrays}) u({', '.join(names)})"


def _whole(name: str) -> str:
    """Return the array of a column with all its values; an empty one needs none, as `unnest` fills up with nulls."""
    given = f"CAST(:{name} AS {TYPES[name]}[])"
    if name == _FULL:
        return given
    count = f"ARRAY[cardinality(CAST(:{_FULL} AS {TYPES[_FULL]}[]))]"
    return f"CASE WHEN cardinality({given}) = 1 THEN array_fill(({given})[1], {count}) ELSE {given} END"


def columns_of(settled: Sequence[Settled], names: Collection[str]) -> dict[str, Sequence[object]]:
    """Return these columns of what is recorded, an array for each; `spread` fills up what was left out."""
    columns = zip(TYPES, zip(*map(_row, settled), strict=True), strict=True)
    return {name: _short(name, values) for name, values in columns if name in names}


def _short(name: str, values: Sequence[object]) -> Sequence[object]:
    first = values[0]
    if name == _FULL or first != values[-1] or values.count(first) < len(values):
        return values
    return () if first is None else (first,)


def _row(settled: Settled) -> tuple[object, ...]:
    """Return the values of `TYPES`, in that order."""
    outcome, verdict = settled.outcome, settled.verdict
    response, timings = outcome.response, outcome.timings
    return (
        settled.delivery_id,
        settled.tenant_id,
        settled.claim,
        settled.number,
        settled.trigger,
        outcome.kind,
        outcome.error,
        outcome.note,
        settled.url,
        settled.request_headers,
        response and response.status,
        response and _json_text(response.headers),
        response and response.body,
        response and response.truncated,
        outcome.address,
        _rounded(timings.dns),
        _rounded(timings.connect),
        _rounded(timings.tls),
        _rounded(timings.first_byte),
        round(timings.total, 3),
        settled.started_at,
        verdict.status,
        verdict.reason,
        verdict.delay,
        verdict.step,
        verdict.unknown_run,
        verdict.next_trigger,
        verdict.waiting_for,
        verdict.disable_endpoint or None,
        None if outcome.kind is OutcomeKind.UNKNOWN else slot_of(timings.total),
    )


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 3)


def _json_text(headers: Sequence[Sequence[str]]) -> str:
    """Encode for a JSONB column, which can hold every character but NUL."""
    text = _encode(headers).decode()
    if "\\u0000" not in text:
        return text
    return _encode([[part.replace("\x00", "�") for part in pair] for pair in headers]).decode()
