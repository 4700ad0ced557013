"""Hundreds of clients that wait for one task, each a socket and nothing else."""

import asyncio
import resource
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

_END_OF_HEAD: Final = b"\r\n\r\n"


@dataclass(frozen=True)
class Waiter:
    """One client; its request is sent."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def send(
        cls, client: httpx.AsyncClient, path: str, *, method: str = "GET", body: bytes = b"", **headers: str
    ) -> "Waiter":
        """Connect as this client would, and ask for a path."""
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        given = {
            "Host": "localhost",
            "Authorization": client.headers["Authorization"],
            "Connection": "close",
            **({"Content-Type": "application/json", "Content-Length": str(len(body))} if body else {}),
            **headers,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        writer.write(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        return cls(reader, writer)

    async def event(self) -> bytes:
        """Read as far as the first event's name."""
        return await self.reader.readuntil(b"event: ")

    async def rest(self) -> bytes:
        """Read to the end."""
        try:
            return await self.reader.read()
        finally:
            self.writer.close()


@contextmanager
def soft_limit(files: int) -> Generator[None]:
    """Let this process, and what it starts meanwhile, hold so many files; the hard limit has to allow it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def threads(pid: int) -> int:
    """Return how many threads a process has."""
    return int(_field(Path(f"/proc/{pid}/status"), "Threads:")[0])


def files_limits(pid: int) -> tuple[str, str]:
    """Return the soft and the hard limit of a process's open files."""
    soft, hard, *_ = _field(Path(f"/proc/{pid}/limits"), "Max open files")
    return soft, hard


def _field(path: Path, name: str) -> list[str]:
    (line,) = [line for line in path.read_text().splitlines() if line.startswith(name)]
    return line.removeprefix(name).split()


def reset_peak_memory(pid: int) -> int:
    """Let a process's peak of resident memory start from now; return the bytes that it has now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return peak_memory(pid)


def peak_memory(pid: int) -> int:
    """Return the most bytes of memory that a process has had resident."""
    return int(_field(Path(f"/proc/{pid}/status"), "VmHWM:")[0]) * 1024
