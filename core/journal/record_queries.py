"""The statement that records outcomes: attempts, deliveries, rollups and endpoints in one go."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from core.database import AnyConnection, fetch_all
from core.journal.record import Recorded, Settled
from core.journal.record_columns import TYPES, columns_of, spread
from core.model.ids import DeliveryId, EndpointId
from core.model.latency import SLOTS
from core.model.outcome import ErrorClass
from core.model.queued import Queued
from core.model.tables import BUCKET

_ERRORS: Final = [error.value for error in ErrorClass]
COUNTS: Final = ["succeeded", "failed", "unknown", *_ERRORS]
SUMMED: Final = [*COUNTS, "connected"]
_BY_ERROR: Final = ", ".join(f"count(*) FILTER (WHERE error = '{error}') AS {error}" for error in _ERRORS)
BY_SLOT: Final = ", ".join(f"count(*) FILTER (WHERE slot = {slot})" for slot in range(SLOTS))

# Slot by slot: as a query over both arrays it would cost three times as much as all else that a rollup's row does.
SUMS: Final = ", ".join(f"r.latencies[{slot}] + excluded.latencies[{slot}]" for slot in range(1, SLOTS + 1))

# RFC 9562, section 5.7: 48 bits of milliseconds and the version; then the attempt's number, and the last half of its
# delivery's ID, of which no two are alike. Random bits of its own would be a twentieth of all that a record costs.
ATTEMPT_ID: Final = """CAST(encode(
            (SELECT substring(int8send(CAST(floor(extract(EPOCH FROM now()) * 1000) AS BIGINT)) FROM 3))
            || int2send(CAST(28672 + l.number % 4096 AS SMALLINT))
            || substring(uuid_send(l.id) FROM 9), 'hex') AS UUID)"""

# Adds rows of counts to those of the same lane and bucket, in the order of their key.
ADD_ROLLUPS: Final = f"""INSERT INTO rollups AS r (lane, bucket, tenant_id, {", ".join(SUMMED)}, latencies)
    SELECT lane, bucket, tenant_id, {", ".join(SUMMED)}, latencies FROM {{source}} ORDER BY lane, bucket
    ON CONFLICT (lane, bucket) DO UPDATE SET {", ".join(f"{name} = r.{name} + excluded.{name}" for name in SUMMED)},
        latencies = ARRAY[{SUMS}]"""

# One row for each lane and bucket of a batch. An attempt counts in the bucket in which it
# was first recorded, so that a late outcome takes itself out of the unknown ones there; one that is recorded twice is
# returned by no INSERT, and so not counted.
# What follows from `locked` asks other parts by hashed sets: Postgres takes each part for one row, and would compare
# every row of a batch with every other.
BUCKET_OF: Final = f"date_bin(INTERVAL '{BUCKET} s', {{}}, TIMESTAMPTZ '2000-01-01Z')"
_ROLLUPS: Final = f"""
counted AS (
    SELECT l.lane, l.endpoint_id, l.tenant_id, l.outcome, l.error, l.connect, l.slot, false AS late,
           {BUCKET_OF.format("now()")} AS bucket
    FROM locked l WHERE CASE WHEN l.id IN (SELECT delivery_id FROM logged WHERE NOT late) THEN true ELSE false END
    UNION ALL
    SELECT l.lane, l.endpoint_id, l.tenant_id, l.outcome, l.error, l.connect, l.slot, true,
           {BUCKET_OF.format("g.recorded_at")}
    FROM (SELECT * FROM logged WHERE late OFFSET 0) g
    CROSS JOIN LATERAL (SELECT * FROM locked WHERE id = g.delivery_id OFFSET 0) l
), tallied AS (
    SELECT lane, bucket, tenant_id, endpoint_id, count(*) FILTER (WHERE outcome = 'succeeded') AS succeeded,
           count(*) FILTER (WHERE outcome = 'failed') AS failed,
           count(*) FILTER (WHERE outcome = 'unknown') - count(*) FILTER (WHERE late) AS unknown,
           {_BY_ERROR}, count(connect) AS connected, CAST(ARRAY[{BY_SLOT}] AS INTEGER[]) AS latencies
    FROM counted GROUP BY lane, bucket, tenant_id, endpoint_id
), rolled AS (
    {ADD_ROLLUPS.format(source="tallied")}
    RETURNING r.lane, r.bucket, r.succeeded
)"""

# An endpoint fails from the first failure on that follows no success of its bucket, and until the next success: one
# that only stumbles is written twice a bucket at most. Most batches find nothing to change.
_ENDPOINTS: Final = """
seen AS (
    SELECT t.endpoint_id, sum(t.succeeded) > 0 AS alive, sum(t.failed) > 0 AND bool_and(
               CASE WHEN (t.lane, t.bucket) IN (SELECT lane, bucket FROM rolled WHERE succeeded = 0) THEN true
                    ELSE false END) AS failing
    FROM tallied t WHERE t.endpoint_id IS NOT NULL GROUP BY t.endpoint_id
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

_VOID: Final = """CASE WHEN d.event_id <= (SELECT emptied_to FROM tenants WHERE id = d.tenant_id) THEN 'expired'
                                                               ELSE 'payload_erased' END"""

# Deliveries are locked in the order of their IDs, by their primary key, then rollups, then endpoints, in the order of
# their keys: two batches cannot deadlock.
# `mine` is decided under that lock. What is not mine is late: it fills in its own `unknown` attempt, a late success
# that did so ends the delivery, and nothing else is touched. What was sent of an operational event tells nothing more.
# `again`: a client has asked meanwhile for another attempt, due now. `void`: the payload was erased meanwhile, by
# somebody or by the retention, so that there is nothing left to send again. What was cancelled meanwhile stays so,
# unless this attempt has succeeded.
_RECORD: Final = f"""
WITH locked AS (
    SELECT d.id, d.lane, d.endpoint_id, d.claim = o.claim AND d.lease_until IS NOT NULL AS mine,
           d.status = 'exhausted' AS was_exhausted, d.event_type NOT LIKE ALL ('{{endpoint.%,delivery.%}}') AS tells,
           d.payload_erased, o.next_status = 'retrying' AND d.payload_erased IS TRUE AS void,
           d.resend_asked_at IS NOT NULL AND o.disable IS NOT TRUE AND d.payload_erased IS NOT TRUE AS again,
           d.succeeded_at IS NOT NULL OR o.outcome = 'succeeded' AS success, d.status = 'cancelled' AS cancelled,
           {", ".join(f"o.{name}" for name in TYPES)}
    FROM deliveries d JOIN (SELECT {spread(TYPES)}) o
        ON o.delivery_id = d.id AND o.tenant_id IS NOT DISTINCT FROM d.tenant_id  -- by the smaller index
    ORDER BY d.id FOR UPDATE OF d
), logged AS (
    INSERT INTO attempts AS a (delivery_id, number, id, tenant_id, trigger, outcome, error, note, request_url,
        request_headers, response_status, response_headers, response_body, response_truncated, address, dns_ms,
        connect_ms, tls_ms, first_byte_ms, total_ms, started_at, transaction)
    SELECT l.id, l.number, {ATTEMPT_ID}, l.tenant_id, l.trigger, l.outcome, l.error, l.note, l.url,
        CAST(l.request_headers AS JSONB), l.code, CAST(l.headers AS JSONB),
        CASE WHEN l.payload_erased IS NOT TRUE THEN l.body END, l.truncated, l.address, l.dns,
        l.connect, l.tls, l.first, l.total, l.started_at, CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)
    FROM locked l
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
                      WHEN l.void THEN 'cancelled' ELSE l.next_status END,
        reason = CASE WHEN NOT l.success AND NOT l.again
                      THEN coalesce(d.reason, CASE WHEN l.void THEN {_VOID} END, l.next_reason) END,
        due_at = CASE WHEN l.again THEN now()
                      WHEN NOT l.success AND NOT l.cancelled AND NOT l.void
                      THEN now() + make_interval(secs => l.delay) END,
        wait_reason = CASE WHEN NOT l.again AND NOT l.cancelled AND NOT l.void THEN l.wait_reason END,
        step = CASE WHEN l.again THEN 0 ELSE l.step END, unknown_run = CASE WHEN l.again THEN 0 ELSE l.unknown_run END,
        trigger = CASE WHEN l.again THEN 'resend' ELSE l.next_trigger END,
        sequence = CASE WHEN l.again AND l.delay IS NULL THEN nextval('delivery_order') ELSE d.sequence END,
        succeeded_at = coalesce(d.succeeded_at, CASE WHEN l.success THEN now() END),
        finished_at = CASE WHEN l.success AND d.succeeded_at IS NULL THEN now()
                           WHEN l.success OR l.cancelled AND NOT l.again THEN coalesce(d.finished_at, now())
                           WHEN (l.delay IS NULL OR l.void) AND NOT l.again THEN now() END,
        last_response_code = l.code, last_error = l.error
    FROM locked l WHERE l.mine AND d.id = l.id
    RETURNING d.id, d.lane, d.tenant_id, d.endpoint_id, d.due_at, l.disable, l.tells,
        d.status = 'exhausted' AND NOT l.was_exhausted AND l.tells AS exhausted
), freed AS (
    DELETE FROM leases
    WHERE lane = ANY(ARRAY(SELECT lane FROM settled)) AND delivery_id = ANY(ARRAY(SELECT id FROM settled))
), late AS (
    UPDATE deliveries d SET status = 'succeeded', reason = NULL, succeeded_at = now(), finished_at = now(),
        wait_reason = NULL,
        due_at = CASE WHEN d.trigger = 'resend' AND d.lease_until IS NULL THEN d.due_at END,
        last_response_code = (SELECT l.code FROM locked l WHERE l.id = d.id), last_error = NULL
    WHERE d.id = ANY(ARRAY(SELECT l.id FROM locked l WHERE NOT l.mine AND l.outcome = 'succeeded'))
      AND CASE WHEN d.id IN (SELECT delivery_id FROM logged) THEN true ELSE false END
      AND d.succeeded_at IS NULL
), {_ROLLUPS}, {_ENDPOINTS}
SELECT CAST('due' AS TEXT) AS what, id, lane, tenant_id FROM settled WHERE due_at <= now()
UNION ALL SELECT 'exhausted', id, lane, tenant_id FROM settled WHERE exhausted
UNION ALL SELECT 'disabled', id, id, tenant_id FROM changed WHERE tells
"""


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
    if not settled:
        return Recorded()
    rows = await fetch_all(tx, _Told, _RECORD, **columns_of(settled, TYPES))
    return Recorded(
        due=tuple(Queued(row.id, row.lane, row.tenant_id) for row in rows if row.what == "due"),
        exhausted=tuple(DeliveryId(row.id) for row in rows if row.what == "exhausted"),
        disabled=tuple(EndpointId(row.id) for row in rows if row.what == "disabled"),
    )
