"""Sign people in: by an API key, by the operator's key, by a portal link."""

from datetime import timedelta
from typing import Final

from core import clock
from core.database import Database
from core.model.ids import KeyId, LinkId, SessionId, TenantId, new_uuid7
from core.model.session import LINK_PREFIX, SESSION_PREFIX, hash_token, new_token
from core.once import EVERY_TIME, Once
from core.registry import session_queries as queries
from core.registry.register import still
from core.registry.sessions import LinkRecord, LinkWish, NewSession


class SignIns:
    """Opens sessions and makes portal links; the tokens are told once and kept as hashes."""

    def __init__(self, database: Database) -> None:
        self._database: Final = database

    async def of_key(self, tenant_id: TenantId, key_id: KeyId) -> str:
        """Open a session that stands for an API key; return its token."""
        return await self._open(tenant_id=tenant_id, key_id=key_id)

    async def of_operator(self, operator_hash: bytes) -> str:
        """Open a session that stands for the operator's key of this hash; return its token."""
        return await self._open(tenant_id=None, operator_hash=operator_hash)

    async def of_link(self, token: str) -> str | None:
        """Use up a portal link and open its session; `None` for one that is unknown, used, expired or revoked."""
        made = new_token(SESSION_PREFIX)
        async with self._database.engine() as tx:
            link = await queries.use_link(tx, hash_=hash_token(token))
            if link is None:
                return None
            new = NewSession(id=self._new_id(), tenant_id=link.tenant_id, hash=hash_token(made), link_id=link.id)
            await queries.insert_session(tx, session=new)
        return made

    async def link(
        self,
        tenant_id: TenantId,
        wish: LinkWish,
        once: Once = EVERY_TIME,
        *,
        key_id: KeyId | None,
        within: str | None,
    ) -> tuple[LinkRecord, str | None]:
        """Make a portal link; return its record and its token, which a replay has not."""
        token, record = new_token(LINK_PREFIX), self._new_link(tenant_id, wish, key_id)
        async with self._database.tenant(tenant_id, within) as tx:
            if kept := await once.take(tx, record.id):
                return still(await queries.read_link(tx, link_id=LinkId(kept.made))), None
            await queries.insert_link(tx, link=record, hash_=hash_token(token))
        return record, token

    async def _open(
        self, *, tenant_id: TenantId | None, key_id: KeyId | None = None, operator_hash: bytes | None = None
    ) -> str:
        token = new_token(SESSION_PREFIX)
        new = NewSession(
            id=self._new_id(),
            tenant_id=tenant_id,
            hash=hash_token(token),
            key_id=key_id,
            operator_hash=operator_hash,
        )
        async with self._database.engine() as tx:
            await queries.insert_session(tx, session=new)
        return token

    def _new_id(self) -> SessionId:
        return SessionId(new_uuid7(self._database.unix_seconds()))

    def _new_link(self, tenant_id: TenantId, wish: LinkWish, key_id: KeyId | None) -> LinkRecord:
        now = clock.at(self._database.unix_seconds())
        return LinkRecord(
            id=LinkId(new_uuid7(self._database.unix_seconds())),
            tenant_id=tenant_id,
            owner=wish.owner,
            role=wish.role,
            key_id=key_id,
            created_at=now,
            expires_at=now + timedelta(seconds=wish.expires_in),
            used_at=None,
            revoked_at=None,
        )
