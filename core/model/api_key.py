"""What an API key looks like, and what is kept of it.

```
rb_ + 36 base62 characters (214 bits, drawn) + 6 base62 characters (CRC-32 of all that precedes)
```

The checksum lets a mistyped or truncated key be told from a wrong one without asking the database, and lets
secret scanners find leaked keys with hardly a false alarm.
"""

import hashlib
import secrets
import string
import zlib
from typing import Final

_PREFIX: Final = "rb_"
_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_DRAWN: Final = 36
_CHECKSUM: Final = 6  # 62^6 > 2^32
_LEAST_BODY: Final = 30


def new_api_key() -> str:
    """Return a fresh key of 45 characters, drawn from the system's source of randomness."""
    drawn = _PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_DRAWN))
    return drawn + _checksum(drawn)


def has_valid_checksum(text: str) -> bool:
    """Say whether `text` has the shape of a key and ends with the checksum of what precedes.

    Any length from 30 drawn characters up is taken, so that longer keys may come later.
    """
    body, checksum = text[:-_CHECKSUM], text[-_CHECKSUM:]
    drawn = body.removeprefix(_PREFIX)
    shaped = body.startswith(_PREFIX) and len(drawn) >= _LEAST_BODY and set(drawn) <= set(_ALPHABET)
    return shaped and checksum == _checksum(body)


def hash_api_key(text: str) -> bytes:
    """Return the 32 bytes of SHA-256 that are kept instead of the key.

    A key holds 214 random bits: there is nothing to guess, so that a slow hash would only slow down requests.
    """
    return hashlib.sha256(text.encode()).digest()


def last_four(text: str) -> str:
    """Return the end of the key, by which its owner tells it from others."""
    return text[-4:]


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = ""
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
