"""The key ring of tests that pull, and what an endpoint to pull from is made of."""

import base64

from core.model.sealing import KeyRing

RING = KeyRing(base64.b64encode(bytes(32)).decode())
BELOW: dict[str, object] = {"mode": "pull", "url": ""}
