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

from core.lease.claim import Claimed, parted
from core.lease.signing import open_keys
from core.model.sealing import KeyRing
from core.model.signature import SigningKey, parse_secret
from core.registry.secrets import HEADERS, open_secret
from workers.delivery.request import Destination

KEPT: Final = 4096
"""Values of each kind that are kept open: a process that delivers to more endpoints opens some of them again."""
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class Opener:
    """Opens what a claim brought; raises `CannotOpenError` for what does not belong where it stood."""

    def __init__(self, ring: KeyRing) -> None:
        """Open nothing yet."""
        self._ring: Final = ring
        self._signing: Final = lru_cache(KEPT)(self._open_signing)
        self._destination: Final = lru_cache(KEPT)(self._open_destination)

    def keys(self, claimed: Claimed) -> list[SigningKey]:
        """Return the signing keys, see `core.lease.signing.open_keys`; a task's own are used once."""
        if claimed.sealed_webhook_secret is not None:
            return open_keys(self._ring, claimed)
        return [self._signing(claimed.tenant_id, one) for one in claimed.newest_keys]

    def destination(self, claimed: Claimed) -> Destination:
        """Return where it goes, with the endpoint's own headers."""
        sealed = None if claimed.endpoint_id is None else claimed.sealed_headers
        return self._destination(claimed.lane, claimed.url, claimed.tenant_id, sealed)

    def _open_signing(self, tenant: UUID, key: bytes) -> SigningKey:
        row, sealed = parted(key)
        return parse_secret(open_secret(self._ring, sealed, tenant_id=tenant, secret_id=row))

    def _open_destination(self, lane: UUID, url: str, tenant: UUID, sealed: bytes | None) -> Destination:
        custom = NO_HEADERS if sealed is None else self._open_headers(tenant, lane, sealed)
        return Destination(lane, url, custom, tenant)

    def _open_headers(self, tenant: UUID, endpoint: UUID, sealed: bytes) -> Mapping[str, str]:
        plain = self._ring.open(sealed, tenant=tenant, row=endpoint, column=HEADERS)
        return {str(name): str(value) for name, value in json.loads(plain).items()}
