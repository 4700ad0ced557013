import os
import selectors
import socket
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Final

_CHUNK: Final = 65_536
_LONGEST_LINE: Final = 1_048_576


@dataclass(slots=True)
class _Pipe:
    stream: IO[bytes]
    name: str
    tail: deque[str]
    echo: bool
    rest: bytes = field(default=b"")


class LogPipes:
    """Reads what children say, without ever waiting for one, and passes it on line by line.

    Each line gets its child's name in front; `tail` keeps the last ones.
    """

    def __init__(self, sink: IO[bytes], wake: socket.socket) -> None:
        """Write to `sink`; bytes that arrive at `wake` end a turn early."""
        self._sink = sink
        self._wake = wake
        self._selector = selectors.DefaultSelector()
        self._selector.register(wake, selectors.EVENT_READ)

    def say(self, name: str, line: str) -> None:
        """Write one line of our own."""
        self._write(name, line.encode())

    def follow(self, stream: IO[bytes], name: str, tail: deque[str], *, echo: bool = True) -> None:
        """Read `stream` until its end; `echo` off only fills `tail`."""
        os.set_blocking(stream.fileno(), False)
        self._selector.register(stream, selectors.EVENT_READ, _Pipe(stream, name, tail, echo))

    def turn(self, seconds: float) -> None:
        """Wait at most `seconds` for something to read, and pass on what there is."""
        for key, _ in self._selector.select(seconds):
            pipe: _Pipe | None = key.data
            if pipe is None:
                self._wake.recv(_CHUNK)
            else:
                self._read(pipe)

    def close(self) -> None:
        """Close every pipe; what has not been read is lost."""
        for key in tuple(self._selector.get_map().values()):
            pipe: _Pipe | None = key.data
            if pipe is not None:
                self._end(pipe)
        self._selector.close()

    def _read(self, pipe: _Pipe) -> None:
        chunk = os.read(pipe.stream.fileno(), _CHUNK)
        if not chunk:
            self._end(pipe)
            return
        *lines, pipe.rest = (pipe.rest + chunk).split(b"\n")
        if len(pipe.rest) > _LONGEST_LINE:
            lines, pipe.rest = [*lines, pipe.rest], b""
        for line in lines:
            self._pass_on(pipe, line)

    def _end(self, pipe: _Pipe) -> None:
        if pipe.rest:
            self._pass_on(pipe, pipe.rest)
        self._selector.unregister(pipe.stream)
        pipe.stream.close()

    def _pass_on(self, pipe: _Pipe, line: bytes) -> None:
        pipe.tail.append(line.decode(errors="replace"))
        if pipe.echo:
            self._write(pipe.name, line)

    def _write(self, name: str, line: bytes) -> None:
        with suppress(OSError):  # whoever read our log has gone; the children are more important
            self._sink.write(name.encode() + b" | " + line + b"\n")
            self._sink.flush()
