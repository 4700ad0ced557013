"""The statement that records attempts of which each has succeeded and nothing else follows, as of most it does not.

It does what `core.journal.record_queries` does for any outcome, and that is done for a batch that does not fit here.
Half of what a small batch costs is the plan itself, whose parts are set up and taken down again whether they find a row
or none: this one has six parts less.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy.exc import DBAPIError

from core.database import AnyConnection, fetch_all, is_taken
from core.journal.record import Settled
from core.journal.record_columns import TYPES, columns_of, spread
from core.journal.record_queries import ATTEMPT_ID, BUCKET_OF, BY_SLOT, SUMMED, SUMS
from core.model.outcome import OutcomeKind

_NAMES: Final = [
    name
    for name in TYPES
    if name not in {"outcome", "error", "next_status", "next_reason", "delay", "wait_reason", "disable"}
]
_COUNTED: Final = ("succeeded", "connected")

# Locks what `record_queries` locks, in its order, but for the endpoints, which it does not change. Nothing is written
# unless it fits as a whole: each lease is still held under its claim, and nobody has asked for another attempt or
# erased the payload meanwhile; none of the endpoints was failing, which a success would end.
# An attempt of a lease that is held is in no log yet; if it is, by its primary key, nothing is written either.
_RECORD: Final = f"""
WITH locked AS (
    SELECT d.id, d.lane, d.endpoint_id, {", ".join(f"o.{name}" for name in _NAMES)},
           d.claim = o.claim AND d.lease_until IS NOT NULL AND d.resend_asked_at IS NULL
               AND d.payload_erased IS NOT TRUE AS fits
    FROM deliveries d JOIN (SELECT {spread(_NAMES)}) o
        ON o.delivery_id = d.id AND o.tenant_id IS NOT DISTINCT FROM d.tenant_id  -- by the smaller index
    ORDER BY d.id FOR UPDATE OF d
), judged AS MATERIALIZED (
    SELECT coalesce(bool_and(l.fits), false) AND NOT EXISTS (
        SELECT FROM endpoints e
        WHERE e.id = ANY(ARRAY(SELECT DISTINCT endpoint_id FROM locked)) AND e.failing_since IS NOT NULL) AS fits
    FROM locked l
), logged AS (
    INSERT INTO attempts (delivery_id, number, id, tenant_id, trigger, outcome, note, request_url, request_headers,
        response_status, response_headers, response_body, response_truncated, address, dns_ms, connect_ms, tls_ms,
        first_byte_ms, total_ms, started_at, transaction)
    SELECT l.id, l.number, {ATTEMPT_ID}, l.tenant_id, l.trigger, 'succeeded', l.note, l.url,
        CAST(l.request_headers AS JSONB), l.code, CAST(l.headers AS JSONB), l.body, l.truncated, l.address, l.dns,
        l.connect, l.tls, l.first, l.total, l.started_at, CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)
    FROM locked l WHERE (SELECT fits FROM judged)
), settled AS (
    UPDATE deliveries d SET lease_until = NULL, published_until = NULL, status = 'succeeded', reason = NULL,
        due_at = NULL, wait_reason = NULL, step = l.step, unknown_run = l.unknown_run, trigger = l.next_trigger,
        succeeded_at = coalesce(d.succeeded_at, now()),
        finished_at = CASE WHEN d.succeeded_at IS NULL THEN now() ELSE coalesce(d.finished_at, now()) END,
        last_response_code = l.code, last_error = NULL
    FROM locked l WHERE d.id = l.id AND (SELECT fits FROM judged)
), freed AS (
    DELETE FROM leases
    WHERE lane = ANY(ARRAY(SELECT lane FROM locked)) AND delivery_id = ANY(ARRAY(SELECT id FROM locked))
        AND (SELECT fits FROM judged)
), tallied AS (
    SELECT lane, {BUCKET_OF.format("now()")} AS bucket, tenant_id, count(*) AS succeeded, count(connect) AS connected,
           CAST(ARRAY[{BY_SLOT}] AS INTEGER[]) AS latencies
    FROM locked WHERE (SELECT fits FROM judged) GROUP BY lane, tenant_id
), rolled AS (
    INSERT INTO rollups AS r (lane, bucket, tenant_id, {", ".join(SUMMED)}, latencies)
    SELECT lane, bucket, tenant_id, {", ".join(name if name in _COUNTED else "0" for name in SUMMED)}, latencies
    FROM tallied ORDER BY lane
    ON CONFLICT (lane, bucket) DO UPDATE SET {", ".join(f"{name} = r.{name} + excluded.{name}" for name in _COUNTED)},
        latencies = ARRAY[{SUMS}]
)
SELECT fits FROM judged
"""


class _Told(msgspec.Struct, frozen=True, gc=False):
    fits: bool


async def record_successes(tx: AnyConnection, *, settled: Sequence[Settled]) -> bool:
    """Append finished attempts, no two of one delivery, in the engine's role, if `record_attempts` would do no more.

    Tells whether it did: else nothing is written. If that is because an attempt is in the log already, a transaction
    around it is over. By the primary keys of deliveries, attempts and rollups, and by
    `endpoints_failing_idx`.
    """
    if any(one.outcome.kind is not OutcomeKind.SUCCEEDED for one in settled):
        return False
    try:
        (told,) = await fetch_all(tx, _Told, _RECORD, **columns_of(settled, _NAMES))
    except DBAPIError as error:
        if is_taken(error):
            return False
        raise
    return told.fits
