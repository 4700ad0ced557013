"""The statements of sessions and portal links."""

from dataclasses import asdict
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import execute, fetch_all, fetch_one
from core.model.ids import LinkId
from core.model.session import IDLE, TOUCHED_EVERY
from core.registry.sessions import LinkRecord, NewSession, SessionRecord

_LINK: Final = "id, tenant_id, owner, role, key_id, created_at, expires_at, used_at, revoked_at"
_ALIVE: Final = "k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())"


async def insert_session(tx: AsyncConnection, *, session: NewSession) -> None:
    """Insert a session, in the engine's role."""
    sql = """
    INSERT INTO sessions (id, tenant_id, hash, key_id, link_id, operator_hash, expires_at)
    VALUES (:id, :tenant_id, :hash, :key_id, :link_id, :operator_hash, now() + make_interval(secs => :lifetime))
    """
    await execute(tx, sql, **asdict(session))


async def find_session(tx: AsyncConnection, *, hash_: bytes) -> SessionRecord | None:
    """Look up a living session by `sessions_hash_key`, in the engine's role.

    It lives no longer than its tenant, than the key or link that it stands for, than the key that made the link.
    """
    sql = f"""
    SELECT s.id, s.tenant_id, s.key_id, s.link_id, s.operator_hash, coalesce(l.role, k.role) AS role, k.scopes,
           coalesce(l.owner, k.owner) AS owner, t.requests_per_second, s.seen_at, s.expires_at
    FROM sessions s
    LEFT JOIN tenants t ON t.id = s.tenant_id AND t.deleted_at IS NULL
    LEFT JOIN portal_links l ON l.id = s.link_id AND l.revoked_at IS NULL
    LEFT JOIN api_keys k ON k.id = coalesce(s.key_id, l.key_id) AND {_ALIVE}
    WHERE s.hash = :hash AND s.expires_at > now() AND s.seen_at > now() - make_interval(secs => {IDLE})
        AND (s.tenant_id IS NULL OR t.id IS NOT NULL) AND (s.link_id IS NULL OR l.id IS NOT NULL)
        AND (coalesce(s.key_id, l.key_id) IS NULL OR k.id IS NOT NULL)
    """
    return await fetch_one(tx, SessionRecord, sql, hash=hash_)


async def touch_session(tx: AsyncConnection, *, hash_: bytes) -> None:
    """Note that a session is used, by `sessions_hash_key`, in the engine's role; once in a minute, not per request."""
    sql = f"""
    UPDATE sessions SET seen_at = now()
    WHERE hash = :hash AND seen_at < now() - make_interval(secs => {TOUCHED_EVERY})
    """
    await execute(tx, sql, hash=hash_)


async def delete_session(tx: AsyncConnection, *, hash_: bytes) -> None:
    """End a session, by `sessions_hash_key`, in the engine's role."""
    await execute(tx, "DELETE FROM sessions WHERE hash = :hash", hash=hash_)


async def insert_link(tx: AsyncConnection, *, link: LinkRecord, hash_: bytes) -> None:
    """Insert a portal link, in the tenant's role."""
    values = ":id, :tenant_id, :owner, :role, :key_id, :created_at, :expires_at, :used_at, :revoked_at"
    await execute(tx, f"INSERT INTO portal_links ({_LINK}, hash) VALUES ({values}, :hash)", hash=hash_, **asdict(link))


async def use_link(tx: AsyncConnection, *, hash_: bytes) -> LinkRecord | None:
    """Use up a portal link by `portal_links_hash_key`, in the engine's role; `None` if it opens nothing any more.

    Of two who come at once the second one waits for the row, and finds it used.
    """
    sql = f"""
    UPDATE portal_links l SET used_at = now()
    WHERE hash = :hash AND used_at IS NULL AND revoked_at IS NULL AND expires_at > now()
        AND EXISTS (SELECT FROM tenants t WHERE t.id = l.tenant_id AND t.deleted_at IS NULL)
        AND (key_id IS NULL OR EXISTS (SELECT FROM api_keys k WHERE k.id = l.key_id AND {_ALIVE}))
    RETURNING {_LINK}
    """
    return await fetch_one(tx, LinkRecord, sql, hash=hash_)


async def read_link(tx: AsyncConnection, *, link_id: LinkId) -> LinkRecord | None:
    """Look up a portal link by its primary key, in the tenant's role."""
    return await fetch_one(tx, LinkRecord, f"SELECT {_LINK} FROM portal_links WHERE id = :id", id=link_id)


async def list_links(tx: AsyncConnection, *, before: LinkId | None, limit: int) -> tuple[LinkRecord, ...]:
    """List the tenant's portal links that are not revoked, newest first, by `portal_links_tenant_id_id_idx`."""
    sql = f"""
    SELECT {_LINK} FROM portal_links WHERE tenant_id = ringback_tenant_id() AND revoked_at IS NULL
        AND (CAST(:before AS UUID) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit
    """
    return await fetch_all(tx, LinkRecord, sql, before=before, limit=limit)


async def revoke_link(tx: AsyncConnection, *, link_id: LinkId) -> bool:
    """Revoke a portal link, with the session that it opened, by its primary key; false if there is none."""
    sql = "UPDATE portal_links SET revoked_at = now() WHERE id = :id AND revoked_at IS NULL"
    return await execute(tx, sql, id=link_id) == 1
