"""Reading one HTTP/1.1 answer with llhttp (RFC 9112), as far as a sender is interested in it."""

import re
from functools import lru_cache
from typing import Final

import httptools

from core.model.outcome import RESPONSE_HEADERS_LIMIT, RESPONSE_HEADERS_MAX, ErrorClass
from workers.delivery.exchange import Progress
from workers.delivery.probe import ExchangeError

OVERHEAD_LIMIT: Final = 64 * 1024
"""Bytes without any of the body after which chunk extensions or trailers are taken for endless."""

NAMES: Final = 1024
"""Names of headers that are known; receivers have a few dozen of them."""

_NOBODYS: Final = Progress(0)
_OK: Final = b"OK"
_LINE_OVERHEAD: Final = len(": \r\n")
_SURELY_SHORT: Final = RESPONSE_HEADERS_LIMIT - _LINE_OVERHEAD * RESPONSE_HEADERS_MAX
"""Bytes of an answer whose headers need not be counted: each takes as many as it has, but for the overhead."""
_INTERIM: Final = range(100, 200)
_SWITCHING: Final = 101
_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NO_REASON: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_NO_VALUE: Final = re.compile(rb"[\x00\x0a-\x0d]")


class AnswerReader:
    """Feeds on the bytes of one connection, an answer at a time; the methods `on_…` are llhttp's calls.

    The parser of an answer that was read to a clean end reads the next one as well: to make one costs as much as a
    small answer does.
    """

    def __init__(self) -> None:
        """Read nothing yet."""
        self._parser: Final = httptools.HttpResponseParser(self)
        # As h11 and most clients: lone line feeds end lines, folded lines are one, a length beside chunks does not
        # count, a higher minor version is none, and an interim answer that says `close` means the end of the last.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True,  # they let more pass than folded lines: `_understood` does not
            lenient_optional_cr_before_lf=True,
            lenient_chunked_length=True,
            lenient_version=True,
            lenient_keep_alive=True,
            lenient_spaces_after_chunk_size=True,
        )

    def begin(self, progress: Progress, *, bodiless: bool = False) -> None:
        """Read the next answer, for `progress`; `bodiless` says that a head alone is awaited (HEAD)."""
        self.ended = False
        self.reusable = False
        self._progress = progress
        self._probe = progress.probe
        self._bodiless = bodiless
        self._headers: list[tuple[bytes, bytes]] = []
        self._fed = 0  # bytes in all
        self._idle = 0  # bytes since the present head began, or since the last of the body
        self._in_first_line = True
        self._opened = False
        self._delimited = False
        self._fault: ErrorClass | None = None

    def let_go(self) -> None:
        """Keep nothing of the answer that was read: the connection may be idle for a minute."""
        self._progress, self._probe, self._headers = _NOBODYS, _NOBODYS.probe, []

    def feed(self, data: bytes) -> None:
        """Read on; raise `ExchangeError` for what is not an answer, or one too large."""
        if not self._opened:
            self._open(data)
        self._fed += len(data)
        self._idle += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if self.ended:
                self.reusable = False
                return
            raise ExchangeError(self._fault or ErrorClass.PROTOCOL) from error
        if self._fault is not None:
            raise ExchangeError(self._fault)
        if self.ended:
            return
        if not self._probe.head_ended and self._idle > RESPONSE_HEADERS_LIMIT:
            raise ExchangeError(ErrorClass.TOO_LARGE)
        if self._idle > OVERHEAD_LIMIT:
            raise ExchangeError(ErrorClass.PROTOCOL)

    def close(self) -> None:
        """The connection has ended: raise `ExchangeError` if the answer had not."""
        if not self._probe.head_ended or self._delimited:
            raise ExchangeError(ErrorClass.CONNECT)
        self.ended = True

    def on_message_begin(self) -> None:  # noqa: D102
        if self.ended:  # bytes that nobody asked for: they must not answer the next request
            self.reusable = False
        elif not self._probe.head_ended:
            self._headers.clear()

    def on_status(self, reason: bytes) -> None:  # noqa: D102
        if reason != _OK and not self.ended and _NO_REASON.search(reason):
            self._fault = ErrorClass.PROTOCOL

    def on_header(self, name: bytes, value: bytes) -> None:  # noqa: D102
        if self._probe.head_ended:  # what comes after a body is a trailer
            return
        if len(self._headers) < RESPONSE_HEADERS_MAX:
            self._headers.append((name, value))
        else:
            self._fault = ErrorClass.TOO_LARGE

    def on_headers_complete(self) -> None:  # noqa: D102
        status = self._parser.get_status_code()
        if self.ended:
            return
        if self._fault is ErrorClass.TOO_LARGE:
            return
        if self._fault or status == _SWITCHING or status < _INTERIM.start or not self._understood(status):
            self._fault = ErrorClass.PROTOCOL
        elif status in _INTERIM:
            return
        elif self._fed > _SURELY_SHORT and self._size() > RESPONSE_HEADERS_LIMIT:
            self._fault = ErrorClass.TOO_LARGE
        else:
            self._probe.head_ended = True
            self._progress.status, self._progress.headers = status, self._headers
            self._idle = 0
            self.ended = self._bodiless

    def on_body(self, data: bytes) -> None:  # noqa: D102
        if self._probe.head_ended and not self.ended:
            self._progress.body += data
            self._idle = 0

    def on_message_complete(self) -> None:  # noqa: D102
        if self._probe.head_ended and not self.ended:
            self.ended = True
            self.reusable = self._parser.should_keep_alive()
        elif not self.ended:
            self._idle = 0  # an interim answer

    def _open(self, data: bytes) -> None:
        """Refuse what llhttp reads past: empty lines before the answer, white space after its first line."""
        if self._idle == 0 and not data.startswith(b"H"):
            raise ExchangeError(ErrorClass.PROTOCOL)
        if self._in_first_line:
            _, newline, data = data.partition(b"\n")
            self._in_first_line = not newline
        self._opened = bool(data) and not self._in_first_line
        if self._opened and data[0] in b" \t":
            raise ExchangeError(ErrorClass.PROTOCOL)

    def _size(self) -> int:
        return sum([len(name) + len(value) + _LINE_OVERHEAD for name, value in self._headers])

    def _understood(self, status: int) -> bool:
        """Note how the body ends; false for what no header can be, and for a transfer coding that nobody asked for.

        False for an interim answer with a length, too: llhttp would add its digits to those of the next.
        """
        names = [_lowered(name) for name, _ in self._headers]
        if b"" in names or _NO_VALUE.search(b" ".join([value for _, value in self._headers])):
            return False
        counted = b"content-length" in names
        if b"transfer-encoding" not in names:
            self._delimited = counted
            return not (counted and status in _INTERIM)
        self._delimited = True
        codings = [self._headers[at][1] for at, name in enumerate(names) if name == b"transfer-encoding"]
        return not counted if status in _INTERIM else [one.strip().lower() for one in codings] == [b"chunked"]


@lru_cache(NAMES)
def _lowered(name: bytes) -> bytes:
    """Return the name of a header in lower case, and nothing for what cannot be one."""
    return name.lower() if _TOKEN.fullmatch(name) else b""
