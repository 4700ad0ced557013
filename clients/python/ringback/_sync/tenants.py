"""Tenants, their keys, and the secret that signs for tasks."""

from collections.abc import Sequence
from typing import Unpack

from ringback._sync.pages import Pages
from ringback._sync.wire import Wire
from ringback.answers import given, path
from ringback.generated.models import KeyOut, KeyPage, NewKeyOut, SecretOut, TenantOut, TenantPage
from ringback.generated.params import (
    ListKeysParametersQuery,
    ListTenantsParametersQuery,
    TenantIn,
    TenantPatch,
)


class Tenants:
    """`client.tenants`, for the operator."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def create(self, *, idempotency_key: str | None = None, **fields: Unpack[TenantIn]) -> TenantOut:
        """Make a tenant."""
        return self._wire.request(
            "POST", path("tenants"), into=TenantOut, json={**fields}, idempotency_key=idempotency_key
        )

    def get(self, tenant: str) -> TenantOut:
        """Return a tenant by its ID or slug."""
        return self._wire.request("GET", path("tenants", tenant), into=TenantOut)

    def update(self, tenant: str, **changes: Unpack[TenantPatch]) -> TenantOut:
        """Change what is named."""
        return self._wire.request("PATCH", path("tenants", tenant), into=TenantOut, json={**changes})

    def delete(self, tenant: str) -> None:
        """Close a tenant: its keys die at once, its data is erased."""
        self._wire.request("DELETE", path("tenants", tenant), into=object)

    def list(self, **filters: Unpack[ListTenantsParametersQuery]) -> Pages[TenantOut]:
        """List tenants, newest first."""
        return Pages(self._wire, path("tenants"), TenantPage, {**filters})


class Keys:
    """`client.keys`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def create(
        self,
        name: str,
        *,
        role: str | None = None,
        scopes: Sequence[str] | None = None,
        owner: str | None = None,
        expires_at: str | None = None,
        idempotency_key: str | None = None,
    ) -> NewKeyOut:
        """Make an API key of a role, or of scopes; its `key` is shown in this answer alone."""
        optional = given({"role": role, "scopes": scopes, "owner": owner, "expires_at": expires_at})
        return self._wire.request(
            "POST", path("keys"), into=NewKeyOut, json={"name": name, **optional}, idempotency_key=idempotency_key
        )

    def delete(self, key_id: str) -> None:
        """Revoke a key; it stops working within 5 s."""
        self._wire.request("DELETE", path("keys", key_id), into=object)

    def list(self, **filters: Unpack[ListKeysParametersQuery]) -> Pages[KeyOut]:
        """List keys, newest first."""
        return Pages(self._wire, path("keys"), KeyPage, {**filters})


class DefaultSecret:
    """`client.secret`: what signs for tasks with a `webhook_url` and no secret of their own."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def get(self) -> SecretOut:
        """Return it; the API key needs the scope `secrets:read`."""
        return self._wire.request("GET", path("secret"), into=SecretOut)

    def rotate(self, *, overlap: int | None = None, idempotency_key: str | None = None) -> SecretOut:
        """Replace it; both sign for `overlap` seconds, a day unless told."""
        return self._wire.request(
            "POST",
            path("secret", "rotate"),
            into=SecretOut,
            json=given({"overlap": overlap}),
            idempotency_key=idempotency_key,
        )
