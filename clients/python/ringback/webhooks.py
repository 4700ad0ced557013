"""Whether a webhook is what it says: Standard Webhooks 1.0, by a secret (`v1`) or a public key (`v1a`)."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ringback.clock import unix_seconds
from ringback.errors import WebhookVerificationError

TOLERANCE: Final = 300  # seconds, as the specification advises
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - where one begins
PUBLIC_PREFIX: Final = "whpk_"
_ID, _TIMESTAMP, _SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
_Verifies = Callable[[bytes, bytes], bool]


@dataclass(frozen=True, slots=True)
class Message:
    """A webhook that verified; the same `id` may come more than once."""

    id: str
    type: str
    timestamp: str
    data: Any  # pyright: ignore[reportExplicitAny] - what it holds is known to its type alone


class Webhook:
    """An endpoint's secret (`whsec_…`) or public key (`whpk_…`), and what verifies by it.

    A public key needs `pip install 'ringback-client[ed25519]'`. Raises `ValueError` for what is neither.
    """

    def __init__(self, key: str) -> None:
        self._version, self._verifies = _by_public_key(key) if key.startswith(PUBLIC_PREFIX) else _by_secret(key)

    def verify(self, body: bytes | str, headers: Mapping[str, str]) -> Message:
        """Return what a request says, given its body exactly as it came.

        Raises `WebhookVerificationError` for what `check` refuses, or a body that is no webhook.
        """
        return _read(self.check(body, headers), body)

    def check(self, body: bytes | str, headers: Mapping[str, str], *, now: float | None = None) -> str:
        """Return the `webhook-id` of a request whose signature is good; `now` (Unix seconds) is the clock's.

        Raises `WebhookVerificationError` for a header that is missing, a time that is more than five minutes off, or a
        signature that does not match.
        """
        raw = body.encode() if isinstance(body, str) else body
        found = {name.lower(): value for name, value in headers.items()}
        if lost := [name for name in (_ID, _TIMESTAMP, _SIGNATURE) if not found.get(name)]:
            raise WebhookVerificationError(f"there is no {', '.join(lost)}")
        _judge_time(found[_TIMESTAMP], unix_seconds() if now is None else now)
        content = f"{found[_ID]}.{found[_TIMESTAMP]}.".encode(errors="surrogatepass") + raw
        if not any(self._verifies(content, signature) for signature in self._signatures(found[_SIGNATURE])):
            raise WebhookVerificationError("no signature matches")
        return found[_ID]

    def _signatures(self, header: str) -> list[bytes]:
        entries = [entry.partition(",") for entry in header.split(" ")]
        decoded = [_decoded(text) for version, _, text in entries if version == self._version]
        return [signature for signature in decoded if signature is not None]


def _by_secret(secret: str) -> tuple[str, _Verifies]:
    key = _decoded(secret.removeprefix(SECRET_PREFIX))
    if not key:
        raise ValueError("a secret is whsec_ and base64")
    return "v1", lambda content, signature: hmac.compare_digest(_hmac(key, content), signature)


def _hmac(key: bytes, content: bytes) -> bytes:
    return hmac.new(key, content, hashlib.sha256).digest()


def _by_public_key(text: str) -> tuple[str, _Verifies]:
    # cryptography is large, and most receivers hold a secret.
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - optional
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - optional

    key = Ed25519PublicKey.from_public_bytes(_decoded(text.removeprefix(PUBLIC_PREFIX)) or b"")

    def verifies(content: bytes, signature: bytes) -> bool:
        try:
            key.verify(signature, content)
        except InvalidSignature:
            return False
        return True

    return "v1a", verifies


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


_LONGEST_TIME: Final = 12
"""Digits of Unix seconds; more would be no time of ours, and thousands are more than `int` reads."""


def _judge_time(text: str, now: float) -> None:
    if not (text.isascii() and text.isdecimal()):
        raise WebhookVerificationError("webhook-timestamp is not in Unix seconds")
    if len(text) > _LONGEST_TIME or abs(now - int(text)) > TOLERANCE:
        raise WebhookVerificationError("webhook-timestamp is too far from now: an old request again, or a wrong clock")


def _read(id_: str, raw: bytes | str) -> Message:
    try:
        document: dict[str, str] = json.loads(raw)
        return Message(id_, document["type"], document["timestamp"], document["data"])
    except (ValueError, TypeError, KeyError) as error:
        raise WebhookVerificationError("the body is no webhook: type, timestamp and data") from error
