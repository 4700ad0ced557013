"""Sessions and portal links on the wire."""

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.fields import WHOLE, In, LinkIdOut, Moment, Out, Owner, TenantIdOut

PortalRole = Literal["partner", "inspector"]


class SessionTenantOut(Out):
    """The tenant that a session is for."""

    id: TenantIdOut
    slug: str
    name: str


class ThemeOut(Out):
    """How the portal looks."""

    name: str = Field(examples=["Acme webhooks"])
    accent: str | None = Field(description="A colour, `#rrggbb`.", examples=["#4f46e5"])
    scheme: Literal["auto", "light", "dark"]


class SessionOut(Out):
    """Who calls, and what they may do."""

    kind: Literal["operator", "key", "portal"]
    tenant: SessionTenantOut | None = Field(description="`null` for the operator, unless acting for a tenant.")
    role: str | None
    scopes: list[str]
    owner: str | None
    csrf_token: str | None = Field(
        description="What requests that change something send as `Ringback-CSRF`; `null` without a cookie.",
        examples=["pDVsrAnCV8nmhHRVIXvFrSBUVnYSxGAGVhMfWjJB2oQ"],
    )
    expires_at: Moment | None
    theme: ThemeOut


class PortalLinkIn(In):
    """A link that shows a partner its own endpoints and deliveries."""

    owner: Owner
    role: PortalRole = Field(default="partner", description="`inspector` reads deliveries and events only.")
    expires_in: Annotated[int, Field(strict=True, ge=30, le=7 * 86_400), WHOLE] = Field(
        default=900, description="Seconds in which it may be opened, once."
    )


class PortalLinkOut(Out):
    """A portal link, without its token."""

    id: LinkIdOut
    owner: str
    role: PortalRole
    created_at: Moment
    expires_at: Moment
    used_at: Moment | None = Field(description="When it was opened: it opens once.")


class NewPortalLinkOut(PortalLinkOut):
    """A new portal link; `url` is shown this once, and `null` where the answer is replayed."""

    url: str | None = Field(
        examples=["https://ringback.example.com/dashboard/portal#rbl_9Tn5cYwq0uVxkq3C3iJ0l7d2mZ8sQe4b1R6hYtUoPwE"]
    )


class PortalLinkPage(Out):
    """A page of portal links, newest first."""

    data: list[PortalLinkOut]
    next_cursor: str | None
