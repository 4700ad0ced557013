"""Lines as they come, and Server-Sent Events made of them (WHATWG HTML, section 9.2.6)."""

from dataclasses import dataclass


class Lines:
    """What has come of a line so far; other than in `str.splitlines`, one ends at a line feed and nowhere else."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, text: str) -> list[str]:
        """Take more; return the lines that are whole, with their ends."""
        *whole, self._rest = (self._rest + text).split("\n")
        return [f"{line}\n" for line in whole]


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream; without data it only says after which ID to go on."""

    name: str
    data: str
    id: str | None


class Events:
    """What has come of an event so far."""

    def __init__(self) -> None:
        self._name = "message"
        self._data: list[str] = []
        self._id: str | None = None
        self._told: str | None = None

    def feed(self, line: str) -> Event | None:
        """Take the next line; return the event that it ends, if it ends one. One that is cut off is none."""
        line = line.rstrip("\r\n")
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            return self._end()
        if field == "event":
            self._name = value
        elif field == "data":
            self._data.append(value)
        elif field == "id":
            self._id = value
        return None

    def _end(self) -> Event | None:
        new = bool(self._data) or self._id != self._told
        ended = Event(self._name, "\n".join(self._data), self._id) if new else None
        self._name, self._data, self._told = "message", [], self._id
        return ended
