"""uvicorn's protocol with an end to its patience: for requests that do not come, and for answers that nobody takes.

```
a part of a request ──► COMES_WITHIN, and a second for each SLOWEST bytes ──► whole: nothing   else 408, and the end
more than is taken  ──► UNREAD_FOR ──► some of it was taken: again         none: the end
```
What comes in one piece, and is taken as it is sent, sets no timer.
"""

import asyncio
import fcntl
import socket
import sys
import termios
from typing import Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

COMES_WITHIN: Final = 30.0
"""Seconds in which a request has to be there, its body included."""
SLOWEST: Final = 32 * 1024
"""Bytes of it that give a second more: whoever is as quick as that may send all that is taken."""
UNREAD_FOR: Final = 30.0
"""Seconds after which a connection ends whose client takes nothing of what waits for it."""


class PatientProtocol(HttpToolsProtocol):
    """A connection whose client is waited for, but not for ever."""

    comes_within = COMES_WITHIN
    slowest = SLOWEST
    unread_for = UNREAD_FOR

    _whole = True
    _came = 0
    _since = 0.0
    _late: asyncio.TimerHandle | None = None
    _waiting = 0
    _taken = False
    _unread: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Read on; wait for the rest of a request of which this is a part."""
        super().data_received(data)
        if not self._whole:
            self._await_rest(len(data))
        elif self._late is not None:
            self._late = _ended(self._late)

    def on_message_begin(self) -> None:
        """Begin to read a request."""
        self._whole = False
        if self._late is not None:
            self._late = _ended(self._late)
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """Come to the end of a request."""
        self._whole = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the rest of a request that had to wait for this answer from now; end what is closed in time."""
        super().on_response_complete()
        if self._late is not None:
            self._came, self._since = 0, self.loop.time()
        if self.transport.is_closing():
            self._await_reader()

    def pause_writing(self) -> None:
        """Have those wait who write; wait for the client to read."""
        super().pause_writing()
        self._await_reader()

    def resume_writing(self) -> None:
        """Have them write on; what waits next may be as much again, though the client takes it."""
        super().resume_writing()
        self._taken = True

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, which takes as long as its client takes what it was sent."""
        super().timeout_keep_alive_handler()
        self._await_reader()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._late, self._unread = _ended(self._late), _ended(self._unread)
        super().connection_lost(exc)

    def is_awaited(self) -> bool:
        """Tell whether what is being read is what has to come next; else the client is not the one who is late."""
        return not self.flow.read_paused

    def refuse_late(self) -> None:
        """End a connection whose request does not come."""
        self.transport.close()

    def _await_rest(self, size: int) -> None:
        if self._late is None:
            self._came, self._since = 0, self.loop.time()
            self._late = self.loop.call_later(self.comes_within, self._look_at_request)
        self._came += size

    def _look_at_request(self) -> None:
        self._late, now = None, self.loop.time()
        if self._whole or self.transport.is_closing():
            return
        if not self.is_awaited():
            self._came, self._since = 0, now
        left = self._since + self.comes_within + self._came / self.slowest - now
        if left > 0:
            self._late = self.loop.call_later(left, self._look_at_request)
        else:
            self.refuse_late()

    def _await_reader(self) -> None:
        if self._unread is None:
            self._waiting, self._taken = self._untaken(), False
            self._unread = self.loop.call_later(self.unread_for, self._look_at_reader)

    def _look_at_reader(self) -> None:
        self._unread = None
        if not (self.flow.write_paused or self.transport.is_closing()):
            return
        if not self._taken and 0 < self._waiting <= self._untaken():
            self.transport.abort()
        else:
            self._await_reader()

    def _untaken(self) -> int:
        """Return the bytes that the client has not taken: what waits here, and in the kernel (tcp(7), SIOCOUTQ).

        The kernel holds megabytes for a quick client, and takes none here until a third of them has gone.
        """
        here = self.transport.get_write_buffer_size()
        if here == 0:  # then the socket may be closed
            return 0
        held = fcntl.ioctl(cast("socket.socket", self.transport.get_extra_info("socket")), termios.TIOCOUTQ, bytes(4))
        return here + int.from_bytes(held, sys.byteorder)


def _ended(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
