"""What the tokens of sessions and portal links look like, what is kept of them, and how long they last.

```
rbs_ + 43 base64url characters (256 bits, drawn)    a session: in a cookie that no script reads
rbl_ + 43 base64url characters (256 bits, drawn)    a portal link: in the fragment of its URL, good for one exchange
```
"""

import base64
import hashlib
import hmac
import secrets
from typing import Final

LIFETIME: Final = 12 * 3600
"""Seconds after which a session ends, however busy."""

IDLE: Final = 3600
"""Seconds without a request after which a session ends; an open page asks all the time."""

TOUCHED_EVERY: Final = 60
"""Seconds between two notes that a session was used."""

SESSION_PREFIX: Final = "rbs_"
LINK_PREFIX: Final = "rbl_"
_BYTES: Final = 32
_CSRF: Final = b"csrf"


def new_token(prefix: str) -> str:
    """Return a fresh token, drawn from the system's source of randomness."""
    return prefix + secrets.token_urlsafe(_BYTES)


def hash_token(text: str) -> bytes:
    """Return the 32 bytes of SHA-256 that are kept instead of a token: 256 random bits leave nothing to guess."""
    return hashlib.sha256(text.encode()).digest()


def csrf_token(session_token: str) -> str:
    """Return what a page of ours knows and another site does not: it is read with the session, and sent beside it."""
    drawn = hmac.digest(session_token.encode(), _CSRF, "sha256")
    return base64.urlsafe_b64encode(drawn).decode().rstrip("=")
