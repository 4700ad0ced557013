"""Looking for secrets where none may lie: in every row of the database, in every log, in Redis."""

import base64
import json
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
    for key in ask_redis(redis, "KEYS", "*"):
        yield "redis", f"{key} {ask_redis(redis, 'GET', key)}"


def spilled(secrets: Iterable[str], found: Iterable[tuple[str, str]]) -> list[str]:
    """Return where which secret lies, in plain, as the bytes of a `bytea`, or decoded."""
    shapes = {shape: secret for secret in secrets for shape in _shapes(secret)}
    holds = {(name, secret) for name, text in found for shape, secret in shapes.items() if shape in text}
    return [f"{name} holds {secret[:8]}…" for name, secret in sorted(holds)]


def _shapes(secret: str) -> Iterator[str]:
    yield secret
    yield secret.encode().hex()
    prefix, _, encoded = secret.partition("_")
    if prefix in {"whsec", "whsk"}:
        yield encoded
        yield base64.b64decode(encoded).hex()


def _values(headers: str) -> Iterator[str]:
    values = cast("dict[str, str]", json.loads(headers)).values()
    return (value for value in values if len(value) >= WORTH_HIDING)
