"""Sees every connection that is tried in a network, whether somebody listens or not: `with Watch() as watch: …`."""

import socket
import struct
import threading
from ipaddress import ip_address
from types import TracebackType
from typing import Final, Self

_EVERY_PROTOCOL: Final = 0x0003
_IPV4: Final = 0x0800
_OUTGOING: Final = 4  # lo shows each packet twice, once as it leaves
_TCP: Final = 6
_UDP: Final = 17
_SYN: Final = 0x02
_ACK: Final = 0x10
_DNS: Final = 53
_V6_HEADER: Final = 40
_SOL_PACKET: Final = 263
_STATISTICS: Final = 6
_SO_RCVBUFFORCE: Final = 33
_BUFFER: Final = 64 * 1024 * 1024

Destination = tuple[str, int]


class Watch:
    """Looks at each packet on `lo`, answers of name servers aside.

    It needs CAP_NET_RAW, which root has in a network of its own.
    """

    def __init__(self) -> None:
        self._seen: dict[Destination, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_EVERY_PROTOCOL))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)  # packets wait, none is dropped
        self._socket.bind(("lo", _EVERY_PROTOCOL))
        self._socket.settimeout(0.1)

    def tried(self) -> dict[Destination, int]:
        """Return where connections and datagrams went so far, and how many; raise if a packet was missed."""
        _, dropped = struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 8))
        assert dropped == 0, f"{dropped} packets were not seen"
        return dict(self._seen)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()

    def _look(self) -> None:
        while not self._ended.is_set():
            try:
                packet, sender = self._socket.recvfrom(256)
            except TimeoutError:
                continue
            if sender[2] == _OUTGOING:
                self._note(packet, sender[1])

    def _note(self, packet: bytes, protocol: int) -> None:
        destination = _ipv4(packet) if protocol == _IPV4 else _ipv6(packet)
        if destination is not None:
            self._seen[destination] = self._seen.get(destination, 0) + 1


def _ipv4(packet: bytes) -> Destination | None:
    return _opening(packet[9], packet[(packet[0] & 0x0F) * 4 :], packet[16:20])


def _ipv6(packet: bytes) -> Destination | None:
    return _opening(packet[6], packet[_V6_HEADER:], packet[24:40])


def _opening(protocol: int, segment: bytes, address: bytes) -> Destination | None:
    if protocol not in (_TCP, _UDP):
        return None
    source, destination = struct.unpack("!HH", segment[:4])
    opens = source != _DNS if protocol == _UDP else segment[13] & (_SYN | _ACK) == _SYN
    return (str(ip_address(address)), destination) if opens else None
