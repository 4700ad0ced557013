"""Submits tasks over kept connections: `python -m benchmarks.load`, an `Order` as JSON on standard input.

Prints `{task_id: monotonic seconds at which its request was written}`.
"""

import asyncio
import itertools
import sys
from collections.abc import Iterator
from typing import Final

import msgspec
import uvloop

from core import clock

_DIGITS: Final = 12


class Order(msgspec.Struct, frozen=True):
    """What to submit; `rate` is tasks per second in all, 0 for as fast as answers come."""

    port: int
    key: str
    tenant: str
    webhook_url: str
    count: int
    connections: int = 64
    rate: float = 0


async def _connection(order: Order, numbers: Iterator[int], started: float, sent: dict[str, float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", order.port)
    for number in numbers:
        if order.rate:
            await asyncio.sleep(started + number / order.rate - clock.monotonic())
        at = clock.monotonic()
        writer.write(_request(order, number))
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        body = await reader.readexactly(int(length))
        if not head.startswith(b"HTTP/1.1 202"):
            raise RuntimeError(f"{head!r} {body!r}")
        sent[body.partition(b'"task_id":"')[2].partition(b'"')[0].decode()] = at
    writer.close()


def _request(order: Order, number: int) -> bytes:
    body = {"type": "benchmarks.noop", "input": {"x": number}, "webhook_url": order.webhook_url}
    encoded = msgspec.json.encode(body)
    return b"\r\n".join(
        (
            b"POST /v1/tasks HTTP/1.1",
            b"Host: 127.0.0.1",
            b"Authorization: Bearer %b" % order.key.encode(),
            b"Content-Type: application/json",
            b"Prefer: respond-async",
            b"Content-Length: %d" % len(encoded),
            b"",
            encoded,
        )
    )


async def _main(order: Order) -> None:
    sent: dict[str, float] = {}
    numbers, started = iter(range(order.count)), clock.monotonic()
    async with asyncio.TaskGroup() as group:
        for connection in itertools.repeat(_connection, order.connections):
            group.create_task(connection(order, numbers, started, sent))
    sys.stdout.buffer.write(msgspec.json.encode(sent))


if __name__ == "__main__":
    uvloop.run(_main(msgspec.json.decode(sys.stdin.buffer.read(), type=Order)))
