"""How a request is signed: Standard Webhooks 1.0.0, symmetric (`v1`) and asymmetric (`v1a`)."""

import base64
import binascii
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_SECRET_LENGTHS: Final = range(24, 65)
_NEW_SECRET_LENGTH: Final = 32
_SEED_LENGTH: Final = 32
_PUBLIC_LENGTH: Final = 32
_SYMMETRIC: Final = "whsec_"
_PRIVATE: Final = "whsk_"
_PUBLIC: Final = "whpk_"


class Scheme(StrEnum):
    """How an endpoint's requests are signed."""

    HMAC = "hmac"
    ED25519 = "ed25519"


class InvalidSecretError(ValueError):
    """A secret that requests cannot be signed with; `reason` is safe to show."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key bytes: 24 to 64 of an HMAC key, or the 32 of an Ed25519 seed."""

    scheme: Scheme
    material: bytes = field(repr=False)


def new_secret(scheme: Scheme = Scheme.HMAC) -> SigningKey:
    """Make a key of 32 random bytes."""
    return SigningKey(scheme, secrets.token_bytes(_NEW_SECRET_LENGTH))


def parse_secret(text: str) -> SigningKey:
    """Read `whsec_…`, or `whsk_…` (base64 of seed and public key); raise `InvalidSecretError` otherwise.

    Stricter than the libraries, which take keys of any length and a wrong prefix.
    """
    if text.startswith(_SYMMETRIC):
        return SigningKey(Scheme.HMAC, _symmetric(_decode(text, _SYMMETRIC)))
    if text.startswith(_PRIVATE):
        return SigningKey(Scheme.ED25519, _seed(_decode(text, _PRIVATE)))
    raise InvalidSecretError(f"the secret must start with {_SYMMETRIC}")


def format_secret(key: SigningKey) -> str:
    """Write a key as `whsec_…` or `whsk_…`."""
    if key.scheme is Scheme.HMAC:
        return _SYMMETRIC + _encode(key.material)
    return _PRIVATE + _encode(key.material + _public(key.material))


def public_key(key: SigningKey) -> str | None:
    """Write the public half of an Ed25519 key as `whpk_…`; `None` for HMAC."""
    return None if key.scheme is Scheme.HMAC else _PUBLIC + _encode(_public(key.material))


def parse_public_key(text: str) -> bytes:
    """Return the 32 bytes of `whpk_…`; raise `InvalidSecretError` otherwise."""
    raw = _decode(text, _PUBLIC) if text.startswith(_PUBLIC) else b""
    if len(raw) != _PUBLIC_LENGTH:
        raise InvalidSecretError(f"the public key must be {_PUBLIC} and {_PUBLIC_LENGTH} bytes in base64")
    return raw


def sign(keys: Sequence[SigningKey], *, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of `webhook-signature`: one entry for each key, one space between.

    `timestamp` is in Unix seconds; `body` is signed as it is sent. A `message_id` with a dot would let
    one message be read as another and raises `ValueError`, as no key at all does.
    """
    if "." in message_id or not keys:
        raise ValueError("signing needs a key and a message ID without a dot")
    content = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    return " ".join([_entry(key, content) for key in keys])


def _entry(key: SigningKey, content: bytes) -> str:
    if key.scheme is Scheme.HMAC:
        return "v1," + _encode(hmac.digest(key.material, content, "sha256"))
    return "v1a," + _encode(Ed25519PrivateKey.from_private_bytes(key.material).sign(content))


def _symmetric(raw: bytes) -> bytes:
    if len(raw) not in _SECRET_LENGTHS:
        raise InvalidSecretError("the secret must have 24 to 64 bytes")
    return raw


def _seed(raw: bytes) -> bytes:
    seed = raw[:_SEED_LENGTH]
    if len(raw) != _SEED_LENGTH + _PUBLIC_LENGTH or raw[_SEED_LENGTH:] != _public(seed):
        raise InvalidSecretError("the secret must be an Ed25519 seed followed by its public key")
    return seed


def _public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _decode(text: str, prefix: str) -> bytes:
    encoded = text.removeprefix(prefix)
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidSecretError(f"what follows {prefix} must be base64") from None
    # Two spellings of one key would let a leaked one go unnoticed in a search for it.
    if _encode(raw) != encoded:
        raise InvalidSecretError(f"what follows {prefix} must be base64")
    return raw
