"""A tunnel through the operator's proxy, to an address that the guard has judged."""

import asyncio
import re
from typing import Final

import structlog

from core.model.addresses import Address
from core.model.proxy import Proxy
from workers.delivery.probe import Probe
from workers.delivery.wire import LOST, Wire

HEAD_LIMIT: Final = 16 * 1024
_END: Final = b"\r\n\r\n"
_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")

_log: Final = structlog.stdlib.get_logger()


async def open_tunnel(proxy: Proxy, address: Address, port: int) -> Wire:
    """Return a connection whose bytes go to that address; raise `OSError` if there is none. The caller has a deadline.

    The proxy is told the address and no name, so that it cannot resolve to another one than was judged.
    """
    # What is written here is not the request yet: it counts on a probe of its own.
    loop = asyncio.get_running_loop()
    _, wire = await loop.create_connection(lambda: Wire(Probe()), proxy.host, proxy.port)
    try:
        await wire.write(_request(proxy, address, port))
        status = await _status(wire)
    except LOST as lost:
        wire.abort()
        raise ConnectionResetError("the proxy ended the connection") from lost
    except BaseException:
        wire.abort()
        raise
    if not status.startswith("2"):
        await wire.aclose()
        _log.warning("proxy.refused", status=status)
        raise ConnectionRefusedError("the proxy makes no tunnel")
    return wire


def _request(proxy: Proxy, address: Address, port: int) -> bytes:
    authority = f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"  # noqa: PLR2004 - IPv6
    lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
    if proxy.authorization is not None:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    return "\r\n".join(lines).encode("ascii") + _END


async def _status(wire: Wire) -> str:
    """Read the head of the answer and not a byte more: what follows it would be taken for the receiver's."""
    head = b""
    while _END not in head:
        data = await wire.read(HEAD_LIMIT)
        head += data
        if not data or len(head) > HEAD_LIMIT:
            raise ConnectionResetError("the proxy's answer has no end")
    found = _STATUS.match(head)
    if found is None or head.index(_END) + len(_END) != len(head):
        raise ConnectionResetError("the proxy's answer is not HTTP")
    return found[1].decode()
