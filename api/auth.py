"""Who calls: the operator, or a tenant's key with its scopes."""

import asyncio
import hmac
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Final, Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from api.errors import ProblemError
from api.state import State
from api.throttle import Failures
from core import clock
from core.database import is_away
from core.model import ids
from core.model.api_key import has_valid_checksum, hash_api_key
from core.model.errors import ForbiddenError, NotFoundError
from core.model.ids import KeyId, TenantId
from core.patience import within
from core.registry.queries import find_key, find_tenant, touch_key
from core.registry.tenants import SCOPES, FoundKey, KeyRecord, TenantRecord

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
CACHED_FOR: Final = 2.0
"""Seconds that a key is believed without a look-up: revocation works within 5 s on every process."""
BELIEVED_FOR: Final = 4.0
"""Seconds after the last look-up that found a key until it is believed no more, while look-ups fail."""
TOUCHED_EVERY: Final = 600
LOOKED_UP_WITHIN: Final = 1.0
"""Seconds that a look-up may take; 503 beyond: with what comes after it a refusal is promised within three."""
ASKED_AGAIN_WITHIN: Final = 0.3
"""Seconds that the look-up of a key may take that is believed without it."""
_CACHE_LIMIT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, for which tenant, and what they may do."""

    tenant_id: TenantId | None
    scopes: frozenset[str]
    owner: str | None = None
    operator: bool = False
    requests_per_second: int | None = None
    shown_tenant: str | None = None
    """The tenant's ID as the log shows it."""
    key_id: KeyId | None = None

    def require(self, scope: str) -> None:
        """Raise `ForbiddenError` if the key lacks the scope."""
        if scope not in self.scopes:
            raise ForbiddenError(scope)


@dataclass(frozen=True, slots=True)
class _Known(Generic[T_co]):
    """Who or what was found, when that was asked for, and when it was last asked for at all, on a monotonic clock."""

    what: T_co
    found_at: float
    asked_at: float

    def is_believed(self, now: float) -> bool:
        return now - self.asked_at < CACHED_FOR and now - self.found_at < BELIEVED_FOR


class Keys:
    """Finds out who calls; remembers a key for a moment, so that a busy one costs no query per request."""

    def __init__(self, state: State) -> None:
        self._state: Final = state
        self._known: Final[dict[bytes, _Known[Caller]]] = {}
        self._era = 0
        self._asked: Final[dict[bytes, asyncio.Task[Caller | None]]] = {}
        self._tenants: Final[dict[str, _Known[TenantRecord]]] = {}
        self._failures: Final = Failures()

    async def caller(self, authorization: str | None, tenant: str | None, *, address: str = "") -> Caller:
        """Return who calls; raise a 401 for a missing or wrong key, `NotFoundError` for another's tenant.

        Raises `LimitReachedError` for an address from which too many come without a valid key.
        """
        scheme, _, key = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise self._refused(address)
        hashed = hash_api_key(key.strip())
        if hmac.compare_digest(hashed, self._state.operator_hash):
            return await self._operator(tenant)
        known = self._known.get(hashed)  # a key that is known has a valid checksum
        if known is None and not has_valid_checksum(key.strip()):
            raise self._refused(address)
        if known is not None and known.is_believed(clock.monotonic()):
            found = known.what
        else:
            if known is None:
                self._failures.check(address)
            found = await _answered(self._ask(hashed, known), known)
        if found is None:
            raise self._refused(address)
        if tenant is not None and (await self._named(tenant)).id != found.tenant_id:
            raise NotFoundError("tenant")
        return found

    def known(self, authorization: str) -> Caller | None:
        """Return a caller whose key was looked up a moment ago; `None` for any other, whom `caller` finds."""
        if authorization[:7].lower() != "bearer ":
            return None
        known = self._known.get(hash_api_key(authorization[7:].strip()))
        return known.what if known is not None and known.is_believed(clock.monotonic()) else None

    def _refused(self, address: str) -> ProblemError:
        self._failures.count(address)
        return unauthorized()

    async def acting(self, tenant: str | None, own: TenantId | None) -> TenantId | None:
        """Return for whom a session acts: its own tenant, or for the operator, who has none, the one that is named."""
        if tenant is None:
            return own
        named = (await self._named(tenant)).id
        if own not in (None, named):
            raise NotFoundError("tenant")
        return named

    def forget(self) -> None:
        """Ask again for every key and tenant: one of them has just ended. What is being asked is not kept."""
        self._era += 1
        self._known.clear()
        self._tenants.clear()
        self._asked.clear()

    async def _operator(self, tenant: str | None) -> Caller:
        if tenant is None:
            return Caller(None, frozenset(SCOPES), operator=True)
        tenant_id = (await self._named(tenant)).id
        return Caller(tenant_id, frozenset(SCOPES), operator=True, shown_tenant=ids.encode(ids.TENANT, tenant_id))

    async def _named(self, text: str) -> TenantRecord:
        known = self._tenants.get(text)
        if known is not None and known.is_believed(clock.monotonic()):
            return known.what
        return await _answered(self._tenant(text, known), known)

    async def _tenant(self, text: str, known: _Known[TenantRecord] | None) -> TenantRecord:
        now, era = clock.monotonic(), self._era
        if known is not None and self._tenants.get(text) is known:  # as for a key: of hundreds at once one asks
            self._tenants[text] = replace(known, asked_at=now)
        async with self._state.database.engine() as tx:
            found = await find_tenant(tx, name=text)
        if found is None:
            self._tenants.pop(text, None)
            raise NotFoundError("tenant")
        if len(self._tenants) >= _CACHE_LIMIT:
            self._tenants.clear()
        if era == self._era:
            self._tenants[text] = _Known(found, now, now)
        return found

    async def _ask(self, hashed: bytes, known: _Known[Caller] | None) -> Caller | None:
        """Look a key up; those who come with it meanwhile share that, or a burst would wait for itself."""
        asked = self._asked.get(hashed)
        if asked is None:
            asked = asyncio.create_task(within(LOOKED_UP_WITHIN, self._find(hashed, known)))
            self._asked[hashed] = asked
            asked.add_done_callback(partial(self._was_asked, hashed))
        return await asyncio.shield(asked)

    def _was_asked(self, hashed: bytes, asked: asyncio.Task[Caller | None]) -> None:
        if self._asked.get(hashed) is asked:
            del self._asked[hashed]
        if not asked.cancelled():
            asked.exception()  # whoever still waits is told; nobody may

    async def _find(self, hashed: bytes, known: _Known[Caller] | None) -> Caller | None:
        now, era = clock.monotonic(), self._era
        if known is not None and self._known.get(hashed) is known:  # those beside it go on with what was known
            self._known[hashed] = replace(known, asked_at=now)
        async with self._state.database.engine() as tx:
            found = await find_key(tx, hash_=hashed)
            if found is not None and _is_stale(found):
                await touch_key(tx, key_id=found.id)
        if len(self._known) >= _CACHE_LIMIT:
            self._known.clear()
        if found is None:
            self._known.pop(hashed, None)
            return None
        caller = _caller(found)
        if era == self._era:
            self._known[hashed] = _Known(caller, now, now)
        return caller


async def _answered(look_up: Coroutine[None, None, T], known: _Known[T] | None) -> T:
    """Return what a look-up gives; if it fails or says nothing, what was known a moment ago."""
    believed = known is not None and clock.monotonic() - known.found_at < BELIEVED_FOR
    try:
        return await within(ASKED_AGAIN_WITHIN if believed else LOOKED_UP_WITHIN, look_up)
    except (OSError, SQLAlchemyError) as error:
        if known is None or not believed or not is_away(error):
            raise
        return known.what


def _caller(key: FoundKey) -> Caller:
    return Caller(
        key.tenant_id,
        frozenset(key.scopes),
        key.owner,
        requests_per_second=key.requests_per_second,
        shown_tenant=ids.encode(ids.TENANT, key.tenant_id),
        key_id=key.id,
    )


def _is_stale(key: KeyRecord) -> bool:
    return key.last_used_at is None or (clock.now() - key.last_used_at).total_seconds() > TOUCHED_EVERY


def unauthorized() -> ProblemError:
    """Return the one answer to a missing, malformed, unknown, expired or revoked key."""
    return ProblemError(
        HTTPStatus.UNAUTHORIZED,
        "unauthorized",
        "Send a valid API key as Authorization: Bearer rb_….",
        {"WWW-Authenticate": "Bearer"},
    )
