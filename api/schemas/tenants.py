"""Tenants, keys and the default signing secret on the wire."""

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator
from pydantic.config import JsonDict

from api.schemas.fields import WHOLE, In, KeyIdOut, Line, Moment, Out, Owner, TenantIdOut, Timestamp, never_null
from core.model.merge_patch import merge_patch
from core.registry.tenant_changes import TenantWish
from core.registry.tenants import SCOPES, TenantLimits, TenantRecord

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"), Field(examples=["acme"])]
Count = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1), WHOLE]
Positive = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1), WHOLE]
Days = Annotated[int, Field(strict=True, ge=1, le=3650), WHOLE]
Scope = Annotated[str, Field(json_schema_extra={"enum": list(SCOPES)})]
_LEFT_OUT: Final[JsonDict] = {"type": "null"}
_GIVEN: Final[JsonDict] = {"not": _LEFT_OUT}
RoleName = Literal["admin", "client", "partner", "inspector"]


class LimitsIn(In):
    """What the tenant may use; `null` means no limit."""

    requests_per_second: Positive | None = Field(
        default=None, description="Requests to the API, a second's worth at once; 429 beyond."
    )
    waiting_tasks: Count = Field(default=100_000, description="Tasks that wait to run; a submit beyond gets 429.")
    running_tasks: Positive | None = Field(default=None, description="Tasks that run at once; the others wait.")
    endpoints: Count = 10_000
    retention_days: Days = 30

    def record(self) -> TenantLimits:
        """Return them as they are kept."""
        return TenantLimits(**self.model_dump())


class TenantIn(In):
    """A new tenant."""

    slug: Slug
    name: Line = Field(examples=["Acme Ltd"])
    limits: LimitsIn = LimitsIn()


class LimitsPatch(In):
    """Limits to change; `null` means the usual one again."""

    requests_per_second: Positive | None = None
    waiting_tasks: Count | None = None
    running_tasks: Positive | None = None
    endpoints: Count | None = None
    retention_days: Days | None = None


class TenantPatch(In):
    """What to change of a tenant (RFC 7396)."""

    slug: Slug | None = Field(default=None, json_schema_extra=never_null)
    name: Line | None = Field(default=None, json_schema_extra=never_null)
    limits: LimitsPatch | None = None

    def applied_to(self, tenant: TenantRecord) -> TenantWish:
        """Return the tenant as it is changed; raise `ValidationError` where that is none."""
        present = TenantOut.of(tenant).model_dump(include={"slug", "name", "limits"})
        merged = TenantIn.model_validate(merge_patch(present, self.model_dump(exclude_unset=True)))
        return TenantWish(merged.slug, merged.name, merged.limits.record())


class LimitsOut(Out):
    """What the tenant may use; `null` means no limit."""

    requests_per_second: int | None
    waiting_tasks: int
    running_tasks: int | None
    endpoints: int
    retention_days: int


class TenantOut(Out):
    """A tenant."""

    id: TenantIdOut
    slug: str
    name: str
    limits: LimitsOut
    created_at: Moment

    @classmethod
    def of(cls, tenant: TenantRecord) -> "TenantOut":
        """Show a tenant."""
        limits = LimitsOut.model_validate(tenant)
        return cls.model_validate(
            {
                "id": tenant.id,
                "slug": tenant.slug,
                "name": tenant.name,
                "limits": limits,
                "created_at": tenant.created_at,
            }
        )


class TenantPage(Out):
    """A page of tenants, newest first."""

    data: list[TenantOut]
    next_cursor: str | None


class KeyIn(In):
    """A new API key: a role, or scopes one by one."""

    name: Line = Field(examples=["backend"])
    role: RoleName | None = None
    scopes: Annotated[list[Scope], Field(min_length=1, examples=[["tasks:read", "tasks:write"]])] | None = None
    owner: Owner | None = Field(
        default=None,
        description="The partner whose things alone the key sees and makes; untold: that of the key that makes it.",
    )
    expires_at: Timestamp | None = Field(default=None, description="In the future; untold: it does not expire.")
    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["role"], "properties": {"role": _GIVEN, "scopes": _LEFT_OUT}},
                {"required": ["scopes"], "properties": {"scopes": _GIVEN, "role": _LEFT_OUT}},
            ],
            "examples": [{"name": "backend", "role": "client", "expires_at": "2099-12-31T00:00:00Z"}],
        }
    )

    @model_validator(mode="after")
    def _check(self) -> "KeyIn":
        if (self.role is None) == (self.scopes is None):
            raise ValueError("give either role or scopes")
        if unknown := set(self.scopes or ()) - set(SCOPES):
            raise ValueError(f"there is no scope {min(unknown)}")
        return self


class KeyOut(Out):
    """An API key, without the key."""

    id: KeyIdOut
    name: str
    role: str | None
    scopes: list[str]
    owner: str | None
    last_four: str
    created_at: Moment
    expires_at: Moment | None
    last_used_at: Moment | None


class NewKeyOut(KeyOut):
    """A new API key; `key` is shown this once, and `null` where the answer is replayed for an `Idempotency-Key`."""

    key: str | None = Field(examples=["rb_0123456789abcdefghijABCDEFGHIJ0123451x2y3z"])


class KeyPage(Out):
    """A page of keys, newest first."""

    data: list[KeyOut]
    next_cursor: str | None


class SecretOut(Out):
    """A signing secret (Standard Webhooks)."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


class RotationIn(In):
    """How a signing secret is rotated."""

    overlap: Annotated[int, Field(strict=True, ge=0, le=7 * 86_400), WHOLE] = Field(
        default=86_400, description="Seconds in which requests are signed with the old secret too."
    )
