"""Answers that are read while they come."""

from collections.abc import Generator, Mapping
from typing import Final

import httpx

from ringback._sync.wire import Wire
from ringback.errors import ConnectionFailedError
from ringback.pauses import pause
from ringback.sse import Event, Events, Lines

RECONNECT: Final = 3.0
"""Seconds between the end of a stream and the next try, as the API asks for."""
SILENCE: Final = 45.0
"""Seconds without a sign of life, of which there is one every 15 s, after which a stream counts as lost."""


def events(wire: Wire, path: str, *, after: str | None = None) -> Generator[Event]:
    """Yield the events of a stream without end: one that is cut off is opened again where it stopped."""
    while True:
        headers = {"Accept": "text/event-stream", **({} if after is None else {"Last-Event-ID": after})}
        try:
            with wire.stream("GET", path, headers=headers, silence=SILENCE) as answer:
                for event in _events(answer):
                    after = event.id or after
                    if event.data:
                        yield event
        except httpx.TransportError:
            pass  # it was answered, and cut off; where none is answered any more, opening it raises something else
        pause(RECONNECT)


def lines(wire: Wire, path: str, params: Mapping[str, object]) -> Generator[str]:
    """Yield the lines of a file, with their ends.

    Raises `ConnectionFailedError` where it breaks off: a part of it would look like the whole.
    """
    with wire.stream("GET", path, params=params, silence=wire.timeout) as answer:
        reader = Lines()
        try:
            for text in answer.iter_text():
                for line in reader.feed(text):
                    yield line
        except httpx.TransportError as error:
            raise ConnectionFailedError("GET", str(answer.request.url.copy_with(query=None)), 1) from error


def _events(answer: httpx.Response) -> Generator[Event]:
    reader, events = Lines(), Events()
    for text in answer.iter_text():
        for line in reader.feed(text):
            event = events.feed(line)
            if event is not None:
                yield event
