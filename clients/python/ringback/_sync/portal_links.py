"""Portal links: what shows a partner its own endpoints and deliveries."""

from typing import Unpack

from ringback._sync.pages import Pages
from ringback._sync.wire import Wire
from ringback.answers import given, path
from ringback.generated.models import NewPortalLinkOut, PortalLinkOut, PortalLinkPage
from ringback.generated.params import ListPortalLinksParametersQuery


class PortalLinks:
    """`client.portal_links`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def create(
        self,
        owner: str,
        *,
        role: str | None = None,
        expires_in: int | None = None,
        idempotency_key: str | None = None,
    ) -> NewPortalLinkOut:
        """Make a link for a partner, which opens once within `expires_in` seconds; its `url` is shown here alone."""
        return self._wire.request(
            "POST",
            path("portal-links"),
            into=NewPortalLinkOut,
            json={"owner": owner, **given({"role": role, "expires_in": expires_in})},
            idempotency_key=idempotency_key,
        )

    def delete(self, link_id: str) -> None:
        """Revoke a link."""
        self._wire.request("DELETE", path("portal-links", link_id), into=object)

    def list(self, **filters: Unpack[ListPortalLinksParametersQuery]) -> Pages[PortalLinkOut]:
        """List links, newest first."""
        return Pages(self._wire, path("portal-links"), PortalLinkPage, {**filters})
