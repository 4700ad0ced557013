"""What JSON can say, as a type; and its text, changed without a change to what was there."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec

JsonValue: TypeAlias = "str | int | float | bool | Mapping[str, JsonValue] | Sequence[JsonValue] | None"


def with_member(written: bytes, name: str, value: JsonValue) -> bytes:
    """Return a JSON object with one more member, and all others in the bytes that they had."""
    head = written.rstrip()[:-1].rstrip()
    comma = b"" if head.endswith(b"{") else b","
    return b"%b%b%b:%b}" % (head, comma, msgspec.json.encode(name), msgspec.json.encode(value))


def storable(text: str) -> str:
    """Replace what a text in Postgres, or in JSON there, cannot hold."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()
