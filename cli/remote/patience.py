"""Calls and streams that outlast a moment in which the API is away."""

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, suppress
from typing import Final, TypeVar

from cli.remote.client import AwayError, Client
from cli.remote.sse import Event, events_of
from core import clock

FIRST: Final = 0.5
LONGEST: Final = 10.0
"""Seconds between two calls while the API is away: at first, and at most."""
RECONNECT: Final = 3.0
"""Seconds between the end of a stream and the next try, as the API asks for."""

R = TypeVar("R")


def patiently(call: Callable[[], R], again: Callable[[], R] | None = None) -> R:
    """Return what a call gives; while the API is away, say so once and call again.

    `again` is the call then, for one that would wait before it shows that the API is back.
    """
    pause = FIRST
    while True:
        try:
            found = call()
        except AwayError as error:
            if pause == FIRST:
                say(f"{error}; it is asked again")
            clock.rest(max(pause, error.after))
            pause, call = min(LONGEST, 2 * pause), again or call
        else:
            if pause != FIRST:
                say("it answers again")
            return found


def followed(client: Client, path: str, greet: Callable[[], None] = lambda: None) -> Generator[Event]:
    """Yield the events of a stream, which is taken up where it broke off; `greet` is called once that is known.

    Raises `CommandError` where it cannot be opened the first time, or not any more.
    """
    last: str | None = None
    stack = ExitStack()

    def enter() -> Iterator[str]:
        return stack.enter_context(client.stream(path, last))

    lines, greeted = enter(), False
    while True:
        with suppress(AwayError), stack:
            for event in events_of(lines):
                last = event.id or last
                if not greeted:
                    greeted = True
                    greet()
                if event.data:
                    yield event
        clock.rest(RECONNECT)
        lines = patiently(enter)


def say(line: str) -> None:
    """Tell whoever looks on, beside what is printed."""
    sys.stderr.write(f"ringback: {line}\n")
    sys.stderr.flush()
