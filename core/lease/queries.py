"""The deliverer's statements: claim, and give back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import AnyConnection, fetch_all, fetch_one
from core.journal.order_queries import first_of, on_the_wire
from core.lease.claim import Claimed, Puller

IS_OWN: Final = """e.tenant_id = :tenant AND (CAST(:owner AS TEXT) IS NULL OR e.owner = CAST(:owner AS TEXT))"""
"""Whether an endpoint `e` is of the tenant and the owner who pull: it may have been given away since it was found."""

# What an attempt needs, of claimed deliveries `c`, which come with their timeout, cap and time;
# in the order of `Claimed`.
CARRIED: Final = """
SELECT c.id AS delivery_id, c.tenant_id, coalesce(c.url, e.url) AS url, c.claim, c.attempt_count AS number,
       c.trigger, c.step, c.unknown_run, c.succeeded_at IS NOT NULL AS had_succeeded, c.timeout,
       e.retry_schedule AS schedule, coalesce(e.ordering = 'fifo', false) AS ordered,
       c.event_id, c.endpoint_id, c.task_id, c.lane, c.cap, e.rate_limit, c.claimed_at, v.body, e.sealed_headers,
       CASE WHEN e.send_traceparent THEN v.traceparent END AS traceparent,
       CASE WHEN c.endpoint_id IS NULL THEN (SELECT t.sealed_webhook_secret FROM tasks t WHERE t.id = c.task_id) END
           AS sealed_webhook_secret,
       CASE WHEN c.endpoint_id IS NULL
            THEN ARRAY(SELECT uuid_send(s.id) || s.sealed FROM secrets s WHERE s.tenant_id = c.tenant_id
                       AND s.endpoint_id IS NULL AND (s.expires_at IS NULL OR s.expires_at > now()))
            ELSE ARRAY(SELECT uuid_send(s.id) || s.sealed FROM secrets s WHERE s.tenant_id = c.tenant_id
                       AND s.endpoint_id = c.endpoint_id AND (s.expires_at IS NULL OR s.expires_at > now()))
       END AS keys
FROM {} c JOIN events v ON v.id = c.event_id
LEFT JOIN endpoints e ON e.id = c.endpoint_id
"""
# Claimable: due_at set and passed, no lease, whatever the status. The lease is the write-ahead record of the attempt.
# `coalesce` hides from the planner that an index could find all that is due: it would, while it thinks that little.
# By the primary keys of the wanted rows; what is on the wire of a lane, counted once for each lane of the batch, by
# leases_pkey; the head of an order by deliveries_turns_idx; secrets, each behind the bytes of its ID, by
# secrets_tenant_id_endpoint_id_idx, in two arms: no index serves a comparison that minds null.
# No index of deliveries holds what a claim changes: the new version stands on the page of the old one and is in none.
# A claim is of the moment in which its row was found: its transaction may have begun before the attempt that this one
# had to wait for, where a claimer had to wait for the machine.
_CLAIM: Final = """
WITH seen AS (
    SELECT d.id, d.lane, d.due_at, d.sequence, coalesce(d.ordering_key, '') AS key,
           coalesce(octet_length(v.body), 0) AS size,
           e.max_in_flight, e.rate_limit, e.timeout, e.ordering = 'fifo' AS ordered, e.status = 'paused' AS paused,
           d.trigger IN ('resend', 'test') AS asked, {pulled} AS pulled,
           CASE WHEN v.id <= n.emptied_to THEN 'expired' WHEN v.erased_at IS NOT NULL THEN 'payload_erased'
                WHEN coalesce(e.deleted_at, n.deleted_at) IS NOT NULL THEN 'endpoint_deleted'
                WHEN e.status = 'disabled' THEN 'endpoint_disabled' END AS dead
    FROM (SELECT DISTINCT unnest(CAST(:ids AS UUID[])) AS id) w JOIN deliveries d ON d.id = w.id
    JOIN events v ON v.id = d.event_id LEFT JOIN endpoints e ON e.id = d.endpoint_id
    LEFT JOIN tenants n ON n.id = d.tenant_id
    WHERE coalesce(d.due_at <= now(), false) AND d.lease_until IS NULL
){busy}, numbered AS (
    SELECT s.id, s.lane, s.timeout, s.max_in_flight, s.size,
           row_number() OVER (PARTITION BY s.lane ORDER BY {turn}) AS nth
    FROM seen s{beside}
    WHERE s.dead IS NULL AND (s.paused IS NOT TRUE OR s.asked)
      AND s.pulled IS {wanted} AND (s.rate_limit IS NULL OR s.lane = ANY(CAST(:metered AS UUID[])))
      AND {may_go}
), placed AS (
    SELECT id, timeout, max_in_flight, size, nth, nth + max(CASE nth WHEN 1 THEN (
               SELECT count(*) FROM leases x WHERE x.lane = n.lane) END)
           OVER (PARTITION BY lane) <= coalesce(max_in_flight, :cap) AS fits
    FROM numbered n
), {taken}), claimed AS (
    UPDATE deliveries d SET claim = d.claim + 1, attempt_count = d.attempt_count + 1, published_until = NULL,
        resend_asked_at = NULL, lease_until = l.claimed_at + make_interval(secs => l.timeout + :lease)
    FROM locked l WHERE d.id = l.id
    RETURNING d.*, l.timeout, l.cap, l.claimed_at
), leased AS (
    INSERT INTO leases (lane, delivery_id, until) SELECT lane, id, lease_until FROM claimed
    ON CONFLICT (lane, delivery_id) DO UPDATE SET until = excluded.until
), cancelled AS (
    UPDATE deliveries d SET due_at = NULL, published_until = NULL, wait_reason = NULL,
        status = CASE WHEN d.succeeded_at IS NULL THEN 'cancelled' ELSE 'succeeded' END,
        reason = CASE WHEN d.succeeded_at IS NULL THEN s.dead END, finished_at = coalesce(d.finished_at, now())
    FROM {ended} s WHERE d.id = s.id AND s.dead IS NOT NULL AND d.lease_until IS NULL AND d.due_at IS NOT NULL
){carried}"""
_LOCKED: Final = """
    SELECT d.id, coalesce(p.timeout, :timeout) AS timeout, coalesce(p.max_in_flight, :cap) AS cap,
           clock_timestamp() AS claimed_at{carried}
    FROM {places} p JOIN deliveries d ON d.id = p.id
    WHERE p.{may} AND coalesce(d.due_at <= now(), false) AND d.lease_until IS NULL{first} FOR UPDATE OF d SKIP LOCKED
"""
_PUSHED: Final = {
    "pulled": "e.mode = 'pull'",
    "wanted": "NOT TRUE",
    "turn": "s.due_at, s.id",
    "ended": "seen",
    "taken": f"""sized AS (
    SELECT id, timeout, max_in_flight, sum(size) OVER (ORDER BY nth, id) - size < CAST(:room AS BIGINT) AS has_room
    FROM placed WHERE fits
), locked AS ({_LOCKED.format(carried="", places="sized", may="has_room IS NOT FALSE", first="")}""",
}
# Who pulls names more than it wants: what another one who pulls takes at this moment is passed over, and counts for the
# cap all the same, leased or not yet. Only what could be locked takes room. Nor do they wait for each other to cancel:
# they name the same in another order.
_FIRST: Final = " ORDER BY p.nth LIMIT :limit"
_OF_ONE: Final = {
    "pulled": f"e.mode = 'pull' AND e.id = :lane AND {IS_OWN}",
    "wanted": "TRUE",
    "turn": "array_position(CAST(:ids AS UUID[]), s.id)",
    "ended": """(SELECT x.id, y.dead FROM seen y JOIN deliveries x ON x.id = y.id
        WHERE y.dead IS NOT NULL FOR UPDATE OF x SKIP LOCKED)""",
    "taken": f"""free AS ({_LOCKED.format(carried=", p.size, p.nth", places="placed", may="fits", first=_FIRST)}
), locked AS (
    SELECT id, timeout, cap, claimed_at FROM (
        SELECT *, sum(size) OVER (ORDER BY nth) - size < CAST(:room AS BIGINT) AS has_room FROM free) f
    WHERE has_room IS NOT FALSE
""",
}
# A batch without an ordered lane, as most are, is not looked at for its order: that would cost it a sixth more.
_CLAIMED: Final = CARRIED.format("claimed")
_PLAIN: Final = _CLAIM.format(
    busy="", beside="", may_go="(s.ordered IS NOT TRUE OR s.asked)", carried=_CLAIMED, **_PUSHED
)
_IN_ORDER: Final = {
    "carried": _CLAIMED,
    "busy": f", busy AS MATERIALIZED ({on_the_wire('SELECT lane FROM seen WHERE ordered')})",
    "beside": " LEFT JOIN busy b ON b.lane = s.lane AND b.key = s.key",
    "may_go": f"""CASE WHEN s.ordered AND NOT s.asked THEN coalesce(b.sequence > s.sequence, true) AND s.id = (
          SELECT d.id FROM deliveries d WHERE {first_of("s.lane", "s.key")}) ELSE true END""",
}
_ORDERED: Final = _CLAIM.format(**_IN_ORDER, **_PUSHED)
_PULLED: Final = _CLAIM.format(**_IN_ORDER, **_OF_ONE)


async def claim_deliveries(
    tx: AnyConnection,
    *,
    ids: Sequence[UUID],
    metered: Sequence[UUID] = (),
    ordered: bool = True,
    puller: Puller | None = None,
    limit: int | None = None,
    room: int | None = None,
    default_cap: int,
    default_timeout: int,
    lease: int,
) -> tuple[Claimed, ...]:
    """Lease what may be sent now, in the engine's role; cancel what has nowhere to go any more.

    Of a lane with a rate limit nothing is leased unless it is among `metered`: all that is named of it has a token. Of
    one with an order nothing is leased unless `ordered` is true, and then the head of each key.
    For a `puller` only what is of its endpoint is leased, of `ids` the first `limit` that may go and are not just being
    leased by somebody else; otherwise nothing that is pulled. With `room`, in bytes, nothing more is leased once the
    bodies come to as much: the first of each lane, then the second, and so on.
    The defaults are for deliveries that have no endpoint to say so; `lease` is added to the timeout, in seconds.
    """
    values: dict[str, object] = {"room": room, "cap": default_cap, "timeout": default_timeout, "lease": lease}
    sql = _PULLED if puller else _ORDERED if ordered else _PLAIN
    if puller is not None:
        values.update(puller.named(), limit=limit)
    return await fetch_all(tx, Claimed, sql, ids=list(ids), metered=list(metered), **values)


@dataclass(frozen=True, slots=True)
class Policy:
    """A lane that has a rate limit, per second, or keeps an order."""

    lane: UUID
    rate_limit: int | None
    ordered: bool


async def lane_policies(tx: AnyConnection, *, lanes: Sequence[UUID]) -> tuple[Policy, ...]:
    """Return which of these lanes have a rate limit or an order, by `endpoints_pkey`."""
    sql = """
    SELECT id AS lane, rate_limit, ordering = 'fifo' AS ordered FROM endpoints
    WHERE id = ANY(CAST(:lanes AS UUID[])) AND (rate_limit IS NOT NULL OR ordering = 'fifo')
    """
    return await fetch_all(tx, Policy, sql, lanes=list(lanes))


@dataclass(frozen=True, slots=True)
class _Ended:
    id: UUID


async def give_back(tx: AsyncConnection, *, delivery_id: UUID, claim: int) -> bool:
    """End a lease without an attempt: nothing was sent. Only if the row still carries this claim.

    If a client has asked meanwhile to send it again, the next attempt is that one.
    """
    sql = """
    WITH ended AS (
        UPDATE deliveries SET lease_until = NULL, attempt_count = attempt_count - 1, published_until = NULL,
            trigger = CASE WHEN resend_asked_at IS NULL THEN trigger ELSE 'resend' END,
            step = CASE WHEN resend_asked_at IS NULL THEN step ELSE 0 END,
            unknown_run = CASE WHEN resend_asked_at IS NULL THEN unknown_run ELSE 0 END, resend_asked_at = NULL
        WHERE id = :id AND claim = :claim AND lease_until IS NOT NULL RETURNING id, lane
    ), freed AS (
        DELETE FROM leases x USING ended e WHERE x.lane = e.lane AND x.delivery_id = e.id
    )
    SELECT id FROM ended
    """
    return await fetch_one(tx, _Ended, sql, id=delivery_id, claim=claim) is not None
