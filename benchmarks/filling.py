"""Rows in bulk, as acceptance writes them: each is a copy of an event that the product accepted itself."""

from typing import Final

from benchmarks.rig import Rig

_SEED: Final = 9_999_999_999
_EVENTS: Final = f"""
INSERT INTO events (id, tenant_id, client_id, type, timestamp, body, data_offset, data_length, ordering_key, attributes,
                    task_id, deliveries, created_at)
SELECT ringback_uuid7(), s.tenant_id, s.client_id, s.type, s.timestamp,
       convert_to(replace(convert_from(s.body, 'UTF8'), '{_SEED}', lpad(g.n::TEXT, 10, '0')), 'UTF8'),
       s.data_offset, s.data_length, s.ordering_key, s.attributes, s.task_id, 1, now()
FROM seed s, given g ORDER BY g.n
"""
_DELIVERIES: Final = """
INSERT INTO deliveries (id, tenant_id, event_id, event_type, endpoint_id, task_id, url, lane, status, reason, trigger,
                        due_at, published_until, ordering_key, finished_at)
SELECT ringback_uuid7(), m.tenant_id, m.id, m.type, e.id, NULL, NULL, e.id, 'pending', NULL, 'first', now(), NULL,
       NULL, NULL
FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM made) m
JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n, count(*) OVER () AS all FROM endpoints) e
    ON e.n = m.n % e.all
ORDER BY m.n
"""


def prepare_deliveries(rig: Rig, count: int, *, size: int) -> int:
    """Write events that are due, one delivery each, to the endpoints in turn; return the first one's number.

    The event that they copy is accepted by the API, and matches no endpoint.
    """
    first = rig.take_numbers(count)
    body = {"type": "seed", "data": {"mark": str(_SEED), "pad": "x" * size}}
    rig.stack.client.post("/v1/events", json=body).raise_for_status()
    rig.ask(
        f"WITH seed AS (SELECT * FROM events WHERE type = 'seed' ORDER BY id DESC LIMIT 1),"
        f" given AS (SELECT n FROM generate_series({first}, {first + count - 1}) AS n),"
        f" made AS ({_EVENTS} RETURNING id, tenant_id, type) {_DELIVERIES}"
    )
    rig.ask("ANALYZE events, deliveries, endpoints")
    rig.ask("CHECKPOINT")
    return first
