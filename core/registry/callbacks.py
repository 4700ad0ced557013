"""Whether a callback URL may be registered: the address guard, before anything is ever sent there."""

import asyncio
from typing import Final
from uuid import UUID

from core.model.addresses import Network, judge
from core.model.errors import FieldError, InvalidInputError
from core.model.targets import InvalidTargetError, Target, check_target
from core.resolver import NameNotResolvedError, Resolver

RESOLVE_TIMEOUT: Final = 3.0


class Callbacks:
    """Judges callback URLs; every connection is judged again when it is made."""

    def __init__(self, resolver: Resolver, *, allowed: tuple[Network, ...], https_only: bool) -> None:
        self._resolver: Final = resolver
        self._allowed: Final = allowed
        self._https_only: Final = https_only

    async def check(self, url: str, *, pointer: str, tenant_id: UUID) -> str:
        """Return the URL in its canonical form; raise `InvalidInputError` if it names or resolves to a forbidden one.

        A name that does not resolve (yet) is accepted.
        """
        try:
            target = check_target(url, self._allowed, https_only=self._https_only)
            await self._judge(target, tenant_id)
        except InvalidTargetError as error:
            raise InvalidInputError(FieldError(pointer, error.reason)) from None
        return target.url

    async def _judge(self, target: Target, tenant_id: UUID) -> None:
        if target.address is not None:
            return
        try:
            async with asyncio.timeout(RESOLVE_TIMEOUT):
                found = await self._resolver.resolve(target.host, lane=tenant_id, tenant=tenant_id)
        except (NameNotResolvedError, TimeoutError):
            return
        if not all(judge(address, self._allowed) for address in found):
            raise InvalidTargetError.forbidden()
