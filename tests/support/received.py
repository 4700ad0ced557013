"""What a receiver has read."""

import json
from asyncio import StreamReader
from dataclasses import dataclass
from typing import cast

from core.clock import unix_seconds


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request as it came; `received_at` is in Unix seconds, `connection` counts from 1."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    received_at: float
    connection: int

    def header(self, name: str) -> str | None:
        """Return the first value of the header, whatever the case of its name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> dict[str, object]:
        """Return the body's object."""
        return cast("dict[str, object]", json.loads(self.body))


async def read_request(reader: StreamReader, connection: int) -> ReceivedRequest:
    """Read one request whose body has a length; raise `asyncio.IncompleteReadError` if the client hangs up."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    method, path, _ = first.split(" ")
    pairs = (line.split(":", 1) for line in lines)
    headers = tuple((name, value.strip()) for name, value in pairs)
    length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
    body = await reader.readexactly(length)
    return ReceivedRequest(method, path, headers, body, unix_seconds(), connection)
