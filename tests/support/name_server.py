"""A name server on UDP and TCP that answers as it is told to: `with NameServer(addresses) as names: …`."""

import socketserver
import struct
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from socket import AF_INET, AF_INET6, socket
from types import TracebackType
from typing import Final, Self, cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

PORT: Final = 53
_UDP_LIMIT: Final = 512


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of a name: its addresses, or whose name it stands for, or that something is wrong."""

    addresses: tuple[str, ...] = ()
    alias: str | None = None
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR
    silent: bool = False
    ttl: int = 0
    late: float = 0.0
    """Seconds until it is said, over UDP."""


NOTHING: Final = Said(rcode=dns.rcode.NXDOMAIN)


class NameServer:
    """Knows no name until it is told one; a name may be answered differently each time it is asked for."""

    def __init__(self, hosts: Sequence[str]) -> None:
        self.asked: list[str] = []
        self._lock = threading.Lock()
        self._heard = threading.Condition(self._lock)
        self._scripts: dict[tuple[str, int], deque[Said]] = {}
        self._servers = [made for host in hosts for made in (_Datagrams(host, self), _Streams(host, self))]

    def say(self, name: str, *answers: Said) -> None:
        """Answer questions for this name's addresses so from now on, in order; the last answer repeats."""
        with self._lock:
            for kind in (dns.rdatatype.A, dns.rdatatype.AAAA):
                self._scripts[name.lower(), kind] = deque(answers)

    def point(self, name: str, *addresses: str) -> None:
        """Let a name have these addresses from now on."""
        self.say(name, Said(addresses))

    def wait_for(self, count: int, *, within: float = 60.0) -> bool:
        """Wait until that many different names were asked for; tell whether they were."""
        with self._heard:
            return self._heard.wait_for(lambda: len(set(self.asked)) >= count, within)

    def lateness(self, query: bytes) -> float:
        """Return how many seconds to wait before the answer is looked up."""
        asked = dns.message.from_wire(query).question[0]
        with self._lock:
            script = self._scripts.get((asked.name.to_text(omit_final_dot=True).lower(), asked.rdtype))
            return script[0].late if script else 0.0

    def answer(self, query: bytes, limit: int) -> bytes | None:
        """Return the answer to a question, cut to the limit, if there is to be one."""
        question = dns.message.from_wire(query)
        reply = dns.message.make_response(question)
        reply.flags |= dns.flags.RA
        name, kind = question.question[0].name.to_text(omit_final_dot=True).lower(), question.question[0].rdtype
        with self._heard:
            self.asked.append(name)
            self._heard.notify_all()
        if not self._fill(reply, name, kind):
            return None
        wire = reply.to_wire(max_size=65_535)
        if len(wire) <= limit:
            return wire
        cut = dns.message.make_response(question)
        cut.flags |= dns.flags.TC | dns.flags.RA  # without the latter glibc asks the next server
        return cut.to_wire()

    def _fill(self, reply: dns.message.Message, name: str, kind: dns.rdatatype.RdataType) -> bool:
        said = self._next(name, kind)
        while said.alias is not None:
            reply.answer.append(dns.rrset.from_text(f"{name}.", said.ttl, "IN", "CNAME", f"{said.alias}."))
            name, said = said.alias, self._next(said.alias, kind)
        version = 4 if kind == dns.rdatatype.A else 6
        found = [address for address in said.addresses if ip_address(address).version == version]
        if found:
            reply.answer.append(dns.rrset.from_text_list(f"{name}.", said.ttl, "IN", kind, found))
        else:  # how long that holds: without it c-ares takes an hour
            reply.authority.append(dns.rrset.from_text(f"{name}.", said.ttl, "IN", "SOA", f". . 1 60 60 60 {said.ttl}"))
        reply.set_rcode(said.rcode)
        return not said.silent

    def _next(self, name: str, kind: int) -> Said:
        with self._lock:
            script = self._scripts.get((name, kind), deque([NOTHING]))
            return script.popleft() if len(script) > 1 else script[0]

    def __enter__(self) -> Self:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()


def _family(host: str) -> int:
    return AF_INET6 if ":" in host else AF_INET


class _Datagrams(socketserver.UDPServer):
    def __init__(self, host: str, names: NameServer) -> None:
        self.address_family = _family(host)
        self.names = names
        super().__init__((host, PORT), _Datagram)


class _Datagram(socketserver.BaseRequestHandler):
    server: _Datagrams  # pyright: ignore[reportIncompatibleVariableOverride] - narrower, and set by that server only

    def handle(self) -> None:
        query, _ = cast("tuple[bytes, socket]", self.request)
        late = self.server.names.lateness(query)
        if late > 0:
            threading.Timer(late, self._answer).start()
        else:
            self._answer()

    def _answer(self) -> None:
        query, answering = cast("tuple[bytes, socket]", self.request)
        wire = self.server.names.answer(query, _UDP_LIMIT)
        if wire is not None:
            with suppress(OSError):  # who asked, or the server, may be gone
                answering.sendto(wire, self.client_address)


class _Streams(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, host: str, names: NameServer) -> None:
        self.address_family = _family(host)
        self.names = names
        super().__init__((host, PORT), _Stream)


class _Stream(socketserver.StreamRequestHandler):
    server: _Streams  # pyright: ignore[reportIncompatibleVariableOverride] - narrower, and set by that server only

    def handle(self) -> None:
        while prefix := self.rfile.read(2):
            wire = self.server.names.answer(self.rfile.read(struct.unpack("!H", prefix)[0]), 65_535)
            if wire is not None:
                self.wfile.write(struct.pack("!H", len(wire)) + wire)
