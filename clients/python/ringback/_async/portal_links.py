"""Portal links: what shows a partner its own endpoints and deliveries."""

from typing import Unpack

from ringback._async.pages import AsyncPages
from ringback._async.wire import AsyncWire
from ringback.answers import given, path
from ringback.generated.models import NewPortalLinkOut, PortalLinkOut, PortalLinkPage
from ringback.generated.params import ListPortalLinksParametersQuery


class AsyncPortalLinks:
    """`client.portal_links`."""

    def __init__(self, wire: AsyncWire) -> None:
        self._wire = wire

    async def create(
        self,
        owner: str,
        *,
        role: str | None = None,
        expires_in: int | None = None,
        idempotency_key: str | None = None,
    ) -> NewPortalLinkOut:
        """Make a link for a partner, which opens once within `expires_in` seconds; its `url` is shown here alone."""
        return await self._wire.request(
            "POST",
            path("portal-links"),
            into=NewPortalLinkOut,
            json={"owner": owner, **given({"role": role, "expires_in": expires_in})},
            idempotency_key=idempotency_key,
        )

    async def delete(self, link_id: str) -> None:
        """Revoke a link."""
        await self._wire.request("DELETE", path("portal-links", link_id), into=object)

    def list(self, **filters: Unpack[ListPortalLinksParametersQuery]) -> AsyncPages[PortalLinkOut]:
        """List links, newest first."""
        return AsyncPages(self._wire, path("portal-links"), PortalLinkPage, {**filters})
