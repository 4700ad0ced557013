"""Server-Sent Events, read line by line (WHATWG HTML, section 9.2.6)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream; without data it only says after which ID to go on."""

    name: str
    data: str
    id: str | None


def lines_of(texts: Iterable[str]) -> Iterator[str]:
    """Yield whole lines without their ends, which are line feeds and, other than for `str.splitlines`, nothing else."""
    rest = ""
    for text in texts:
        *whole, rest = (rest + text).split("\n")
        yield from (line.removesuffix("\r") for line in whole)


def events_of(lines: Iterable[str]) -> Iterator[Event]:
    """Yield the events of a stream, and each new ID, as an event without data; what was cut off at its end is none."""
    name, data, id_, told = "message", list[str](), None, None
    for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line and (data or id_ not in {None, told}):
            told = id_
            yield Event(name, "\n".join(data), id_)
        if not line:
            name, data = "message", []
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id":
            id_ = value
