"""Rows in bulk, as acceptance and the recorder write them: copies of an event that the product accepted itself.

What is to be delivered is due at once and was told to no broker; what is past was delivered at the first attempt.
"""

from typing import Final

from benchmarks.rig import Rig

_CHUNK: Final = 200_000
"""Rows of each table that one transaction writes."""
_SEED: Final = 9_999_999_999
_GIVEN: Final = "seed AS (SELECT * FROM events WHERE type = 'seed' ORDER BY id DESC LIMIT 1)"
_EVENTS: Final = f"""
INSERT INTO events (id, tenant_id, client_id, type, timestamp, body, data_offset, data_length, ordering_key, attributes,
                    task_id, deliveries, created_at)
SELECT ringback_uuid7(), s.tenant_id, 'past-' || g.n, 'past', s.timestamp,
       convert_to(replace(convert_from(s.body, 'UTF8'), '{_SEED}', lpad(g.n::TEXT, 10, '0')), 'UTF8'),
       s.data_offset, s.data_length, s.ordering_key, s.attributes, s.task_id, 1, now()
FROM seed s, given g ORDER BY g.n
RETURNING id, tenant_id, type
"""
_TARGETS: Final = """
(SELECT *, row_number() OVER (ORDER BY id) AS n FROM made) m
JOIN (SELECT id, url, row_number() OVER (ORDER BY id) - 1 AS n, count(*) OVER () AS all FROM endpoints
      WHERE tenant_id = (SELECT tenant_id FROM seed)) e
    ON e.n = m.n % e.all
"""
_DUE: Final = f"""
INSERT INTO deliveries (id, tenant_id, event_id, event_type, endpoint_id, task_id, url, lane, status, reason, trigger,
                        due_at, published_until, ordering_key, finished_at)
SELECT ringback_uuid7(), m.tenant_id, m.id, m.type, e.id, NULL, NULL, e.id, 'pending', NULL, 'first', now(), NULL,
       NULL, NULL
FROM {_TARGETS} ORDER BY m.n
"""
_DELIVERED: Final = f"""
INSERT INTO deliveries (id, tenant_id, event_id, event_type, endpoint_id, lane, status, trigger, claim, attempt_count,
                        succeeded_at, last_response_code, finished_at)
SELECT ringback_uuid7(), m.tenant_id, m.id, m.type, e.id, e.id, 'succeeded', 'first', 1, 1, now(), 200, now()
FROM {_TARGETS} ORDER BY m.n
RETURNING id, tenant_id, endpoint_id
"""
_ATTEMPTS: Final = """
INSERT INTO attempts (delivery_id, number, id, tenant_id, trigger, outcome, request_url, request_headers,
                      response_status, response_headers, response_body, response_truncated, address, dns_ms,
                      connect_ms, tls_ms, first_byte_ms, total_ms, started_at, transaction)
SELECT d.id, 1, ringback_uuid7(), d.tenant_id, 'first', 'succeeded', e.url,
       '{"webhook-id": "evt", "user-agent": "Ringback", "content-type": "application/json"}', 200,
       '{"content-length": "0"}', '', false, '127.0.0.1', 0, 0.1, 0, 0.5, 0.7, now(), pg_current_xact_id()::TEXT::BIGINT
FROM delivered d JOIN endpoints e ON e.id = d.endpoint_id
"""


def prepare_deliveries(rig: Rig, count: int, *, size: int) -> int:
    """Write events that are due, one delivery each, to the endpoints in turn; return the first one's number."""
    first = rig.take_numbers(count)
    _plant(rig, size)
    for start in range(first, first + count, _CHUNK):
        stop = min(start + _CHUNK, first + count)
        rig.ask(f"WITH {_GIVEN}, given AS ({_series(start, stop)}), made AS ({_EVENTS}) {_DUE}")
    _tidy(rig)
    return first


def add_history(rig: Rig, count: int, *, size: int) -> None:
    """Write events that were delivered, one delivery and one attempt each, to the endpoints in turn."""
    first = rig.take_numbers(count)
    _plant(rig, size)
    for start in range(first, first + count, _CHUNK):
        stop = min(start + _CHUNK, first + count)
        rig.ask(
            f"WITH {_GIVEN}, given AS ({_series(start, stop)}), made AS ({_EVENTS}),"
            f" delivered AS ({_DELIVERED}) {_ATTEMPTS}"
        )
    _tidy(rig)


def _plant(rig: Rig, size: int) -> None:
    """Have the API accept the event that is copied; no endpoint wants it."""
    body = {"type": "seed", "data": {"mark": str(_SEED), "pad": "x" * size}}
    rig.stack.client.post("/v1/events", json=body).raise_for_status()


def _tidy(rig: Rig) -> None:
    """Leave the tables as autovacuum would have by then, and nothing to write for the next checkpoint."""
    rig.ask("VACUUM ANALYZE events, deliveries, attempts, endpoints")
    rig.ask("CHECKPOINT")


def _series(start: int, stop: int) -> str:
    return f"SELECT n FROM generate_series({start}, {stop - 1}) AS n"
