"""The statement that records outcomes: attempts, deliveries and endpoints in one go."""

import json
from collections.abc import Callable, Sequence
from typing import Final

from core.database import AnyConnection, fetch_all
from core.journal.record import Settled
from core.model.queued import Queued

# Deliveries are locked in the order of their IDs, by their primary key: two batches cannot deadlock.
# `mine` is decided under that lock. What is not mine is late: it fills in its own `unknown` attempt, a late success
# ends the delivery, and nothing else is touched.
_RECORD: Final = """
WITH o AS (
    SELECT * FROM unnest(
        CAST(:delivery_id AS UUID[]), CAST(:tenant_id AS UUID[]), CAST(:claim AS INTEGER[]),
        CAST(:number AS INTEGER[]), CAST(:trigger AS TEXT[]), CAST(:outcome AS TEXT[]), CAST(:error AS TEXT[]),
        CAST(:note AS TEXT[]), CAST(:url AS TEXT[]), CAST(:request_headers AS TEXT[]), CAST(:status AS SMALLINT[]),
        CAST(:headers AS TEXT[]), CAST(:body AS BYTEA[]), CAST(:truncated AS BOOLEAN[]), CAST(:address AS TEXT[]),
        CAST(:dns AS FLOAT8[]), CAST(:connect AS FLOAT8[]), CAST(:tls AS FLOAT8[]), CAST(:first AS FLOAT8[]),
        CAST(:total AS FLOAT8[]), CAST(:started_at AS TIMESTAMPTZ[]), CAST(:next_status AS TEXT[]),
        CAST(:reason AS TEXT[]), CAST(:delay AS FLOAT8[]), CAST(:step AS INTEGER[]), CAST(:unknown_run AS INTEGER[]),
        CAST(:next_trigger AS TEXT[]), CAST(:wait_reason AS TEXT[]), CAST(:disable AS BOOLEAN[])
    ) AS o(delivery_id, tenant_id, claim, number, trigger, outcome, error, note, url, request_headers, status, headers,
           body, truncated, address, dns, connect, tls, first, total, started_at, next_status, reason, delay, step,
           unknown_run, next_trigger, wait_reason, disable)
), locked AS (
    SELECT d.id, d.claim = o.claim AND d.lease_until IS NOT NULL AS mine
    FROM deliveries d JOIN o ON o.delivery_id = d.id ORDER BY d.id FOR UPDATE OF d
), logged AS (
    INSERT INTO attempts AS a (delivery_id, number, id, tenant_id, trigger, outcome, error, note, request_url,
        request_headers, response_status, response_headers, response_body, response_truncated, address, dns_ms,
        connect_ms, tls_ms, first_byte_ms, total_ms, started_at, transaction)
    SELECT o.delivery_id, o.number, ringback_uuid7(), o.tenant_id, o.trigger, o.outcome, o.error, o.note, o.url,
        CAST(o.request_headers AS JSONB), o.status, CAST(o.headers AS JSONB), o.body, o.truncated, o.address, o.dns,
        o.connect, o.tls, o.first, o.total, o.started_at, CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)
    FROM o JOIN locked l ON l.id = o.delivery_id
    ON CONFLICT (delivery_id, number) DO UPDATE SET outcome = excluded.outcome, error = excluded.error, note = 'late',
        request_headers = excluded.request_headers, response_status = excluded.response_status,
        response_headers = excluded.response_headers, response_body = excluded.response_body,
        response_truncated = excluded.response_truncated, address = excluded.address, dns_ms = excluded.dns_ms,
        connect_ms = excluded.connect_ms, tls_ms = excluded.tls_ms, first_byte_ms = excluded.first_byte_ms,
        total_ms = excluded.total_ms, started_at = excluded.started_at, transaction = excluded.transaction
    WHERE a.outcome = 'unknown'
), settled AS (
    UPDATE deliveries d SET
        lease_until = NULL, published_until = NULL,
        status = CASE WHEN d.succeeded_at IS NULL THEN o.next_status ELSE 'succeeded' END,
        reason = CASE WHEN d.succeeded_at IS NULL THEN o.reason END,
        due_at = CASE WHEN d.succeeded_at IS NULL THEN now() + make_interval(secs => o.delay) END,
        wait_reason = o.wait_reason, step = o.step, unknown_run = o.unknown_run, trigger = o.next_trigger,
        succeeded_at = coalesce(d.succeeded_at, CASE WHEN o.outcome = 'succeeded' THEN now() END),
        finished_at = CASE WHEN d.succeeded_at IS NOT NULL THEN coalesce(d.finished_at, now())
                           WHEN o.delay IS NULL THEN now() END,
        last_response_code = o.status, last_error = o.error
    FROM o JOIN locked l ON l.id = o.delivery_id AND l.mine
    WHERE d.id = o.delivery_id
    RETURNING d.id, d.lane, d.tenant_id, d.endpoint_id, d.due_at, o.disable
), late AS (
    UPDATE deliveries d SET status = 'succeeded', due_at = NULL, succeeded_at = now(), finished_at = now(),
        wait_reason = NULL, last_response_code = o.status, last_error = NULL
    FROM o JOIN locked l ON l.id = o.delivery_id AND NOT l.mine
    WHERE d.id = o.delivery_id AND o.outcome = 'succeeded' AND d.status IN ('pending', 'retrying', 'exhausted')
), disabled AS (
    UPDATE endpoints e SET status = 'disabled', disabled_reason = 'gone', updated_at = now()
    WHERE e.id IN (SELECT endpoint_id FROM settled WHERE disable) AND e.status <> 'disabled'
)
SELECT id AS delivery_id, lane, tenant_id FROM settled WHERE due_at <= now()
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
    "request_headers": lambda s: json.dumps(dict(s.request_headers)),
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
}


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 3)


def _json_text(headers: Sequence[Sequence[str]]) -> str:
    """Encode for a JSONB column, which can hold every character but NUL."""
    return json.dumps([[part.replace("\x00", "�") for part in pair] for pair in headers])


async def record_attempts(tx: AnyConnection, *, settled: Sequence[Settled]) -> tuple[Queued, ...]:
    """Append finished attempts, no two of one delivery, in the engine's role; return what is due again at once."""
    values = {name: [column(one) for one in settled] for name, column in _COLUMNS.items()}
    return await fetch_all(tx, Queued, _RECORD, **values)
