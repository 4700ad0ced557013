"""Another system that is running already, known by a description: which requests make a tenant, an endpoint, an event.

The description is JSON. In its texts `{tenant}` stands for the tenant's ID as the system told it, `{url}` for an
endpoint's URL, `{lane}` for its lane in five digits, `{run}` for a name that is new in each run; in the event,
`@NUMBER@`, `@LANE@` and `@PAD@` for its number, its lane and its padding. svix.json beside this file is one.
"""

import os
import secrets
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

import httpx
import msgspec

from benchmarks.instruments.load import Order
from benchmarks.instruments.machine import cpu_seconds_of
from benchmarks.instruments.processes import WrongAnswersError


class Call(msgspec.Struct, frozen=True):
    """One request."""

    path: str
    body: msgspec.Raw
    status: int
    id: str | None = None
    """The field of the answer that holds the ID of what was made."""


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """A system: where it is, how to talk to it, and which processes it has here (all that they started count)."""

    name: str
    port: int
    headers: dict[str, str]
    """`$NAME` at the end of a value is taken from the environment."""
    tenant: Call
    endpoint: Call
    event: Call
    processes: dict[str, int] = {}
    """Names and process IDs; CPU of a system on other machines is not measured."""


class Peer:
    """Talks to a system as its description says."""

    def __init__(self, described: Description, client: httpx.Client) -> None:
        self._described: Final = described
        self._client: Final = client
        self._names: dict[str, str] = {}
        self._next = 0

    @property
    def name(self) -> str:
        """What the result calls it."""
        return self._described.name

    def begin(self, urls: Sequence[str], *, lanes: int) -> None:
        """Make a new tenant and its endpoints."""
        self._names = {"{run}": secrets.token_hex(6)}
        made = self._call(self._described.tenant)
        self._names["{tenant}"] = str(made.get(self._described.tenant.id or "id"))
        for number, url in enumerate(urls):
            self._call(self._described.endpoint, {"{url}": url, "{lane}": f"{number % lanes:05d}"})

    def order(self, *, size: int, lanes: int) -> Order:
        """Return the described request."""
        event = self._described.event
        return Order(
            port=self._described.port,
            path=_filled(event.path, self._names),
            headers=headers_of(self._described),
            line=_filled(_compact(event.body), {**self._names, "@PAD@": "x" * size}),
            lanes=lanes,
            first=self._next,
            answer=str(event.status),
        )

    def sent(self, count: int) -> None:
        """Go on with the next number."""
        self._next += count

    def spent(self, before: Mapping[str, float] | None = None) -> dict[str, float]:
        """Return what the named processes used."""
        found = {name: cpu_seconds_of(pid) for name, pid in self._described.processes.items()}
        return {name: seconds - (before or {}).get(name, 0.0) for name, seconds in found.items()}

    def wait_until_recorded(self) -> None:
        """Nothing is known of a peer's records."""

    def _call(self, call: Call, names: Mapping[str, str] | None = None) -> dict[str, object]:
        every = {**self._names, **(names or {})}
        body = _filled(_compact(call.body), every)
        answer = self._client.post(_filled(call.path, every), content=body)
        if answer.status_code != call.status:
            raise WrongAnswersError(f"{call.path} answered {answer.status_code}: {answer.text[:500]}")
        return cast("dict[str, object]", answer.json())


@contextmanager
def open_peer(description: Path) -> Generator[Peer]:
    """Talk to the system that a file describes."""
    described = msgspec.json.decode(description.read_bytes(), type=Description)
    url = f"http://127.0.0.1:{described.port}"
    with httpx.Client(base_url=url, headers=headers_of(described), trust_env=False, timeout=30) as client:
        yield Peer(described, client)


def headers_of(described: Description) -> dict[str, str]:
    """Return the headers of every request, with what the environment gives."""
    return {name: _from_environment(value) for name, value in described.headers.items()}


def _from_environment(value: str) -> str:
    text, found, name = value.rpartition("$")
    return f"{text}{os.environ[name]}" if found else value


def _compact(body: msgspec.Raw) -> str:
    return msgspec.json.encode(msgspec.json.decode(body)).decode()


def _filled(text: str, names: Mapping[str, str]) -> str:
    for name, value in names.items():
        text = text.replace(name, value)
    return text
