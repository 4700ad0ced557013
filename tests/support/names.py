"""Names that resolve to what a test says."""

from collections.abc import Mapping
from ipaddress import ip_address
from uuid import UUID

from core.model.addresses import Address
from core.resolver import NameNotResolvedError


class FixedNames:
    """A resolver that knows these names only, and counts how often it is asked."""

    def __init__(self, names: Mapping[str, tuple[str, ...]]) -> None:
        self._names = names
        self.asked: list[tuple[str, UUID, UUID]] = []

    async def resolve(self, host: str, *, lane: UUID, tenant: UUID) -> tuple[Address, ...]:
        """Return the addresses that the test gave the name."""
        self.asked.append((host, lane, tenant))
        if host not in self._names:
            raise NameNotResolvedError
        return tuple(ip_address(address) for address in self._names[host])

    async def aclose(self) -> None:
        """Do nothing: there is nothing to give up."""
