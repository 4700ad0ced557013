"""The statement that records outcomes: attempts, deliveries, rollups and endpoints in one go."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import msgspec

from core.database import AnyConnection, fetch_all
from core.journal.record import Recorded, Settled
from core.model.ids import DeliveryId, EndpointId
from core.model.latency import SLOTS, slot_of
from core.model.outcome import ErrorClass, OutcomeKind
from core.model.queued import Queued
from core.model.tables import BUCKET

_encode: Final = msgspec.json.Encoder().encode
_ERRORS: Final = [error.value for error in ErrorClass]
COUNTS: Final = ["succeeded", "failed", "unknown", *_ERRORS]
_BY_ERROR: Final = ", ".join(f"count(*) FILTER (WHERE error = '{error}') AS {error}" for error in _ERRORS)
_BY_SLOT: Final = ", ".join(f"count(*) FILTER (WHERE slot = {slot})" for slot in range(SLOTS))

# Slot by slot: as a query over both arrays it would cost three times as much as all else that a rollup's row does.
_SUMS: Final = ", ".join(f"r.latencies[{slot}] + excluded.latencies[{slot}]" for slot in range(1, SLOTS + 1))

# Adds rows of counts to those of the same lane and bucket, in the order of their key.
ADD_ROLLUPS: Final = f"""INSERT INTO rollups AS r (lane, bucket, tenant_id, {", ".join(COUNTS)}, latencies)
    SELECT lane, bucket, tenant_id, {", ".join(COUNTS)}, latencies FROM {{source}} ORDER BY lane, bucket
    ON CONFLICT (lane, bucket) DO UPDATE SET {", ".join(f"{name} = r.{name} + excluded.{name}" for name in COUNTS)},
        latencies = ARRAY[{_SUMS}]"""

# One row for each lane and bucket of a batch. An attempt counts in the bucket in which it
# was first recorded, so that a late outcome takes itself out of the unknown ones there; one that is recorded twice is
# returned by no INSERT, and so not counted.
_ROLLUPS: Final = f"""
counted AS (
    SELECT l.lane, l.endpoint_id, o.tenant_id, o.outcome, o.error, o.slot, g.late,
           date_bin(INTERVAL '{BUCKET} s', g.recorded_at, TIMESTAMPTZ '2000-01-01Z') AS bucket
    FROM logged g JOIN o ON o.delivery_id = g.delivery_id JOIN locked l ON l.id = g.delivery_id
), tallied AS (
    SELECT lane, bucket, tenant_id, endpoint_id, count(*) FILTER (WHERE outcome = 'succeeded') AS succeeded,
           count(*) FILTER (WHERE outcome = 'failed') AS failed,
           count(*) FILTER (WHERE outcome = 'unknown') - count(*) FILTER (WHERE late) AS unknown,
           {_BY_ERROR}, CAST(ARRAY[{_BY_SLOT}] AS INTEGER[]) AS latencies
    FROM counted GROUP BY lane, bucket, tenant_id, endpoint_id
), rolled AS (
    {ADD_ROLLUPS.format(source="tallied")}
    RETURNING r.lane, r.bucket, r.succeeded
)"""

# An endpoint fails from the first failure on that follows no success of its bucket, and until the next success: one
# that only stumbles is written twice a bucket at most. Most batches find nothing to change.
_ENDPOINTS: Final = """
seen AS (
    SELECT t.endpoint_id, sum(t.succeeded) > 0 AS alive, sum(t.failed) > 0 AND sum(r.succeeded) = 0 AS failing
    FROM tallied t JOIN rolled r ON r.lane = t.lane AND r.bucket = t.bucket
    WHERE t.endpoint_id IS NOT NULL GROUP BY t.endpoint_id
), gone AS (
    SELECT endpoint_id, bool_or(tells) AS tells FROM settled WHERE disable GROUP BY endpoint_id
), judged AS (
    SELECT e.id, s.alive, s.failing, g.endpoint_id IS NOT NULL AND e.status <> 'disabled' AS ends, g.tells
    FROM seen s JOIN endpoints e ON e.id = s.endpoint_id LEFT JOIN gone g ON g.endpoint_id = s.endpoint_id
    WHERE (s.alive AND e.failing_since IS NOT NULL) OR (s.failing AND e.failing_since IS NULL)
        OR (g.endpoint_id IS NOT NULL AND e.status <> 'disabled')
    ORDER BY e.id FOR UPDATE OF e
), changed AS (
    UPDATE endpoints e SET
        failing_since = CASE WHEN NOT j.alive THEN coalesce(e.failing_since, CASE WHEN j.failing THEN now() END) END,
        status = CASE WHEN j.ends THEN 'disabled' ELSE e.status END,
        disabled_reason = CASE WHEN j.ends THEN 'gone' ELSE e.disabled_reason END,
        updated_at = CASE WHEN j.ends THEN now() ELSE e.updated_at END
    FROM judged j WHERE e.id = j.id
    RETURNING e.id, e.tenant_id, j.ends AND j.tells AS tells
)"""

# Deliveries are locked in the order of their IDs, by their primary key, then rollups, then endpoints, in the order of
# their keys: two batches cannot deadlock.
# `mine` is decided under that lock. What is not mine is late: it fills in its own `unknown` attempt, a late success
# that did so ends the delivery, and nothing else is touched. What was sent of an operational event tells nothing more.
# `again`: a client has asked meanwhile for another attempt, due now. What was cancelled meanwhile stays so, unless this
# attempt has succeeded.
_RECORD: Final = f"""
WITH o AS (
    SELECT * FROM unnest(
        CAST(:delivery_id AS UUID[]), CAST(:tenant_id AS UUID[]), CAST(:claim AS INTEGER[]),
        CAST(:number AS INTEGER[]), CAST(:trigger AS TEXT[]), CAST(:outcome AS TEXT[]), CAST(:error AS TEXT[]),
        CAST(:note AS TEXT[]), CAST(:url AS TEXT[]), CAST(:request_headers AS TEXT[]), CAST(:status AS SMALLINT[]),
        CAST(:headers AS TEXT[]), CAST(:body AS BYTEA[]), CAST(:truncated AS BOOLEAN[]), CAST(:address AS TEXT[]),
        CAST(:dns AS FLOAT8[]), CAST(:connect AS FLOAT8[]), CAST(:tls AS FLOAT8[]), CAST(:first AS FLOAT8[]),
        CAST(:total AS FLOAT8[]), CAST(:started_at AS TIMESTAMPTZ[]), CAST(:next_status AS TEXT[]),
        CAST(:reason AS TEXT[]), CAST(:delay AS FLOAT8[]), CAST(:step AS INTEGER[]), CAST(:unknown_run AS INTEGER[]),
        CAST(:next_trigger AS TEXT[]), CAST(:wait_reason AS TEXT[]), CAST(:disable AS BOOLEAN[]),
        CAST(:slot AS INTEGER[])
    ) AS o(delivery_id, tenant_id, claim, number, trigger, outcome, error, note, url, request_headers, status, headers,
           body, truncated, address, dns, connect, tls, first, total, started_at, next_status, reason, delay, step,
           unknown_run, next_trigger, wait_reason, disable, slot)
), locked AS (
    SELECT d.id, d.lane, d.endpoint_id, d.claim = o.claim AND d.lease_until IS NOT NULL AS mine,
           d.status = 'exhausted' AS was_exhausted, d.event_type NOT LIKE ALL ('{{endpoint.%,delivery.%}}') AS tells,
           d.payload_erased, d.resend_asked_at IS NOT NULL AND NOT o.disable AS again,
           d.succeeded_at IS NOT NULL OR o.outcome = 'succeeded' AS success, d.status = 'cancelled' AS cancelled
    FROM deliveries d JOIN o ON o.delivery_id = d.id AND o.tenant_id = d.tenant_id ORDER BY d.id FOR UPDATE OF d
), logged AS (
    INSERT INTO attempts AS a (delivery_id, number, id, tenant_id, trigger, outcome, error, note, request_url,
        request_headers, response_status, response_headers, response_body, response_truncated, address, dns_ms,
        connect_ms, tls_ms, first_byte_ms, total_ms, started_at, transaction)
    SELECT o.delivery_id, o.number, ringback_uuid7(), o.tenant_id, o.trigger, o.outcome, o.error, o.note, o.url,
        CAST(o.request_headers AS JSONB), o.status, CAST(o.headers AS JSONB),
        CASE WHEN l.payload_erased IS NOT TRUE THEN o.body END, o.truncated, o.address, o.dns,
        o.connect, o.tls, o.first, o.total, o.started_at, CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)
    FROM o JOIN locked l ON l.id = o.delivery_id
    ON CONFLICT (delivery_id, number) DO UPDATE SET outcome = excluded.outcome, error = excluded.error, note = 'late',
        request_headers = excluded.request_headers, response_status = excluded.response_status,
        response_headers = excluded.response_headers, response_body = excluded.response_body,
        response_truncated = excluded.response_truncated, address = excluded.address, dns_ms = excluded.dns_ms,
        connect_ms = excluded.connect_ms, tls_ms = excluded.tls_ms, first_byte_ms = excluded.first_byte_ms,
        total_ms = excluded.total_ms, started_at = excluded.started_at, transaction = excluded.transaction
    WHERE a.outcome = 'unknown'
    RETURNING a.delivery_id, a.recorded_at, a.note IS NOT DISTINCT FROM 'late' AS late
), settled AS (
    UPDATE deliveries d SET
        lease_until = NULL, published_until = NULL, resend_asked_at = NULL,
        status = CASE WHEN l.success THEN 'succeeded' WHEN l.again THEN 'retrying' WHEN l.cancelled THEN d.status
                      ELSE o.next_status END,
        reason = CASE WHEN NOT l.success AND NOT l.again THEN coalesce(d.reason, o.reason) END,
        due_at = CASE WHEN l.again THEN now()
                      WHEN NOT l.success AND NOT l.cancelled THEN now() + make_interval(secs => o.delay) END,
        wait_reason = CASE WHEN NOT l.again AND NOT l.cancelled THEN o.wait_reason END,
        step = CASE WHEN l.again THEN 0 ELSE o.step END, unknown_run = CASE WHEN l.again THEN 0 ELSE o.unknown_run END,
        trigger = CASE WHEN l.again THEN 'resend' ELSE o.next_trigger END,
        sequence = CASE WHEN l.again AND o.delay IS NULL THEN nextval('delivery_order') ELSE d.sequence END,
        succeeded_at = coalesce(d.succeeded_at, CASE WHEN l.success THEN now() END),
        finished_at = CASE WHEN l.success AND d.succeeded_at IS NULL THEN now()
                           WHEN l.success OR l.cancelled AND NOT l.again THEN coalesce(d.finished_at, now())
                           WHEN o.delay IS NULL AND NOT l.again THEN now() END,
        last_response_code = o.status, last_error = o.error
    FROM o JOIN locked l ON l.id = o.delivery_id AND l.mine
    WHERE d.id = o.delivery_id
    RETURNING d.id, d.lane, d.tenant_id, d.endpoint_id, d.due_at, o.disable, l.tells,
        d.status = 'exhausted' AND NOT l.was_exhausted AND l.tells AS exhausted
), late AS (
    UPDATE deliveries d SET status = 'succeeded', succeeded_at = now(), finished_at = now(), wait_reason = NULL,
        due_at = CASE WHEN d.trigger = 'resend' AND d.lease_until IS NULL THEN d.due_at END,
        last_response_code = o.status, last_error = NULL
    FROM o JOIN locked l ON l.id = o.delivery_id AND NOT l.mine JOIN logged g ON g.delivery_id = o.delivery_id
    WHERE d.id = o.delivery_id AND o.outcome = 'succeeded' AND d.status IN ('pending', 'retrying', 'exhausted')
), {_ROLLUPS}, {_ENDPOINTS}
SELECT CAST('due' AS TEXT) AS what, id, lane, tenant_id FROM settled WHERE due_at <= now()
UNION ALL SELECT 'exhausted', id, lane, tenant_id FROM settled WHERE exhausted
UNION ALL SELECT 'disabled', id, id, tenant_id FROM changed WHERE tells
"""

_COLUMNS: Final[dict[str, Callable[[Settled], object]]] = {
    "delivery_id": lambda s: s.delivery_id,
    "tenant_id": lambda s: s.tenant_id,
    "claim": lambda s: s.claim,
    "number": lambda s: s.number,
    "trigger": lambda s: s.trigger.value,
    "outcome": lambda s: s.outcome.kind.value,
    "error": lambda s: s.outcome.error and s.outcome.error.value,
    "note": lambda s: s.outcome.note,
    "url": lambda s: s.url,
    "request_headers": lambda s: s.request_headers,
    "status": lambda s: s.outcome.response and s.outcome.response.status,
    "headers": lambda s: s.outcome.response and _json_text(s.outcome.response.headers),
    "body": lambda s: s.outcome.response and s.outcome.response.body,
    "truncated": lambda s: s.outcome.response and s.outcome.response.truncated,
    "address": lambda s: s.outcome.address,
    "dns": lambda s: _rounded(s.outcome.timings.dns),
    "connect": lambda s: _rounded(s.outcome.timings.connect),
    "tls": lambda s: _rounded(s.outcome.timings.tls),
    "first": lambda s: _rounded(s.outcome.timings.first_byte),
    "total": lambda s: _rounded(s.outcome.timings.total),
    "started_at": lambda s: s.started_at,
    "next_status": lambda s: s.verdict.status.value,
    "reason": lambda s: s.verdict.reason and s.verdict.reason.value,
    "delay": lambda s: s.verdict.delay,
    "step": lambda s: s.verdict.step,
    "unknown_run": lambda s: s.verdict.unknown_run,
    "next_trigger": lambda s: s.verdict.next_trigger.value,
    "wait_reason": lambda s: s.verdict.waiting_for and s.verdict.waiting_for.value,
    "disable": lambda s: s.verdict.disable_endpoint,
    "slot": lambda s: None if s.outcome.kind is OutcomeKind.UNKNOWN else slot_of(s.outcome.timings.total),
}


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 3)


def _text(value: object) -> str:
    return _encode(value).decode()


def _json_text(headers: Sequence[Sequence[str]]) -> str:
    """Encode for a JSONB column, which can hold every character but NUL."""
    return _text([[part.replace("\x00", "�") for part in pair] for pair in headers])


@dataclass(frozen=True, slots=True)
class _Told:
    what: str
    id: UUID
    lane: UUID
    tenant_id: UUID


async def record_attempts(tx: AnyConnection, *, settled: Sequence[Settled]) -> Recorded:
    """Append finished attempts, no two of one delivery, in the engine's role; return what follows from them.

    By the primary keys of deliveries, attempts, rollups and endpoints.
    """
    values = {name: [column(one) for one in settled] for name, column in _COLUMNS.items()}
    rows = await fetch_all(tx, _Told, _RECORD, **values)
    return Recorded(
        due=tuple(Queued(row.id, row.lane, row.tenant_id) for row in rows if row.what == "due"),
        exhausted=tuple(DeliveryId(row.id) for row in rows if row.what == "exhausted"),
        disabled=tuple(EndpointId(row.id) for row in rows if row.what == "disabled"),
    )
