"""Looking for secrets where none may lie: in every row of the database, in every log, in Redis."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, cast
from uuid import UUID

import httpx

from core.model.sealing import CannotOpenError, KeyRing
from core.model.tables import metadata
from core.registry.secrets import HEADERS, SIGNING, TASK_SIGNING
from tests.support.stores import ask, ask_redis

USED_KEYS: Final[set[str]] = set()
"""Every API key that a client of the tests has sent."""

WORTH_HIDING: Final = 12
"""Header values shorter than this may stand anywhere by chance."""

WINDOW: Final = 32
"""Hexadecimal digits by which bytes are known: 16 bytes are no chance."""

_WORD: Final = re.compile(r"[A-Za-z0-9+/=_]{24,}")
_HEX: Final = re.compile(r"[0-9a-f]{32,}")
_SEALED: Final = {
    SIGNING: "SELECT id, tenant_id, encode(sealed, 'hex') FROM secrets",
    HEADERS: "SELECT id, tenant_id, encode(sealed_headers, 'hex') FROM endpoints WHERE sealed_headers IS NOT NULL",
    TASK_SIGNING: "SELECT id, tenant_id, encode(sealed_webhook_secret, 'hex') FROM tasks"
    " WHERE sealed_webhook_secret IS NOT NULL",
}


def note_key(request: httpx.Request) -> None:
    """Remember the key of a request: an event hook of httpx."""
    key = request.headers.get("authorization", "").removeprefix("Bearer ")
    if key.startswith("rb_"):
        USED_KEYS.add(key)


async def note_key_too(request: httpx.Request) -> None:
    """Do as `note_key`, for asynchronous clients."""
    note_key(request)


def sealed_in(database: str, ring: KeyRing) -> set[str]:
    """Open all that is sealed in a database, but for what tests wrote there by hand."""
    found: set[str] = set()
    for column, sql in _SEALED.items():
        for line in ask(database, f"SET ROLE ringback_engine; {sql}").splitlines():
            row, tenant, sealed = line.split("|")
            with suppress(CannotOpenError):
                plain = ring.open(bytes.fromhex(sealed), tenant=UUID(tenant), row=UUID(row), column=column).decode()
                found |= set(_values(plain)) if column == HEADERS else {plain}
    return found


def places(database: str, logs: Iterable[Path], redis: str) -> Iterator[tuple[str, str]]:
    """Yield what there is to search, by its name: each table, each log, Redis."""
    for table in metadata.sorted_tables:
        yield table.name, ask(database, f"SET ROLE ringback_engine; SELECT t::TEXT FROM {table.name} t")
    for log in logs:
        yield log.name, log.read_text(errors="replace")
    keys = ask_redis(redis, "KEYS", "*")
    for start in range(0, len(keys), 500):
        some = keys[start : start + 500]
        yield "redis", "\n".join((*some, *ask_redis(redis, "MGET", *some)))


def spilled(secrets: Iterable[str], found: Iterable[tuple[str, str]]) -> list[str]:
    """Return where which secret lies, in plain, as the bytes of a `bytea`, or decoded."""
    known = _Known(secrets)
    holds = {(name, secret) for name, text in found for secret in known.within(text)}
    return [f"{name} holds {secret[:8]}…" for name, secret in sorted(holds)]


class _Known:
    """Secrets by the shapes that they may lie in: thousands of them are looked for in one pass over a text."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._others: Final[list[str]] = []
        self._words: Final[dict[str, str]] = {}
        self._bytes: Final[dict[str, str]] = {}
        for secret in secrets:
            prefix, _, encoded = secret.partition("_")
            if prefix not in {"whsec", "whsk", "rb"}:
                self._others.append(secret)
                continue
            self._words.update({secret: secret, encoded: secret})
            self._bytes[secret.encode().hex()[:WINDOW]] = secret
            if prefix != "rb":
                self._bytes[base64.b64decode(encoded).hex()[:WINDOW]] = secret

    def within(self, text: str) -> Iterator[str]:
        """Yield the secrets that a text holds."""
        yield from (secret for secret in self._others if secret in text or secret.encode().hex() in text)
        yield from (self._words[word] for word in set(_WORD.findall(text)) & self._words.keys())
        for run in set(_HEX.findall(text)):
            windows = {run[at : at + WINDOW] for at in range(0, len(run) - WINDOW + 1, 2)}
            yield from (self._bytes[window] for window in windows & self._bytes.keys())


def _values(headers: str) -> Iterator[str]:
    values = cast("dict[str, str]", json.loads(headers)).values()
    return (value for value in values if len(value) >= WORTH_HIDING)
