"""Secrets and header values, opened: those of an endpoint are the same from one attempt to the next.

What is sealed names its own key and nonce, so that the same bytes of the same place always open to the same value: a
change of the endpoint brings other bytes. The claim reads them each time.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final
from uuid import UUID

from core.lease.claim import Claimed
from core.lease.signing import open_keys
from core.model.sealing import KeyRing
from core.model.signature import SigningKey, parse_secret
from core.registry.secrets import HEADERS, open_secret

KEPT: Final = 4096
"""Values of each kind that are kept open: a process that delivers to more endpoints opens some of them again."""
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class Opener:
    """Opens what a claim brought; raises `CannotOpenError` for what does not belong where it stood."""

    def __init__(self, ring: KeyRing) -> None:
        """Open nothing yet."""
        self._ring: Final = ring
        self._signing: Final = lru_cache(KEPT)(self._open_signing)
        self._custom: Final = lru_cache(KEPT)(self._open_custom)

    def keys(self, claimed: Claimed) -> list[SigningKey]:
        """Return the signing keys, see `core.lease.signing.open_keys`; a task's own are used once."""
        if claimed.sealed_webhook_secret is not None:
            return open_keys(self._ring, claimed)
        return [self._signing(claimed.tenant_id, row, sealed) for row, sealed in claimed.secrets]

    def headers(self, claimed: Claimed) -> Mapping[str, str]:
        """Return the endpoint's own headers."""
        if claimed.sealed_headers is None or claimed.endpoint_id is None:
            return NO_HEADERS
        return self._custom(claimed.tenant_id, claimed.endpoint_id, claimed.sealed_headers)

    def _open_signing(self, tenant: UUID, row: UUID, sealed: bytes) -> SigningKey:
        return parse_secret(open_secret(self._ring, sealed, tenant_id=tenant, secret_id=row))

    def _open_custom(self, tenant: UUID, row: UUID, sealed: bytes) -> Mapping[str, str]:
        plain = self._ring.open(sealed, tenant=tenant, row=row, column=HEADERS)
        return {str(name): str(value) for name, value in json.loads(plain).items()}
