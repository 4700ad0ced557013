"""The search for secrets finds them, in whatever shape they were left lying about."""

import base64
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from core.model.ids import TenantId
from core.model.sealing import KeyRing
from core.model.signature import format_secret, new_secret
from core.registry.secrets import SIGNING
from tests.support.secrecy import places, sealed_in, spilled
from tests.support.stack import SECRET_KEYS
from tests.support.stores import ask, ask_redis


@pytest.fixture
def secret() -> str:
    """A signing secret that was issued."""
    return format_secret(new_secret())


async def test_nothing_is_found_where_nothing_lies(
    secret: str, tenant: TenantId, database_url: str, redis_url: str
) -> None:
    assert spilled([secret], places(database_url, [], redis_url)) == []
    assert tenant


@pytest.mark.parametrize("shape", ["text", "bytes", "decoded"])
async def test_a_secret_in_a_row_is_found(
    shape: str, secret: str, tenant: TenantId, database_url: str, redis_url: str
) -> None:
    decoded = base64.b64decode(secret.removeprefix("whsec_")).hex()
    value = {"text": f"'{secret}'", "bytes": f"'\\x{secret.encode().hex()}'", "decoded": f"'\\x{decoded}'"}[shape]
    sql = {
        "text": f"UPDATE tenants SET name = {value}",
        "bytes": _key(tenant, value, uuid4()),
        "decoded": _key(tenant, value, uuid4()),
    }
    ask(database_url, f"SET ROLE ringback_engine; {sql[shape]}")

    found = spilled([secret], places(database_url, [], redis_url))

    assert found == [f"{'tenants' if shape == 'text' else 'secrets'} holds {secret[:8]}…"]


async def test_a_secret_in_a_log_is_found(secret: str, tmp_path: Path, database_url: str, redis_url: str) -> None:
    log = tmp_path / "api.log"
    log.write_text(f'{{"event": "request", "secret": "{secret}"}}')

    assert spilled([secret], places(database_url, [log], redis_url)) == [f"api.log holds {secret[:8]}…"]


async def test_a_secret_in_redis_is_found(secret: str, database_url: str, redis_url: str) -> None:
    ask_redis(redis_url, "SET", "a", secret)

    assert spilled([secret], places(database_url, [], redis_url)) == [f"redis holds {secret[:8]}…"]


async def test_what_is_sealed_is_known(secret: str, tenant: TenantId, database_url: str) -> None:
    ring, row = KeyRing(SECRET_KEYS), uuid4()
    sealed = ring.seal(secret.encode(), tenant=tenant, row=row, column=SIGNING)
    value = f"'\\x{sealed.hex()}'"
    ask(database_url, f"SET ROLE ringback_engine; {_key(tenant, value, row)}")

    assert sealed_in(database_url, ring) == {secret}


def _key(tenant: TenantId, value: str, row: UUID) -> str:
    return f"INSERT INTO secrets VALUES ('{row}', '{tenant}', NULL, 'hmac', {value}::BYTEA, now(), NULL)"
