"""A tenant's past weeks in bulk: deliveries as the recorder leaves them, for what is looked for in them.

Evenly over four weeks, each of an event of its own, to the endpoints in turn; and their rollups. Attempts are not
written: no list reads them. Few have failed, fewer wait for their next attempt, and the ten oldest are of a rare type.
"""

from typing import Final

from benchmarks.rig import Rig
from core import clock
from core.model.latency import SLOTS
from core.model.tables import BUCKET
from tests.support.weeks import make_week

COMMON, RARE, ABSENT = "order.paid", "order.disputed", "order.never"
"""Types of events: that of nearly all, that of the ten oldest, and that of none."""
DAYS: Final = 28
_CHUNK: Final = 250_000
"""Rows of each table that one transaction writes."""
_MADE: Final = """
CREATE UNLOGGED TABLE made AS
SELECT n, t.id AS tenant_id, e.ids[1 + n %% cardinality(e.ids)] AS endpoint_id, m.at,
       CAST(lpad(to_hex(CAST(extract(EPOCH FROM m.at) * 1000 AS BIGINT)), 12, '0') || '7' || left(r.noise, 3)
            || '8' || substr(r.noise, 4, 15) AS UUID) AS id,
       CASE WHEN n > %(last)s - 10 THEN '%(rare)s' WHEN n %% 5 = 0 THEN 'user.made' ELSE '%(common)s' END AS type,
       CASE WHEN n %% 1000 = 7 THEN 'retrying' WHEN n %% 100 = 7 THEN 'exhausted' ELSE 'succeeded' END AS status
FROM generate_series(%(first)s, %(last)s) n
CROSS JOIN LATERAL (SELECT now() - INTERVAL '1 h' - n * (INTERVAL '%(days)s d' / %(all)s) AS at) m
CROSS JOIN LATERAL (SELECT md5('history ' || n) AS noise) r
JOIN tenants t ON t.slug = '%(tenant)s'
JOIN (SELECT tenant_id, array_agg(id ORDER BY id) AS ids FROM endpoints GROUP BY 1) e ON e.tenant_id = t.id
"""
_EVENTS: Final = """
INSERT INTO events (id, tenant_id, type, timestamp, body, data_offset, data_length, deliveries, created_at)
SELECT id, tenant_id, type, at, convert_to(format('{"data":{"order":%s}}', lpad(n::TEXT, 10, '0')), 'UTF8'), 8, 20, 1,
       at FROM made ORDER BY id
"""
_ROLLUPS: Final = f"""
INSERT INTO rollups (lane, bucket, tenant_id, succeeded, failed, unknown, timeout, connect, tls, dns, blocked_address,
                     too_large, protocol, http_status, latencies)
SELECT lane, date_bin(CASE WHEN created_at > now() - INTERVAL '2 h' THEN INTERVAL '{BUCKET} s' ELSE INTERVAL '1 h' END,
                      created_at, TIMESTAMPTZ '2000-01-01Z') AS bucket,
       tenant_id, count(*) FILTER (WHERE status = 'succeeded'), count(*) FILTER (WHERE status <> 'succeeded'), 0,
       count(*) FILTER (WHERE last_error = 'timeout'), 0, 0, 0, 0, 0, 0,
       count(*) FILTER (WHERE last_error = 'http_status'),
       array_fill(0, ARRAY[3]) || count(*)::INTEGER || array_fill(0, ARRAY[{SLOTS} - 4])
FROM deliveries GROUP BY 1, 2, 3
"""
_DELIVERIES: Final = """
INSERT INTO deliveries (id, tenant_id, event_id, event_type, endpoint_id, lane, status, trigger, claim, attempt_count,
                        succeeded_at, finished_at, due_at, wait_reason, last_response_code, last_error, created_at)
SELECT id, tenant_id, id, type, endpoint_id, endpoint_id, status, 'first', 1, 1,
       CASE status WHEN 'succeeded' THEN at END, CASE WHEN status <> 'retrying' THEN at END,
       CASE status WHEN 'retrying' THEN now() + INTERVAL '1 d' END, CASE status WHEN 'retrying' THEN 'schedule' END,
       CASE status WHEN 'succeeded' THEN 200 WHEN 'exhausted' THEN 503 END,
       CASE status WHEN 'retrying' THEN 'timeout' WHEN 'exhausted' THEN 'http_status' END, at
FROM made ORDER BY id
"""


def add_past(rig: Rig, tenant: str, count: int) -> None:
    """Write so many events and deliveries of a tenant that has endpoints, the newest an hour ago."""
    for days in range(0, DAYS + 7, 7):
        make_week(rig.database, clock.unix_seconds(), days_ago=days)
    for first in range(1, count + 1, _CHUNK):
        last = min(first + _CHUNK - 1, count)
        named = {"first": first, "last": last, "all": count, "days": DAYS - 1, "tenant": tenant}
        rig.ask(_MADE % {**named, "common": COMMON, "rare": RARE if last == count else COMMON})
        for statement in (_EVENTS, _DELIVERIES, "DROP TABLE made"):
            rig.ask(statement)
    rig.ask(_ROLLUPS)
    rig.ask("VACUUM ANALYZE events, deliveries, endpoints, rollups")
    rig.ask("CHECKPOINT")
