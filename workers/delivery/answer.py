"""Reading one HTTP/1.1 answer with llhttp (RFC 9112), as far as a sender is interested in it."""

from typing import Final

import httptools

from core.model.outcome import RESPONSE_HEADERS_LIMIT, ErrorClass
from workers.delivery.exchange import ExchangeError, Progress

OVERHEAD_LIMIT: Final = 64 * 1024
"""Bytes without any of the body after which chunk extensions or trailers are taken for endless."""

_LINE_OVERHEAD: Final = len(": \r\n")
_INTERIM: Final = range(100, 200)
_SWITCHING: Final = 101


class AnswerReader:
    """Feeds on bytes, fills in the progress; the methods `on_…` are llhttp's calls."""

    def __init__(self, progress: Progress, *, bodiless: bool = False) -> None:
        """Read for `progress`; `bodiless` says that a head alone is awaited, whatever length it tells (HEAD)."""
        self.ended = False
        self.reusable = False
        self._progress: Final = progress
        self._bodiless: Final = bodiless
        self._headers: list[tuple[bytes, bytes]] = []
        self._idle = 0  # bytes since the present head began, or since the last of the body
        self._delimited = False
        self._fault: ErrorClass | None = None
        self._parser: Final = httptools.HttpResponseParser(self)
        # As h11 and most clients: lone line feeds end lines, and a length beside chunks does not count.
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True, lenient_chunked_length=True)

    def feed(self, data: bytes) -> None:
        """Read on; raise `ExchangeError` for what is not an answer, or one too large."""
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
        if not self._progress.probe.head_ended and self._idle > RESPONSE_HEADERS_LIMIT:
            raise ExchangeError(ErrorClass.TOO_LARGE)
        if not self.ended and self._idle > OVERHEAD_LIMIT:
            raise ExchangeError(ErrorClass.PROTOCOL)

    def close(self) -> None:
        """The connection has ended: raise `ExchangeError` if the answer had not."""
        if not self._progress.probe.head_ended or self._delimited:
            raise ExchangeError(ErrorClass.CONNECT)
        self.ended = True

    def on_message_begin(self) -> None:  # noqa: D102
        if self.ended:  # bytes that nobody asked for: they must not answer the next request
            self.reusable = False
        elif not self._progress.probe.head_ended:
            self._headers.clear()

    def on_header(self, name: bytes, value: bytes) -> None:  # noqa: D102
        if not self._progress.probe.head_ended:  # what comes after a body is a trailer
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:  # noqa: D102
        status = self._parser.get_status_code()
        if self.ended or (status in _INTERIM and status != _SWITCHING):
            return
        if status == _SWITCHING or not self._understood():
            self._fault = ErrorClass.PROTOCOL
        elif sum(len(name) + len(value) + _LINE_OVERHEAD for name, value in self._headers) > RESPONSE_HEADERS_LIMIT:
            self._fault = ErrorClass.TOO_LARGE
        else:
            self._progress.probe.head_ended = True
            self._progress.status, self._progress.headers = status, self._headers
            self._idle = 0
            self.ended = self._bodiless

    def on_body(self, data: bytes) -> None:  # noqa: D102
        if self._progress.probe.head_ended and not self.ended:
            self._progress.body += data
            self._idle = 0

    def on_message_complete(self) -> None:  # noqa: D102
        if self._progress.probe.head_ended and not self.ended:
            self.ended = True
            self.reusable = self._parser.should_keep_alive()
        elif not self.ended:
            self._idle = 0  # an interim answer

    def _understood(self) -> bool:
        """Note how the body ends; false for a transfer coding that nobody asked for."""
        names = {name.lower(): value for name, value in self._headers}
        coding = names.get(b"transfer-encoding")
        self._delimited = coding is not None or b"content-length" in names
        return coding is None or coding.strip().lower() == b"chunked"
