"""Which forms of a database's URL are taken."""

import pytest

from core.database import database_url


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgresql+asyncpg"])
def test_the_projects_driver_is_used_whatever_is_named(scheme: str) -> None:
    found = database_url(f"{scheme}://u:p%2Fw@db.example.com:5433/ringback")

    assert (found.host, found.port, found.password, found.database) == ("db.example.com", 5433, "p/w", "ringback")
    assert found.drivername.startswith("postgresql+")


@pytest.mark.parametrize("mode", ["disable", "require", "verify-full"])
def test_sslmode_is_said_as_the_driver_says_it(mode: str) -> None:
    found = database_url(f"postgresql://u@db/ringback?sslmode={mode}&application_name=x")

    assert dict(found.query) == {"ssl": mode, "application_name": "x"}
