"""Endpoints to pull from, and the key ring that their secrets are sealed under."""

import base64
from typing import Final

from core.model.ids import EndpointId, TenantId
from core.model.sealing import KeyRing
from core.model.signature import Scheme, new_secret
from core.registry.queries import insert_secret
from core.registry.renewal import new_record
from tests.support.rows import Rows

RING: Final = KeyRing(base64.b64encode(bytes(32)).decode())
BELOW: Final[dict[str, object]] = {"mode": "pull", "url": ""}


async def new_queue(rows: Rows, tenant: TenantId) -> EndpointId:
    """Make an endpoint to pull from, with a secret."""
    made = await rows.endpoint(tenant, **BELOW)
    at = rows.database.unix_seconds()
    secret = new_record(RING, new_secret(Scheme.HMAC), tenant_id=tenant, endpoint_id=made, unix_seconds=at)
    async with rows.database.tenant(tenant) as tx:
        await insert_secret(tx, secret=secret)
    return made
