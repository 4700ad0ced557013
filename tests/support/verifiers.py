"""How receivers verify what they get: by a secret, or by a public key."""

import base64
from collections.abc import Callable, Mapping
from typing import Final

import standardwebhooks
import svix.webhooks
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from core.model.signature import parse_public_key
from tests.support.node import verified
from tests.support.received import ReceivedRequest

Verify = Callable[[ReceivedRequest, str], bool]


def _reference(request: ReceivedRequest, secret: str) -> bool:
    try:
        standardwebhooks.Webhook(secret).verify(request.body, dict(request.headers))
    except standardwebhooks.WebhookVerificationError:
        return False
    return True


def _svix(request: ReceivedRequest, secret: str) -> bool:
    try:
        svix.webhooks.Webhook(secret).verify(request.body, dict(request.headers))
    except svix.webhooks.WebhookVerificationError:
        return False
    return True


def _node(request: ReceivedRequest, secret: str) -> bool:
    return verified((secret, dict(request.headers), base64.b64encode(request.body).decode())) == [""]


def _ed25519(request: ReceivedRequest, public_key: str) -> bool:
    key = Ed25519PublicKey.from_public_bytes(parse_public_key(public_key))
    content = f"{request.header('webhook-id')}.{request.header('webhook-timestamp')}.".encode() + request.body
    entries = [entry.split(",") for entry in (request.header("webhook-signature") or "").split(" ")]
    return any(version == "v1a" and _is_of(key, signature, content) for version, signature in entries)


def _is_of(key: Ed25519PublicKey, signature: str, content: bytes) -> bool:
    try:
        key.verify(base64.b64decode(signature), content)
    except InvalidSignature:
        return False
    return True


WITH_SECRET: Final[Mapping[str, Verify]] = {
    "standardwebhooks": _reference,
    "svix": _svix,
    "standardwebhooks in Node": _node,
}
WITH_PUBLIC_KEY: Final[Mapping[str, Verify]] = {"cryptography": _ed25519, "crypto of Node": _node}
