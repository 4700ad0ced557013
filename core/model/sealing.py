"""Encryption at rest: AES-256-GCM under a key ring, each value bound to its tenant, row and column.

A sealed value is `version (1) ‖ key ID (4) ‖ nonce (12) ‖ ciphertext and tag`. A value that was moved to
another row, or sealed under a key that is no longer in the ring, fails to open.
"""

import base64
import hashlib
import secrets
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.model.start_error import StartError

_VERSION: Final = b"\x01"
_KEY_ID: Final = slice(1, 5)
_NONCE: Final = slice(5, 17)
_NONCE_LENGTH: Final = 12
_KEY_LENGTH: Final = 32


class InvalidKeyRingError(StartError):
    """The setting is not a list of base64 keys of 32 bytes."""

    def __init__(self) -> None:
        super().__init__("SECRET_KEYS must be base64 of 32 bytes each, separated by commas")


class CannotOpenError(ValueError):
    """A sealed value was moved, altered, or its key is not in the ring."""

    def __init__(self, column: str) -> None:
        super().__init__(f"a sealed {column} cannot be opened with the present key ring")


class KeyRing:
    """The keys by their IDs; the first one seals, all of them open."""

    def __init__(self, keys: str) -> None:
        """Build from base64 keys separated by commas; raise `InvalidKeyRingError` if one is malformed."""
        raw = [_decode(part.strip()) for part in keys.split(",") if part.strip()]
        if not raw:
            raise InvalidKeyRingError
        self._ciphers: dict[bytes, AESGCM] = {hashlib.sha256(key).digest()[:4]: AESGCM(key) for key in raw}
        self._active = next(iter(self._ciphers))

    @property
    def newest(self) -> bytes:
        """What new values begin with: the version, and the ID of the key that seals them."""
        return _VERSION + self._active

    def seal(self, plain: bytes, *, tenant: UUID, row: UUID, column: str) -> bytes:
        """Encrypt a value for one place."""
        nonce = secrets.token_bytes(_NONCE_LENGTH)
        sealed = self._ciphers[self._active].encrypt(nonce, plain, _place(tenant, row, column))
        return _VERSION + self._active + nonce + sealed

    def open(self, sealed: bytes, *, tenant: UUID, row: UUID, column: str) -> bytes:
        """Decrypt a value of that place; raise `CannotOpenError` if it does not belong there."""
        cipher = self._ciphers.get(sealed[_KEY_ID])
        if cipher is None or sealed[:1] != _VERSION:
            raise CannotOpenError(column)
        try:
            return cipher.decrypt(sealed[_NONCE], sealed[_NONCE.stop :], _place(tenant, row, column))
        except (InvalidTag, ValueError):  # a ValueError: it was cut inside the nonce
            raise CannotOpenError(column) from None


def _place(tenant: UUID, row: UUID, column: str) -> bytes:
    return tenant.bytes + row.bytes + column.encode()


def _decode(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        raise InvalidKeyRingError from None
    if len(key) != _KEY_LENGTH:
        raise InvalidKeyRingError
    return key
