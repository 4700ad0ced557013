"""Where a request stands in a distributed trace (W3C Trace Context, Level 2): read from callers, handed on."""

import hashlib
import re
from typing import Final
from uuid import UUID

HEADER: Final = "traceparent"
_FIELDS: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_LENGTH: Final = 55
_FLAGS: Final = 0x03  # sampled, random: the others mean nothing yet, and are not to be handed on


def read_traceparent(header: str | None) -> str | None:
    """Return a caller's `traceparent` as version 00, or `None` for none and for what is malformed (section 3.2).

    A later version may have more behind its fields; of this one only the fields that are known are read.
    """
    if header is None or _FIELDS.fullmatch(header[:_LENGTH]) is None:
        return None
    if len(header) > _LENGTH and (header.startswith("00") or header[_LENGTH] != "-"):
        return None
    return f"00{header[2:53]}{int(header[53:_LENGTH], 16) & _FLAGS:02x}"


def trace_id(traceparent: str) -> str:
    """Return what all of a trace has in common."""
    return traceparent[3:35]


def continued(traceparent: str, delivery_id: UUID, number: int) -> str:
    """Return the `traceparent` of one attempt: a span of its own in the same trace, the same if it is asked again."""
    span = hashlib.blake2b(delivery_id.bytes + number.to_bytes(8), digest_size=8).hexdigest()
    return f"{traceparent[:36]}{span}{traceparent[52:]}"
